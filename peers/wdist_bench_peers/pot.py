"""POT: exact, entropic and low-rank solvers (Flamary et al. 2021, JMLR 22(78))."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import wdist_bench as wb
from wdist_bench_peers.peer import (
    SQUARED,
    Found,
    Peer,
    costs_of,
    mean_cost,
)

METRICS = {("l2", 1): "euclidean", ("l2", 2): "sqeuclidean", ("l1", 1): "cityblock"}
"""POT's names of the ground costs that it computes itself."""


class _Pot(Peer):
    module: ClassVar[str] = "ot"
    package: ClassVar[str] = "POT"
    bound: ClassVar[str] = "none"


@dataclass(frozen=True, kw_only=True)
class Emd(_Pot):
    """`ot.emd2`: the network simplex on the whole matrix of costs. Claims to be exact.

    Attributes:
        numItermax: pivots allowed.
    """

    name: ClassVar[str] = "pot_emd"
    bound: ClassVar[str] = "exact"
    every_cost: ClassVar[bool] = True
    stops: ClassVar[tuple[str, ...]] = ("numItermax", "infeasible", "unbounded")

    numItermax: int = 100_000

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """W_p^p."""
        import ot

        matrix = costs_of(samples, cost)
        return Found(float(ot.emd2(samples.a, samples.b, matrix, numItermax=self.numItermax)))

    def check_cost(self, cost: wb.Cost) -> None:
        """Any cost: the matrix is computed here."""


@dataclass(frozen=True, kw_only=True)
class EmdLazy(_Pot):
    """`ot.emd2_lazy`: the network simplex that computes costs when it needs them, in O(n) memory.

    Attributes:
        numItermax: pivots allowed.
    """

    name: ClassVar[str] = "pot_emd2_lazy"
    bound: ClassVar[str] = "exact"
    costs: ClassVar[tuple[tuple[str, float], ...]] = tuple(METRICS)
    stops: ClassVar[tuple[str, ...]] = ("numItermax", "infeasible", "unbounded")

    numItermax: int = 100_000

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """W_p^p."""
        import ot

        metric = METRICS[cost.norm, cost.p]
        found = ot.emd2_lazy(
            samples.x, samples.y, samples.a, samples.b, metric=metric, numItermax=self.numItermax,
            return_matrix=False,
        )  # fmt: skip
        return Found(float(found))


@dataclass(frozen=True, kw_only=True)
class Sinkhorn(_Pot):
    """`ot.sinkhorn2`: the cost <P, c> of the entropic plan, which its marginals' error keeps from
    being a bound. POT returns it whether or not `stopThr` was reached.

    Attributes:
        reg: temperature as a share of the mean cost under independent weights (POT has no default).
        numItermax: iterations allowed.
        stopThr: error of the marginals at which it stops.
    """

    name: ClassVar[str] = "pot_sinkhorn"
    every_cost: ClassVar[bool] = True
    method: ClassVar[str] = "sinkhorn"

    reg: float = 0.05
    numItermax: int = 1000
    stopThr: float = 1e-9

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """<P, c>."""
        import ot

        value, log = ot.sinkhorn2(
            samples.a, samples.b, costs_of(samples, cost), self.reg * mean_cost(samples, cost),
            method=self.method, numItermax=self.numItermax, stopThr=self.stopThr, log=True,
        )  # fmt: skip
        return Found(float(value), int(log.get("niter", 0)), _error(log))

    def check_cost(self, cost: wb.Cost) -> None:
        """Any cost: the matrix is computed here."""


@dataclass(frozen=True, kw_only=True)
class SinkhornLog(Sinkhorn):
    """`pot_sinkhorn` in the logarithmic domain (`method="sinkhorn_log"`), for low temperatures."""

    name: ClassVar[str] = "pot_sinkhorn_log"
    method: ClassVar[str] = "sinkhorn_log"


@dataclass(frozen=True, kw_only=True)
class Greenkhorn(_Pot):
    """`ot.bregman.greenkhorn`: one row or column at a time (Altschuler, Weed, Rigollet 2017).

    Attributes:
        reg: temperature as a share of the mean cost (POT has no default).
        numItermax: updates allowed.
        stopThr: error of the marginals at which it stops.
    """

    name: ClassVar[str] = "pot_greenkhorn"
    every_cost: ClassVar[bool] = True

    reg: float = 0.05
    numItermax: int = 10_000
    stopThr: float = 1e-9

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """<P, c>."""
        import ot

        matrix, reg = costs_of(samples, cost), self.reg * mean_cost(samples, cost)
        plan = ot.bregman.greenkhorn(
            samples.a, samples.b, matrix, reg, numItermax=self.numItermax, stopThr=self.stopThr,
        )  # fmt: skip
        return Found(float((plan * matrix).sum()))

    def check_cost(self, cost: wb.Cost) -> None:
        """Any cost: the matrix is computed here."""


@dataclass(frozen=True, kw_only=True)
class SinkhornDivergence(_Pot):
    """`ot.bregman.empirical_sinkhorn_divergence`: the debiased entropic cost.

    Attributes:
        reg: temperature as a share of the mean cost (POT has no default).
        numIterMax: iterations allowed for each of the three problems.
        stopThr: error of the marginals at which they stop.
    """

    name: ClassVar[str] = "pot_sinkhorn_divergence"
    costs: ClassVar[tuple[tuple[str, float], ...]] = tuple(METRICS)

    reg: float = 0.05
    numIterMax: int = 10_000
    stopThr: float = 1e-9

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """The divergence, in units of W_p^p."""
        import ot

        found = ot.bregman.empirical_sinkhorn_divergence(
            samples.x, samples.y, self.reg * mean_cost(samples, cost), samples.a, samples.b,
            metric=METRICS[cost.norm, cost.p], numIterMax=self.numIterMax, stopThr=self.stopThr,
        )  # fmt: skip
        return Found(float(found))


@dataclass(frozen=True, kw_only=True)
class LowRank(_Pot):
    """`ot.lowrank_sinkhorn`: the cost of a plan of low rank (Scetbon, Cuturi, Peyre 2021).

    Attributes:
        rank: of the plan; POT's default is min(n, m), no low rank at all, so 50 here.
        numItermax: iterations allowed.
        stopThr: change at which it stops.
        seed_init: of its random start.
    """

    name: ClassVar[str] = "pot_lowrank_sinkhorn"
    costs: ClassVar[tuple[tuple[str, float], ...]] = SQUARED

    rank: int = 50
    numItermax: int = 2000
    stopThr: float = 1e-7
    seed_init: int = 49

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """<P, c> with P = Q diag(1/g) R^T."""
        import ot

        rank = min(self.rank, len(samples.x), len(samples.y))
        q, r, g = ot.lowrank_sinkhorn(
            samples.x, samples.y, samples.a, samples.b, rank=rank, numItermax=self.numItermax,
            stopThr=self.stopThr, seed_init=self.seed_init,
        )  # fmt: skip
        return Found(float(((q / g) @ r.T * costs_of(samples, cost)).sum()))


def _error(log: dict[str, Any]) -> dict[str, float]:
    errors = np.asarray(log.get("err", ()), np.float64)
    return {"marginal_error": float(errors[-1])} if errors.size else {}
