"""What the recommended estimator says of the user's pair, with an interval from its errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from wdist_bench import estimators
from wdist_bench.bench.ranking import corrected, prediction_interval
from wdist_bench.bench.similar_tasks import Scale
from wdist_bench.bench.statistics import Interval
from wdist_bench.bench.trials import YARDSTICK, Clock, Price, Trials, answered, growth, work
from wdist_bench.estimate import Estimate, Estimator

SUBSETS_DONE = 0.93  # share of the budget that is spent when no further subset is tried
_SUBSETS = 20
_MOST_COSTS = 2**28  # 2 GiB of costs
_UNKNOWN: Interval = (math.nan, math.nan)


@dataclass(frozen=True)
class PairAnswer:
    """What the recommended estimator says of the user's pair.

    Attributes:
        estimator: its label.
        value: its estimate of W_p on all rows (or `n` and `m` random ones); NaN where it failed.
        n: rows of x that it saw.
        m: rows of y that it saw.
        interval: its own 95 % interval, where it gives one.
        lower: its certified lower bound on the batch, where it gives one.
        upper: its certified upper bound.
        status: "ok" or what went wrong.
        message: what happened.
        seconds: of that call.
        subset_value: mean of its estimates on random subsets of the size of the tasks.
        subsets: how many.
        likely: empirical 95 % interval for the truth: subset_value / (1 + error) over the errors
            that a run on the similar tasks has in 95 % of cases. It holds in so far as the pair
            behaves like the tasks. The upper end is inf where there is none.
        likely_runs: runs behind it.
        likely_how: "order statistics", or "Student's prediction interval" for fewer runs.
        batch: certified interval for the distance of these very rows; (nan, nan) if unaffordable.
        batch_by: "exact" or "bracket".
        batch_n: rows of x that it is about.
        batch_m: rows of y.
    """

    estimator: str
    value: float
    n: int
    m: int
    interval: Interval | None
    lower: float | None
    upper: float | None
    status: str
    message: str
    seconds: float
    subset_value: float
    subsets: int
    likely: Interval
    likely_runs: int
    likely_how: str
    batch: Interval = _UNKNOWN
    batch_by: str = ""
    batch_n: int = 0
    batch_m: int = 0


def pair_answer(
    x: np.ndarray,
    y: np.ndarray,
    contestants: dict[str, Estimator],
    prices: dict[str, Price],
    name: str,
    trials: Trials,
    errors: np.ndarray,
    target: str,
    scale: Scale,
    clock: Clock,
) -> PairAnswer:
    """The estimate on all rows where affordable, on subsets, and the interval from the errors."""
    estimator, n, m = contestants[name], trials.n, trials.m
    generator = np.random.default_rng([trials.seed, 99])
    values = []
    first_subset = x, y
    for subset in range(_SUBSETS):
        if subset and prices[name].run > clock.left(SUBSETS_DONE):
            break
        u = x[generator.permutation(len(x))[:n]]
        v = y[generator.permutation(len(y))[:m]]
        first_subset = (u, v) if not subset else first_subset
        values.append(answered(u, v, estimator, trials.cost.p, subset)[0].value)
    subset_value = float(np.mean(values))
    interval, how = prediction_interval(errors)
    likely = corrected(subset_value, interval)
    if target == "population" and not scale.told_apart:
        likely = (0.0, likely[1])

    def rows_for(label: str) -> tuple[np.ndarray, np.ndarray]:
        """All rows where the estimator can carry them in the time that is left."""
        seconds = _on_all(contestants[label], prices[label], (n, m), (len(x), len(y)))
        enough = len(x) * len(y) <= _MOST_COSTS and seconds < clock.left()
        return (x, y) if enough else first_subset

    u, v = rows_for(name)
    answer, seconds = answered(u, v, estimator, trials.cost.p, trials.seed)
    found = PairAnswer(
        name, answer.value, len(u), len(v), answer.interval, answer.lower, answer.upper,
        answer.status, answer.message, seconds, subset_value, len(values), likely,
        int(np.isfinite(errors).sum()), how,
    )  # fmt: skip
    return _with_batch(found, answer, rows_for, prices, trials)


def _on_all(
    estimator: Estimator, price: Price, had: tuple[int, int], has: tuple[int, int]
) -> float:
    """Seconds that a call is likely to take on more rows; minibatches do not grow with them."""
    if work(estimator):
        return price.compile + 2 * price.run
    return price.compile + price.run * (max(has) / max(had)) ** growth(estimator)


def _with_batch(
    found: PairAnswer,
    answer: Estimate,
    rows_for: Callable[[str], tuple[np.ndarray, np.ndarray]],
    prices: dict[str, Price],
    trials: Trials,
) -> PairAnswer:
    """With a certified interval for the batch: by whoever can see the most rows."""
    if answer.status == "ok" and answer.lower is not None and answer.lower == answer.upper:
        ends = answer.lower, answer.upper
        return replace(
            found, batch=ends, batch_by=found.estimator, batch_n=found.n, batch_m=found.m
        )
    able = {name: rows_for(name) for name in (YARDSTICK, "bracket") if name in prices}
    for name in sorted(able, key=lambda name: -len(able[name][0])):
        u, v = able[name]
        bounds, _ = answered(u, v, estimators.get(name), trials.cost.p, trials.seed)
        if bounds.lower is not None and bounds.upper is not None:
            ends = bounds.lower, bounds.upper
            return replace(found, batch=ends, batch_by=name, batch_n=len(u), batch_m=len(v))
    return found
