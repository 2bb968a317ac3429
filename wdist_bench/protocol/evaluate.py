"""`evaluate`: one run of an estimator on a task, by the protocol "stream"."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost, Matrix, as_cost
from wdist_bench.costs.powers import root_slope
from wdist_bench.estimate import (
    DirectEstimator,
    Estimate,
    Estimator,
    Fitted,
    TracedFitted,
)
from wdist_bench.estimators.doubt import doubt as describe_doubt
from wdist_bench.estimators.doubt import mean_gap
from wdist_bench.estimators.given import ask, check_cost, check_estimator, fit
from wdist_bench.estimators.potential import (
    FittedPotential,
    answer_with_diagnostics,
    potentials_at,
)
from wdist_bench.inputs.elsewhere import explained
from wdist_bench.problem import Problem, Sampler, Samples
from wdist_bench.protocol.agreement import agreement_of
from wdist_bench.protocol.maps import (
    MapProbe,
    images_of_answer,
    images_of_fitted,
    map_probe,
)
from wdist_bench.protocol.parallel import run_keys
from wdist_bench.protocol.place import sampler_for
from wdist_bench.protocol.several import mean_of_runs, with_truth
from wdist_bench.protocol.stream import Keys, Stream, _draw, check_drawn, evaluation_batches
from wdist_bench.pytrees import jit_by_class
from wdist_bench.results.statistics import is_negative, negative_message, t_interval, vacuous
from wdist_bench.solvers.machine.forks import check_not_forked
from wdist_bench.tasks import Task
from wdist_bench.tasks.base import check_limit, known_truth
from wdist_bench.tasks.given import check_task
from wdist_bench.validation import check_integer, check_seed

MIN_SAMPLES = 100_000
MAX_SAMPLES = 4_000_000
RELATIVE_STDERR = 0.003
_CHUNK = 10_000
_Z95 = 1.959964  # of the normal law, two-sided
_LEVEL = 0.95  # of `lower`, one-sided
_PROBE = 1000  # fresh points of each population that a potential is looked at


@explained
def evaluate(
    task: str | Task,
    estimator: str | Estimator,
    p: float | None = None,
    seed: int = 0,
    *,
    norm: str | None = None,
    cost: Any = None,
    eval_samples: int | None = None,
    eval_batches: int = 100,
    batch_size: int | None = None,
    runs: int = 1,
) -> Estimate:
    """Estimate a task's distance by runs of the protocol "stream", and compare it with the truth.

    The estimator trains on fresh minibatches of the task and is then frozen. Estimators of the
    population with a potential on the whole space are evaluated on fresh samples: as many as it
    takes for a standard error of at most 0.3 % of the value, at least 100,000 and at most
    4,000,000. All others are averaged over fresh batches (in units of W_p^p).

    Args:
        task: a task or its name.
        estimator: an estimator or its name.
        p: exponent of the cost, a real number >= 1; None for 1, or for that of `cost`.
        seed: of all data and of the initialisation.
        norm: name of a registered cost; None for "l2", or for that of `cost`.
        cost: a ground cost instead of p and norm: a Cost, a name, or a pairwise function.
        eval_samples: least number of fresh samples of each population, overriding the rule above;
            they are drawn in chunks of at most 10,000.
        eval_batches: number of fresh batches for the others.
        batch_size: points per evaluation batch; default the estimator's own.
        runs: independent runs, each with data and an initialisation of its own. Run 0 of several
            is the only one of `runs=1`.

    Returns:
        An Estimate with `target` and `stderr`, and with `truth`, the distance of the populations,
        and `error`, value - truth, where the task knows it. Of several runs `value` is the mean,
        `stderr` its standard error over runs, `runs` the value of each, NaN where one failed.

        Of one run also: for exact estimators `interval` (95 %), and for those whose value is a
        lower bound of the population `lower`, its one-sided 95 % limit, with a `level` of .95. Its
        diagnostics hold `gradient_cosine` and `gradient_l2` of critics where the task's potential
        is known, and for p = 2 in l2 `l2_uvp` (percent), `map_cosine`, `inverse_l2_uvp` and
        `inverse_map_cosine` where both the task and the estimator have a map (a batch estimator
        that of its first batch). The error of a batch estimator holds too how far batches are above
        their populations: `evaluate(task, "exact")` at the same seed sees the same batches.
    """
    check_not_forked()
    task = check_task(task)
    estimator = check_estimator(estimator, {})
    cost = as_cost(cost, p, norm)
    if isinstance(cost, Matrix):
        raise ValueError(
            "cost: expected a cost of points, since samples are drawn anew, got a matrix; pass a "
            "function of points"
        )
    check_cost(estimator, cost, task.dim)
    own = estimator.batch_size
    n = check_integer(own if batch_size is None else batch_size, "batch_size", 1)
    stream = Stream(n, 1, check_integer(eval_batches, "eval_batches", 2), check_seed(seed))
    sampler = sampler_for(task, cost)
    if estimator.target == "batch" or batch_size is not None:
        check_limit(task, sampler, n)
    check_drawn(cost, sampler, stream)
    count = None if eval_samples is None else check_integer(eval_samples, "eval_samples", 2)
    known = known_truth(task, cost)
    probe = map_probe(task, cost, stream.seed)
    answers = [
        _one_run(task, estimator, sampler, cost, Keys.of(key), count, stream, probe)
        for key in run_keys(stream.seed, check_integer(runs, "runs", 1))
    ]
    found = answers[0] if len(answers) == 1 else mean_of_runs(answers)
    return with_truth(found, None if known is None else known.value)


def _one_run(
    task: Task,
    estimator: Estimator,
    sampler: Sampler,
    cost: Cost,
    keys: Keys,
    count: int | None,
    stream: Stream,
    probe: MapProbe | None,
) -> Estimate:
    """One fitted estimator on fresh samples: `count` of them, or on the batches of `stream`."""
    with jax.enable_x64(sampler.x64):
        fitted = fit(estimator, keys.estimator, Problem.from_sampler(sampler, cost, keys.train))
    if estimator.target == "population" and isinstance(fitted, FittedPotential):
        answer = _population(estimator, fitted, sampler, cost, keys.evaluation, count)
    else:
        answer = _batches(estimator, fitted, sampler, cost, keys.evaluation, stream)
    doubt = "" if answer.message else _doubt(answer, estimator, fitted, sampler, cost, keys)
    return replace(
        answer,
        message=answer.message or doubt,
        diagnostics=answer.diagnostics
        | agreement_of(task, fitted, sampler, cost, keys.gradient)
        | _maps(estimator, fitted, sampler, cost, keys, stream, probe),
    )


def _doubt(
    answer: Estimate,
    estimator: Estimator,
    fitted: Fitted,
    sampler: Sampler,
    cost: Cost,
    keys: Keys,
) -> str:
    """What fresh points say against the value of a potential: slopes, and the means' distance less
    two of its standard errors.
    """
    if not isinstance(fitted, FittedPotential):
        return ""
    count = min(_PROBE, sampler.limit or _PROBE)
    with jax.enable_x64(sampler.x64):
        x, y = _draw(sampler, keys.gradient, 1, count)
    points = Samples(np.asarray(x, np.float64), np.asarray(y, np.float64))
    with jax.enable_x64(True):
        inside = points.shifted(np.zeros(sampler.dim), np.float64)
        _, _, found = answer_with_diagnostics(fitted, inside, cost)
    error = math.sqrt((points.x.var(0).sum() + points.y.var(0).sum()) / count)
    gap = max(mean_gap(points, cost) - 2 * error, 0.0)
    diagnostics = {name: float(number) for name, number in found.items()} | {"mean_gap": gap}
    return describe_doubt(estimator, answer.value, cost, diagnostics)


def _maps(
    estimator: Estimator,
    fitted: Fitted,
    sampler: Sampler,
    cost: Cost,
    keys: Keys,
    stream: Stream,
    probe: MapProbe | None,
) -> dict[str, float]:
    """How near the estimator's map is to the optimal one; empty where one of them is not known."""
    if probe is None:
        return {}
    if isinstance(fitted, TracedFitted) and not isinstance(estimator, DirectEstimator):
        with jax.enable_x64(sampler.x64):
            images = images_of_fitted(fitted, jnp.asarray(probe.x), jnp.asarray(probe.y))
    else:
        first = next(evaluation_batches(sampler, keys.evaluation, stream))
        images = images_of_answer(ask(estimator, fitted, first, cost), probe)
    return probe.agreement(images)


