"""A confidence interval for the distance of two populations, from a sampler alone."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimate, Estimator
from wdist_bench.protocol.evaluate import evaluate
from wdist_bench.protocol.parallel import run_keys
from wdist_bench.protocol.tails import Tails, skewness_correction, tails
from wdist_bench.tasks import Task
from wdist_bench.tasks.given import check_task
from wdist_bench.validation import check_integer, check_name, check_one_or_two, check_seed

_TAILS_STREAM = 4  # the streams before it are those of `Keys`
_Z = 1.959964
_FLOAT32 = float(np.finfo(np.float32).eps)
# Roundings of the size of a coordinate in a critic's value, a sum over its layers.
_CRITIC_ROUNDINGS = 4


def population_bracket(
    task: str | Task,
    p: float = 1,
    seed: int = 0,
    *,
    norm: str = "l2",
    critic: str | Estimator = "funnel",
    n: int = 1024,
    eval_batches: int = 20,
) -> Estimate:
    """[lower, upper] that holds W_p(mu, nu) with 95 % confidence, for any pair one can sample.

    Below, a critic that is admissible everywhere, evaluated on fresh samples: its value is a lower
    bound in expectation. Above, the mean exact cost of independent batches: E W_p^p(batch) is at
    least W_p^p of the populations, which is jointly convex in the pair. Each end is a one-sided
    limit at 97.5 % (normal below, Student's t above, both moved outwards for skewness), so both
    hold together with 95 %; rounding of float32 coordinates is added.
    Narrow in low dimension, honest and wide in high dimension, where batches overestimate.

    Both limits are of means, which a rare or far point can spoil. So about a million further draws
    of each population are looked at first (fewer above dimension 128), and the answer is refused
    where the tail index of the costs is below 3 or where points are so rare that the batches hold
    fewer than 25 of them. What none of these draws shows, a probability below 3e-6 say, is not
    bounded: no sample can do that.

    Args:
        task: a task or its name; its truth is not used.
        p: exponent of the cost. For p = 2 no critic here is admissible everywhere: lower is 0.
        seed: of all data and of the initialisation.
        norm: "l2" or "l1".
        critic: an estimator with target "population" and bound "lower", or its name.
        n: points of each population in an exact batch; more narrows the upper end.
        eval_batches: number of exact batches.

    Returns:
        An Estimate with target "population", 0 <= `lower` < `upper` and the same as `interval`, in
        units of W_p; `value` is the middle and no estimate in itself (bound "none"). Where one
        end fails the status is that end's and the other is still given. "not_converged" with
        neither end: no normal limit in sight (see above), batches that all cost the same, or ends
        that contradict each other. `diagnostics`: `tail_index`, `skewness` and `draws`.

    Raises:
        ValueError: the critic gives no lower bound of the population.
    """
    task = check_task(task)
    check_name(norm, ("l2", "l1"), "norm")
    cost = Cost(check_one_or_two(p, "population_bracket"), norm)
    check_seed(seed)
    check_integer(n, "n", 1)
    check_integer(eval_batches, "eval_batches", 2)
    sampler = task.sampler()
    n = n if sampler.limit is None else min(n, sampler.limit)
    key = jax.random.fold_in(run_keys(seed, 1)[0], _TAILS_STREAM)
    shape = tails(sampler, cost, key, n * eval_batches)
    diagnostics = {
        "tail_index": shape.index,
        "skewness": shape.skewness,
        "draws": float(shape.draws),
    }

    def refusal(status: str, message: str, **ends: Any) -> Estimate:
        shared: dict[str, Any] = {"target": "population", "bound": "none"}
        return Estimate.failed(status, message, **shared, diagnostics=diagnostics, **ends)

    problem = shape.problem(n * eval_batches, f"{eval_batches} batches of {n}")
    if problem:
        return refusal("not_converged", problem)
    rounding = _rounding(shape, cost, sampler.dim)
    above = evaluate(task, "exact", p, seed, norm=norm, eval_batches=eval_batches, batch_size=n)
    upper = _upper(above, shape, cost, n * eval_batches)
    if upper is not None:
        upper += 0.0 if sampler.x64 else rounding
        if above.stderr == 0:
            return refusal(
                "not_converged",
                f"all {eval_batches} batches have the same cost {above.cost:.6g}, which leaves no "
                "width to an interval; if both populations are single points, this is their "
                "distance",
            )
    lower: float | None = 0.0
    failed = above
    if cost.p == 1:
        below = evaluate(task, critic, p, seed, norm=norm)
        if (below.target, below.bound) != ("population", "lower"):
            raise ValueError(
                f"critic: expected a lower bound of the population (funnel, group_sort or "
                f"spectral_norm), got {critic!r}, a {below.bound} bound of the {below.target}"
            )
        lower = _lower(below, shape)
        lower = None if lower is None else max(lower - _CRITIC_ROUNDINGS * rounding, 0.0)
        failed = below if below.status != "ok" else above
    if lower is None or upper is None:
        return refusal(failed.status, failed.message, lower=lower, upper=upper)
    if lower >= upper:
        return refusal(
            "not_converged",
            f"the lower end {lower:.6g} is not below the upper end {upper:.6g}, so one of the "
            "limits failed; give another seed, or another critic",
        )
    value = (lower + upper) / 2
    return Estimate(
        value,
        value**p,
        target="population",
        bound="none",
        lower=lower,
        upper=upper,
        interval=(lower, upper),
        diagnostics=diagnostics,
    )


def _rounding(shape: Tails, cost: Cost, dim: int) -> float:
    """How far float32 coordinates may move W_p: half a unit in the last place on each side."""
    return _FLOAT32 * shape.size * (dim if cost.norm == "l1" else math.sqrt(dim))


def _upper(above: Estimate, shape: Tails, cost: Cost, points: int) -> float | None:
    """The limit of `evaluate`, at 97.5 %, moved outwards for skewness; None where it failed."""
    if above.interval is None:
        return None
    from scipy.stats import t

    quantile = float(t.ppf(0.975, above.diagnostics["eval_batches"] - 1))
    limit = above.interval[1] ** cost.p
    stderr = (limit - above.cost) / quantile
    correction = skewness_correction(shape.mean_skewness(points), quantile)
    return cost.root(limit + correction * stderr)


def _lower(below: Estimate, shape: Tails) -> float | None:
    """The same on the other side, for a mean over the samples that the critic was evaluated on."""
    if below.status != "ok":
        return None
    skew = shape.mean_skewness(int(below.diagnostics["eval_samples"]))
    return below.value - (_Z + skewness_correction(skew, _Z)) * (below.stderr or 0.0)
