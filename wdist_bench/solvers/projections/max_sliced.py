"""The direction along which two samples are furthest apart."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from wdist_bench.solvers.one_dimensional import line_cost

_SHRINKINGS = 5  # of a step that leads down, each to its half


def ascend(
    x: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, "m d"],
    a: Float[np.ndarray, " n"],
    b: Float[np.ndarray, " m"],
    p: int | float,
    starts: Float[np.ndarray, "k d"],
    steps: int,
) -> tuple[Float[np.ndarray, " d"], float]:
    """A unit vector theta with a large W_p^p(theta . x, theta . y), and that cost.

    From every start it moves to the direction of the gradient, then halfway back as long as that
    leads down; the best of all is returned. The maximum over the sphere may be larger.

    Args:
        x: (n, d) points of mu.
        y: (m, d) points of nu.
        a: (n,) positive weights summing to one.
        b: (m,) positive weights.
        p: exponent.
        starts: (k, d) unit vectors.
        steps: most steps from each.
    """
    best = starts[0], -1.0
    for theta in starts:
        found = _climb(x, y, a, b, p, theta, steps)
        best = max(best, found, key=lambda one: one[1])
    return best


def _climb(
    x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, p: int | float,
    theta: np.ndarray, steps: int,
) -> tuple[np.ndarray, float]:  # fmt: skip
    def height(u: np.ndarray) -> float:
        return float(line_cost((x @ u)[:, None], (y @ u)[:, None], a, b, p)[0])

    top = height(theta)
    for _ in range(steps):
        slope = _gradient(x, y, a, b, p, theta)
        length = float(np.linalg.norm(slope))
        if length == 0:
            break
        towards = slope / length
        for _ in range(_SHRINKINGS):
            new = height(towards)
            if new > top:
                break
            towards = towards + theta
            towards /= np.linalg.norm(towards)
        if new <= top * (1 + 1e-12):
            break
        theta, top = towards, new
    return theta, top


def _gradient(
    x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, p: int | float, theta: np.ndarray
) -> np.ndarray:
    """sum_ij P_ij p |s|^(p - 1) sign(s) (x_i - y_j), s = theta . (x_i - y_j), P monotone."""
    u, v = x @ theta, y @ theta
    i, j, mass = monotone_plan(u, v, a, b)
    gaps = u[i] - v[j]
    weights = mass * p * np.abs(gaps) ** (p - 1) * np.sign(gaps)
    return np.asarray(weights @ (x[i] - y[j]))


def monotone_plan(
    u: Float[np.ndarray, " n"],
    v: Float[np.ndarray, " m"],
    a: Float[np.ndarray, " n"],
    b: Float[np.ndarray, " m"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places i of x, j of y and masses of the monotone coupling of numbers u and v."""
    order_u, order_v = np.argsort(u, kind="stable"), np.argsort(v, kind="stable")
    ends_u, ends_v = np.cumsum(a[order_u]), np.cumsum(b[order_v])
    ends = np.sort(np.concatenate([ends_u, ends_v]))
    mass = np.diff(ends, prepend=0.0)
    middle = ends - mass / 2
    i = np.minimum(np.searchsorted(ends_u, middle), len(u) - 1)
    j = np.minimum(np.searchsorted(ends_v, middle), len(v) - 1)
    return order_u[i], order_v[j], mass
