"""The exact distance of two samples on the line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax

from wdist_bench.costs import Cost
from wdist_bench.estimate import DirectEstimator, Estimate, Fitted
from wdist_bench.estimators import register
from wdist_bench.problem import Problem, Samples
from wdist_bench.solvers.one_dimensional import line_cost_and_rounding
from wdist_bench.solvers.rounding import above, below

# Rounding of the weights' sums may hide so much of W_p^p.
_OPEN = 1e-6
_ROUNDED = (
    "the rounding of the weights moves mass over so long a way that it hides the distance; use "
    "exact, or remove the points far off"
)


@register
@dataclass(frozen=True)
class OneDimensional(DirectEstimator):
    """W_p^p = int |F^-1(t) - G^-1(t)|^p dt: sort and pair, weights included.

    `value` is W_p, exact for d = 1 in O(n log n) time; more dimensions are refused. On the line
    the norms l1 and l2 agree. Where the rounding of cumulative weights, times the jumps of the
    cost, is more than 1e-9 of W_p^p, `lower` and `upper` are that far apart, and beyond 1e-6 the
    status is "not_converged".
    """

    name: ClassVar[str] = "one_dimensional"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "exact"

    def fit(self, key: jax.Array, problem: Problem) -> Fitted:
        """Nothing to fit; refuses more than one dimension."""
        self.check_dim(problem.dim)
        return self

    def check_dim(self, dim: int) -> None:
        """Raise ValueError unless the points are numbers, d = 1."""
        if dim != 1:
            raise ValueError(
                f"one_dimensional: expected points on a line, d = 1, got d = {dim}; "
                "use exact, or project the points on a direction first"
            )

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """W_p of the two weighted samples, exact up to the rounding of their weights."""
        self.check_dim(samples.x.shape[1])
        samples.check_scale(cost)
        if samples.coincide():
            return Estimate.zero(samples, bound="exact")
        costs, rounding = line_cost_and_rounding(samples.x, samples.y, samples.a, samples.b, cost.p)
        total, hidden = float(costs[0]), float(rounding[0])
        shared: dict[str, Any] = {
            "target": "batch",
            "bound": "exact",
            "lower": cost.root(below(total, hidden)),
            "upper": cost.root(above(total, hidden)),
        }
        if hidden > _OPEN * total:
            return Estimate.failed("not_converged", _ROUNDED, **shared)
        return Estimate(cost.root(total), total, **shared)
