"""The exact discrete optimal transport problem, by POT's network simplex, with its traps closed.

`ot.emd` can hand back a plausible wrong number: at its iteration cap it only warns, one NaN in
the cost gives a finite "optimum", an inf gives 0. So the cost is computed in float64 on centred
points, the optimality code is required, and primal, dual and gap are returned.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

# The cap that POT warns at (100,000) is reached by n = 4,000 points in the plane.
MAX_ITERATIONS = 2**31 - 1
# Relative duality gap and infeasibility that float64 pivoting leaves; anything larger is a failure.
GAP_TOLERANCE = 1e-9


@dataclass(frozen=True)
class ExactSolution:
    """Optimal plan and potentials.

    Attributes:
        cost: sum_ij plan_ij c_ij = W_p^p.
        dual: sum_i a_i phi_i + sum_j b_j psi_j.
        violation: max(phi_i + psi_j - c_ij), at most rounding error.
        phi: (n,) potential of the rows.
        psi: (m,) potential of the columns.
        plan: (n, m) optimal coupling.
        converged: whether the solver proved optimality and the gap confirms it.
        message: what went wrong otherwise.
    """

    cost: float
    dual: float
    violation: float
    phi: np.ndarray
    psi: np.ndarray
    plan: np.ndarray
    converged: bool
    message: str

    @property
    def gap(self) -> float:
        """Primal minus dual."""
        return self.cost - self.dual


def solve_exact(
    matrix: np.ndarray,
    a: np.ndarray | None = None,
    b: np.ndarray | None = None,
    max_iterations: int = MAX_ITERATIONS,
) -> ExactSolution:
    """Min over couplings P of (a, b) of sum_ij P_ij c_ij.

    Args:
        matrix: (n, m) finite costs in float64.
        a: (n,) weights summing to one, None for equal weights.
        b: (m,) weights summing to one, None for equal weights.
        max_iterations: pivots allowed.

    Raises:
        ValueError: the cost matrix has NaN or inf.

    Source: Bonneel et al. 2011, network simplex, as shipped in POT.
    """
    import ot

    if not np.isfinite(matrix).all():
        raise ValueError(
            "cost matrix: expected finite costs, got NaN or inf; the points are too far apart "
            "for float64 or not finite: rescale them"
        )
    n, m = matrix.shape
    a = np.full(n, 1 / n) if a is None else a
    b = np.full(m, 1 / m) if b is None else b
    # The network simplex compares costs with absolute tolerances: solve at unit scale.
    scale = float(matrix.max()) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the result code says the same, and is read
        plan, log = ot.emd(
            a, b, matrix / scale, numItermax=max_iterations, log=True, check_marginals=False
        )
    phi, psi = log["u"] * scale, log["v"] * scale
    cost = float(np.einsum("ij,ij->", plan, matrix))
    dual = float(a @ phi + b @ psi)
    violation = float(((phi[:, None] - matrix) + psi[None, :]).max())
    allowed = GAP_TOLERANCE * scale
    if log["result_code"] != 1:
        message = (
            f"the network simplex stopped without proving optimality ({log['warning']}); "
            "raise max_iterations"
        )
    elif not abs(cost - dual) <= allowed or not violation <= allowed:
        message = (
            f"the solution fails its certificate (gap {cost - dual:.3g}, violation "
            f"{violation:.3g}, allowed {allowed:.3g}); rescale the points or use fewer of them"
        )
    else:
        message = ""
    return ExactSolution(cost, dual, violation, phi, psi, plan, not message, message)
