"""The protocol "stream": train on fresh minibatches, freeze, evaluate on fresh batches.

The data of a run depend on its seed and number alone, never on the estimator: every estimator of
a task trains on the same minibatches and is evaluated on the same batches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import DirectEstimator, Estimate, Estimator
from wdist_bench.estimators.given import ask, check_cost, fit, traced_cost
from wdist_bench.estimators.potential import FittedPotential
from wdist_bench.problem import Problem, Sampler, Samples
from wdist_bench.protocol.agreement import (
    agreement,
    agreement_of,
    critic_gradients,
    gradient_points,
)
from wdist_bench.protocol.answers import Measured, measured
from wdist_bench.protocol.maps import (
    Images,
    MapProbe,
    images_of_answer,
    images_of_fitted,
    map_probe,
    over_runs,
)
from wdist_bench.protocol.parallel import map_runs, run_keys
from wdist_bench.protocol.place import InPlace, sampler_for
from wdist_bench.pytrees import jit_by_class
from wdist_bench.results.statistics import negative_runs
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.tasks.base import Task, check_limit
from wdist_bench.validation import check_integer, check_seed


class Keys(NamedTuple):
    """The keys of one run: one each for minibatches, evaluation, the estimator and gradients."""

    train: jax.Array
    evaluation: jax.Array
    estimator: jax.Array
    gradient: jax.Array

    @classmethod
    def of(cls, run_key: jax.Array) -> Keys:
        """The four keys that a run's key is folded into."""
        return cls(*(jax.random.fold_in(run_key, stream) for stream in range(4)))


@dataclass(frozen=True)
class Stream:
    """Sizes and seeds of the protocol.

    Attributes:
        n: points of each population in a batch, for training and for evaluation.
        runs: independent runs.
        eval_batches: fresh batches each frozen estimator is evaluated on.
        seed: seed of all data, below 2^32.

    Raises:
        ValueError: a size that is no whole number >= 1, or another seed.
    """

    n: int = 64
    runs: int = 20
    eval_batches: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        for size in ("n", "runs", "eval_batches"):
            object.__setattr__(self, size, check_integer(getattr(self, size), size, 1))
        object.__setattr__(self, "seed", check_seed(self.seed))


def run_stream(task: Task, estimator: Estimator, cost: Cost, stream: Stream) -> Measured:
    """Every run of one estimator on one task, all in one program where the estimator is traced."""
    check_cost(estimator, cost, task.dim)
    sampler = sampler_for(task, cost)
    check_limit(task, sampler, stream.n)
    check_drawn(cost, sampler, stream)
    keys = run_keys(stream.seed, stream.runs)
    probe = map_probe(task, cost, stream.seed)
    if not estimator.traced:
        return _run_on_host(sampler, estimator, cost, stream, keys, probe)
    if _needs_float64(sampler):
        of_gradients = partial(agreement_of, task, sampler=sampler, cost=cost)
        return _run_on_host(sampler, estimator, cost, stream, keys, probe, of_gradients)
    one_run = partial(_one_run, estimator, cost, stream, gradient_points(task, sampler, cost))
    ends = None if probe is None else (probe.x, probe.y)
    timed = map_runs(one_run, keys, (sampler, ends), sampler.x64)
    costs, history, points, gradients, images = timed.result
    costs, history = costs.astype(np.float64), history.astype(np.float64)
    statuses, messages = ["ok"] * stream.runs, [""] * stream.runs
    for run in np.flatnonzero(~np.isfinite(costs).all(axis=1)).tolist():
        statuses[run], messages[run] = "diverged", _divergence(history[run])
    lost = negative_runs(costs, cost.p, estimator.bound, estimator.target)
    for run, message in lost.items():
        statuses[run], messages[run] = "not_converged", message
    return Measured(
        costs,
        history,
        statuses,
        messages,
        timed.compile_seconds,
        timed.run_seconds,
        _agreement(task, cost, points, gradients)
        | _map_agreement(probe, images, estimator, sampler, cost, stream, keys),
    )


