"""Large problems along few of their pairs: where these are possible, and what is said of them."""

from __future__ import annotations

import itertools
import logging
import time
from dataclasses import replace

from wdist_bench.costs import Cost, Matrix, Pairwise
from wdist_bench.problem import Samples
from wdist_bench.solvers.certificate import distances_off
from wdist_bench.solvers.machine.memory import fits
from wdist_bench.solvers.proofs.rounding import below
from wdist_bench.solvers.sparse_exact import Report, SparseSolution, solve_sparse

# Above what was measured, 117 MiB at 10,000 points a side (to 1e-9, 6,100 bytes a point) and 585
# MiB at 100,000 (results/speed/large.md), since later rounds have more arcs.
_BYTES_A_POINT = 10_000
# Dimensions up to which boxes of points are far apart (results/speed/sparse.md).
_FEW_DIMS = 8
_LOGGER = logging.getLogger("wdist_bench")


def possible(samples: Samples, cost: Cost) -> bool:
    """Whether the cost is one of points, and there is memory for the arcs."""
    if isinstance(cost, Pairwise):  # whose costs of k pairs are found among those of k x k
        return False
    room = (len(samples.x) + len(samples.y)) * _BYTES_A_POINT
    return not isinstance(cost, Matrix) and fits(room)


def prunes(samples: Samples, cost: Cost, pairs: int) -> bool:
    """Whether there are so many pairs, in few dimensions, so that most are never looked at."""
    many = len(samples.x) * len(samples.y) >= pairs
    return many and samples.x.shape[1] <= _FEW_DIMS and cost.by_boxes


def solve(samples: Samples, cost: Cost, rtol: float, name: str) -> SparseSolution:
    """The solution to a relative gap; the logger `wdist_bench` is told each round of `name`."""
    found = solve_sparse(
        samples.x, samples.y, samples.a, samples.b, cost, rtol, report=_log_rounds(samples, name)
    )
    if (hidden := distances_off(samples, cost, found.upper)) > 0:
        lower, upper = below(found.lower, hidden), found.upper + hidden
        return replace(found, lower=lower, upper=upper, converged=False)
    return found


def _log_rounds(samples: Samples, name: str) -> Report:
    """A report that logs the gap of each round, from 0 on, which is that of the cells, and the
    seconds since the start.
    """
    start, rounds = time.perf_counter(), itertools.count()
    sizes = f"{name}, {len(samples.x):,} x {len(samples.y):,}"

    def say(lower: float, upper: float) -> None:
        gap = (upper - lower) / upper if upper > 0 else 0.0
        seconds = time.perf_counter() - start
        _LOGGER.info("%s points: round %d, gap %.1e, %.1f s", sizes, next(rounds), gap, seconds)

    return say
