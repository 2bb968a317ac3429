"""An interval for the distance of two populations that can be drawn from without end."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.costs.powers import root_slope
from wdist_bench.estimate import Estimate, Estimator
from wdist_bench.estimators.given import check_cost, check_estimator
from wdist_bench.population.point import point
from wdist_bench.population.split import ties
from wdist_bench.population.upper import Above, above
from wdist_bench.problem import Samples
from wdist_bench.protocol.evaluate import evaluate
from wdist_bench.protocol.parallel import run_keys
from wdist_bench.protocol.tails import Tails, skewness_correction, tails
from wdist_bench.tasks import Task
from wdist_bench.validation import check_integer

_TAILS_STREAM = 4  # the streams before it are those of `Keys`
_POINT_STREAM = 5
_FLOAT32 = float(np.finfo(np.float32).eps)
# Roundings of the size of a coordinate in a critic's value, a sum over its layers.
_CRITIC_ROUNDINGS = 4
_EVALUATE_ERROR = 0.025  # at which `evaluate` states either end of its interval


def stream_interval(
    task: Task,
    cost: Cost,
    level: float,
    side: str,
    seed: int,
    *,
    critic: str | Estimator,
    n: int,
    eval_batches: int,
) -> Estimate:
    """`population_interval` of a task.

    Below, a critic that is admissible everywhere, evaluated on fresh samples: its value is a lower
    bound in expectation. Above, the mean exact cost of independent batches: E W_p^p(batch) is at
    least W_p^p of the populations, which is jointly convex in the pair. Each end is a one-sided
    limit (normal below, Student's t above and for a critic without a potential, which is averaged
    over batches; both moved outwards for skewness) with its part of the error; rounding of float32
    coordinates is added. At p = 2 in l2 `icnn` is such a critic, a strongly convex potential with
    its conjugate; with one that does not take the cost, lower is 0. The message says what the ends
    rest on.

    Both limits are of means, which a rare or far point can spoil. So about a million further draws
    of each population are looked at first (fewer above dimension 128), and the answer is refused
    where the tail index of the costs is below 3 or where points are so rare that the batches hold
    fewer than 25 of them. What none of these draws shows, a probability below 3e-6 say, is not
    bounded: no sample can do that. Refused too: batches that all cost the same, and ends that
    contradict each other.

    `diagnostics`: `tail_index`, `skewness` and `draws`, and `ties` of the n rows that `value` is
    made of.

    Raises:
        ValueError: the critic gives no lower bound of the population.
    """
    check_integer(n, "n", 1)
    check_integer(eval_batches, "eval_batches", 2)
    estimator = check_estimator(critic, {})
    bounded = side != "upper" and (cost.p == 1 or _takes(estimator, cost))
    if bounded:
        _check_bounds(estimator)
    sampler = task.sampler()
    n = n if sampler.limit is None else min(n, sampler.limit)
    key = jax.random.fold_in(run_keys(seed, 1)[0], _TAILS_STREAM)
    shape = tails(sampler, cost, key, n * eval_batches)
    error = (1 - level) / (2 if side == "both" else 1)
    diagnostics = {
        "tail_index": shape.index,
        "skewness": shape.skewness,
        "draws": float(shape.draws),
    }
    shared: dict[str, Any] = {
        "target": "population", "bound": "none", "level": level, "diagnostics": diagnostics,
    }  # fmt: skip

    def refusal(message: str, status: str = "refused", **ends: Any) -> Estimate:
        return Estimate.failed(status, message, **shared, **ends)

    problem = shape.problem(n * eval_batches, f"{eval_batches} batches of {n}", cost.p)
    if problem:
        return refusal(problem)
    rounding = _rounding(shape, cost, sampler.dim)
    lower, upper = 0.0, math.inf
    batches = below = None
    if side != "lower":
        batches = evaluate(
            task, "exact", cost.p, seed, norm=cost.norm, eval_batches=eval_batches, batch_size=n
        )
        if batches.status == "ok" and batches.stderr == 0:
            return refusal(
                f"all {eval_batches} batches have the same cost {batches.cost:.6g}, which leaves "
                "no width to an interval; if both populations are single points, this is their "
                "distance"
            )
        upper = _upper(batches, shape, cost, n * eval_batches, error)
        upper += 0.0 if sampler.x64 else rounding
    if bounded:
        below = evaluate(task, estimator, cost.p, seed, norm=cost.norm)
        lower = max(_lower(below, shape, cost, error) - _CRITIC_ROUNDINGS * rounding, 0.0)
    for answer, other in ((batches, {"lower": lower}), (below, {"upper": upper})):
        if answer is not None and answer.status != "ok":
            return refusal(answer.message, answer.status, **other)
    if not lower < upper:
        return refusal(
            f"the lower end {lower:.6g} is not below the upper end {upper:.6g}, so one of the "
            "limits failed; give another seed, or another critic"
        )
    rows = _rows(task, n, seed)
    diagnostics["ties"] = ties(rows)
    high = above(rows, cost, np.random.default_rng(seed))
    known = batches if below is None else below
    if high.failure is not None and known is None:
        return refusal(high.failure.message, high.failure.status)
    value = point(high, cost) if high.failure is None or known is None else known.value
    value = min(max(value, lower), upper)
    message = [*_ends(side, estimator, cost, below, batches, n), *_instead(high, n)]
    return Estimate(
        value, value**cost.p, lower=lower, upper=upper, interval=(lower, upper),
        message="; ".join(message), **shared,
    )  # fmt: skip


def _takes(critic: str | Estimator, cost: Cost) -> bool:
    """Whether the critic has a meaning for the cost."""
    try:
        check_cost(check_estimator(critic, {}), cost)
    except ValueError:
        return False
    return True


def _check_bounds(critic: Estimator) -> None:
    """Raise ValueError unless the critic is a lower bound of the population."""
    if (critic.target, critic.bound) != ("population", "lower"):
        raise ValueError(
            f"critic: expected a lower bound of the population (funnel, group_sort or "
            f"spectral_norm; icnn at p = 2), got {critic.name}, a {critic.bound} bound of the "
            f"{critic.target}"
        )


def _ends(
    side: str, critic: Estimator, cost: Cost, below: Estimate | None, batches: Estimate | None,
    n: int,
) -> list[str]:  # fmt: skip
    """What the ends that were asked for rest on."""
    ends = []
    if below is not None:
        count, what = _values(below)
        ends.append(f"below: the mean of {critic.name} over {count:,} fresh {what}")
    elif side != "upper":
        other = "; pass critic='icnn'" if _takes("icnn", cost) else ""
        bounds = f"{critic.name} bounds nothing at p = {cost.p:g} in {cost.norm}"
        ends.append(f"below: 0, since {bounds}{other}")
    if batches is not None:
        count, _ = _values(batches)
        ends.append(f"above: the mean exact distance of {count} batches of {n}")
    return ends


def _instead(high: Above, n: int) -> list[str]:
    """Why the value is none of n rows, where it is not."""
    if high.failure is None:
        return []
    return [f"value: the mean of an end, since {n} rows have none: {high.failure.message}"]


def _values(answer: Estimate) -> tuple[int, str]:
    """How many independent values the mean of an answer of `evaluate` is of, and of what."""
    samples = answer.diagnostics.get("eval_samples")
    if samples is None:
        return int(answer.diagnostics["eval_batches"]), "batches"
    return int(samples), "samples"


def _rows(task: Task, n: int, seed: int) -> Samples:
    """n fresh rows of each population, which `value` is made of."""
    key = jax.random.fold_in(run_keys(seed, 1)[0], _POINT_STREAM)
    x, y = (np.asarray(rows, np.float64) for rows in task.sample(key, n))
    return Samples(x, y).weighted()


def _rounding(shape: Tails, cost: Cost, dim: int) -> float:
    """How far float32 coordinates may move W_p: half a unit in the last place on each side."""
    return _FLOAT32 * shape.size * (dim if cost.norm == "l1" else math.sqrt(dim))


def _upper(above: Estimate, shape: Tails, cost: Cost, points: int, error: float) -> float:
    """The limit of the mean cost, moved outwards for skewness; NaN where it failed."""
    if above.interval is None:
        return math.nan
    from scipy.stats import t

    freedom = above.diagnostics["eval_batches"] - 1
    stderr = (above.interval[1] ** cost.p - above.cost) / float(t.isf(_EVALUATE_ERROR, freedom))
    quantile = float(t.isf(error, freedom))
    correction = skewness_correction(shape.mean_skewness(points), quantile)
    return cost.root(above.cost + (quantile + correction) * stderr)


def _lower(below: Estimate, shape: Tails, cost: Cost, error: float) -> float:
    """The same on the other side, for a mean over the samples that the critic was evaluated on, or
    over batches, each then taken to be as skew as one sample.
    """
    if below.status != "ok":
        return math.nan
    if below.value == 0:
        return 0.0
    from scipy.special import ndtri, stdtrit

    count, what = _values(below)
    quantile = -float(ndtri(error) if what == "samples" else stdtrit(count - 1, error))
    skew = shape.mean_skewness(count)
    stderr = (below.stderr or 0.0) / root_slope(below.value, cost.p)  # of the cost
    doubt = (quantile + skewness_correction(skew, quantile)) * stderr
    return cost.root(below.cost - doubt)
