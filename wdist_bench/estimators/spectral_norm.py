"""The critic whose layers are divided by their largest singular values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import optax

from wdist_bench.costs import Cost
from wdist_bench.estimators import register
from wdist_bench.estimators.critic import CriticEstimator, Parts
from wdist_bench.estimators.potential import difference_dual, require_l2_or_l1, require_w1
from wdist_bench.estimators.presets import W1_BENCHMARK
from wdist_bench.networks.lipschitz import certify, spectral_projection
from wdist_bench.validation import check_integer, check_name


@register
@dataclass(frozen=True, kw_only=True)
class SpectralNorm(CriticEstimator):
    """max of mean f(x) - mean f(y) over MLPs whose layers have largest singular value 1.

    While training, power iteration keeps the layers near norm 1; then f is divided by the product
    of the layers' norms, computed from above to 1e-5. So f is 1-Lipschitz for sure, and on fresh
    samples the difference is a lower bound on W1 of the population in expectation; on a batch it
    is one of the batch. The bound holds in norm "l1" too, where the first layer is measured from
    l1 to l2.

    Attributes:
        optimizer: Adam at 1e-3 with betas (0, 0.9) by default.
        power_iterations: a step.

    Source: Miyato, Kataoka, Koyama, Yoshida 2018 (arXiv 1802.05957). They differentiate through
    the division; here it is a projection after each step.
    """

    name: ClassVar[str] = "spectral_norm"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "population"
    bound: ClassVar[str] = "lower"
    every_cost: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "w1_benchmark": W1_BENCHMARK | {"power_iterations": 5, "steps": 5_000},
    }

    learning_rate: float = 1e-3
    power_iterations: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_name(self.critic, ("mlp",), "critic of spectral_norm")  # norms of matrices only
        check_integer(self.power_iterations, "power_iterations", 1)

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError unless p = 1, as the dual needs, and the norm is l2 or l1."""
        require_w1(self, cost)
        require_l2_or_l1(self, cost)

    def parts(self) -> Parts:
        """Difference dual, layers projected to norm 1, certified by their exact norms."""
        rule = optax.chain(self.update_rule(), spectral_projection(self.power_iterations))
        return Parts(rule, difference_dual, certify=certify)
