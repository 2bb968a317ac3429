"""1-Lipschitz functions that are fitted to some rows in milliseconds, for W_1.

Each is admissible on the whole space: |f(x) - f(y)| <= ||x - y||, so E f(x) - E f(y) <= W_1
whatever the rows were that it was fitted to.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from wdist_bench.costs import Cost
from wdist_bench.costs.l2 import power_of_two
from wdist_bench.population.line import LinePotential, line_potential
from wdist_bench.problem import Samples
from wdist_bench.solvers.exact import solve_exact

Critic = Callable[[Float[np.ndarray, "n d"]], Float[np.ndarray, " n"]]
"""Values (n,) at points (n, d)."""

Fit = Callable[[Samples, Cost], Critic]
"""Fits a critic to weighted rows of both populations."""

_ASCENT = 20  # steps of a direction, each to the best direction for the potential it has
_LARGEST_PLAN = 1000  # rows of a side that a plan is computed of
_BLOCK = 4096  # points whose costs to these rows are held at once


def linear(rows: Samples, cost: Cost) -> Critic:
    """f(z) = <u, z> with ||u|| = 1 in the dual norm, along the difference of the means."""
    u = _mean_direction(rows, cost)
    return lambda points: points @ u


def projection(rows: Samples, cost: Cost) -> Critic:
    """f(z) = g(<u, z>) along the difference of the means, g a `LinePotential`."""
    return _along(_mean_direction(rows, cost), rows)


def widest(rows: Samples, cost: Cost) -> Critic:
    """f(z) = g(<u, z>) along the direction in which the variances differ most."""
    return _along(_widest_direction(rows, cost), rows)


def sliced(rows: Samples, cost: Cost) -> Critic:
    """f(z) = g(<u, z>) with the direction of a large gap, by ascent from `projection` and `widest`.

    Each step moves to u = E g'(<u, x>) x - E g'(<u, y>) y, the gradient of the gap, in the unit
    ball; the direction with the largest gap is kept.
    """
    found = []
    for start in (_mean_direction(rows, cost), _widest_direction(rows, cost)):
        u = start
        for _ in range(_ASCENT):
            g = _fitted(u, rows)
            found.append((g.gain, u, g))
            gradient = (rows.a * g.slope(rows.x @ u)) @ rows.x
            u = _dual_unit(gradient - (rows.b * g.slope(rows.y @ u)) @ rows.y, cost)
    _, u, g = max(found, key=lambda entry: entry[0])
    return lambda points: g(points @ u)


def separable(rows: Samples, cost: Cost) -> Critic:
    """f(z) = sum_k w_k g_k(z_k), w of length one (l2), or all ones (l1).

    For l2 the coordinates are the principal axes of the pooled rows, and w is proportional to
    what each g_k tells the samples apart by.
    """
    return _separable(rows, cost, _axes(rows) if cost.norm == "l2" else None)


def coordinates(rows: Samples, cost: Cost) -> Critic:
    """`separable` in the coordinates that the rows have."""
    return _separable(rows, cost, None)


def radial(rows: Samples, cost: Cost) -> Critic:
    """f(z) = g(||z - c||) about the common mean."""
    return _around((rows.a @ rows.x + rows.b @ rows.y) / 2, rows, cost)


def around_x(rows: Samples, cost: Cost) -> Critic:
    """f(z) = g(||z - c||) about the mean of x."""
    return _around(rows.a @ rows.x, rows, cost)


def around_y(rows: Samples, cost: Cost) -> Critic:
    """f(z) = g(||z - c||) about the mean of y."""
    return _around(rows.b @ rows.y, rows, cost)


def transport(rows: Samples, cost: Cost) -> Critic:
    """The potentials of the optimal plan of the rows, continued to all space.

    f(z) = (min_j (||z - y_j|| - psi_j) + max_i (phi_i - ||z - x_i||)) / 2, both its c-transforms.
    """
    few = Samples(
        rows.x[:_LARGEST_PLAN], rows.y[:_LARGEST_PLAN],
        _normalised(rows.a[:_LARGEST_PLAN]), _normalised(rows.b[:_LARGEST_PLAN]),
    )  # fmt: skip
    solution = solve_exact(cost.matrix(few.x, few.y), few.a, few.b)

    def critic(points: np.ndarray) -> np.ndarray:
        blocks = range(0, len(points), _BLOCK)
        return np.concatenate([values(points[first : first + _BLOCK]) for first in blocks])

    def values(points: np.ndarray) -> np.ndarray:
        above = (cost.matrix(points, few.y) - solution.psi).min(1)
        below = (solution.phi - cost.matrix(points, few.x)).max(1)
        return np.asarray((above + below) / 2)

    return critic


CRITICS: dict[str, Fit] = {
    fit.__name__: fit
    for fit in (
        linear, projection, widest, sliced, separable, coordinates, radial, around_x, around_y,
        transport,
    )
}  # fmt: skip
"""By name; each takes milliseconds on a thousand rows."""


def _along(u: np.ndarray, rows: Samples) -> Critic:
    g = _fitted(u, rows)
    return lambda points: g(points @ u)


def _fitted(u: np.ndarray, rows: Samples) -> LinePotential:
    return line_potential(rows.x @ u, rows.y @ u, rows.a, rows.b)


def _around(center: np.ndarray, rows: Samples, cost: Cost) -> Critic:
    g = line_potential(cost.matched(rows.x, center), cost.matched(rows.y, center), rows.a, rows.b)
    return lambda points: g(cost.matched(points, center))


def _separable(rows: Samples, cost: Cost, axes: np.ndarray | None) -> Critic:
    """Along orthonormal axes, or along those of the coordinates, which no matrix is made of."""

    def turned(points: np.ndarray) -> np.ndarray:
        return points if axes is None else points @ axes

    x, y = turned(rows.x), turned(rows.y)
    parts = [line_potential(x[:, k], y[:, k], rows.a, rows.b) for k in range(x.shape[1])]
    gains = np.array([part.gain for part in parts])
    shares = np.ones_like(gains) if cost.norm == "l1" else _unit(gains)

    def critic(points: np.ndarray) -> np.ndarray:
        places = turned(points)
        columns = [w * g(places[:, k]) for k, (w, g) in enumerate(zip(shares, parts, strict=True))]
        return np.sum(columns, axis=0)

    return critic


def _mean_direction(rows: Samples, cost: Cost) -> np.ndarray:
    return _dual_unit(rows.a @ rows.x - rows.b @ rows.y, cost)


def _widest_direction(rows: Samples, cost: Cost) -> np.ndarray:
    basis = _axes(rows) if rows.x.shape[1] > len(rows.x) + len(rows.y) else None
    x, y = (rows.x, rows.y) if basis is None else (rows.x @ basis, rows.y @ basis)
    values, vectors = np.linalg.eigh(_covariance(x, rows.a) - _covariance(y, rows.b))
    widest = vectors[:, np.argmax(np.abs(values))]
    return _dual_unit(widest if basis is None else basis @ widest, cost)


def _dual_unit(u: np.ndarray, cost: Cost) -> np.ndarray:
    """Of length one in the dual norm, and where that is l-infinity, at a corner of its ball."""
    if cost.norm == "l1":
        return np.sign(u)
    if u.any():
        return _unit(u)
    first = np.zeros(len(u))
    first[0] = 1.0
    return first


def _unit(vector: np.ndarray) -> np.ndarray:
    """Of Euclidean length one, however small the vector; zeros stay zeros."""
    near_one = np.ldexp(vector, -power_of_two(vector))
    return near_one / (float(np.linalg.norm(near_one)) or 1.0)


def _axes(rows: Samples) -> np.ndarray:
    """Principal axes (d, k) of the pooled rows; with more columns than rows, of what they span."""
    pooled = np.concatenate([rows.x - rows.a @ rows.x, rows.y - rows.b @ rows.y])
    if len(pooled) < pooled.shape[1]:
        return np.asarray(np.linalg.svd(pooled, full_matrices=False)[2].T)
    return np.asarray(np.linalg.eigh(pooled.T @ pooled)[1])


def _covariance(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    centred = points - weights @ points
    return np.asarray(centred.T @ (weights[:, None] * centred))


def _normalised(weights: np.ndarray) -> np.ndarray:
    return np.asarray(weights / weights.sum())
