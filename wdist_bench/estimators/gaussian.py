"""The distance that means and covariances alone explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from wdist_bench.costs import Cost
from wdist_bench.estimate import DirectEstimator, Estimate, out_of_memory_is_a_status
from wdist_bench.estimators import register
from wdist_bench.problem import Samples
from wdist_bench.solvers.gaussian import bures_cost, mean_shift, moments_rounding
from wdist_bench.solvers.maps import LinearMap
from wdist_bench.solvers.proofs.rounding import below


@register
@dataclass(frozen=True)
class Gaussian(DirectEstimator):
    """p = 2: W_2 of the Gaussians with the moments of the samples; p = 1: |E x - E y|.

    Both are lower bounds on the batch value (Gelbrich's inequality; Jensen's), and `bound` says
    so. As plug-ins for the population they are consistent for W_2 of Gaussian or of any two
    elliptical laws of one family, and for W_1 of a translation; elsewhere they miss whatever the
    moments do not show. `value` is W_p. Covariances may be singular. For p = 2 `map` is the linear
    map between the two Gaussians.

    Source: Dowson and Landau 1982; as a lower bound for other laws, Gelbrich 1990.
    """

    name: ClassVar[str] = "gaussian"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "lower"
    every_cost: ClassVar[bool] = True

    def check_cost(self, cost: Cost) -> None:
        """p = 2 with norm l2 only; p = 1 with any norm."""
        if cost.p not in (1, 2) or not cost.is_norm:
            raise ValueError(
                f"gaussian: expected a norm at p = 1 or l2 at p = 2, got {cost.norm} at "
                f"p = {cost.p:g}; means and covariances bound these alone, use exact or sinkhorn"
            )
        if cost.p == 2 and cost.norm != "l2":
            raise ValueError(
                f"gaussian: expected norm l2 for p = 2, got {cost.norm}; the Bures formula holds "
                "for the Euclidean norm only, use exact or sinkhorn"
            )

    @out_of_memory_is_a_status
    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The moment bound on the batch value."""
        self.check_cost(cost)
        samples.check_scale(cost)
        kept = samples.with_mass()
        measures = kept.x, kept.y, kept.a, kept.b
        maps: dict[str, Any] = {}
        if cost.p == 2:
            back = kept.y, kept.x, kept.b, kept.a
            maps = {"map": LinearMap(*measures), "inverse_map": LinearMap(*back)}
        if samples.coincide(cost):
            return Estimate.zero(samples, bound="lower", **maps)
        total = bures_cost(*measures) if cost.p == 2 else cost.length(mean_shift(*measures))
        lengths = cost.lengths_of_axes(kept.x.shape[1])
        x, y = kept.x * lengths, kept.y * lengths  # in the unit of the distance
        total = below(total, moments_rounding(total, x, y, kept.a, kept.b, cost.p))
        value = cost.root(total)
        return Estimate(value, total, target="batch", bound="lower", lower=value, **maps)
