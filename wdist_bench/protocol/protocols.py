"""The protocols that suites name: how samples come to the estimator of a cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimator
from wdist_bench.protocol.answers import Measured
from wdist_bench.protocol.fixed import run_fixed
from wdist_bench.protocol.matched import matched_truths, refuses_matched, run_matched
from wdist_bench.protocol.stream import Stream, batch_truths, run_stream
from wdist_bench.tasks.base import Task


@dataclass(frozen=True)
class Protocol:
    """How the runs of a cell go.

    Attributes:
        run: the runs of an estimator on a task at a cost.
        one_batch: whether a run has one batch, which it is trained and evaluated on.
        truths: (runs, batches) exact W_p^p of the batches.
        refuses: why a task cannot be drawn so at a cost; empty where it can.
    """

    run: Callable[[Task, Estimator, Cost, Stream], Measured]
    one_batch: bool = False
    truths: Callable[[Task, Cost, Stream], np.ndarray] = batch_truths
    refuses: Callable[[Task, Cost], str] = lambda task, cost: ""


PROTOCOLS = {
    "stream": Protocol(run_stream),
    "fixed": Protocol(run_fixed, one_batch=True),
    "matched": Protocol(run_matched, True, matched_truths, refuses_matched),
}
"""By the name that suites give."""
