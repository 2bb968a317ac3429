"""The distance of two samples as their sizes grow without end, from those of their parts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from wdist_bench.solvers.debiased.influence import Part, Rows, Statistic, mean


@dataclass(frozen=True, eq=False)
class Nested:
    """Distances of nested parts: all rows, both halves, four quarters and so on.

    Attributes:
        squares: W_p^2 at each size, the largest first, with p-th powers averaged over parts.
        noise: standard deviation of what W_p^2 changes by from one size to the next.
    """

    squares: list[Statistic]
    noise: float


@dataclass(frozen=True, eq=False)
class Limit:
    """A fitted limit.

    Attributes:
        square: W_p^2 without end, with its linear part.
        noise: its standard deviation beyond the linear part.
        exponent: alpha of V + c n^-alpha.
        excess: c n^-alpha at the rows as they are.
    """

    square: Statistic
    noise: float
    exponent: float
    excess: float


def nested(rows: Rows, levels: int, generator: np.random.Generator) -> Nested:
    """W_p of all rows and of 2, 4, ... 2^levels disjoint parts, in squares.

    The parts of a size together have all rows, so that the linear parts of all sizes are about one
    and the same, and the changes from size to size, which tell the limit, are steadier than any of
    them. How steady is seen where there are several parts: each against the mean of its own two.
    The variance of the mean change is taken to be that of all sizes.
    """
    p = rows.cost.p
    x, y = rows.shuffled(generator)
    solved = [
        [rows.distance(*pair) for pair in _parts(x, y, 2**level)] for level in range(levels + 1)
    ]
    squares = [_square(mean(found), p) for found in solved]
    return Nested(squares, _noise(solved, [_slope(one.value, p) for one in squares]))


def _noise(solved: list[list[Statistic]], slopes: list[float]) -> float:
    """Root of the pooled variance of the mean change, in squares of W_p."""
    total, freedom = 0.0, 0
    for level in range(1, len(solved) - 1):
        whole = np.array([one.value for one in solved[level]])
        halves = np.array([one.value for one in solved[level + 1]]).reshape(-1, 2).mean(1)
        changes = slopes[level] * (whole - halves)
        total += float(np.var(changes))  # (J - 1) times the variance of the mean of J
        freedom += len(changes) - 1
    return math.sqrt(total / freedom) if freedom else 0.0


def limit(found: Nested, slowest: float, fastest: float) -> Limit:
    """Fit W_p(n)^2 = V + c n^-alpha by least squares, slowest <= alpha <= fastest and c >= 0.

    With two sizes alpha is `slowest`, and the noise is not known. Derivatives by the sizes are
    taken over one sd of the noise to either side.
    """
    values = np.array([square.value for square in found.squares])

    def fit(changed: np.ndarray) -> tuple[float, float, float]:
        return _fit(changed, slowest, fastest)

    value, exponent, excess = fit(values)
    step = max(found.noise, 1e-6 * float(values.max()))
    if step == 0:
        return Limit(found.squares[0], 0.0, exponent, 0.0)
    slopes = [
        (fit(values + step * unit)[0] - fit(values - step * unit)[0]) / (2 * step)
        for unit in np.eye(len(values))
    ]
    linear = sum(
        (slope * square for slope, square in zip(slopes[1:], found.squares[1:], strict=True)),
        slopes[0] * found.squares[0],
    )
    # A change between two sizes moves all smaller sizes with it.
    by_change = np.cumsum(slopes[::-1])[:-1]
    noise = found.noise * float(np.linalg.norm(by_change))
    return Limit(Statistic(value, linear.of_x, linear.of_y), noise, exponent, excess)


def _fit(
    values: Float[np.ndarray, " k"], slowest: float, fastest: float
) -> tuple[float, float, float]:
    """V, alpha and c n^-alpha at the largest size."""
    from scipy.optimize import minimize_scalar

    exponent = slowest
    if len(values) > 2 and slowest < fastest:
        exponent = minimize_scalar(
            lambda alpha: _least_squares(values, alpha)[2],
            bounds=(slowest, fastest),
            method="bounded",
        ).x
    value, excess, _ = _least_squares(values, exponent)
    return value, float(exponent), excess


def _least_squares(values: np.ndarray, exponent: float) -> tuple[float, float, float]:
    """V, c >= 0 and the sum of squares of V + c 2^(alpha k)."""
    growth = 2.0 ** (exponent * np.arange(len(values)))
    moved = growth - growth.mean()
    excess = max(float(moved @ values) / float(moved @ moved), 0.0)
    value = float(values.mean() - excess * growth.mean())
    return value, excess, float(((values - value - excess * growth) ** 2).sum())


def _parts(x: Part, y: Part, count: int) -> list[tuple[Part, Part]]:
    """That many disjoint parts of each sample, as large as can be."""

    def taken(whole: Part, k: int) -> Part:
        size = len(whole) // count
        return Part(whole.of_x, whole.places[k * size : (k + 1) * size])

    return [(taken(x, k), taken(y, k)) for k in range(count)]


def _square(cost: Statistic, p: int | float) -> Statistic:
    """W_p^2 from W_p^p."""
    value = max(cost.value, 0.0) ** (2 / p)
    return cost.mapped(value, _slope(value, p))


def _slope(square: float, p: int | float) -> float:
    """d W_p^2 / d W_p^p = (2 / p) W_p^(2 - p)."""
    return float(2 / p * square ** (1 - p / 2)) if square > 0 else 0.0
