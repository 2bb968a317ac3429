"""The distance in the subspace in which two samples are furthest apart, at the best plan for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wdist_bench.costs import Cost
from wdist_bench.estimate import DirectEstimator, Estimate, out_of_memory_is_a_status
from wdist_bench.estimators import register
from wdist_bench.estimators.potential import require_w2
from wdist_bench.problem import Samples
from wdist_bench.solvers.debiased.influence import NoOptimumError, Rows
from wdist_bench.solvers.machine.memory import EXACT_BYTES, require_matrix
from wdist_bench.solvers.projections.subspace_robust import subspace_robust
from wdist_bench.validation import check_integer, check_number

_NOT_W = "the subspace-robust distance S_{dims}, at most W_2, within {gap:.2g} of itself"


@register
@dataclass(frozen=True, kw_only=True)
class SubspaceRobust(DirectEstimator):
    """S_k = max over 0 <= Omega <= I, tr Omega = k, of W_2(Omega^1/2 x, Omega^1/2 y).

    Its target is **not** W_2 but at most that, and it is W_2 where the displacements of the optimal
    plan span k dimensions, and where k is the dimension. `value` is that of the best Omega found,
    hence a lower bound on S_k and on W_2 of the batch; `ceiling` of the diagnostics is an upper one
    on S_k, and says nothing of W_2. `stderr` is the sampling error by the potentials at that Omega.
    Each iteration solves a linear programme by POT's simplex; POT has no solver for S_k itself, and
    its projection-robust one (`ot.dr`) is another, non-convex distance.

    Attributes:
        dims: k; the dimension of the points where that is less.
        rtol: how far apart the ends of S_k^2 may be, as a share of the upper one.
        max_iterations: linear programmes at most. Where they run out, `message` states the gap.

    Source: Paty and Cuturi 2019, Subspace robust Wasserstein distances (arXiv 1901.08949).
    """

    name: ClassVar[str] = "subspace_robust"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "lower"
    every_cost: ClassVar[bool] = True

    dims: int = 2
    rtol: float = 1e-3
    max_iterations: int = 30

    def __post_init__(self) -> None:
        check_integer(self.dims, "dims", 1)
        check_number(self.rtol, "rtol", above=0)
        check_integer(self.max_iterations, "max_iterations", 1)

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError unless the cost is the squared Euclidean distance."""
        reason = "where the best subspace is that of eigenvectors"
        require_w2(self, cost, reason, "max_sliced, or exact")

    @out_of_memory_is_a_status
    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The best lower end found, with its sampling error."""
        self.check_cost(cost)
        samples.check_scale(cost)
        if samples.coincide(cost):
            return Estimate.zero(samples, bound="lower")
        rows = Rows.of(samples, cost)
        require_matrix(len(rows.x), len(rows.y), rows.x.shape[1], EXACT_BYTES)
        k = min(self.dims, rows.x.shape[1])
        origin = rows.a @ rows.x
        try:
            found = subspace_robust(
                rows.x - origin, rows.y - origin, rows.a, rows.b, k, self.rtol,
                self.max_iterations,
            )  # fmt: skip
        except NoOptimumError as error:
            return Estimate.failed("not_converged", str(error), target="batch", bound="lower")
        statistic = rows.linear(found.lower, found.phi, found.psi)
        value, ceiling = cost.root(found.lower), cost.root(found.upper)
        return Estimate(
            value,
            found.lower,
            target="batch",
            bound="lower",
            stderr=cost.root(found.lower + statistic.stderr) - value,
            lower=cost.root(found.proved),
            steps=found.iterations,
            message=_NOT_W.format(dims=k, gap=ceiling - value),
            diagnostics={"ceiling": ceiling},
        )
