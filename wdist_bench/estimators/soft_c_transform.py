"""The critic of the entropic c-transform: the minimum over a batch is softened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax

from wdist_bench.costs import Cost
from wdist_bench.estimators import register
from wdist_bench.estimators.critic import CriticEstimator, Parts
from wdist_bench.estimators.potential import Critic
from wdist_bench.problem import Samples
from wdist_bench.solvers.soft_c_transform import soft_c_transform
from wdist_bench.validation import check_number


@register
@dataclass(frozen=True, kw_only=True)
class SoftCTransform(CriticEstimator):
    """max over f of mean f(x) - eps mean_j log mean_i exp((f(x_i) - c(x_i, y_j)) / eps), per batch.

    A smooth c-transform without constraint on f. The pair is not admissible: `value`, the p-th
    root of the dual value, is no bound and can exceed the exact W_p^p of the batch by up to
    eps log n. Where arrays are standardised, costs are over unit^p, and eps counts in that unit.

    Attributes:
        optimizer: RMSprop at 1e-4 by default.
        epsilon: temperature, in units of the cost that it is trained on: over unit^p of the data
            with `standardize` (`Problem.unit`; with Mahalanobis over that of the distances,
            `Problem.length` times it), of the cost itself without.

    Source: Mallasto, Montufar, Gerolin 2019 (arXiv 1910.03875), the (c, eps)-transform WGAN.
    """

    name: ClassVar[str] = "soft_c_transform"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "none"
    every_cost: ClassVar[bool] = True

    optimizer: str = "rmsprop"
    beta2: float = 0.99
    epsilon: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.epsilon, "epsilon", above=0)

    def parts(self) -> Parts:
        """Entropic batch c-transform dual, no constraint."""

        def dual(critic: Critic, samples: Samples, cost: Cost) -> tuple[jax.Array, jax.Array]:
            phi = critic(samples.x)
            return phi, soft_c_transform(phi, samples.x, samples.y, samples.a, cost, self.epsilon)

        return Parts(self.update_rule(), dual)
