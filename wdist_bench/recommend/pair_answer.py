"""What the recommended estimator says of the user's pair, with an interval from its errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wdist_bench.estimate import Estimator
from wdist_bench.recommend.caller import MOST_COSTS, is_quick
from wdist_bench.recommend.certificates import Certificate, certificate
from wdist_bench.recommend.pair_limits import NO_LIMITS, Limits, population_limits
from wdist_bench.recommend.ranking import corrected, prediction_interval
from wdist_bench.recommend.similar_tasks import Scale
from wdist_bench.recommend.trials import AT_ONCE, Clock, Price, Trials, growth, work
from wdist_bench.recommend.verdict import Verdict, judge_batch, judge_population
from wdist_bench.results.statistics import Interval

SUBSETS_DONE = 0.93  # share of the budget that is spent when no further subset is tried
_SUBSETS = 20  # random subsets of the pair that the recommended estimator is called on
_MOST_COSTS = 2**28  # 2 GiB of costs
_LEAST = 0.5  # seconds for a call on the pair, whatever is left
_UNKNOWN: Interval = (math.nan, math.nan)


@dataclass(frozen=True)
class PairAnswer:
    """What the recommended estimator says of the user's pair.

    Attributes:
        estimator: its label; empty where none is recommended.
        value: its estimate of W_p on all rows (or `n` and `m` random ones); NaN where it failed or
            where the answer is refused.
        n: rows of x that it saw.
        m: rows of y that it saw.
        interval: its own 95 % interval, where it gives one.
        lower: its certified lower bound on the batch, where it gives one.
        upper: its certified upper bound.
        status: "ok", "refused", or what went wrong.
        message: why, or what happened.
        seconds: of that call.
        subset_value: mean of its estimates on random subsets of the size of the tasks.
        subsets: how many.
        likely: empirical 95 % interval for the truth: subset_value / (1 + error) over the errors
            that a run on the similar tasks has in 95 % of cases, at least as wide as what the
            pair's own distance fluctuates by, and cut at what is known of the pair (`limits`,
            `batch`). It holds in so far as the pair behaves like the tasks. The upper end is inf
            where there is none; (nan, nan) where there is no range.
        likely_runs: runs behind it.
        likely_how: "order statistics", or "Student's prediction interval" for fewer runs.
        limits: where the distance of the populations is, each end at 97.5 %, whatever an estimator
            says.
        carried_by: rows of the scarcer side that carry the cost of the optimal plan.
        batch: certified interval for the distance of these very rows.
        batch_by: "exact", "bracket" or "moments".
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
    limits: Interval
    carried_by: float
    batch: Interval
    batch_by: str
    batch_n: int
    batch_m: int


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of a pair whatever an estimator says.

    Attributes:
        batch: certified for the rows themselves.
        limits: for the populations.
    """

    batch: Certificate
    limits: Limits

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray, trials: Trials, clock: Clock) -> Known:
        """The certified interval for the rows, and limits for the populations."""
        found = certificate(x, y, trials.cost, trials.seed, trials.call, clock.left())
        limits = population_limits(x, y, trials.cost, trials.seed)
        return cls(found, limits)


def no_answer(known: Known, why: str) -> PairAnswer:
    """Nobody is recommended; what is certain is shown all the same."""
    return _with_known(known, status="refused", message=why)


def pair_answer(
    x: np.ndarray,
    y: np.ndarray,
    estimator: Estimator,
    price: Price,
    name: str,
    trials: Trials,
    errors: np.ndarray,
    target: str,
    scale: Scale,
    known: Known,
    clock: Clock,
) -> PairAnswer:
    """The estimate on all rows where affordable, on subsets, and the interval from the errors.

    What contradicts the certificate or the limits is refused: status "refused", and why.
    """
    n, m, p = trials.n, trials.m, trials.cost.p
    generator = np.random.default_rng([trials.seed, 99])
    first = _some(generator, x, n), _some(generator, y, m)
    quick = is_quick(estimator)
    at_once = quick and _SUBSETS * price.run <= AT_ONCE
    likely_seconds = _on_all(estimator, price, (n, m), (len(x), len(y)))
    enough = len(x) * len(y) <= _MOST_COSTS and likely_seconds < clock.left()
    enough |= quick and len(x) * len(y) <= MOST_COSTS
    u, v = (x, y) if enough else first
    answer, seconds = trials.call(u, v, estimator, p, trials.seed, max(clock.left(), _LEAST))
    values: list[float] = []
    for subset in range(_SUBSETS):
        in_time = at_once or not subset or price.run <= clock.left(SUBSETS_DONE)
        if answer.status == "timeout" or not in_time:
            break
        some = (_some(generator, x, n), _some(generator, y, m)) if subset else first
        limit = max(clock.left(), _LEAST)
        values.append(trials.call(*some, estimator, p, subset, limit)[0].value)
    found = np.array(values)[np.isfinite(values)]
    whole = found.size and found.size == len(values)
    subset_value = float(found.mean()) if whole else math.nan
    interval, how = prediction_interval(errors)
    likely = corrected(subset_value, interval)
    known_errors = errors[np.isfinite(errors)]
    middle = float(np.median(known_errors)) if known_errors.size else math.nan
    center, _ = corrected(subset_value, (middle, middle))
    verdict = _verdict(target, answer.value, likely, center, (len(u), len(v)), scale, known)
    if answer.status == "timeout":
        verdict = Verdict(_UNKNOWN, f"its call on the pair was {answer.message}; raise the budget")
    return _with_known(
        known,
        estimator=name,
        value=math.nan if verdict.refusal else answer.value,
        n=len(u),
        m=len(v),
        interval=None if verdict.refusal else answer.interval,
        lower=answer.lower,
        upper=answer.upper,
        status="refused" if verdict.refusal else answer.status,
        message=verdict.refusal or answer.message,
        seconds=seconds,
        subset_value=subset_value,
        subsets=len(values),
        likely=verdict.likely,
        likely_runs=int(np.isfinite(errors).sum()),
        likely_how=how,
    )


def _verdict(
    target: str,
    value: float,
    likely: Interval,
    center: float,
    rows: Sequence[int],
    scale: Scale,
    known: Known,
) -> Verdict:
    if target == "population":
        if not scale.told_apart:
            likely = 0.0, likely[1]
        return judge_population(value, likely, center, known.limits)
    batch = known.batch
    about = batch.interval if (batch.n, batch.m) == tuple(rows) else (0.0, math.inf)
    return judge_batch(value, likely, about)


def _with_known(known: Known, **parts: object) -> PairAnswer:
    nothing: dict[str, object] = {
        "estimator": "", "value": math.nan, "n": 0, "m": 0, "interval": None, "lower": None,
        "upper": None, "seconds": 0.0, "subset_value": math.nan, "subsets": 0, "likely": _UNKNOWN,
        "likely_runs": 0, "likely_how": "",
    }  # fmt: skip
    limits, batch = known.limits, known.batch
    return PairAnswer(
        **(nothing | parts),  # type: ignore[arg-type]
        limits=limits.interval if limits is not NO_LIMITS else _UNKNOWN,
        carried_by=limits.carried_by,
        batch=batch.interval,
        batch_by=batch.by,
        batch_n=batch.n,
        batch_m=batch.m,
    )


def _some(generator: np.random.Generator, rows: np.ndarray, count: int) -> np.ndarray:
    return rows[generator.permutation(len(rows))[:count]]


def _on_all(
    estimator: Estimator, price: Price, had: tuple[int, int], has: tuple[int, int]
) -> float:
    """Seconds that a call is likely to take on more rows; minibatches do not grow with them."""
    if work(estimator):
        return price.compile + 2 * price.run
    return price.compile + price.run * (max(has) / max(had)) ** growth(estimator)
