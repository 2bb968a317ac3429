"""The exact distance of two samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from wdist_bench.costs import Cost
from wdist_bench.estimate import (
    DirectEstimator,
    Estimate,
    Potentials,
    out_of_memory_is_a_status,
)
from wdist_bench.estimators import register
from wdist_bench.problem import Samples
from wdist_bench.solvers.certificate import at_all_points
from wdist_bench.solvers.exact import MAX_ITERATIONS, solve_exact
from wdist_bench.solvers.memory import require_matrix
from wdist_bench.solvers.plans import monotone, of_dense
from wdist_bench.validation import check_integer

# Measured at 3,000 and 4,096 points: costs, plan and the simplex's graph.
_BYTES_A_PAIR = 49
# Rounding may leave so much of W_p^p open.
_OPEN = 1e-3
_ROUNDED = (
    "the distance is so far below the largest that rounding shows; use [lower, upper], which is "
    "what is proved"
)


@register
@dataclass(frozen=True)
class Exact(DirectEstimator):
    """W_p of the two weighted samples, by linear programming in float64.

    `value` is W_p (not W_p^p), exact up to a duality gap that `diagnostics` reports as
    `primal`, `dual` and `gap` in cost units. `lower` and `upper` are the value itself where the
    certificate proves it to 1e-9; where the largest cost is so far above that rounding shows, they
    are what is proved, and where these differ by more than 1e-3 of W_p^p the status is
    "not_converged". Points without mass are left out. Time grows like n^3, memory like n m: 49
    bytes a pair, and where these are not free the status is "out_of_memory".

    Attributes:
        max_iterations: pivots allowed; when they run out the status is "not_converged" and the
            value NaN, never a plausible number.
    """

    name: ClassVar[str] = "exact"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "exact"
    every_cost: ClassVar[bool] = True

    max_iterations: int = MAX_ITERATIONS

    def __post_init__(self) -> None:
        check_integer(self.max_iterations, "max_iterations", 1)

    @out_of_memory_is_a_status
    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The exact batch value with its optimal potentials."""
        samples.check_scale(cost)
        if samples.coincide(cost):
            diagnostics = dict.fromkeys(("primal", "dual", "gap", "violation"), 0.0)
            return Estimate.zero(
                samples, bound="exact", diagnostics=diagnostics, plan=monotone(samples)
            )
        kept = samples.with_mass()
        require_matrix(len(kept.x), len(kept.y), kept.x.shape[1], _BYTES_A_PAIR)
        solution = solve_exact(cost.matrix(kept.x, kept.y), kept.a, kept.b, self.max_iterations)
        shared: dict[str, Any] = {
            "target": "batch",
            "bound": "exact",
            "diagnostics": {
                "primal": solution.cost,
                "dual": solution.dual,
                "gap": solution.gap,
                "violation": solution.violation,
            },
        }
        if not math.isnan(solution.lower):
            shared["lower"], shared["upper"] = cost.root(solution.lower), cost.root(solution.upper)
        if solution.message:
            return Estimate.failed("not_converged", solution.message, **shared)
        left_open = solution.upper - solution.lower
        if left_open > _OPEN * solution.cost:
            return Estimate.failed("not_converged", _ROUNDED, **shared)
        return Estimate(
            cost.root(solution.cost),
            solution.cost,
            message=_ROUNDED if left_open > 0 else "",
            potentials=Potentials(*at_all_points(solution.phi, solution.psi, samples, cost)),
            plan=of_dense(solution.plan, samples),
            **shared,
        )
