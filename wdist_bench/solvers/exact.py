"""The exact discrete optimal transport problem, by POT's network simplex, with its traps closed.

`ot.emd` can hand back a plausible wrong number: at its iteration cap it only warns, one NaN in
the cost gives a finite "optimum", an inf gives 0, and where the largest cost is 1e12 times the
typical one it stops with code "optimal" at a plan that is not. So the cost is computed in float64
on centred points, the optimality code is required, and the plan is held against admissible
potentials: primal, dual and gap are returned.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from wdist_bench.solvers.proofs.exact import GAP_TOLERANCE, Proved, transform
from wdist_bench.solvers.proofs.rounding import dual_value
from wdist_bench.validation import WEIGHT_SUM_TOLERANCE

# The cap that POT warns at (100,000) is reached by n = 4,000 points in the plane.
MAX_ITERATIONS = 2**31 - 1
# Where that cannot be proved, what rounding leaves open may be so much of the optimal cost, or so
# much of a small typical cost (it decides only where the optimum is next to 0).
_OPEN = 1e-6
ROUNDING = 1e-14
_TYPICAL = 0.25  # the quantile of the positive costs, which a few far points do not move
# Times the problem is solved again in reduced costs where the gap is too large.
_REFINEMENTS = 3


@dataclass(frozen=True)
class ExactSolution:
    """Optimal plan and potentials.

    Attributes:
        cost: sum_ij plan_ij c_ij = W_p^p.
        dual: sum_i a_i phi_i + sum_j b_j psi_j, a lower bound on W_p^p up to rounding.
        violation: max(phi_i + psi_j - c_ij) of the simplex's own potentials; those returned are
            c-transformed, so they are admissible up to rounding.
        phi: (n,) potential of the rows.
        psi: (m,) potential of the columns.
        plan: (n, m) optimal coupling.
        lower: what the potentials prove of W_p^p when rounding is taken off; `cost` itself where
            that is within 1e-9 of it.
        upper: the cost with what rounding of the plan's marginals can add; `cost` itself likewise.
            Both are NaN where the simplex stopped early.
        converged: whether the solver proved optimality and the gap confirms it.
        message: what went wrong otherwise.
    """

    cost: float
    dual: float
    violation: float
    phi: Float[np.ndarray, " n"]
    psi: Float[np.ndarray, " m"]
    plan: Float[np.ndarray, "n m"]
    lower: float
    upper: float
    converged: bool
    message: str

    @property
    def gap(self) -> float:
        """`cost` - `dual`, in units of W_p^p: what optimality leaves open."""
        return self.cost - self.dual


def solve_exact(
    matrix: Float[np.ndarray, "n m"],
    a: Float[np.ndarray, " n"] | None = None,
    b: Float[np.ndarray, " m"] | None = None,
    max_iterations: int = MAX_ITERATIONS,
) -> ExactSolution:
    """min over couplings P of (a, b) of sum_ij P_ij c_ij.

    Where the duality gap exceeds 1e-9 of the cost (one far outlier can do that), the problem is
    solved again in the reduced costs c_ij - phi_i - psi_j, cut off far above the gap, where an
    optimal plan has next to no mass: that restores the digits. The result counts where it shrinks
    the gap, which is always that of the costs given. Points without mass are left out, and get
    admissible potentials at the end.

    Args:
        matrix: (n, m) finite costs in float64.
        a: (n,) weights summing to one within 1e-6, None for equal weights.
        b: (m,) weights, likewise.
        max_iterations: pivots allowed.

    Raises:
        ValueError: the cost matrix has NaN or inf or no two axes, or the weights do not fit it,
            are negative or not finite, or do not sum to one.

    Source: Bonneel et al. 2011, network simplex, as shipped in POT.
    """
    matrix = np.asarray(matrix, np.float64)
    a, b = _masses(matrix, a, b)
    low, high = float(matrix.min()), float(matrix.max())  # NaN and inf show in one of the two
    if not np.isfinite([low, high]).all():
        raise ValueError(
            "cost matrix: expected finite costs, got NaN or inf; the points are too far apart "
            "for float64 or not finite: rescale them"
        )
    rows, columns = a > 0, b > 0
    if not (rows.all() and columns.all()):
        kept = matrix[np.ix_(rows, columns)]
        solution = solve_exact(kept, a[rows], b[columns], max_iterations)
        return _spread(solution, matrix, rows, columns)
    scale = max(abs(low), abs(high)) or 1.0
    plan, phi, raw, stopped = _simplex(matrix, scale, a, b, max_iterations)
    phi, psi, violation = _admissible(matrix, phi, raw)
    cost, dual = float(np.vdot(plan, matrix)), float(a @ phi + b @ psi)
    halted = ""  # the reason why a refinement was
    for _ in range(_REFINEMENTS):
        gap = cost - dual
        if stopped or gap <= GAP_TOLERANCE * abs(cost):
            break
        finer, change, halted = _finer(matrix, phi, psi, gap, a, b, max_iterations)
        finer_phi, finer_psi, _ = _admissible(matrix, phi + change, psi)
        finer_cost = float(np.vdot(finer, matrix))
        finer_dual = float(a @ finer_phi + b @ finer_psi)
        if not finer_cost - finer_dual < gap:  # the gap was rounding already, or NaN
            break
        plan, phi, psi, cost, dual = finer, finer_phi, finer_psi, finer_cost, finer_dual
    wanted = GAP_TOLERANCE * abs(cost)
    if stopped:
        nothing = math.nan
        return ExactSolution(
            cost, dual, violation, phi, psi, plan, nothing, nothing, False, stopped
        )
    if max(abs(cost - dual), ROUNDING * scale) <= wanted:
        return ExactSolution(cost, dual, violation, phi, psi, plan, cost, cost, True, "")
    # The gap is within rounding of the largest cost: look closer.
    found = Proved.of(matrix, plan, phi, psi, a, b)
    if found.gap > wanted:
        finer, change, halted = _finer(
            matrix, found.phi, found.psi, found.gap, a, b, max_iterations
        )
        change = np.where(np.isfinite(change), change, 0)
        finer_phi, finer_psi, _ = _admissible(matrix, found.phi + change, found.psi)
        again = Proved.of(matrix, finer, finer_phi, finer_psi, a, b)
        found = again if again.gap < found.gap else found
    wanted = GAP_TOLERANCE * abs(found.cost)
    lower, upper = min(max(found.lower, low), found.cost), found.upper
    message = ""
    if found.gap <= wanted:
        lower = upper = found.cost
    else:
        message = _failure(found.gap, _OPEN * abs(found.cost) + ROUNDING * _typical(matrix), halted)
    dual = dual_value(found.phi, found.psi, a, b)[0]
    return ExactSolution(
        found.cost, dual, violation, found.phi, found.psi, found.plan, lower, upper,
        not message, message,
    )  # fmt: skip


def _finer(
    matrix: np.ndarray,
    phi: np.ndarray,
    psi: np.ndarray,
    gap: float,
    a: np.ndarray,
    b: np.ndarray,
    max_iterations: int,
) -> tuple[np.ndarray, np.ndarray, str]:
    """Plan and change of phi in reduced costs, cut off far above the gap; NaN and the reason where
    that fails.
    """
    reduced = matrix - phi[:, None]
    reduced -= psi[None, :]
    cut = 2 * max(matrix.shape) * gap
    np.clip(reduced, 0, cut, out=reduced)
    plan, change, _, failed = _simplex(reduced, cut, a, b, max_iterations)
    return (plan * math.nan, change * math.nan, failed) if failed else (plan, change, "")


def _typical(matrix: np.ndarray) -> float:
    """A small but ordinary cost, from up to 64 rows."""
    rows = matrix[:: max(1, len(matrix) // 64)]
    positive = np.abs(rows[rows != 0])
    return float(np.quantile(positive, _TYPICAL)) if positive.size else 0.0


def _masses(
    matrix: np.ndarray, a: np.ndarray | None, b: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Weights of rows and columns that the simplex may see, which checks none."""
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"cost matrix: expected shape (n, m) with n, m >= 1, got {matrix.shape}; "
            "give one cost for each pair"
        )
    checked = []
    for name, weights, count in zip("ab", (a, b), matrix.shape, strict=True):
        mass = np.full(count, 1 / count) if weights is None else np.asarray(weights, np.float64)
        if mass.shape != (count,):
            raise ValueError(
                f"{name}: expected one weight for each of {count}, got shape {mass.shape}; "
                "give weights that fit the cost matrix"
            )
        # NaN fails both comparisons.
        if not (mass >= 0).all() or not abs(math.fsum(mass) - 1) <= WEIGHT_SUM_TOLERANCE:
            raise ValueError(
                f"{name}: expected non-negative weights that sum to 1, got a minimum of "
                f"{mass.min():.6g} and a sum of {mass.sum():.9g}; normalise with "
                f"{name} / {name}.sum()"
            )
        total = math.fsum(mass)
        checked.append(mass if abs(total - 1) <= ROUNDING * count else mass / total)
    return checked[0], checked[1]


