"""The critic of WGAN-GP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import optax

from wdist_bench.costs import Cost
from wdist_bench.estimators import register
from wdist_bench.estimators.critic import (
    Critic,
    CriticEstimator,
    Parts,
    difference_dual,
    require_w1,
)
from wdist_bench.problem import Samples
from wdist_bench.validation import check_number


@register
@dataclass(frozen=True, kw_only=True)
class GradientPenalty(CriticEstimator):
    """max of mean f(x) - mean f(y) - lambda mean (|grad f(z)| - 1)^2, z = t x + (1 - t) y.

    `value` is the difference without the penalty, in units of W1. It is no bound: the penalty is
    soft and the optimum overshoots. For two point masses at distance W it is W + W^2 / (2 lambda).
    With norm "l1" the gradient is measured in the dual norm, l-infinity.

    Attributes:
        learning_rate: Adam step size.
        beta1: Adam decay of the first moment.
        beta2: Adam decay of the second moment.
        penalty_weight: lambda.

    Source: Gulrajani et al. 2017 (arXiv 1704.00028), Algorithm 1.
    """

    name: ClassVar[str] = "gradient_penalty"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "population"
    bound: ClassVar[str] = "none"

    learning_rate: float = 1e-4
    beta1: float = 0.0
    beta2: float = 0.9
    penalty_weight: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.learning_rate, "learning_rate", above=0)
        check_number(self.penalty_weight, "penalty_weight", minimum=0)

    def check_cost(self, cost: Cost) -> None:
        """P = 1 only."""
        require_w1(self, cost)

    def parts(self) -> Parts:
        """Difference dual, two-sided gradient penalty."""

        def penalty(critic: Critic, samples: Samples, cost: Cost, key: jax.Array) -> jax.Array:
            excess = cost.dual_norm(gradient_between(critic, samples, key)) - 1
            return self.penalty_weight * (excess**2).mean()

        optimizer = optax.adam(self.learning_rate, b1=self.beta1, b2=self.beta2)
        return Parts(optimizer, difference_dual, penalty=penalty)


def gradient_between(critic: Critic, samples: Samples, key: jax.Array) -> jax.Array:
    """Grad f at z_i = t_i x_i + (1 - t_i) y_i with t_i uniform on [0, 1], shape (n, d)."""
    t = jax.random.uniform(key, (samples.x.shape[0], 1), jnp.float32)
    between = t * samples.x + (1 - t) * samples.y
    return jax.grad(lambda z: critic(z).sum())(between)
