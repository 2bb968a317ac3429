"""One-sided limits for E f(x) + E g(y) from independent rows, and how heavy their tails are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from wdist_bench.costs.l2 import power_of_two
from wdist_bench.protocol.tails import skewness_correction

# Twice the first term of the Cornish-Fisher expansion. A sample that missed its rare large values
# shows too little of its skewness: once the term, an upper limit at 97.5 % for the mean of 100
# exponential, log-normal (sigma 1) or Pareto (index 3) values misses in 3.3, 5.5 and 6.3 % of
# samples; twice the term, in 2.1, 3.9 and 4.5 %, and both limits together in at most 5 %, with an
# index of 2.2 in 6.6 % (results/claims/mean_limits.md).
_SKEWNESS_TERMS = 2.0
# Spacings of the largest values that the tail index reads: 5 % of the values, at least ten where
# these are no more than a tenth, and none where they would be fewer than five.
_TAIL_SHARE, _USUAL_TAIL, _LARGEST_TAIL_SHARE, _LEAST_TAIL = 0.05, 10, 0.1, 5

# Values spread between 2^-200 and 2^200 have variances whose squares float64 holds.
_FOURTHS_HOLD = 200
_FAR_TAIL = 1e-6  # below, 1 - error has lost digits of the error, in the end all of them


@dataclass(frozen=True)
class Side:
    """Values of a function at the rows of one population, with the rows' fixed weights.

    Attributes:
        values: (n,) numbers.
        weights: (n,) positive, summing to one.
    """

    values: Float[np.ndarray, " n"]
    weights: Float[np.ndarray, " n"]

    @property
    def mean(self) -> float:
        """sum_i w_i v_i."""
        return float(self.weights @ self.values)

    @property
    def rows(self) -> float:
        """Effective number of rows, 1 / sum_i w_i^2; n for equal weights."""
        return 1 / float(self.weights @ self.weights)

    @property
    def variance(self) -> float:
        """Of the mean: sum_i w_i^2 times sum_i w_i (v_i - mean)^2 / (1 - sum_i w_i^2)."""
        squares = float(self.weights @ self.weights)
        spread = float(self.weights @ (self.values - self.mean) ** 2)
        return squares * spread / (1 - squares) if squares < 1 else 0.0

    @property
    def third_moment(self) -> float:
        """Of the mean about its expectation: sum_i w_i^3 times the third central moment."""
        third = float(self.weights @ (self.values - self.mean) ** 3)
        return float((self.weights**3).sum()) * third

    def about_its_mean(self, power: int) -> Side:
        """(v - mean) / 2^power."""
        return Side(np.ldexp(self.values - self.mean, -power), self.weights)


@dataclass(frozen=True)
class MeanLimits:
    """What rows say of E f(x) + E g(y).

    Attributes:
        mean: of the rows.
        stderr: its standard error.
        skewness: of the mean.
        freedom: Welch's degrees of freedom.
        unseen: what a mass that no row shows could add, per unit of log(1 / error): the range of
            the values over the effective number of rows, the larger of both sides.
    """

    mean: float
    stderr: float
    skewness: float
    freedom: float
    unseen: float

    @classmethod
    def of(cls, x: Side, y: Side, span: float | None = None) -> MeanLimits:
        """From f at the rows of x and g at those of y.

        Args:
            x: values of f.
            y: values of g.
            span: range of the values where it is known from more rows than these.
        """
        reach = max(float(np.ptp(x.values)), float(np.ptp(y.values)), span or 0.0)
        center = x.mean + y.mean
        power = power_of_two(np.array([np.ptp(x.values), np.ptp(y.values)]), within=_FOURTHS_HOLD)
        if power:  # nothing but the mean depends on where the values lie
            x, y = x.about_its_mean(power), y.about_its_mean(power)
        parts = x.variance, y.variance
        variance = sum(parts)
        third = x.third_moment + y.third_moment
        freedom = [
            part**2 / max(side.rows - 1, 1) for part, side in zip(parts, (x, y), strict=True)
        ]
        return cls(
            mean=center,
            stderr=math.ldexp(math.sqrt(variance), power),
            skewness=third / variance**1.5 if variance > 0 else 0.0,
            freedom=variance**2 / sum(freedom) if variance > 0 else min(x.rows, y.rows) - 1,
            unseen=reach / min(x.rows, y.rows),
        )

    def lower(self, error: float) -> float:
        """Below the expectation but for a share `error` of samples."""
        return self.mean - self.margin(error, -self.skewness)

    def upper(self, error: float) -> float:
        """Above the expectation but for a share `error` of samples."""
        return self.mean + self.margin(error, self.skewness)

    def margin(self, error: float, skewness: float, heavy: bool = False) -> float:
        """How far a limit lies from the mean when the tail that it must reach has that skewness.

        The larger of two numbers, or where the tails are heavy their sum. Student's t with Welch's
        degrees of freedom, moved outwards by the skewness, (t + 2 max(g, 0) (1 + 2 t^2) / 6)
        standard errors; and log(1 / error) / n times the range of the values: a mass of
        log(1 / error) / n is seen by none of n rows with probability `error`, and may sit at any
        value that was seen.
        """
        t = student_quantile(error, self.freedom)
        outwards = _SKEWNESS_TERMS * skewness_correction(max(skewness, 0.0), t)
        seen, unseen = (t + outwards) * self.stderr, -math.log(error) * self.unseen
        return seen + unseen if heavy else max(seen, unseen)


def student_quantile(error: float, freedom: float) -> float:
    """The quantile of Student's t that is exceeded with probability `error`."""
    from scipy.special import stdtrit

    if error < _FAR_TAIL:
        return -float(stdtrit(max(freedom, 1.0), error))
    return float(stdtrit(max(freedom, 1.0), 1 - error))


def tail_index(values: Any) -> float:
    """Of the upper tail of values about their median; inf where it is bounded or not seen.

    Hill's estimator, k over the sum of the normalised spacings i log(z_i / z_i+1) of the k largest
    z = value - median, i = 1 .. k, without the largest spacing, whose expectation is a share
    H_k / k of the sum. So a gap between the bulk and a cluster far off, which is no tail, does not
    count. k is 5 % of the values, at least ten of a hundred and five of fifty; below it is inf.

    Source: Hill 1975, Annals of Statistics 3, 1163-1174; independence of the spacings, Rényi 1953.
    """
    values = np.asarray(values, np.float64)
    above = np.sort(values - np.median(values))[::-1]
    wanted = max(int(_TAIL_SHARE * len(values)), _USUAL_TAIL)
    wanted = min(wanted, int(_LARGEST_TAIL_SHARE * len(values)))
    k = min(wanted, int(np.count_nonzero(above > 0)) - 1)
    if k < _LEAST_TAIL:
        return math.inf
    ranks = np.arange(1, k + 1)
    spacings = ranks * np.log(above[:k] / above[1 : k + 1])
    kept = float(spacings.sum() - spacings.max())
    expected = k - float((1 / ranks).sum())
    return expected / kept if kept > 0 else math.inf
