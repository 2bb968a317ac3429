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
from wdist_bench.solvers.projections.sliced_interval import trimmed_interval
from wdist_bench.solvers.proofs.rounding import below
from wdist_bench.solvers.sliced import directions, sliced_costs_and_rounding
from wdist_bench.validation import check_integer, check_number

_NOT_W = "the sliced distance SW_p, smaller than W_p by a factor that depends on the data"


@register
@dataclass(frozen=True)
class Sliced(Estimator):
    """SW_p^p = mean over directions theta of W_p^p(theta . x, theta . y), by random directions.

    `value` estimates SW_p, **not** W_p: already for a translation SW_2 = W_2 / sqrt(d). Since
    projections are 1-Lipschitz it never exceeds W_p of the batch, whichever directions are drawn,
    and `bound` is "lower". `stderr` is that of the random directions, about SW_p; there is no
    `interval`, which would be one for SW_p, neither for W_p of the batch nor for the population.

    With `trim` there is one in the diagnostics, `sliced_lower` and `sliced_upper`, about a target
    of its own: the distance of the *populations* along these directions, without the shares `trim`
    of mass at either end of each line, whose plug-in is `sliced_trimmed`. It holds with confidence
    `level` at every n and for all laws, and says nothing of W_p. The upper end is inf where a side
    has too few rows for the trim (`sliced_rows` are enough), and without trimming always.

    Attributes:
        n_projections: random directions, drawn once from the key of `fit`.
        trim: share of mass left out at either end, below one half; None for no interval.
        level: confidence of the interval.

    Source: Bonneel, Rabin, Peyre, Pfister 2015, Sliced and Radon Wasserstein barycenters; interval,
    Manole, Balakrishnan, Wasserman 2022 (arXiv 1909.07862).
    """

    name: ClassVar[str] = "sliced"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "lower"
    every_cost: ClassVar[bool] = True

    n_projections: int = 100
    trim: float | None = None
    level: float = 0.95

    def __post_init__(self) -> None:
        check_integer(self.n_projections, "n_projections", 2)
        _check_share(self.level, "level", "0.95 for 95 %", 1)
        if self.trim is not None:
            _check_share(self.trim, "trim", "0.1 to leave out a tenth at either end", 0.5)

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
        return FittedSliced(key, self)


@dataclass(frozen=True)
class FittedSliced(Fitted):
    """What `fit` leaves: the key that the directions are drawn from, and the options."""

    key: jax.Array
    options: Sliced

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """SW_p with the standard error that the random choice of directions leaves."""
        count = self.options.n_projections
        theta = directions(self.key, count, samples.x.shape[1])
        samples.check_scale(cost)
        costs, rounding = sliced_costs_and_rounding(
            samples.x, samples.y, samples.a, samples.b, cost.p, theta
        )
        total = below(float(costs.mean()), float(rounding.mean()))
        power = power_of_two(costs)
        spread = float(np.ldexp(np.ldexp(costs, -power).std(ddof=1), power))
        error = spread / math.sqrt(count)
        value = cost.root(total)
        return Estimate(
            value,
            total,
            target="batch",
            bound="lower",
            stderr=error / (cost.p * value ** (cost.p - 1)) if total > 0 else cost.root(error),
            lower=value,
            message=_NOT_W,
            diagnostics=self._interval(samples, cost, theta),
        )

    def _interval(self, samples: Samples, cost: Cost, theta: np.ndarray) -> dict[str, float]:
        """Of the trimmed distance of the populations along these directions."""
        trim, level = self.options.trim, self.options.level
        if trim is None:
            return {}
        if samples.a is not None or samples.b is not None:
            raise ValueError(
                "trim: expected rows without weights, got weights; the interval is that of "
                "independent rows of one law, leave trim out"
            )
        origin = samples.x.mean(0)
        found = trimmed_interval(samples.x - origin, samples.y - origin, cost.p, theta, trim, level)
        return {
            "sliced_trimmed": cost.root(found.value),
            "sliced_lower": cost.root(found.lower),
            "sliced_upper": cost.root(found.upper),
            "sliced_rows": float(found.needed) if trim > 0 else math.inf,
        }


def _check_share(value: float, name: str, example: str, below_this: float) -> None:
    """A number from 0 to below a half, or to below one."""
    if not check_number(value, name, minimum=0) < below_this:
        raise ValueError(
            f"{name}: expected a number below {below_this:g}, got {value:g}; write {example}"
        )
