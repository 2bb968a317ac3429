"""Intervals for W_p of two populations: ours, and those that are in use."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.population.interval import population_interval
from wdist_bench.population.limits import Side
from wdist_bench.solvers.exact import ExactSolution, solve_exact

_BOOTSTRAPS = 100
_SUBSAMPLES = 100
# Rows of a subsample, n^this.
_SUBSAMPLE_POWER = 2 / 3


class Interval(NamedTuple):
    """What a method says.

    Attributes:
        lower: end, in units of W_p; NaN where it refuses.
        upper: end.
        value: point estimate.
        reason: why there is none, else "".
    """

    lower: float
    upper: float
    value: float
    reason: str


def ours(x: np.ndarray, y: np.ndarray, p: int, level: float, seed: int) -> Interval:
    """The interval of this package, `wb.population_interval`, at its defaults."""
    found = population_interval(x, y, p=p, level=level, seed=seed)
    if found.status != "ok":
        return Interval(math.nan, math.nan, math.nan, found.message)
    assert found.interval is not None
    return Interval(*found.interval, found.value, "")


def naive(x: np.ndarray, y: np.ndarray, p: int, level: float, seed: int) -> Interval:
    """W_p^p of the rows and z standard errors of the mean of its potentials, both sides.

    The limit law of W_p^p about its expectation where the potentials are unique (del Barrio and
    Loubes 2019); taken here, as it often is, for one about the populations' W_p^p.
    """
    from scipy.special import ndtri

    solution = _solve(x, y, p)
    sides = (Side(solution.phi, np.full(len(x), 1 / len(x))),
             Side(solution.psi, np.full(len(y), 1 / len(y))))  # fmt: skip
    half = float(ndtri((1 + level) / 2)) * math.sqrt(sum(side.variance for side in sides))
    return _rooted(solution.cost - half, solution.cost + half, solution.cost, p)


def bootstrap(x: np.ndarray, y: np.ndarray, p: int, level: float, seed: int) -> Interval:
    """Efron's percentile interval: quantiles of W_p^p over resamples of both sides."""
    generator = np.random.default_rng([seed, 91])
    costs = [
        _solve(_drawn(x, len(x), generator), _drawn(y, len(y), generator), p).cost
        for _ in range(_BOOTSTRAPS)
    ]
    low, high = np.quantile(costs, [(1 - level) / 2, (1 + level) / 2])
    return _rooted(float(low), float(high), _solve(x, y, p).cost, p)


def subsampling(x: np.ndarray, y: np.ndarray, p: int, level: float, seed: int) -> Interval:
    """Politis and Romano's: sqrt(m) (W_m - W_n) over subsamples of m = n^(2/3) rows without
    replacement stands for sqrt(n) (W_n - W), in units of W_p^p.
    """
    generator = np.random.default_rng([seed, 92])
    whole = _solve(x, y, p).cost
    sizes = [math.ceil(len(rows) ** _SUBSAMPLE_POWER) for rows in (x, y)]
    gaps = []
    for _ in range(_SUBSAMPLES):
        few_x, few_y = (
            rows[generator.permutation(len(rows))[:m]]
            for rows, m in zip((x, y), sizes, strict=True)
        )
        gaps.append(_solve(few_x, few_y, p).cost - whole)
    rate = math.sqrt(min(sizes) / min(len(x), len(y)))
    low, high = np.quantile(gaps, [(1 - level) / 2, (1 + level) / 2]) * rate
    return _rooted(whole - float(high), whole - float(low), whole, p)


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, int, float, int], Interval]] = {
    method.__name__: method for method in (ours, naive, bootstrap, subsampling)
}
"""By name; each takes rows x, rows y, p, the level and a seed."""


def _solve(x: np.ndarray, y: np.ndarray, p: int) -> ExactSolution:
    solution = solve_exact(Cost(p).matrix(x, y))
    if not solution.converged:
        raise ArithmeticError(solution.message)
    return solution


def _drawn(rows: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    return rows[generator.integers(0, len(rows), count)]


def _rooted(low: float, high: float, cost: float, p: int) -> Interval:
    lower, upper, value = (max(number, 0.0) ** (1 / p) for number in (low, high, cost))
    return Interval(lower, upper, value, "")