def _agreement(
    task: Task, cost: Cost, points: np.ndarray, gradients: np.ndarray
) -> dict[str, np.ndarray]:
    """How well the gradients of each run agree with the optimal ones; empty where none is known."""
    if not points.size:
        return {}
    rows = [agreement(task, cost, *pair) for pair in zip(points, gradients, strict=True)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _map_agreement(
    probe: MapProbe | None,
    images: Any,
    estimator: Estimator,
    sampler: Sampler,
    cost: Cost,
    stream: Stream,
    keys: jax.Array,
) -> dict[str, np.ndarray]:
    """How near the map of each run is to the optimal one; empty where one of them is not known.

    What fits nothing has a map only with a batch: the one of its first.
    """
    if probe is None:
        return {}
    if isinstance(estimator, DirectEstimator):
        answers = [ask(estimator, estimator, _first(sampler, key, stream), cost) for key in keys]
        return over_runs([probe.agreement(images_of_answer(a, probe)) for a in answers])
    runs = range(stream.runs)
    rows = [[None if part is None else part[run] for part in images] for run in runs]
    return over_runs([probe.agreement((at_x, at_y)) for at_x, at_y in rows])


def _first(sampler: Sampler, run_key: jax.Array, stream: Stream) -> Samples:
    """The first evaluation batch of a run."""
    return next(evaluation_batches(sampler, Keys.of(run_key).evaluation, stream))


def _divergence(history: np.ndarray) -> str:
    bad = np.flatnonzero(~np.isfinite(history))
    when = f"at step {bad[0]}" if bad.size else "on the evaluation batches"
    return f"the estimate became NaN or inf {when}; lower the learning rate or rescale the data"


def _needs_float64(sampler: Sampler) -> bool:
    """Whether the float32 of programs has no digits for the points, and the host is to evaluate."""
    return isinstance(sampler, InPlace) or sampler.on_two_scales


def check_drawn(cost: Cost, sampler: Sampler, stream: Stream) -> None:
    """Raise ValueError where the points of the first batch have no meaning for the cost; nothing is
    drawn for costs that take all points.
    """
    if type(cost).check_points is Cost.check_points:
        return
    few = replace(stream, n=min(stream.n, sampler.limit or stream.n))
    first = _first(sampler, run_keys(stream.seed, 1)[0], few)
    for name, points in (("x", first.x), ("y", first.y)):
        cost.check_points(points, name)


def _one_run(
    estimator: Estimator,
    cost: Cost,
    stream: Stream,
    count: int,
    run_key: jax.Array,
    operand: tuple[Sampler, tuple[jax.Array, jax.Array] | None],
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array, Images]:
    """Fit, evaluate batch after batch, compare gradients at `count` points and carry the points
    (x, y) that come with the sampler; traced.
    """
    sampler, ends = operand
    keys = Keys.of(run_key)
    fitted: Any = fit(estimator, keys.estimator, Problem.from_sampler(sampler, cost, keys.train))

    def evaluate(batch: jax.Array) -> jax.Array:
        x, y = sampler.draw(jax.random.fold_in(keys.evaluation, batch), stream.n)
        samples = Samples(x.astype(jnp.float32), y.astype(jnp.float32))
        return traced_cost(estimator, fitted, samples, cost)

    costs = jax.lax.map(evaluate, jnp.arange(stream.eval_batches, dtype=jnp.int32))
    points = gradients = jnp.zeros(0)
    if count and isinstance(fitted, FittedPotential):
        points, gradients = critic_gradients(fitted, sampler, cost, keys.gradient, count)
    images = (None, None) if ends is None else images_of_fitted(fitted, *ends)
    return costs, jnp.asarray(fitted.history), points, gradients, images


def _run_on_host(
    sampler: Sampler,
    estimator: Estimator,
    cost: Cost,
    stream: Stream,
    keys: jax.Array,
    probe: MapProbe | None,
    of_gradients: Callable[..., dict[str, float]] = lambda fitted, key: {},
) -> Measured:
    """The same protocol for estimators that run on the host, run by run and batch by batch.

    The map of a run is that of its answer on the first batch, which is not timed, and neither is
    what `of_gradients` says of what was fitted.
    """
    answers: list[list[Estimate]] = []
    histories, found, seconds = [], [], 0.0
    for run_key in keys:
        own = Keys.of(run_key)
        start = time.perf_counter()
        with jax.enable_x64(sampler.x64):
            problem = Problem.from_sampler(sampler, cost, own.train)
            fitted = fit(estimator, own.estimator, problem)
        histories.append(np.asarray(fitted.history, np.float64))
        batches = evaluation_batches(sampler, own.evaluation, stream)
        first = ask(estimator, fitted, next(batches), cost)
        others = [ask(estimator, fitted, s, cost).numbers() for s in batches]
        seconds += time.perf_counter() - start
        answers.append([first.numbers(), *others])
        maps = {} if probe is None else probe.agreement(images_of_answer(first, probe))
        found.append(of_gradients(fitted=fitted, key=own.gradient) | maps)
    target = estimator.target
    return measured(answers, cost, histories, 0.0, seconds, over_runs(found), target)


def evaluation_batches(sampler: Sampler, key: jax.Array, stream: Stream) -> Iterator[Samples]:
    """The evaluation batches of one run, on the host in float64, each drawn when it is asked for.

    All at once, 100 batches of 64 images of CelebA are 1.3 GB.
    """
    for batch in range(stream.eval_batches):
        with jax.enable_x64(sampler.x64):
            x, y = _draw(sampler, key, batch, stream.n)
        yield Samples(np.asarray(x, np.float64), np.asarray(y, np.float64))


@jit_by_class("n")
def _draw(sampler: Sampler, key: jax.Array, batch: int, n: int) -> tuple[jax.Array, jax.Array]:
    return sampler.draw(jax.random.fold_in(key, batch), n)


@lru_cache(maxsize=64)
def batch_truths(task: Task, cost: Cost, stream: Stream) -> np.ndarray:
    """(runs, eval_batches) exact W_p^p of the evaluation batches, shared by all estimators.

    An entry is NaN where the exact solver could not prove optimality.
    """
    sampler = sampler_for(task, cost)
    truths = np.full((stream.runs, stream.eval_batches), np.nan)
    for run, run_key in enumerate(run_keys(stream.seed, stream.runs)):
        batches = evaluation_batches(sampler, Keys.of(run_key).evaluation, stream)
        for batch, samples in enumerate(batches):
            solution = solve_exact(cost.matrix(samples.x, samples.y))
            if solution.converged:
                truths[run, batch] = solution.cost
    return truths
