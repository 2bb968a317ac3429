"""The sliced Wasserstein distance, which is not the Wasserstein distance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import jax
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.costs.l2 import power_of_two
from wdist_bench.estimate import Estimate, Estimator, Fitted
from wdist_bench.estimators import register
from wdist_bench.problem import Problem, Samples
from wdist_bench.solvers.rounding import below
from wdist_bench.solvers.sliced import directions, sliced_costs_and_rounding
from wdist_bench.validation import check_integer

_NOT_W = "the sliced distance SW_p, smaller than W_p by a factor that depends on the data"


@register
@dataclass(frozen=True)
class Sliced(Estimator):
    """SW_p^p = mean over directions theta of W_p^p(theta . x, theta . y), by random directions.

    `value` estimates SW_p, **not** W_p: already for a translation SW_2 = W_2 / sqrt(d). Since
    projections are 1-Lipschitz it never exceeds W_p of the batch, whichever directions are drawn,
    and `bound` is "lower". `stderr` is that of the random directions, about SW_p; there is no
    `interval`, which would be one for SW_p, neither for W_p of the batch nor for the population.

    Attributes:
        n_projections: random directions, drawn once from the key of `fit`.

    Source: Bonneel, Rabin, Peyre, Pfister 2015, Sliced and Radon Wasserstein barycenters.
    """

    name: ClassVar[str] = "sliced"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "lower"
    every_cost: ClassVar[bool] = True

    n_projections: int = 100

    def __post_init__(self) -> None:
        check_integer(self.n_projections, "n_projections", 2)

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError unless the norm is l2: directions come from its unit sphere."""
        if cost.norm != "l2":
            raise ValueError(
                f"sliced: expected norm l2, got {cost.norm}; its directions are those of the "
                "Euclidean sphere, use exact or sinkhorn"
            )

    def fit(self, key: jax.Array, problem: Problem) -> Fitted:
        """Remember the key of the directions."""
        self.check_cost(problem.cost)
        return FittedSliced(key, self.n_projections)


@dataclass(frozen=True)
class FittedSliced(Fitted):
    """What `fit` leaves: the key that the directions are drawn from, and how many there are."""

    key: jax.Array
    n_projections: int

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """SW_p with the standard error that the random choice of directions leaves."""
        theta = directions(self.key, self.n_projections, samples.x.shape[1])
        samples.check_scale(cost)
        costs, rounding = sliced_costs_and_rounding(
            samples.x, samples.y, samples.a, samples.b, cost.p, theta
        )
        total = below(float(costs.mean()), float(rounding.mean()))
        power = power_of_two(costs)
        spread = float(np.ldexp(np.ldexp(costs, -power).std(ddof=1), power))
        error = spread / math.sqrt(self.n_projections)
        value = cost.root(total)
        return Estimate(
            value,
            total,
            target="batch",
            bound="lower",
            stderr=error / (cost.p * value ** (cost.p - 1)) if total > 0 else error,
            lower=value,
            message=_NOT_W,
        )