def _finish(
    estimator: Estimator,
    fitted: Fitted,
    cost: Cost,
    mean: float,
    stderr: float,
    interval: tuple[float, float],
    count: int,
    message: str = "",
    **diagnostics: float,
) -> Estimate:
    """Turn a mean of `count` costs with its error into an Estimate of W_p."""
    value = cost.root(mean)
    history = np.asarray(fitted.history, np.float64)
    shared: dict[str, Any] = {
        "target": estimator.target,
        "bound": estimator.bound,
        "steps": estimator.steps,
        "history": cost.roots(history) if history.size else None,
        "diagnostics": diagnostics,
    }
    if not math.isfinite(mean):
        text = message or "the estimate is NaN or inf; lower the learning rate"
        return Estimate.failed("diverged", text, **shared)
    allowed = vacuous(cost.p, estimator.bound, estimator.target)
    if is_negative(mean, stderr, count) and not allowed:
        return Estimate.failed("not_converged", negative_message(mean, stderr), **shared)
    if cost.p > 1 and mean < 0:  # as the value reads
        diagnostics["signed_cost"], mean = mean, 0.0
    if estimator.bound == "lower" and estimator.target == "population":
        # One-sided: below the true distance in 95 % of repetitions, and 0 always is.
        from scipy.special import stdtrit

        below = mean - float(stdtrit(count - 1, _LEVEL)) * stderr
        shared |= {"lower": max(cost.root(below), 0.0), "level": _LEVEL}
    # Delta method for the root.
    exact = estimator.bound == "exact"
    slope = root_slope(value, cost.p)
    return Estimate(
        value,
        mean,
        stderr=stderr * slope if stderr > 0 else stderr,
        # Of a bound, and of a number that is none, it would not hold the target.
        interval=(cost.root(interval[0]), cost.root(interval[1])) if exact else None,
        message=message,
        **shared,
    )


