"""POT: couplings and bounds from projections, partitions and moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import wdist_bench as wb
from wdist_bench_peers.peer import L2, SQUARED, Found, Peer, matched, require_assignment
from wdist_bench_peers.pot import METRICS


class _Pot(Peer):
    module: ClassVar[str] = "ot"
    package: ClassVar[str] = "POT"
    costs: ClassVar[tuple[tuple[str, float], ...]] = L2


@dataclass(frozen=True, kw_only=True)
class Bsp(_Pot):
    """`ot.bsp.compute_bspot_bijection`: the best of many matchings by partition of space.

    A bijection, so an upper bound; equal numbers of points only.

    Attributes:
        n_plans: matchings that are merged.
        seed: of their random cuts.
    """

    name: ClassVar[str] = "pot_bsp"
    bound: ClassVar[str] = "upper"

    n_plans: int = 64
    seed: int = 0

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """Mean cost of the bijection."""
        import ot.bsp

        require_assignment(self.name, samples)
        _, columns, _ = ot.bsp.compute_bspot_bijection(
            samples.x, samples.y, n_plans=self.n_plans, p=int(cost.p), seed=self.seed
        )
        return Found(matched(samples, np.asarray(columns, np.intp), cost))


@dataclass(frozen=True, kw_only=True)
class MinSlicedPlan(_Pot):
    """`ot.sliced.min_sliced_transport_plan`: the cheapest plan that one projection gives.

    Attributes:
        n_projections: directions tried (POT has no default).
        seed: of the directions.
    """

    name: ClassVar[str] = "pot_min_sliced_plan"
    bound: ClassVar[str] = "upper"
    costs: ClassVar[tuple[tuple[str, float], ...]] = tuple(METRICS)

    n_projections: int = 50
    seed: int = 0

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """Its cost."""
        import ot

        _, value = ot.sliced.min_sliced_transport_plan(
            samples.x, samples.y, samples.a, samples.b, metric=METRICS[cost.norm, cost.p],
            n_projections=self.n_projections, seed=self.seed, dense=False,
        )  # fmt: skip
        return Found(float(value))


@dataclass(frozen=True, kw_only=True)
class ExpectedSlicedPlan(_Pot):
    """`ot.sliced.expected_sliced_plan`: the mean of the plans that projections give.

    Attributes:
        n_projections: directions (POT has no default).
        beta: inverse temperature of the weights of plans; 0 weighs all alike.
        seed: of the directions.
    """

    name: ClassVar[str] = "pot_expected_sliced_plan"
    bound: ClassVar[str] = "upper"
    costs: ClassVar[tuple[tuple[str, float], ...]] = tuple(METRICS)

    n_projections: int = 50
    beta: float = 0.0
    seed: int = 0

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """Its cost."""
        import ot

        _, value = ot.sliced.expected_sliced_plan(
            samples.x, samples.y, samples.a, samples.b, metric=METRICS[cost.norm, cost.p],
            n_projections=self.n_projections, beta=self.beta, seed=self.seed, dense=False,
        )  # fmt: skip
        return Found(float(value))


@dataclass(frozen=True, kw_only=True)
class Sliced(_Pot):
    """`ot.sliced_wasserstein_distance`: SW_p over random directions. SW_p <= W_p in l2.

    Attributes:
        n_projections: directions.
        seed: of the directions.
    """

    name: ClassVar[str] = "pot_sliced"
    bound: ClassVar[str] = "lower"

    n_projections: int = 50
    seed: int = 0

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """SW_p^p."""
        import ot

        value = ot.sliced_wasserstein_distance(
            samples.x, samples.y, samples.a, samples.b, self.n_projections, int(cost.p),
            seed=self.seed,
        )  # fmt: skip
        return Found(float(value) ** cost.p)


@dataclass(frozen=True, kw_only=True)
class MaxSliced(_Pot):
    """`ot.max_sliced_wasserstein_distance`: the largest over random directions, below W_p in l2.

    Attributes:
        n_projections: directions.
        seed: of the directions.
    """

    name: ClassVar[str] = "pot_max_sliced"
    bound: ClassVar[str] = "lower"

    n_projections: int = 50
    seed: int = 0

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """Its p-th power."""
        import ot

        value = ot.max_sliced_wasserstein_distance(
            samples.x, samples.y, samples.a, samples.b, self.n_projections, int(cost.p),
            seed=self.seed,
        )  # fmt: skip
        return Found(float(value) ** cost.p)


@dataclass(frozen=True, kw_only=True)
class Bures(_Pot):
    """`ot.gaussian.empirical_bures_wasserstein_distance`: W_2 of the Gaussians with these moments.

    With the covariances of the rows it would bound W_2 from below (Gelbrich 1990). POT adds `reg`
    to both, so it claims nothing.

    Attributes:
        reg: added to the covariances' diagonals.
    """

    name: ClassVar[str] = "pot_bures"
    bound: ClassVar[str] = "none"
    costs: ClassVar[tuple[tuple[str, float], ...]] = SQUARED

    reg: float = 1e-6

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """Its square."""
        import ot

        value = ot.gaussian.empirical_bures_wasserstein_distance(
            samples.x, samples.y, self.reg, samples.a[:, None], samples.b[:, None]
        )
        return Found(float(value) ** 2)
