"""The statistics of tables. The unit is the independent run.

Coverage of the nominal 95 % intervals for the mean of 20 runs, by simulation (20,000 samples of
each law, standard error 0.2 %; `tests/results/test_statistics.py` repeats a part of it):

| law | Student's t | BCa bootstrap |
|---|---|---|
| normal | 94.8 % | 92.4 % |
| exponential (skewness 2) | 91.8 % | 91.2 % |
| log-normal (skewness 6.2) | 86.4 % | 87.2 % |

Tables show Student's: at 20 runs no interval in use repairs heavy skewness, and the bootstrap is
too narrow on normal data.

What is said to differ (leaderboards, comparisons, the gate) rests on `sign_flips` and `shuffles`,
which are exact at any number of runs, and so say nothing below about six of them.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

Interval = tuple[float, float]
"""Lower and upper end; (nan, nan) where there is none."""

RESAMPLES = 9999

LEVEL = 0.05
"""Of every statement that two things differ."""

FLIPS = 2**16
"""Signs or orders that a test looks at: all where there are no more, else so many at random."""


@dataclass(frozen=True)
class Summary:
    """What independent runs say about a number.

    Attributes:
        runs: runs that gave a number.
        failed: runs that gave none (NaN or inf); left out of everything below.
        mean: their mean.
        sd: their standard deviation, with n - 1; NaN below two runs.
        bias: mean of value - truth; NaN where the truth is not known.
        rmse: sqrt(mean (value - truth)^2).
        interval: 95 % interval for the mean, Student's t.
        bootstrap: 95 % interval for the mean, BCa.
    """

    runs: int
    failed: int
    mean: float
    sd: float
    bias: float
    rmse: float
    interval: Interval
    bootstrap: Interval


def summarize(values: Any, truth: Any = math.nan) -> Summary:
    """Summary of (runs,) values; `truth` is a number or one per run."""
    values = np.asarray(values, np.float64)
    usable = np.isfinite(values)
    gaps = (values - truth)[usable]
    found = values[usable]
    failed = int(values.size - found.size)
    if not found.size:
        nothing = (math.nan, math.nan)
        return Summary(0, failed, *(math.nan,) * 4, nothing, nothing)
    bias, rmse = bias_and_rmse(gaps)
    return Summary(
        runs=found.size,
        failed=failed,
        mean=float(found.mean()),
        sd=float(found.std(ddof=1)) if found.size > 1 else math.nan,
        bias=bias,
        rmse=rmse,
        interval=t_interval(found),
        bootstrap=bca_interval(found),
    )


def bias_and_rmse(gaps: np.ndarray) -> tuple[float, float]:
    """Mean and root mean square of value - truth."""
    return float(gaps.mean()), float(np.sqrt((gaps**2).mean()))


def t_interval(values: Any, confidence: float = 0.95) -> Interval:
    """Student's interval for the mean of independent values; (nan, nan) below two of them."""
    values = np.asarray(values, np.float64)
    if values.size < 2:
        return math.nan, math.nan
    mean = float(values.mean())
    half = _t_quantile((1 + confidence) / 2, values.size - 1) * standard_error(values)
    return mean - half, mean + half


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean over runs and its 95 % interval, of the runs that gave a number; else NaN."""
    found = values[np.isfinite(values)]
    return (float(found.mean()) if found.size else math.nan, *t_interval(found))


def interval_columns(name: str, values: np.ndarray) -> dict[str, float]:
    """The same as columns of a table."""
    mean, low, high = mean_interval(values)
    return {name: mean, f"{name}_ci_low": low, f"{name}_ci_high": high}


@lru_cache(maxsize=1024)
def _t_quantile(level: float, freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf(level, freedom))


def standard_error(values: np.ndarray) -> float:
    """Sd / sqrt(n), with n - 1 in the sd."""
    return float(values.std(ddof=1) / math.sqrt(values.size))


_AT_ONCE = 2**22
"""Numbers of resamples held at a time, 32 MB."""


def bca_interval(values: Any, resamples: int = RESAMPLES) -> Interval:
    """95 % bias-corrected and accelerated bootstrap interval of the mean, by SciPy.

    (nan, nan) below two values, and where all resamples are on one side of the mean. The same
    values give the same interval. Source: Efron and Tibshirani 1993, An Introduction to the
    Bootstrap, section 14.3.

    Args:
        values: (n,) independent values.
        resamples: number of resamples.
    """
    from scipy.stats import DegenerateDataWarning, bootstrap

    values = np.asarray(values, np.float64)
    if values.size < 2:
        return math.nan, math.nan
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)
        found = bootstrap(
            (values,), np.mean, n_resamples=resamples, batch=1 + _AT_ONCE // values.size,
            rng=np.random.default_rng(0),
        ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


@dataclass(frozen=True)
class Difference:
    """Two estimators on the same runs.

    Attributes:
        runs: pairs with a number on both sides.
        failed: pairs without one.
        mean: mean of first - second.
        interval: 95 % interval for it, Student's t, not adjusted for many comparisons.
        p_value: two-sided, of the paired t test; NaN below two pairs.
    """

    runs: int
    failed: int
    mean: float
    interval: Interval
    p_value: float


def paired_difference(first: Any, second: Any) -> Difference:
    """Mean of first - second over runs, (runs,) each, run by run on the same samples."""
    from scipy.special import stdtr

    gaps = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    found = gaps[np.isfinite(gaps)]
    failed = int(gaps.size - found.size)
    if found.size < 2:
        mean = float(found.mean()) if found.size else math.nan
        return Difference(found.size, failed, mean, (math.nan, math.nan), math.nan)
    mean, error = float(found.mean()), standard_error(found)
    if error == 0:
        p_value = 1.0 if mean == 0 else 0.0
    else:
        p_value = float(2 * stdtr(found.size - 1, -abs(mean) / error))
    return Difference(found.size, failed, mean, t_interval(found), p_value)


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values: reject where they are below the level, whatever depends on what.

    Of m sorted p-values the k-th becomes the running maximum of (m - k + 1) p, at most 1. NaN
    stays NaN and does not count. Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70.
    """
    raw = np.asarray(p_values, np.float64)
    order = np.argsort(raw)  # NaN last
    count = int(np.isfinite(raw).sum())
    factors = np.maximum(count - np.arange(raw.size), 1)
    adjusted = np.full(raw.size, math.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * raw[order]), 1)
    return adjusted


