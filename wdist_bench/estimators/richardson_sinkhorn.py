"""The Sinkhorn divergence, extrapolated to temperature 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimators import register
from wdist_bench.estimators.corrected import Corrected, Correction
from wdist_bench.estimators.potential import require_w2
from wdist_bench.solvers.debiased.influence import NoOptimumError, Rows, Statistic
from wdist_bench.solvers.machine.memory import require_matrix
from wdist_bench.solvers.sinkhorn import divergence_potentials
from wdist_bench.validation import check_integer, check_number

# Costs, their copies on the device and those of Sinkhorn's iteration.
_BYTES_A_PAIR = 51
# Marginals that are off by t leave potentials that are off by up to epsilon t, here a share of the
# mean cost. Above it, iterations may stop where they began, and the mean cost is what is left.
_MOST_OFF = 0.02


@register
@dataclass(frozen=True, kw_only=True)
class RichardsonSinkhorn(Corrected):
    """R = 2 S_eps - S_(sqrt 2 eps), S the Sinkhorn divergence, for W_2^2 in l2.

    OT_eps = min <P, c> + eps KL(P | a b^T), c = |x - y|^2, and for smooth laws S_eps = W_2^2 +
    I eps^2 + o(eps^2), I a difference of Fisher informations along the way from one law to the
    other; in R that term is gone. Far from temperature 0 the divergence sees less of the noise of
    samples than the plug-in does: that is what it corrects, and the higher eps, the more, at the
    price of what R leaves of eps. `value` is W_2, a bound of neither side; `stderr` is that of the
    potentials.

    Attributes:
        epsilon: the lower temperature, a share of the mean of c(x_i, y_j).
        threshold: l1 error of the marginals to reach, at most 0.02 / epsilon: potentials are off by
            up to epsilon times it.
        max_iterations: iterations allowed; when they run out the status is "not_converged".

    Source: Chizat, Roussillon, Leger, Vialard, Peyre 2020, Faster Wasserstein distance estimation
    with the Sinkhorn divergence (arXiv 2006.08172), section 4.
    """

    name: ClassVar[str] = "richardson_sinkhorn"
    version: ClassVar[int] = 1
    every_cost: ClassVar[bool] = True

    epsilon: float = 0.2
    threshold: float = 1e-5
    max_iterations: int = 10_000

    def __post_init__(self) -> None:
        check_number(self.epsilon, "epsilon", above=0)
        check_number(self.threshold, "threshold", above=0)
        check_integer(self.max_iterations, "max_iterations", 10)
        if self.threshold > _MOST_OFF / self.epsilon:
            raise ValueError(
                f"threshold: expected at most {_MOST_OFF / self.epsilon:.3g} at epsilon "
                f"{self.epsilon:g}, so that the marginals tell the costs, got {self.threshold:g}; "
                "lower threshold or epsilon"
            )

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError unless the cost is the squared Euclidean distance."""
        reason = "where the divergence has no term of first order in epsilon"
        require_w2(self, cost, reason, "exact or sinkhorn_divergence")

    def correct(self, rows: Rows, generator: np.random.Generator) -> Correction:
        """R, in units of W_2^2."""
        largest = max(len(rows.x), len(rows.y))
        require_matrix(largest, largest, rows.x.shape[1], _BYTES_A_PAIR)
        cost = rows.cost
        matrices = (
            cost.matrix(rows.x, rows.y), cost.matrix(rows.x, rows.x), cost.matrix(rows.y, rows.y)
        )  # fmt: skip
        epsilon = self.epsilon * float(rows.a @ matrices[0] @ rows.b)
        if epsilon == 0:  # all rows of both sides are one point
            return Correction(rows.statistic(0.0))
        cool = self._divergence(rows, matrices, epsilon)
        warm = self._divergence(rows, matrices, math.sqrt(2) * epsilon)
        return Correction(
            2.0 * cool - warm,
            diagnostics={
                "epsilon": epsilon,
                "at_epsilon": cool.value,
                "at_higher_epsilon": warm.value,
            },
        )

    def _divergence(
        self, rows: Rows, matrices: tuple[np.ndarray, np.ndarray, np.ndarray], epsilon: float
    ) -> Statistic:
        found = divergence_potentials(
            matrices, rows.a, rows.b, epsilon, self.threshold, self.max_iterations
        )
        if not found.converged:
            raise NoOptimumError(
                f"Sinkhorn did not reach a marginal error of {self.threshold:g} in "
                f"{self.max_iterations} iterations at epsilon {epsilon:.3g}; raise max_iterations, "
                "threshold or epsilon"
            )
        return rows.linear(float(rows.a @ found.f + rows.b @ found.g), found.f, found.g)
