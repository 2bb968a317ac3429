"""The critic of the original WGAN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax

from wdist_bench.costs import Cost
from wdist_bench.estimators import register
from wdist_bench.estimators.critic import CriticEstimator, Parts, difference_dual, require_w1
from wdist_bench.validation import check_number


@register
@dataclass(frozen=True, kw_only=True)
class WeightClipping(CriticEstimator):
    """max over weights in [-clip, clip] of mean f(x) - mean f(y).

    Estimates kappa W1 for an unknown kappa, at most the Lipschitz constant of the clip box, so
    `value` is no bound of either side in general. For a d-128-128-1 ReLU network with clip c
    that constant is at most c^3 sqrt(128 d) 128 sqrt(128), 0.0232 for d = 2 and c = 0.01.

    Attributes:
        learning_rate: RMSprop step size.
        clip: weights and biases are clipped to [-clip, clip] after each step.

    Source: Arjovsky, Chintala, Bottou 2017 (arXiv 1701.07875), Algorithm 1; settings of
    Mallasto, Montufar, Gerolin 2019 (arXiv 1910.03875).
    """

    name: ClassVar[str] = "weight_clipping"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "population"
    bound: ClassVar[str] = "none"

    learning_rate: float = 5e-5
    clip: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.learning_rate, "learning_rate", above=0)
        check_number(self.clip, "clip", above=0)

    def check_cost(self, cost: Cost) -> None:
        """P = 1 only."""
        require_w1(self, cost)

    def parts(self) -> Parts:
        """Difference dual, projection on the clip box."""

        def project(params: Any) -> Any:
            return jax.tree.map(lambda w: jnp.clip(w, -self.clip, self.clip), params)

        return Parts(rmsprop(self.learning_rate), difference_dual, project=project)


def rmsprop(learning_rate: float) -> optax.GradientTransformation:
    """RMSprop with the constants of PyTorch, in which the papers' critics were trained."""
    return optax.rmsprop(learning_rate, decay=0.99, eps=1e-8, eps_in_sqrt=False)