@dataclass(frozen=True)
class Randomized:
    """P-values of a randomization test of several columns at once, (tests,) each.

    Attributes:
        single: of each column by itself, two-sided.
        adjusted: the share of rearrangements whose largest statistic of all columns reaches that of
            this one (Westfall and Young's single-step max-T): at most 5 % of families have any
            column below .05 that is not different, whatever the columns have to do with each other.
    """

    single: np.ndarray
    adjusted: np.ndarray


def sign_flips(gaps: Any) -> Randomized:
    """Whether differences are centred at 0, by the signs of whole units.

    The units (runs, say) are independent; within one, the two things compared can be swapped where
    they are equal, which flips the signs of its row. The statistic is |sum| / sqrt(sum of squares)
    of a column, which orders the flips as |Student's t| does. Exact, whatever the law of the
    differences: no p-value is below 2^(1 - units). Source: Fisher 1935, The Design of Experiments,
    section 21; Westfall and Young 1993, Resampling-Based Multiple Testing, section 2.6.

    Args:
        gaps: (units, tests) differences; NaN where a unit says nothing, and p-values NaN for a
            column of such.
    """
    gaps = np.asarray(gaps, np.float64)
    units = len(gaps)
    if units <= _FEW:
        return _randomized([_signs(units)], gaps)
    return _randomized(_many_signs(units), gaps)


_FEW = 64
"""Units up to which all rearrangements are kept, 34 MB, for the next test."""


