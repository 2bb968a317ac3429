"""The protocol "fixed": two arrays given once, as users of `wb.estimate` have them.

A run draws n points of each population, the first evaluation batch of "stream" at the same seed,
and calls `wb.estimate` on these arrays. What trains has nothing else to train on, and its number is
compared with the exact value of the same arrays: the target is the batch, for every estimator.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

import jax
import numpy as np

from wdist_bench.calls import estimate
from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimator
from wdist_bench.problem import Samples
from wdist_bench.protocol.answers import Measured, measured
from wdist_bench.protocol.compilation import compiling
from wdist_bench.protocol.maps import images_of_answer, map_probe, over_runs
from wdist_bench.protocol.parallel import run_keys
from wdist_bench.protocol.place import sampler_for
from wdist_bench.protocol.stream import Keys, Stream, evaluation_batches
from wdist_bench.tasks.base import Task, check_limit


def run_fixed(task: Task, estimator: Estimator, cost: Cost, stream: Stream) -> Measured:
    """Every run of one estimator on one task; `stream.eval_batches` is not used.

    Compile seconds are those that jax reports while the estimator runs; the first run of a shape
    pays them, and run seconds are without them. Drawing the arrays is in neither.
    """
    return run_on_arrays(_drawn(task, cost, stream), task, estimator, cost, stream)


def _drawn(task: Task, cost: Cost, stream: Stream) -> Iterator[tuple[Keys, Samples]]:
    """The keys and the arrays of each run."""
    sampler = sampler_for(task, cost)
    check_limit(task, sampler, stream.n)
    for key in run_keys(stream.seed, stream.runs):
        keys = Keys.of(key)
        (pair,) = evaluation_batches(sampler, keys.evaluation, replace(stream, eval_batches=1))
        yield keys, pair


def run_on_arrays(
    arrays: Iterable[tuple[Keys, Samples]],
    task: Task,
    estimator: Estimator,
    cost: Cost,
    stream: Stream,
) -> Measured:
    """What the estimator answers on the arrays of each run, whose keys come with them."""
    probe = map_probe(task, cost, stream.seed)
    answers, histories, maps, seconds, compile_seconds = [], [], [], 0.0, 0.0
    for keys, pair in arrays:
        seed = int(jax.random.bits(keys.estimator))
        start = time.perf_counter()
        with compiling() as compiled:
            answer = estimate(pair.x, pair.y, estimator, cost=cost, seed=seed)
        seconds += time.perf_counter() - start
        compile_seconds += compiled.seconds
        answers.append([answer])
        maps.append({} if probe is None else probe.agreement(images_of_answer(answer, probe)))
        history = np.zeros(0) if answer.history is None else np.asarray(answer.history)
        histories.append(history if cost.p == 1 else history**cost.p)
    run_seconds = max(seconds - compile_seconds, 0.0)
    return measured(answers, cost, histories, compile_seconds, run_seconds, over_runs(maps))
