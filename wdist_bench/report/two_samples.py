"""Tests of two samples of errors: paired by run, unpaired, and of counts of failures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wdist_bench.bench.statistics import Interval, paired_difference


@dataclass(frozen=True)
class Gap:
    """What a test says of second - first.

    Attributes:
        difference: of the means; NaN where there was nothing to test.
        interval: 95 % interval of it.
        effect: difference / sd, of the differences of pairs or pooled: Cohen's d.
        p_value: two-sided.
    """

    difference: float
    interval: Interval
    effect: float
    p_value: float


NOTHING = Gap(math.nan, (math.nan, math.nan), math.nan, math.nan)


def paired(first: np.ndarray, second: np.ndarray) -> Gap:
    """Student's test of second - first, over the runs that both have.

    Run i sees the same samples however many runs follow.
    """
    common = min(first.size, second.size)
    first, second = first[:common], second[:common]
    found = paired_difference(second, first)
    gaps = second - first
    sd = float(np.std(gaps[np.isfinite(gaps)], ddof=1)) if found.runs > 1 else math.nan
    return Gap(found.mean, found.interval, found.mean / sd if sd else math.nan, found.p_value)


def welch(first: np.ndarray, second: np.ndarray) -> Gap:
    """Test of mean(second) - mean(first) with unequal variances; NaN runs are left out.

    t = difference / sqrt(v1 / n1 + v2 / n2), with Welch and Satterthwaite's degrees of freedom
    (Welch 1947, Biometrika 34, 28-35).
    """
    from scipy.special import stdtr, stdtrit

    first, second = first[np.isfinite(first)], second[np.isfinite(second)]
    if min(first.size, second.size) < 2:
        return NOTHING
    difference = float(second.mean() - first.mean())
    parts = [float(values.var(ddof=1)) / values.size for values in (first, second)]
    error = math.sqrt(sum(parts))
    if error == 0:
        return Gap(difference, (difference, difference), math.nan, float(difference == 0))
    sizes = (first.size, second.size)
    freedom = sum(parts) ** 2 / sum(v**2 / (n - 1) for v, n in zip(parts, sizes, strict=True))
    half = float(stdtrit(freedom, 0.975)) * error
    pooled = math.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
    p_value = float(2 * stdtr(freedom, -abs(difference) / error))
    interval = (difference - half, difference + half)
    return Gap(difference, interval, difference / pooled, p_value)


def fisher(failed: tuple[int, int], runs: tuple[int, int]) -> float:
    """Two-sided p-value of Fisher's exact test of failures among runs."""
    from scipy.stats import fisher_exact

    table = [[lost, all_ - lost] for lost, all_ in zip(failed, runs, strict=True)]
    return float(fisher_exact(table).pvalue)
