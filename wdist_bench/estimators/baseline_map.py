"""Maps that learn next to nothing: what any map of points has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import DirectEstimator, Estimate, Map
from wdist_bench.estimators import register
from wdist_bench.estimators.potential import require_w2
from wdist_bench.problem import Samples
from wdist_bench.solvers.maps import ConstantMap, Identity
from wdist_bench.validation import check_name

_MAPS = ("identity", "constant")


@register
@dataclass(frozen=True)
class BaselineMap(DirectEstimator):
    """W_2 read off a map T that learns next to nothing: (sum_i a_i |x_i - T x_i|^2)^(1/2).

    The identity moves nothing, so its value is 0. The constant moves all mass to the mean of y; by
    definition 100 % of the variance is unexplained by that map. Neither is a bound of anything
    worth stating: `bound` is "none". They stand below the linear map of `gaussian`.

    Attributes:
        map: "identity" or "constant".

    Source: the baselines ID and C of Korotin et al. 2021 (arXiv 2106.01954).
    """

    name: ClassVar[str] = "baseline_map"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "none"
    every_cost: ClassVar[bool] = True
    baseline: ClassVar[bool] = True

    map: str = "identity"

    def __post_init__(self) -> None:
        check_name(self.map, _MAPS, "map")

    def check_cost(self, cost: Cost) -> None:
        """p = 2 in l2, which maps are compared for."""
        require_w2(self, cost, "which maps are compared for", "exact for a distance")

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The cost of the map on the samples, with the map and its counterpart back."""
        self.check_cost(cost)
        samples.check_scale(cost)
        kept = samples.with_mass()
        maps: tuple[Map, Map] = Identity(), Identity()
        if self.map == "constant":
            maps = ConstantMap.onto(kept.y, kept.b), ConstantMap.onto(kept.x, kept.a)
        moved = ((maps[0](kept.x) - kept.x) ** 2).sum(1)
        total = float(np.average(moved, weights=kept.a))
        return Estimate(
            cost.root(total), total, target="batch", bound="none", map=maps[0], inverse_map=maps[1]
        )
