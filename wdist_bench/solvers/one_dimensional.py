"""Optimal transport on the line, by quantiles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from wdist_bench.costs.powers import power
from wdist_bench.solvers.proofs.rounding import SHARE, UNIT, running_sums


def line_cost(
    x: Float[np.ndarray, "n k"],
    y: Float[np.ndarray, "m k"],
    a: Float[np.ndarray, " n"] | None,
    b: Float[np.ndarray, " m"] | None,
    p: int | float,
) -> Float[np.ndarray, " k"]:
    """W_p^p = int_0^1 |F^-1(t) - G^-1(t)|^p dt, in O(n log n), for every column of x and y.

    The monotone plan pairs the sorted points; the integrand is constant between the jumps of
    either cumulative weight, so the sum below is exact.

    Args:
        x: (n, k) points of mu on k lines.
        y: (m, k) points of nu.
        a: (n,) weights summing to one, None for equal weights.
        b: (m,) weights summing to one, None for equal weights.
        p: exponent, a real number >= 1.

    Returns:
        (k,) costs W_p^p.

    Source: Santambrogio 2015, Optimal Transport for Applied Mathematicians, Proposition 2.17.
    """
    return line_cost_and_rounding(x, y, a, b, p)[0]


def line_cost_and_rounding(
    x: Float[np.ndarray, "n k"],
    y: Float[np.ndarray, "m k"],
    a: Float[np.ndarray, " n"] | None,
    b: Float[np.ndarray, " m"] | None,
    p: int | float,
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """`line_cost`, and what rounding of the cumulative weights can have changed, both (k,).

    A level of one measure that rounding puts beside the same level of the other pairs its mass
    with a point one off, which matters where that is very far.
    """
    if a is None and b is None and len(x) == len(y):
        costs = power(np.abs(np.sort(x, axis=0) - np.sort(y, axis=0)), p).mean(0)
        return costs, np.zeros_like(costs)
    columns = range(x.shape[1])
    both = np.array([_weighted(x[:, k], y[:, k], a, b, p) for k in columns]).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _weighted(
    x: np.ndarray, y: np.ndarray, a: np.ndarray | None, b: np.ndarray | None, p: int | float
) -> tuple[float, float]:
    (x, a), (y, b) = _in_order(x, a), _in_order(y, b)
    equal = a.min() == a.max() and b.min() == b.max()
    ends_x, ends_y = (_ends(weights, np.cumsum if equal else running_sums) for weights in (a, b))
    mass, paid = _pieces(x, ends_x, y, ends_y, p)
    cost = float(mass @ paid)
    level = UNIT * np.sqrt(len(x) + len(y))  # of weights, whose errors are independent
    if not equal:
        return cost, float(level * np.abs(np.diff(paid)).sum())
    # The levels i / n, from which sums of equal weights drift.
    even_x, even_y = (np.arange(1, len(points) + 1) / len(points) for points in (x, y))
    level += np.abs(ends_x - even_x).max() + np.abs(ends_y - even_y).max()
    rounding = float(level * np.abs(np.diff(paid)).sum())
    if rounding > SHARE * cost:  # levels that are equal stay equal without a sum
        mass, paid = _pieces(x, even_x, y, even_y, p)
        cost, rounding = float(mass @ paid), UNIT * float(np.abs(np.diff(paid[mass > 0])).sum())
    return cost, rounding


def _pieces(
    x: np.ndarray, ends_x: np.ndarray, y: np.ndarray, ends_y: np.ndarray, p: int | float
) -> tuple[np.ndarray, np.ndarray]:
    """Masses and costs of the pieces on which both quantile functions are constant."""
    ends = np.concatenate([ends_x, ends_y])
    ends.sort(kind="stable")
    mass = np.diff(ends, prepend=0.0)
    # Pieces of no length may be paired one point off; they count nothing.
    i = np.minimum(np.searchsorted(ends_x, ends), len(x) - 1)
    j = np.minimum(np.searchsorted(ends_y, ends), len(y) - 1)
    return mass, power(np.abs(x[i] - y[j]), p)


def _in_order(points: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Sorted points with mass and their weights."""
    weights = np.full(len(points), 1 / len(points)) if weights is None else weights
    points, weights = points[weights > 0], weights[weights > 0]
    order = np.argsort(points, kind="stable")
    return points[order], weights[order]


def _ends(weights: np.ndarray, add_up: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Cumulative weights, the last exactly 1."""
    ends = add_up(weights)
    return ends / ends[-1]


def line_potentials(
    x: Float[np.ndarray, " n"],
    y: Float[np.ndarray, " m"],
    a: Float[np.ndarray, " n"] | None,
    b: Float[np.ndarray, " m"] | None,
    p: int | float,
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " m"]]:
    """phi (n,) and psi (m,) with phi_i + psi_j <= |x_i - y_j|^p, equal along the monotone plan.

    Walking up the plan, one point of either side at a time, phi changes by what the cost changes
    with x, and psi by what it changes with y; costs of a line have the Monge property, so that the
    sum is admissible everywhere.

    Args:
        x: (n,) points of mu on the line.
        y: (m,) points of nu.
        a: (n,) positive weights summing to one, None for equal weights.
        b: (m,) positive weights.
        p: exponent, a real number >= 1.
    """
    order_x, order_y = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
    steps_y = _walk(_levels(a, order_x), _levels(b, order_y))
    i, j = (np.concatenate([[0], np.cumsum(steps)]) for steps in (~steps_y, steps_y))
    along = power(np.abs(x[order_x][i] - y[order_y][j]), p)
    changes = np.diff(along)
    phi, psi = np.empty(len(x)), np.empty(len(y))
    phi[order_x] = np.concatenate([[0.0], np.cumsum(changes[~steps_y])])
    psi[order_y] = along[0] + np.concatenate([[0.0], np.cumsum(changes[steps_y])])
    return phi, psi


def _levels(weights: np.ndarray | None, order: np.ndarray) -> np.ndarray:
    """Cumulative weights after each point but the last, in that order."""
    if weights is None:
        return np.arange(1, len(order)) / len(order)
    return np.asarray(np.cumsum(weights[order])[:-1])


def _walk(ends_x: np.ndarray, ends_y: np.ndarray) -> np.ndarray:
    """Whether each step up the levels of both sides is one of y."""
    order = np.argsort(np.concatenate([ends_x, ends_y]), kind="stable")
    return np.asarray(order >= len(ends_x))
