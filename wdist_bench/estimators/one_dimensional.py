"""The exact distance of two samples on the line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax

from wdist_bench.costs import Cost
from wdist_bench.estimate import DirectEstimator, Estimate, Fitted
from wdist_bench.estimators import register
from wdist_bench.problem import Problem, Samples
from wdist_bench.solvers.one_dimensional import line_cost


@register
@dataclass(frozen=True)
class OneDimensional(DirectEstimator):
    """W_p^p = int |F^-1(t) - G^-1(t)|^p dt: sort and pair, weights included.

    `value` is W_p, exact for d = 1 in O(n log n) time; more dimensions are refused. On the line
    the norms l1 and l2 agree.
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
        """d = 1 only."""
        if dim != 1:
            raise ValueError(
                f"one_dimensional: expected points on a line, d = 1, got d = {dim}; "
                "use exact, or project the points on a direction first"
            )

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The exact batch value."""
        self.check_dim(samples.x.shape[1])
        total = float(line_cost(samples.x, samples.y, samples.a, samples.b, cost.p)[0])
        value = cost.root(total)
        return Estimate(value, total, target="batch", bound="exact", lower=value, upper=value)
