"""The exact distance of two samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wdist_bench.costs import Cost
from wdist_bench.estimate import DirectEstimator, Estimate, Potentials
from wdist_bench.estimators import register
from wdist_bench.problem import Samples
from wdist_bench.solvers.exact import MAX_ITERATIONS, solve_exact
from wdist_bench.validation import check_integer


@register
@dataclass(frozen=True)
class Exact(DirectEstimator):
    """W_p of the two weighted samples, by linear programming in float64.

    `value` is W_p (not W_p^p), exact up to a duality gap that `diagnostics` reports as
    `primal`, `dual` and `gap` in cost units. Time grows like n^3, memory like n m.

    Attributes:
        max_iterations: pivots allowed; when they run out the status is "not_converged" and the
            value NaN, never a plausible number.
    """

    name: ClassVar[str] = "exact"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "exact"

    max_iterations: int = MAX_ITERATIONS

    def __post_init__(self) -> None:
        check_integer(self.max_iterations, "max_iterations", 1)

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The exact batch value with its optimal potentials."""
        solution = solve_exact(
            cost.matrix(samples.x, samples.y), samples.a, samples.b, self.max_iterations
        )
        diagnostics = {
            "primal": solution.cost,
            "dual": solution.dual,
            "gap": solution.gap,
            "violation": solution.violation,
        }
        if not solution.converged:
            return Estimate.failed(
                "not_converged",
                solution.message,
                target="batch",
                bound="exact",
                diagnostics=diagnostics,
            )
        value = cost.root(solution.cost)
        return Estimate(
            value,
            solution.cost,
            target="batch",
            bound="exact",
            lower=value,
            upper=value,
            potentials=Potentials(solution.phi, solution.psi),
            diagnostics=diagnostics,
        )
