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

What is said to differ (leaderboards, comparisons, recommendations, the gate) rests on
`results.rearrangements`, which is exact at any number of runs, and so says nothing below about six
of them.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

Interval = tuple[float, float]
"""Lower and upper end; (nan, nan) where there is none."""

RESAMPLES = 9999

LEVEL = 0.05
"""Of every statement that two things differ."""


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
        sd=sd_of(found),
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


def finite(values: np.ndarray) -> np.ndarray:
    """Those of the runs that gave a number."""
    return values[np.isfinite(values)]


def mean_of(values: np.ndarray) -> float:
    """The mean; NaN of nothing."""
    return float(values.mean()) if values.size else math.nan


def sd_of(values: np.ndarray) -> float:
    """The standard deviation, with n - 1; NaN below two values."""
    return float(values.std(ddof=1)) if values.size > 1 else math.nan


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean over runs and its 95 % interval, of the runs that gave a number; else NaN."""
    found = finite(values)
    return (mean_of(found), *t_interval(found))


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
        return Difference(found.size, failed, mean_of(found), (math.nan, math.nan), math.nan)
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


# Standard errors below 0 that are no chance: one in 740 by a normal law where the truth is 0.
_BELOW_ZERO = 3.0


def is_negative(mean: float, error: float, values: int | None = None) -> bool:
    """Whether an estimate of W^p is below 0 by more than 3 of its standard errors; by more where
    the error is of few values, to the same chance by Student's law.
    """
    return bool(mean < -_far(values) * error)


@lru_cache(maxsize=1024)
def _far(values: int | None) -> float:
    from scipy.special import ndtr, stdtrit

    return _BELOW_ZERO if values is None else -float(stdtrit(values - 1, ndtr(-_BELOW_ZERO)))


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


def negative_runs(
    costs: np.ndarray, p: float, bound: str, target: str, known: Collection[int] = ()
) -> dict[int, str]:
    """The runs whose mean over evaluation batches is such an estimate and no answer, with their
    message.

    Args:
        costs: (runs, batches) estimates of W^p.
        p: exponent of the cost.
        bound: what the estimator claims.
        target: of what.
        known: runs that were called so when they were measured. The limit was 3 standard errors for
            any number of batches once, and for any claim: by that they stay it.
    """
    if costs.shape[1] < 2:
        return {}
    allowed = vacuous(p, bound, target)
    means = costs.mean(axis=1)
    errors = costs.std(axis=1, ddof=1) / np.sqrt(costs.shape[1])
    found = {}
    for run, (mean, error) in enumerate(zip(means.tolist(), errors.tolist(), strict=True)):
        said = run in known
        if (said or not allowed) and is_negative(mean, error, None if said else costs.shape[1]):
            found[run] = negative_message(mean, error)
    return found
