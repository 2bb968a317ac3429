"""The critic of the batch c-transform: any function, made admissible on each batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from wdist_bench.costs import Cost
from wdist_bench.estimators import register
from wdist_bench.estimators.critic import CriticEstimator, Parts
from wdist_bench.estimators.potential import Critic
from wdist_bench.estimators.presets import MALLASTO, W1_BENCHMARK
from wdist_bench.problem import Samples
from wdist_bench.solvers.c_transform import c_transform


@register
@dataclass(frozen=True, kw_only=True)
class CTransform(CriticEstimator):
    """max over f of mean f(x_i) + mean_j min_i (c(x_i, y_j) - f(x_i)), per batch.

    The pair is admissible on the batch for every f, so without any constraint on f the value is a
    lower bound on the exact W_p^p of the batch it is evaluated on; `value` is its p-th root.

    Attributes:
        optimizer: RMSprop at 1e-4 by default.

    Source: Mallasto, Montufar, Gerolin 2019 (arXiv 1910.03875), the (c)-transform WGAN.
    """

    name: ClassVar[str] = "c_transform"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "lower"
    every_cost: ClassVar[bool] = True

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "mallasto": MALLASTO | {"optimizer": "rmsprop", "learning_rate": 1e-4, "beta2": 0.99},
        "w1_benchmark": W1_BENCHMARK | {"steps": 15_000},
    }

    optimizer: str = "rmsprop"
    beta2: float = 0.99

    def parts(self) -> Parts:
        """The pair (f, f^c) on each batch as the dual; nothing holds f back."""
        return Parts(self.update_rule(), c_transform_dual)


def c_transform_dual(critic: Critic, samples: Samples, cost: Cost) -> tuple[jax.Array, jax.Array]:
    """phi = f at x and psi = phi^c at y, over the points of x that carry mass."""
    phi = critic(samples.x)
    if samples.a is not None:
        phi = jnp.where(samples.a > 0, phi, -jnp.inf)
    return phi, c_transform(phi, samples.x, samples.y, cost)
