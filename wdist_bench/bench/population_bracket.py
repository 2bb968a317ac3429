"""A confidence interval for the distance of two populations, from a sampler alone."""

from __future__ import annotations

from wdist_bench.bench.evaluate import check_task, evaluate
from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimate, Estimator
from wdist_bench.tasks import Task


def population_bracket(
    task: str | Task,
    p: int = 1,
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
    limit at 97.5 % (normal below, Student's t above), so both hold together with 95 %.
    Narrow in low dimension, honest and wide in high dimension, where batches overestimate.

    Args:
        task: a task or its name; its truth is not used.
        p: exponent of the cost. For p = 2 no critic here is admissible everywhere: lower is 0.
        seed: of all data and of the initialisation.
        norm: "l2" or "l1".
        critic: an estimator with target "population" and bound "lower", or its name.
        n: points of each measure in an exact batch; more narrows the upper end.
        eval_batches: number of exact batches.

    Returns:
        An Estimate with target "population", `lower`, `upper` and the same as `interval`, in
        units of W_p; `value` is the middle and no estimate in itself (bound "none"). Where one
        end fails the status is that end's and the other is still given.

    Raises:
        ValueError: the critic gives no lower bound of the population.
    """
    task = check_task(task)
    cost = Cost(p, norm)
    limit = task.sampler().limit
    n = n if limit is None else min(n, limit)
    above = evaluate(task, "exact", p, seed, norm=norm, eval_batches=eval_batches, batch_size=n)
    upper = None if above.interval is None else above.interval[1]
    lower: float | None = 0.0
    failed = above
    if cost.p == 1:
        below = evaluate(task, critic, p, seed, norm=norm)
        if (below.target, below.bound) != ("population", "lower"):
            raise ValueError(
                f"critic: expected a lower bound of the population (funnel, group_sort or "
                f"spectral_norm), got {critic!r}, a {below.bound} bound of the {below.target}"
            )
        lower = None if below.interval is None else max(below.interval[0], 0.0)
        failed = below if below.status != "ok" else above
    if lower is None or upper is None:
        return Estimate.failed(
            failed.status,
            failed.message,
            target="population",
            bound="none",
            lower=lower,
            upper=upper,
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
    )
