"""The protocol "stream": train on fresh minibatches, freeze, evaluate on fresh batches.

The data of a run depend on its seed and number alone, never on the estimator: every estimator of
a task trains on the same minibatches and is evaluated on the same batches.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimator
from wdist_bench.estimators.given import ask, check_cost, fit, traced_cost
from wdist_bench.estimators.potential import FittedPotential
from wdist_bench.problem import Problem, Sampler, Samples
from wdist_bench.protocol.agreement import agreement, critic_gradients, gradient_points
from wdist_bench.protocol.answers import Measured, measured
from wdist_bench.protocol.parallel import map_runs, run_keys
from wdist_bench.results.statistics import negative_runs
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.tasks.base import Task
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
    check_cost(estimator, cost)
    sampler = task.sampler()
    check_limit(task, sampler, stream.n)
    keys = run_keys(stream.seed, stream.runs)
    if not estimator.traced:
        return _run_on_host(sampler, estimator, cost, stream, keys)
    one_run = partial(_one_run, estimator, cost, stream, gradient_points(task, sampler, cost))
    timed = map_runs(one_run, keys, sampler, sampler.x64)
    costs, history, points, gradients = timed.result
    costs, history = costs.astype(np.float64), history.astype(np.float64)
    statuses, messages = ["ok"] * stream.runs, [""] * stream.runs
    for run in np.flatnonzero(~np.isfinite(costs).all(axis=1)).tolist():
        statuses[run], messages[run] = "diverged", _divergence(history[run])
    for run, message in negative_runs(costs).items():
        statuses[run], messages[run] = "not_converged", message
    return Measured(
        costs,
        history,
        statuses,
        messages,
        timed.compile_seconds,
        timed.run_seconds,
        _agreement(task, cost, points, gradients),
    )


def _agreement(
    task: Task, cost: Cost, points: np.ndarray, gradients: np.ndarray
) -> dict[str, np.ndarray]:
    """How well the gradients of each run agree with the optimal ones; empty where none is known."""
    if not points.size:
        return {}
    rows = [agreement(task, cost, *pair) for pair in zip(points, gradients, strict=True)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _divergence(history: np.ndarray) -> str:
    bad = np.flatnonzero(~np.isfinite(history))
    when = f"at step {bad[0]}" if bad.size else "on the evaluation batches"
    return f"the estimate became NaN or inf {when}; lower the learning rate or rescale the data"


def check_limit(task: Task, sampler: Sampler, n: int) -> None:
    """A finite data set cannot give two disjoint batches of more than half its points."""
    if sampler.limit is not None and n > sampler.limit:
        raise ValueError(
            f"n: expected at most {sampler.limit} points from task {task.name!r} {task.dataset}, "
            f"got {n}; its data are finite and the two batches of a draw are disjoint"
        )


def _one_run(
    estimator: Estimator,
    cost: Cost,
    stream: Stream,
    count: int,
    run_key: jax.Array,
    sampler: Sampler,
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Fit, evaluate batch after batch, compare gradients at `count` points; traced."""
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
    return costs, jnp.asarray(fitted.history), points, gradients


def _run_on_host(
    sampler: Sampler, estimator: Estimator, cost: Cost, stream: Stream, keys: jax.Array
) -> Measured:
    """The same protocol for estimators that run on the host, run by run and batch by batch."""
    answers, histories = [], []
    start = time.perf_counter()
    for run_key in keys:
        own = Keys.of(run_key)
        with jax.enable_x64(sampler.x64):
            problem = Problem.from_sampler(sampler, cost, own.train)
            fitted = fit(estimator, own.estimator, problem)
        histories.append(np.asarray(fitted.history, np.float64))
        batches = evaluation_batches(sampler, own.evaluation, stream)
        answers.append([ask(estimator, fitted, s, cost).numbers() for s in batches])
    return measured(answers, histories, 0.0, time.perf_counter() - start)


def evaluation_batches(sampler: Sampler, key: jax.Array, stream: Stream) -> Iterator[Samples]:
    """The evaluation batches of one run, on the host in float64, each drawn when it is asked for.

    All at once, 100 batches of 64 images of CelebA are 1.3 GB.
    """
    for batch in range(stream.eval_batches):
        with jax.enable_x64(sampler.x64):
            x, y = _draw(sampler, key, batch, stream.n)
        yield Samples(np.asarray(x, np.float64), np.asarray(y, np.float64))


@partial(jax.jit, static_argnames="n")
def _draw(sampler: Sampler, key: jax.Array, batch: int, n: int) -> tuple[jax.Array, jax.Array]:
    return sampler.draw(jax.random.fold_in(key, batch), n)


@lru_cache(maxsize=64)
def batch_truths(task: Task, cost: Cost, stream: Stream) -> np.ndarray:
    """(runs, eval_batches) exact W_p^p of the evaluation batches, shared by all estimators.

    An entry is NaN where the exact solver could not prove optimality.
    """
    sampler = task.sampler()
    truths = np.full((stream.runs, stream.eval_batches), np.nan)
    for run, run_key in enumerate(run_keys(stream.seed, stream.runs)):
        batches = evaluation_batches(sampler, Keys.of(run_key).evaluation, stream)
        for batch, samples in enumerate(batches):
            solution = solve_exact(cost.matrix(samples.x, samples.y))
            if solution.converged:
                truths[run, batch] = solution.cost
    return truths
