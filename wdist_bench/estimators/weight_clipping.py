"""The critic of the original WGAN, whose weights are clipped to a box."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from wdist_bench.estimators import register
from wdist_bench.estimators.critic import CriticEstimator, Parts
from wdist_bench.estimators.potential import difference_dual
from wdist_bench.estimators.presets import MALLASTO, W1_BENCHMARK
from wdist_bench.validation import check_flag, check_number


@register
@dataclass(frozen=True, kw_only=True)
class WeightClipping(CriticEstimator):
    """max over weights in [-clip, clip] of mean f(x) - mean f(y).

    Estimates kappa W1 for an unknown kappa, at most the Lipschitz constant of the clip box, so
    `value` is no bound of either side in general. For a d-128-128-1 ReLU network with clip c
    that constant is at most c^3 sqrt(128 d) 128 sqrt(128), 0.0232 for d = 2 and c = 0.01.

    Attributes:
        optimizer: RMSprop at 5e-5 by default.
        clip: weights are clipped to [-clip, clip] after each step.
        clip_biases: whether biases are clipped as well.

    Source: Arjovsky, Chintala, Bottou 2017 (arXiv 1701.07875), Algorithm 1; settings of
    Mallasto, Montufar, Gerolin 2019 (arXiv 1910.03875).
    """

    name: ClassVar[str] = "weight_clipping"
    version: ClassVar[int] = 1
    every_cost: ClassVar[bool] = True

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "mallasto": MALLASTO
        | {"optimizer": "rmsprop", "learning_rate": 5e-5, "beta2": 0.99}
        | {"clip": 0.01, "clip_biases": True},
        "w1_benchmark": W1_BENCHMARK
        | {"beta1": 0.0, "beta2": 0.9, "steps": 5_000}
        | {"clip": 0.04, "clip_biases": False},
    }

    optimizer: str = "rmsprop"
    learning_rate: float = 5e-5
    beta2: float = 0.99
    clip: float = 0.01
    clip_biases: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.clip, "clip", above=0)
        check_flag(self.clip_biases, "clip_biases")

    def parts(self) -> Parts:
        """Difference dual, projection on the clip box."""

        def clipped(leaf: jax.Array) -> jax.Array:
            is_bias = leaf.ndim < 2
            free = is_bias and not self.clip_biases
            return leaf if free else jnp.clip(leaf, -self.clip, self.clip)

        return Parts(
            self.update_rule(),
            difference_dual,
            project=lambda params: jax.tree.map(clipped, params),
        )
