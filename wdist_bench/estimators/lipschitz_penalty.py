"""The critic of WGAN-LP: a penalty on slopes above 1 alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from wdist_bench.estimators import register
from wdist_bench.estimators.gradient_penalty import PenalizedCritic
from wdist_bench.estimators.presets import W1_BENCHMARK


@register
@dataclass(frozen=True, kw_only=True)
class LipschitzPenalty(PenalizedCritic):
    """max of mean f(x) - mean f(y) - lambda mean max(|grad f(z)| - 1, 0)^2, z = t x + (1 - t) y.

    One-sided: slopes below 1 cost nothing. `value` is the difference without the penalty, in
    units of W1, and no bound: like the two-sided penalty it overshoots, to W + W^2 / (2 lambda)
    for two point masses. With norm "l1" the gradient is measured in the dual norm, l-infinity.

    Attributes:
        optimizer: Adam at 1e-4 with betas (0, 0.9) by default.
        penalty_weight: lambda.
        correct: whether `value` is the corrected number (`undo_overshoot`); potentials stay.

    Source: Petzka, Fischer, Lukovnikov 2018 (arXiv 1709.08894), equation 8, with the samples z
    of Gulrajani et al. 2017 as in the W1 benchmark.
    """

    name: ClassVar[str] = "lipschitz_penalty"
    version: ClassVar[int] = 1
    every_cost: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "w1_benchmark": W1_BENCHMARK
        | {"beta1": 0.0, "beta2": 0.9, "penalty_weight": 10.0, "steps": 40_000},
    }

    def excess(self, slope: jax.Array) -> jax.Array:
        """max(|grad f| - 1, 0)^2: slopes up to 1 cost nothing."""
        return jnp.maximum(slope - 1, 0) ** 2
