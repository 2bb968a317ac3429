"""The exact distance of two samples."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from wdist_bench.costs import L2, Cost
from wdist_bench.estimate import (
    DirectEstimator,
    Estimate,
    Potentials,
    out_of_memory_is_a_status,
)
from wdist_bench.estimators import along_arcs, register
from wdist_bench.interface import added
from wdist_bench.problem import Samples
from wdist_bench.solvers.certificate import (
    at_all_points,
    at_zero,
    blurred,
    underflow,
    underflow_message,
)
from wdist_bench.solvers.exact import MAX_ITERATIONS, solve_exact
from wdist_bench.solvers.machine.memory import (
    EXACT_BYTES,
    INSTEAD_FOR_GIVEN,
    fits,
    require_matrix,
)
from wdist_bench.solvers.maps import PlanMap
from wdist_bench.solvers.plans import monotone, of_arcs, of_dense
from wdist_bench.solvers.proofs.rounding import below
from wdist_bench.solvers.sparse_exact import SparseSolution
from wdist_bench.validation import check_integer, check_number

# What an exact value is proved to.
_EXACT = 1e-9
# Pairs from which arcs are faster than all of them: in .20 to .46 of the time at 4,096 points, but
# up to .92 at 2,048 (results/speed/sparse.md).
_MANY = 2**24
# Rounding may leave so much of W_p^p open.
_OPEN = 1e-3
_ENDS = "use [lower, upper], which is what is proved"
_ROUNDED = "the distance is so far below the largest that rounding shows; " + _ENDS


@register
@dataclass(frozen=True)
class Exact(DirectEstimator):
    """W_p of the two weighted samples, by linear programming in float64.

    `value` is W_p (not W_p^p), exact up to a duality gap that `diagnostics` reports as
    `primal`, `dual` and `gap` in cost units. `lower` and `upper` are the value itself where the
    certificate proves it to 1e-9; where the largest cost is so far above that rounding shows, they
    are what is proved, and where these differ by more than 1e-3 of W_p^p the status is
    "not_converged", unless they are next to 0 as rounding is.
    Points without mass are left out. Time grows like n^3, memory like n m: 49
    bytes a pair. Where these are not free, or 2^24 pairs and more in up to 8 dimensions are done
    sooner so, the programme is solved along few pairs and priced on all (`solvers.sparse_exact`),
    in 10 kB a point. The logger `wdist_bench` says the gap of each round (level INFO),
    `diagnostics` have `rounds` and `arcs`, and an interrupt (Ctrl-C) gives the status "timeout"
    with the ends so far; `rtol` stops it before. Where that does not fit either the status is
    "out_of_memory". For p = 2 in l2 `map` is the plan's at the rows and goes on by its potential
    (`solvers.maps.PlanMap`).

    Attributes:
        max_iterations: pivots allowed; when they run out the status is "not_converged" and the
            value NaN, never a plausible number.
        rtol: gap between the ends of W_p^p, relative to the upper one, at which arcs stop. Above
            1e-9 the value is the upper end, and the claim "upper" instead of "exact", as that of
            `bracket`; problems solved with all pairs are exact all the same.

    Source: network simplex, Bonneel et al. 2011, as shipped in POT, Flamary et al. 2021.
    """

    name: ClassVar[str] = "exact"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "exact"
    every_cost: ClassVar[bool] = True

    max_iterations: int = MAX_ITERATIONS
    rtol: float = added(_EXACT)

    def __post_init__(self) -> None:
        check_integer(self.max_iterations, "max_iterations", 1)
        check_number(self.rtol, "rtol", above=0)
        if self.rtol > _EXACT:  # hides the claim of the class
            object.__setattr__(self, "bound", "upper")

    @out_of_memory_is_a_status
    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The exact batch value with its optimal potentials and maps."""
        samples.check_scale(cost)
        return _with_maps(self._solve(samples, cost), samples, cost)

    def _solve(self, samples: Samples, cost: Cost) -> Estimate:
        """The answer but for its maps."""
        if (turned := samples.within_a_turn(cost)).coincide(cost):
            diagnostics = dict.fromkeys(("primal", "dual", "gap", "violation"), 0.0)
            return Estimate.zero(
                samples, bound="exact", diagnostics=diagnostics, plan=monotone(turned)
            )
        kept = samples.with_mass()
        held = fits(len(kept.x) * len(kept.y) * EXACT_BYTES)
        if (not held or along_arcs.prunes(kept, cost, _MANY)) and along_arcs.possible(kept, cost):
            found = along_arcs.solve(kept, cost, self.rtol, self.name)
            if found.converged or found.interrupted or not held:
                return self._of_arcs(found, samples, cost)
        advice = "" if cost.traceable else INSTEAD_FOR_GIVEN
        require_matrix(len(kept.x), len(kept.y), kept.x.shape[1], EXACT_BYTES, advice)
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
        hidden = rounded = 0.0
        if not math.isnan(solution.lower):
            hidden, rounded = (part(kept, cost, solution.upper) for part in (underflow, blurred))
            off = hidden + rounded
            lower = below(solution.lower, off) if off else solution.lower
            shared["lower"], shared["upper"] = map(cost.root, (lower, solution.upper + off))
        if solution.message:
            return Estimate.failed("not_converged", solution.message, **shared)
        if hidden > _OPEN * solution.cost:
            return Estimate.failed("not_converged", underflow_message(cost.p), **shared)
        left_open = solution.upper - solution.lower + 2 * rounded
        near_zero = at_zero(kept, cost, solution.upper + rounded)
        if left_open > _OPEN * solution.cost and not near_zero:
            return Estimate.failed("not_converged", _ROUNDED, **shared)
        return Estimate(
            cost.root(solution.cost),
            solution.cost,
            message=_ROUNDED if left_open > 0 else "",
            potentials=Potentials(*at_all_points(solution.phi, solution.psi, samples, cost)),
            plan=of_dense(solution.plan, samples),
            **shared,
        )

    def _of_arcs(self, found: SparseSolution, samples: Samples, cost: Cost) -> Estimate:
        """What `estimate` gives, from few pairs."""
        left_open = found.upper - found.lower
        shared: dict[str, Any] = {
            "target": "batch",
            "bound": "exact" if left_open <= _EXACT * found.upper else "upper",
            "lower": cost.root(found.lower),
            "upper": cost.root(found.upper),
            "diagnostics": {
                "primal": found.upper,
                "dual": found.lower,
                "gap": left_open,
                "rounds": float(found.rounds),
                "arcs": float(found.arcs),
            },
        }
        if found.interrupted and not found.converged:
            return Estimate.failed("timeout", f"interrupted in round {found.rounds}; {_ENDS}",
                                   **shared)  # fmt: skip
        near_zero = found.converged or at_zero(samples, cost, found.upper)
        if left_open > max(_OPEN, self.rtol) * found.upper and not near_zero:
            return Estimate.failed("not_converged", _ROUNDED, **shared)
        return Estimate(
            cost.root(found.upper),
            found.upper,
            message="" if found.converged else _ROUNDED,
            potentials=Potentials(*at_all_points(found.phi, found.psi, samples, cost)),
            plan=of_arcs(found.rows, found.columns, found.mass, samples),
            **shared,
        )


def _with_maps(answer: Estimate, samples: Samples, cost: Cost) -> Estimate:
    """The answer with both maps, at the cost that barycentres are the best images for."""
    if cost != L2(2) or answer.potentials is None:
        return answer
    phi, psi = answer.potentials
    return replace(
        answer,
        map=PlanMap(samples.x, samples.y, psi, answer.plan),
        inverse_map=PlanMap(samples.y, samples.x, phi, answer.plan.T),
    )
