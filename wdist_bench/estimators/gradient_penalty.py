"""The critic of WGAN-GP, and what penalised critics share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from wdist_bench.costs import Cost
from wdist_bench.estimators import register
from wdist_bench.estimators.critic import CriticEstimator, Parts
from wdist_bench.estimators.potential import Critic, difference_dual
from wdist_bench.estimators.presets import MALLASTO, W1_BENCHMARK
from wdist_bench.problem import Samples
from wdist_bench.validation import check_flag, check_number


@dataclass(frozen=True, kw_only=True)
class PenalizedCritic(CriticEstimator):
    """Interface of critics whose slope a penalty holds near one: implement `excess`.

    Attributes:
        penalty_weight: lambda.
        correct: whether `value` is the corrected number (`undo_overshoot`); potentials stay.
    """

    penalty_weight: float = 10.0
    correct: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.penalty_weight, "penalty_weight", minimum=0)
        check_flag(self.correct, "correct")
        if self.correct and self.penalty_weight == 0:
            raise ValueError(
                "correct: expected a penalty_weight > 0 to correct by, got 0; set either"
            )

    @abstractmethod
    def excess(self, slope: jax.Array) -> jax.Array:
        """What slopes |grad f(z_i)| of shape (n,) cost, elementwise, over lambda."""

    def parts(self) -> Parts:
        """Difference dual, penalty on the slopes between the samples."""
        return Parts(
            self.update_rule(),
            difference_dual,
            penalty=gradient_penalty(self.penalty_weight, self.excess),
            correction=overshoot_correction(self.penalty_weight),
            corrected=self.correct,
        )


@register
@dataclass(frozen=True, kw_only=True)
class GradientPenalty(PenalizedCritic):
    """max of mean f(x) - mean f(y) - lambda mean (|grad f(z)| - 1)^2, z = t x + (1 - t) y.

    `value` is the difference without the penalty, in units of W1. It is no bound: the penalty is
    soft and the optimum overshoots. For two point masses at distance W it is W + W^2 / (2 lambda),
    which `correct` undoes; diagnostics hold both numbers in either case. With norm "l1" the
    gradient is measured in the dual norm, l-infinity.

    Attributes:
        optimizer: Adam at 1e-4 with betas (0, 0.9) by default.
        penalty_weight: lambda.
        correct: whether `value` is the corrected number (`undo_overshoot`); potentials stay.

    Source: Gulrajani et al. 2017 (arXiv 1704.00028), Algorithm 1.
    """

    name: ClassVar[str] = "gradient_penalty"
    version: ClassVar[int] = 1
    every_cost: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "mallasto": MALLASTO
        | {"optimizer": "adam", "learning_rate": 1e-4, "beta1": 0.0, "beta2": 0.9}
        | {"penalty_weight": 10.0},
        "w1_benchmark": W1_BENCHMARK
        | {"beta1": 0.0, "beta2": 0.9, "penalty_weight": 10.0, "steps": 40_000},
    }

    def excess(self, slope: jax.Array) -> jax.Array:
        """(|grad f| - 1)^2: slopes on either side of 1 cost something."""
        return (slope - 1) ** 2


def gradient_penalty(
    weight: float, excess: Callable[[jax.Array], jax.Array]
) -> Callable[[Critic, Samples, Cost, jax.Array], jax.Array]:
    """The penalty lambda mean excess(|grad f(z_i)|).

    z_i = t_i x_i + (1 - t_i) y_i with t_i uniform on [0, 1], the norm dual to the cost's.
    """

    def penalty(critic: Critic, samples: Samples, cost: Cost, key: jax.Array) -> jax.Array:
        t = jax.random.uniform(key, (samples.x.shape[0], 1), jnp.float32)
        between = t * samples.x + (1 - t) * samples.y
        slopes = jax.grad(lambda z: critic(z).sum())(between)
        return weight * excess(cost.dual_norm(slopes)).mean()

    return penalty


def overshoot_correction(weight: float) -> Callable[[Any], Any] | None:
    """`undo_overshoot` at this penalty weight; none without a penalty."""
    return partial(undo_overshoot, penalty_weight=weight) if weight else None


def undo_overshoot(dual: Any, penalty_weight: float) -> Any:
    """W with W + W^2 / (2 lambda) = D: lambda (sqrt(1 + 2 D / lambda) - 1), odd in D.

    For two point masses at distance W the optimal slope g along the segment maximises
    W g - lambda (g - 1)^2, so g = 1 + W / (2 lambda), and the dual value is D = W g. Elsewhere
    the correction is a heuristic, not a bound.

    Args:
        dual: D, the uncorrected dual value in units of W1.
        penalty_weight: lambda.
    """
    return 2 * dual / (1 + (1 + 2 * abs(dual) / penalty_weight) ** 0.5)