def _batches(
    estimator: Estimator,
    fitted: Fitted,
    sampler: Sampler,
    cost: Cost,
    key: jax.Array,
    stream: Stream,
) -> Estimate:
    answers = [ask(estimator, fitted, s, cost) for s in evaluation_batches(sampler, key, stream)]
    for answer in answers:
        if answer.status != "ok":
            return Estimate.failed(
                answer.status, answer.message, target=estimator.target, bound=estimator.bound
            )
    costs = np.array([answer.cost for answer in answers])
    stderr = float(costs.std(ddof=1) / math.sqrt(len(costs)))
    return _finish(
        estimator,
        fitted,
        cost,
        float(costs.mean()),
        stderr,
        t_interval(costs),
        len(costs),
        eval_batches=float(len(costs)),
    )


def _population(
    estimator: Estimator,
    fitted: FittedPotential,
    sampler: Sampler,
    cost: Cost,
    key: jax.Array,
    count: int | None,
) -> Estimate:
    """Dual value on fresh samples, chunk by chunk, until its standard error is small enough."""
    chunk = min(_CHUNK, sampler.limit or _CHUNK, count or _CHUNK)
    smallest, largest = (count, count) if count else (MIN_SAMPLES, MAX_SAMPLES)
    total = np.zeros(4)  # sums of phi, phi^2, psi, psi^2
    drawn = 0
    while True:
        # Only whole chunks are drawn, so a count that was asked for may be exceeded by part of one.
        *found, observed = _chunk(fitted, sampler, key, drawn // chunk, chunk, cost)
        phi, psi = (np.asarray(values, np.float64) for values in found)
        total += phi.sum(), (phi**2).sum(), psi.sum(), (psi**2).sum()
        drawn += chunk
        mean_phi, square_phi, mean_psi, square_psi = total / drawn
        mean = mean_phi + mean_psi
        variance = max(square_phi - mean_phi**2, 0) + max(square_psi - mean_psi**2, 0)
        stderr = math.sqrt(variance / max(drawn - 1, 1))
        wanted = RELATIVE_STDERR * abs(mean)
        if not math.isfinite(mean) or drawn >= largest:
            break
        # A value of (nearly) 0 would take for ever: give up early where it is hopeless.
        hopeless = variance > 4 * MAX_SAMPLES * wanted**2
        if drawn >= smallest and (stderr <= wanted or hopeless):
            break
    message = ""
    if count is None and stderr > wanted:
        message = f"standard error above 0.3 % of the value after {drawn} samples"
    # A method may correct its dual value (gradient_penalty does when told to), monotonically.
    low, middle, high = (float(fitted.corrected(mean + z * stderr)) for z in (-_Z95, 0, _Z95))
    return _finish(
        estimator,
        fitted,
        cost,
        middle,
        (high - low) / (2 * _Z95),
        (low, high),
        drawn,
        message,
        eval_samples=float(drawn),
        uncorrected=mean,
        **{name: float(number) for name, number in observed.items()},
    )


def _chunk(
    fitted: FittedPotential, sampler: Sampler, key: jax.Array, chunk: int, size: int, cost: Cost
) -> tuple[jax.Array, jax.Array, dict[str, jax.Array]]:
    """Potentials at fresh float32 samples, in float64 where they need it, and what is observed."""
    if not fitted.x64:
        with jax.enable_x64(sampler.x64):
            return *_chunk_potentials(fitted, sampler, key, chunk, size, cost), {}
    with jax.enable_x64(sampler.x64):
        drawn = [np.asarray(points, np.float32) for points in _draw(sampler, key, chunk, size)]
    with jax.enable_x64(True):
        samples = Samples(*(jnp.asarray(points, jnp.float64) for points in drawn))
        return _potentials(fitted, samples, cost)


@jit_by_class("cost")
def _potentials(
    fitted: FittedPotential, samples: Samples, cost: Cost
) -> tuple[jax.Array, jax.Array, dict[str, jax.Array]]:
    return *potentials_at(fitted, samples, cost), fitted.observed(samples, cost)


@jit_by_class("size", "cost")
def _chunk_potentials(
    fitted: FittedPotential,
    sampler: Sampler,
    key: jax.Array,
    chunk: jax.Array,
    size: int,
    cost: Cost,
) -> tuple[jax.Array, jax.Array]:
    x, y = sampler.draw(jax.random.fold_in(key, chunk), size)
    samples = Samples(x.astype(jnp.float32), y.astype(jnp.float32))
    return potentials_at(fitted, samples, cost)
