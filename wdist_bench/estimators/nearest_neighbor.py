"""The mean cost to the nearest neighbour: what an untrained batch c-transform returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from wdist_bench.costs import L2, Cost
from wdist_bench.estimate import DirectEstimator, Estimate, TracedFitted
from wdist_bench.estimators import register
from wdist_bench.problem import Samples
from wdist_bench.solvers.c_transform import nearest_neighbor_cost
from wdist_bench.solvers.certificate import blurred, nearest_cost
from wdist_bench.solvers.maps import NearestMap
from wdist_bench.solvers.proofs.rounding import below
from wdist_bench.validation import check_name


@register
@jax.tree_util.register_static
@dataclass(frozen=True)
class NearestNeighbor(DirectEstimator, TracedFitted):
    """W_p^p >= sum_j b_j min_i c(x_i, y_j), the batch dual at phi = 0.

    A lower bound on the exact batch value; `value` is its p-th root. It is the baseline that a
    trained c-transform critic has to beat. For p = 2 in l2 `map` takes a point to its nearest y,
    and `inverse_map` to its nearest x: what costs this little.

    Attributes:
        sides: "one": from every y to its nearest x, as in an untrained c-transform; "both": the
            larger of that and of sum_i a_i min_j c(x_i, y_j), the dual at psi = 0.
    """

    name: ClassVar[str] = "nearest_neighbor"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "lower"
    every_cost: ClassVar[bool] = True
    traced: ClassVar[bool] = True

    sides: str = "one"

    def __post_init__(self) -> None:
        check_name(self.sides, ("one", "both"), "sides")

    def batch_cost(self, samples: Samples, cost: Cost) -> jax.Array:
        """The lower bound on W_p^p of the batch, a scalar in the dtype of the samples."""
        x, y, a, b = samples.x, samples.y, samples.a, samples.b
        one = nearest_neighbor_cost(x, y, b, cost, None if a is None else a > 0)
        if self.sides == "one":
            return one
        other = nearest_neighbor_cost(y, x, a, cost.transposed, None if b is None else b > 0)
        return jnp.maximum(one, other)

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The lower bound on W_p of the batch, computed in float64 on the host."""
        samples.check_scale(cost)
        bound = nearest_cost(samples, cost, self.sides)
        value = cost.root(bound)
        maps: dict[str, Any] = {}
        if cost == L2(2):
            kept = samples.with_mass()
            maps = {"map": NearestMap(kept.y), "inverse_map": NearestMap(kept.x)}
        lower = cost.root(below(bound, blurred(samples, cost, bound)))
        return Estimate(value, bound, target="batch", bound="lower", lower=lower, **maps)
