"""The batch c-transform critic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from wdist_bench.costs import Cost
from wdist_bench.estimators import register
from wdist_bench.estimators.critic import Critic, CriticEstimator, Parts
from wdist_bench.estimators.weight_clipping import rmsprop
from wdist_bench.problem import Samples
from wdist_bench.solvers.c_transform import c_transform
from wdist_bench.validation import check_number


@register
@dataclass(frozen=True, kw_only=True)
class CTransform(CriticEstimator):
    """max over f of mean f(x_i) + mean_j min_i (c(x_i, y_j) - f(x_i)), per batch.

    The pair is admissible on the batch for every f, so without any constraint on f the value is a
    lower bound on the exact W_p^p of the batch it is evaluated on; `value` is its p-th root.

    Attributes:
        learning_rate: RMSprop step size.

    Source: Mallasto, Montufar, Gerolin 2019 (arXiv 1910.03875), the (c)-transform WGAN.
    """

    name: ClassVar[str] = "c_transform"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "lower"

    learning_rate: float = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.learning_rate, "learning_rate", above=0)

    def parts(self) -> Parts:
        """Batch c-transform dual, no constraint."""
        return Parts(rmsprop(self.learning_rate), c_transform_dual)


def c_transform_dual(critic: Critic, samples: Samples, cost: Cost) -> tuple[jax.Array, jax.Array]:
    """Phi = f at x and psi = phi^c at y, over the points of x that carry mass."""
    phi = critic(samples.x)
    if samples.a is not None:
        phi = jnp.where(samples.a > 0, phi, -jnp.inf)
    return phi, c_transform(phi, samples.x, samples.y, cost)
