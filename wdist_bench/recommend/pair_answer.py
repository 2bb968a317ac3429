"""What is known of the user's pair whatever a single estimator says."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from wdist_bench import estimators
from wdist_bench.costs import Cost
from wdist_bench.estimate import DirectEstimator, Estimate
from wdist_bench.population.interval import population_interval
from wdist_bench.problem import Samples
from wdist_bench.recommend.caller import MOST_COSTS, Caller, answered
from wdist_bench.recommend.likeness import exact_value

# Rows of a side of which an interval takes half a second of one core, in few columns, and how that
# grows: 2,000 rows take two seconds. Beyond 3,000 rows an interval is hardly narrower.
_ROWS_A_SECOND, _GROWTH = 1000, 2.5
_LEAST_ROWS, MOST_ROWS = 400, 3000
_FEW_COLUMNS = 500  # of more, the eigenvectors of covariances take seconds
_ROUGH_ROWS = 256  # of a side
_ROUNDING = 1e-5  # of a value: critics and Sinkhorn compute in float32


@dataclass(frozen=True)
class _Interval(DirectEstimator):
    """`population_interval` as what can be called in another process, and cut off there."""

    name: ClassVar[str] = "population_interval"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "population"
    bound: ClassVar[str] = "none"

    seed: int = 0

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The interval of the samples."""
        return population_interval(samples.x, samples.y, cost=cost, seed=self.seed)


def looked_at(rows: np.ndarray, seconds: float, generator: np.random.Generator) -> np.ndarray:
    """The rows that an interval is computed from: all, or as many random ones as `seconds` allow.

    A random part of independent rows are independent rows; which ones follows from the seed and
    the budget alone, not from how fast the machine is.
    """
    most = int(_ROWS_A_SECOND * seconds ** (1 / _GROWTH))
    most = min(max(most, _LEAST_ROWS), MOST_ROWS)
    if len(rows) <= most:
        return rows
    return rows[np.sort(generator.permutation(len(rows))[:most])]


def population_answer(
    x: np.ndarray, y: np.ndarray, cost: Cost, seed: int, call: Caller, seconds: float
) -> Estimate:
    """`population_interval`; of rows with many columns in another process, cut off there."""
    estimator = _Interval(seed)
    if x.shape[1] <= _FEW_COLUMNS:
        return answered(x, y, estimator, cost.p, seed)[0]
    answer, _ = call(x, y, estimator, cost.p, seed, seconds)
    if answer.status != "timeout":
        return answer
    return replace(answer, message=f"the interval was {answer.message}; raise it")


def batch_answer(
    x: np.ndarray, y: np.ndarray, cost: Cost, seed: int, call: Caller, seconds: float
) -> Estimate:
    """The distance of these very rows, certified: by `exact`, or of too many rows by `bracket`."""
    name = "exact" if len(x) * len(y) <= MOST_COSTS else "bracket"
    return call(x, y, estimators.get(name), cost.p, seed, seconds)[0]


def rough_distance(x: np.ndarray, y: np.ndarray, cost: Cost) -> float:
    """sqrt(max(W^2 - D_x D_y, 0)) of halves of some rows, where there is no better point.

    The rows are in random order. W is their distance, D_x and D_y those of the two halves of one
    population.
    """
    half = min(len(x), len(y), _ROUGH_ROWS) // 2
    (x, u), (y, v) = ((rows[:half], rows[-half:]) for rows in (x, y))
    within = exact_value(x, u, cost) * exact_value(y, v, cost)
    return math.sqrt(max(exact_value(x, y, cost) ** 2 - within, 0.0))


def is_outside(value: float, known: Estimate) -> bool:
    """Whether a value contradicts the interval, or the certified bounds."""
    low = -np.inf if known.lower is None else known.lower
    high = np.inf if known.upper is None else known.upper
    slack = _ROUNDING * abs(value)
    return bool(value < low - slack or value > high + slack)