def _many_signs(units: int) -> Iterator[np.ndarray]:
    """Parts of (rearrangements, units) random signs, the first of all +1."""
    random = np.random.default_rng(0)
    rows = max(1, 2**21 // units)
    for start in range(0, FLIPS, rows):
        count = min(rows, FLIPS - start)
        bits = np.frombuffer(random.bytes(-(-count * units // 8)), np.uint8)
        signs = 1.0 - 2.0 * np.unpackbits(bits)[: count * units].reshape(count, units)
        if not start:
            signs[0] = 1
        yield signs


@lru_cache(maxsize=8)
def _signs(units: int) -> np.ndarray:
    """(rearrangements, units) signs, the first all +1; all of them, or so many at random."""
    if 2 ** max(units - 1, 0) <= FLIPS:  # one half: a flip of all signs changes no statistic
        patterns = np.arange(2 ** max(units - 1, 0))[:, None] >> np.arange(units)
        return 1.0 - 2.0 * (patterns & 1)
    signs = np.random.default_rng(0).choice((-1.0, 1.0), (FLIPS, units))
    signs[0] = 1
    return signs


def shuffles(first: Any, second: Any) -> Randomized:
    """Whether two sets of independent units have one mean, by the orders of whole units.

    Where both come from one law, which units are the second's is arbitrary. The statistic is
    |sum over the second's units of value - mean of both| / sqrt(sum of squares) of a column.
    Exact: no p-value is below 1 over the number of ways to choose the second's units.

    Args:
        first: (units, tests) values; NaN where a unit gave none.
        second: (other units, tests) values.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    values = np.vstack([first, second])
    known = np.isfinite(values)
    mean = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    found = _randomized([_orders(len(first), len(second))], values - mean)
    lacks = ~(known[: len(first)].any(axis=0) & known[len(first) :].any(axis=0))
    found.single[lacks] = found.adjusted[lacks] = math.nan
    return found


@lru_cache(maxsize=8)
def _orders(first: int, second: int) -> np.ndarray:
    """(rearrangements, first + second) 1 for the second's units, else 0; the first as it was."""
    if math.comb(first + second, second) <= FLIPS:
        choices = list(itertools.combinations(range(first + second), second))[::-1]
        orders = np.zeros((len(choices), first + second))
        places = np.array(choices, int).reshape(len(choices), second)
        np.put_along_axis(orders, places, 1, axis=1)
        return orders
    seen = np.repeat((0.0, 1.0), (first, second))
    orders = np.random.default_rng(0).permuted(np.tile(seen, (FLIPS, 1)), axis=1)
    orders[0] = seen
    return orders


_PRODUCT = 2**18
"""Multiplications at a time: what is made of them stays in a processor's cache, and BLAS starts no
threads, which would wait for each other longer than they work."""

_TESTS = 256
"""Tests at a time."""


def _randomized(parts: Iterable[np.ndarray], values: np.ndarray) -> Randomized:
    """Of |weights @ values|, by row of the weights, which come in parts; the first was seen."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    length = np.sqrt((filled**2).sum(axis=0))
    varies = np.flatnonzero(length > 0)  # the others are 0 however they are arranged
    filled = filled[:, varies] / length[varies]
    counts, seen = np.zeros(varies.size), np.zeros(0)
    largest: list[np.ndarray] = []
    for rows in _rows(parts, varies.size):
        if not largest:  # sums of the same numbers in another order are equal
            seen = np.abs(rows[0] @ filled) - 1e-9
        top = np.zeros(len(rows))
        for start in range(0, varies.size, _TESTS):
            tests = slice(start, start + _TESTS)
            found = rows @ filled[:, tests]
            np.abs(found, out=found)
            np.maximum(top, found.max(axis=1), out=top)
            reached = (found >= seen[tests]).view(np.uint8)
            counts[tests] += np.add.reduce(reached, axis=0, dtype=np.uint16)
        largest.append(top)
    ordered = np.sort(np.concatenate(largest))
    single, adjusted = np.ones(values.shape[1]), np.ones(values.shape[1])
    single[varies] = counts / ordered.size
    adjusted[varies] = (ordered.size - np.searchsorted(ordered, seen)) / ordered.size
    empty = ~known.any(axis=0)
    single[empty] = adjusted[empty] = math.nan
    return Randomized(single, adjusted)


def _rows(parts: Iterable[np.ndarray], tests: int) -> Iterator[np.ndarray]:
    """The parts cut to so many rows that a product with the tests at a time is small."""
    for part in parts:
        size = max(1, part.shape[1] * min(max(tests, 1), _TESTS))
        step = max(1, min(4096, _PRODUCT // size))
        for start in range(0, len(part), step):
            yield part[start : start + step]


# Standard errors below 0 that are no chance: one in 740 by a normal law where the truth is 0.
_BELOW_ZERO = 3.0


def is_negative(mean: float, error: float) -> bool:
    """Whether an estimate of W^p is below 0 by more than 3 of its standard errors."""
    return bool(mean < -_BELOW_ZERO * error)


def vacuous(p: float, bound: str, target: str) -> bool:
    """Whether an estimate of W^p below 0 is an answer: as a lower bound of the population at p > 1,
    where potentials are fitted to squares, it says no more than 0 does.
    """
    return p > 1 and (bound, target) == ("lower", "population")


def negative_message(mean: float, error: float) -> str:
    """What such an estimate says, in units of W^p."""
    return (
        f"the estimate of W^p is {mean:.4g} with a standard error of {error:.2g}, and no distance "
        "is below 0: training went the wrong way or not far enough; train longer, lower the "
        "learning rate, or look for far outliers"
    )


def negative_runs(costs: np.ndarray, p: float, bound: str, target: str) -> dict[int, str]:
    """The runs whose mean over evaluation batches is such an estimate and no answer, with their
    message.

    Args:
        costs: (runs, batches) estimates of W^p.
        p: exponent of the cost.
        bound: what the estimator claims.
        target: of what.
    """
    if costs.shape[1] < 2 or vacuous(p, bound, target):
        return {}
    means = costs.mean(axis=1)
    errors = costs.std(axis=1, ddof=1) / np.sqrt(costs.shape[1])
    return {
        run: negative_message(mean, error)
        for run, (mean, error) in enumerate(zip(means.tolist(), errors.tolist(), strict=True))
        if is_negative(mean, error)
    }
