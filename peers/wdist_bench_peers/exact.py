"""Exact solvers of assignments and linear programs: SciPy, lapx, pyemd, OR-Tools."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import wasserstein_distance_nd

import wdist_bench as wb
from wdist_bench_peers.peer import (
    Found,
    NotConvergedError,
    Peer,
    RefusedError,
    costs_of,
    matched,
    require_assignment,
)

# OR-Tools computes in whole numbers: costs become shares of the largest of so many.
_LEVELS = 2**40
# pyemd moves mass between two histograms over the same places: all points of both sides.
_PLACES = 4000


class _Exact(Peer):
    bound: ClassVar[str] = "exact"


@dataclass(frozen=True, kw_only=True)
class ScipyAssignment(_Exact):
    """`scipy.optimize.linear_sum_assignment`: Jonker and Volgenant's algorithm (Crouse 2016)."""

    name: ClassVar[str] = "scipy_assignment"
    module: ClassVar[str] = "scipy"
    package: ClassVar[str] = "scipy"
    every_cost: ClassVar[bool] = True

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """Mean cost of the best assignment."""
        require_assignment(self.name, samples)
        _, columns = linear_sum_assignment(costs_of(samples, cost))
        return Found(matched(samples, columns, cost))

    def check_cost(self, cost: wb.Cost) -> None:
        """Any cost: the matrix is computed here."""


@dataclass(frozen=True, kw_only=True)
class ScipyWasserstein(_Exact):
    """`scipy.stats.wasserstein_distance_nd`: W_1 in l2 as a linear program, by HiGHS.

    All n m pairs are variables, so it is for hundreds of points.
    """

    name: ClassVar[str] = "scipy_wasserstein_nd"
    module: ClassVar[str] = "scipy"
    package: ClassVar[str] = "scipy"
    costs: ClassVar[tuple[tuple[str, float], ...]] = (("l2", 1),)

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """W_1."""
        return Found(float(wasserstein_distance_nd(samples.x, samples.y, samples.a, samples.b)))


@dataclass(frozen=True, kw_only=True)
class Lapjv(_Exact):
    """`lap.lapjv` of lapx: Jonker and Volgenant's algorithm."""

    name: ClassVar[str] = "lapx_lapjv"
    module: ClassVar[str] = "lap"
    package: ClassVar[str] = "lapx"
    every_cost: ClassVar[bool] = True

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """Mean cost of the best assignment."""
        import lap

        require_assignment(self.name, samples)
        _, columns, _ = lap.lapjv(costs_of(samples, cost))
        return Found(matched(samples, np.asarray(columns, np.intp), cost))


@dataclass(frozen=True, kw_only=True)
class PyEmd(_Exact):
    """`pyemd.emd` between histograms over the points of both sides, as its authors ship it.

    Attributes:
        backend: "pot" (its default: POT's network simplex) or "cpp" (Pele and Werman 2009).
    """

    name: ClassVar[str] = "pyemd_emd"
    module: ClassVar[str] = "pyemd"
    package: ClassVar[str] = "pyemd"
    stops: ClassVar[tuple[str, ...]] = ("numItermax",)

    backend: str = "pot"

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """W_p^p, from the (n + m, n + m) matrix of all pairs."""
        import pyemd

        points = np.concatenate([samples.x, samples.y])
        if len(points) > _PLACES:
            raise RefusedError(f"{self.name}: expected at most {_PLACES} points, got {len(points)}")
        first = np.r_[samples.a, np.zeros(len(samples.y))]
        second = np.r_[np.zeros(len(samples.x)), samples.b]
        matrix = np.ascontiguousarray(cost.matrix(points, points))
        return Found(float(pyemd.emd(first, second, matrix, backend=self.backend)))


@dataclass(frozen=True, kw_only=True)
class OrtoolsAssignment(_Exact):
    """OR-Tools' `SimpleLinearSumAssignment`: cost scaling (Goldberg and Kennedy 1995), on costs
    rounded to whole shares of the largest, so exact up to 1e-12 of it.
    """

    name: ClassVar[str] = "ortools_assignment"
    module: ClassVar[str] = "ortools"
    package: ClassVar[str] = "ortools"

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """Mean cost of the best assignment."""
        from ortools.graph.python import linear_sum_assignment as ortools

        require_assignment(self.name, samples)
        matrix = costs_of(samples, cost)
        n, largest = len(matrix), float(matrix.max())
        levels = min(_LEVELS, 2.0 ** math.floor(math.log2(2.0**61 / (n + 1))))
        whole = np.rint(matrix * (levels / (largest or 1.0))).astype(np.int64)
        solver = ortools.SimpleLinearSumAssignment()
        rows, columns = np.divmod(np.arange(n * n, dtype=np.int32), n)
        solver.add_arcs_with_cost(rows, columns, whole.ravel())
        if solver.solve() != solver.OPTIMAL:
            raise NotConvergedError(f"{self.name}: OR-Tools found no assignment")
        mates = np.array([solver.right_mate(i) for i in range(n)])
        return Found(matched(samples, mates, cost))