def usual_pivots(points: int) -> int:
    """Far more pivots of the network simplex than problems of so many points take.

    None of 315 took a seventh of it: 200 to 4,000 points in dimension 1, 2 and 10, p = 1, 2 and 4,
    near, clustered, heavy-tailed, tied, weighted.
    """
    return 20_000 + int(5 * points**1.5)


def on_grid(
    costs: Float[np.ndarray, "*shape"], points: int
) -> Float[np.ndarray, "*shape"]:  # fmt: skip
    """Costs rounded so that all sums that a network simplex makes of them are exact.

    Where they are not, a pivot may seem to gain what is rounding alone, and among many ties the
    simplex of POT then walks in a circle for ever. What rounding changes is `points` times the
    rounding of the largest cost, which bounds and refinements take for rounding as it is.
    """
    # Potentials are sums along paths, and of POT's cost of what is never to be used.
    largest = 4 * (float(np.abs(costs).max()) + 1) * points
    step = np.ldexp(1.0, int(np.frexp(largest)[1]) - 52)
    return np.asarray(np.rint(costs / step) * step)


def _simplex(
    matrix: np.ndarray, scale: float, a: np.ndarray, b: np.ndarray, max_iterations: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Plan, potentials and, where the simplex stopped early, why.

    It compares costs with absolute tolerances, so it is given costs at unit scale: over a power of
    two, which rounds nothing and keeps its ties.
    """
    unit = np.ldexp(1.0, np.frexp(scale)[1] - 1)  # in (scale / 2, scale]
    points = sum(matrix.shape)
    usual = usual_pivots(points)
    plan, phi, psi, stopped = _pivoted(matrix / unit, a, b, min(usual, max_iterations))
    if stopped and max_iterations > usual:
        plan, phi, psi, stopped = _pivoted(on_grid(matrix / unit, points), a, b, max_iterations)
    return plan, phi * unit, psi * unit, stopped


def _pivoted(
    matrix: np.ndarray, a: np.ndarray, b: np.ndarray, max_iterations: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """The same of costs at unit scale, in the order of the points."""
    import ot

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the result code says the same, and is read
        plan, log = ot.emd(
            a,
            b,
            matrix,
            numItermax=max_iterations,
            log=True,
            center_dual=False,  # `_admissible` centres the potentials
            check_marginals=False,
        )
    stopped = ""
    if log["result_code"] != 1:
        stopped = (
            f"the network simplex stopped without proving optimality ({log['warning']}); "
            "raise max_iterations"
        )
    return plan, log["u"], log["v"], stopped


def _admissible(
    matrix: np.ndarray, phi: np.ndarray, psi: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """phi, its c-transform, and how far psi was above that."""
    # Only phi + psi matters: near zero, phi has most digits where most points are.
    half = len(phi) // 2
    middle = np.partition(phi, half)[half]
    phi, psi = phi - middle, psi + middle
    transformed = transform(matrix, phi)
    return phi, transformed, float((psi - transformed).max())


def _spread(
    solution: ExactSolution, matrix: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> ExactSolution:
    """The solution at all points, from that at the rows and columns with mass."""
    plan = np.zeros(matrix.shape)
    plan[np.ix_(rows, columns)] = solution.plan
    psi = (matrix[rows] - solution.phi[:, None]).min(0)
    psi[columns] = solution.psi
    phi = (matrix - psi[None, :]).min(1)
    phi[rows] = solution.phi
    return replace(solution, phi=phi, psi=psi, plan=plan)


def _failure(gap: float, allowed: float, halted: str) -> str:
    if gap <= allowed:
        return ""
    return halted or (
        f"the solution fails its certificate (gap {gap:.3g}, allowed {allowed:.3g}, in units of "
        "cost); remove points so far off that their costs leave the others no digits"
    )
