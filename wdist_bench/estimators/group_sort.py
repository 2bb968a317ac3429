"""The critic with orthonormal layers and GroupSort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from wdist_bench.costs import Cost
from wdist_bench.estimators import register
from wdist_bench.estimators.critic import CriticEstimator, Parts
from wdist_bench.estimators.potential import difference_dual, require_l2_or_l1, require_w1
from wdist_bench.estimators.presets import W1_BENCHMARK
from wdist_bench.networks.lipschitz import bjorck, certify
from wdist_bench.validation import check_integer, check_name


@register
@dataclass(frozen=True, kw_only=True)
class GroupSort(CriticEstimator):
    """max of mean f(x) - mean f(y) over MLPs with orthonormal layers and GroupSort(2).

    Such networks keep the norm of gradients and can come close to any 1-Lipschitz function. While
    training, Bjorck iterations keep the layers nearly orthonormal; then f is divided by the
    product of the layers' norms, computed from above to 1e-5. So f is 1-Lipschitz for sure, and on
    fresh samples the difference is a lower bound on W1 of the population in expectation; on a
    batch it is one of the batch. The bound holds in norm "l1" too, but a first layer of as many
    units as the points have coordinates, or more, cannot exceed W1 in l2 there.

    Attributes:
        optimizer: Adam at 1e-3 with betas (0, 0.9) by default.
        bjorck_iterations: a step.

    Source: Anil, Lucas, Grosse 2019 (arXiv 1811.05381). They differentiate through the
    orthonormalisation; here it is a projection after each step, which needs few iterations.
    """

    name: ClassVar[str] = "group_sort"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "population"
    bound: ClassVar[str] = "lower"
    every_cost: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "w1_benchmark": W1_BENCHMARK
        | {"activation": "group_sort", "initial": "standard"}
        | {"steps": 15_000},
    }

    activation: str = "group_sort"
    learning_rate: float = 1e-3
    bjorck_iterations: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_name(self.critic, ("mlp",), "critic of group_sort")  # norms of matrices only
        # Other networks do not start orthonormal.
        check_name(self.activation, ("group_sort",), "activation of group_sort")
        check_name(self.initial, ("standard",), "initial of group_sort")
        check_integer(self.bjorck_iterations, "bjorck_iterations", 1)

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError unless p = 1, as the dual needs, and the norm is l2 or l1."""
        require_w1(self, cost)
        require_l2_or_l1(self, cost)

    def parts(self) -> Parts:
        """Difference dual, orthonormal layers, certified by their exact norms."""
        return Parts(
            self.update_rule(),
            difference_dual,
            project=lambda params: bjorck(params, self.bjorck_iterations),
            certify=certify,
        )
