"""The protocol "matched": two arrays whose exact distance is known without a solver, at any n.

A run draws n pairs (x_i, y_i) of an optimal coupling of the task. The support of an optimal
coupling is c-cyclically monotone, so pairing x_i with y_i is optimal for these arrays too:

    W_p^p of the arrays = mean |x_i - y_i|^p,

up to the rounding of the draw (float32, 1e-7 of the points, for most tasks). The rows of y are
shuffled, and `wb.estimate` is called, as in "fixed". Unlike there, the two arrays depend on each
other, so no number of this protocol is about the populations. Source: Villani 2009, Theorem 5.10.
"""

from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np

from wdist_bench.costs import L2, Cost
from wdist_bench.estimate import Estimator
from wdist_bench.problem import Samples
from wdist_bench.protocol.answers import Measured
from wdist_bench.protocol.fixed import run_on_arrays
from wdist_bench.protocol.parallel import run_keys
from wdist_bench.protocol.stream import Keys, Stream
from wdist_bench.tasks.base import Task, check_limit


def run_matched(task: Task, estimator: Estimator, cost: Cost, stream: Stream) -> Measured:
    """Every run of one estimator on one task; `stream.eval_batches` is not used."""
    arrays = ((keys, _shuffled(x, y, keys)) for keys, x, y in _pairs(task, cost, stream))
    return run_on_arrays(arrays, task, estimator, cost, stream)


def matched_truths(task: Task, cost: Cost, stream: Stream) -> np.ndarray:
    """(runs, 1) exact W_p^p of the arrays of each run: the mean cost of the pairs."""
    return np.array([[cost.matched(x, y).mean()] for _, x, y in _pairs(task, cost, stream)])


def refuses_matched(task: Task, cost: Cost) -> str:
    """Why a task has no such arrays at a cost; empty where it has them."""
    if cost == L2(cost.p) and task.pairs(jax.random.key(0), 1, cost.p) is not None:
        return ""
    return (
        f'{task.name}: expected an optimal coupling to draw from (protocol "matched"), got none '
        f'for {cost}; use the protocol "fixed"'
    )


def _pairs(task: Task, cost: Cost, stream: Stream) -> Iterator[tuple[Keys, np.ndarray, np.ndarray]]:
    """The keys of each run, and the two ends of its pairs, (n, dim) in float64."""
    if reason := refuses_matched(task, cost):
        raise ValueError(reason)
    check_limit(task, task.sampler(), stream.n)
    for key in run_keys(stream.seed, stream.runs):
        keys = Keys.of(key)
        pairs = task.pairs(keys.evaluation, stream.n, cost.p)
        x, y = (np.asarray(end, np.float64) for end in pairs or ())
        yield keys, x, y


def _shuffled(x: np.ndarray, y: np.ndarray, keys: Keys) -> Samples:
    """The arrays, the rows of y in an order that says nothing of the plan."""
    order = np.random.default_rng(int(jax.random.bits(keys.gradient))).permutation(len(y))
    return Samples(x, y[order])
