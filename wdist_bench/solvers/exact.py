"""The exact discrete optimal transport problem, by POT's network simplex, with its traps closed.

`ot.emd` can hand back a plausible wrong number: at its iteration cap it only warns, one NaN in
the cost gives a finite "optimum", an inf gives 0, and where the largest cost is 1e12 times the
typical one it stops with code "optimal" at a plan that is not. So the cost is computed in float64
on centred points, the optimality code is required, and the plan is held against admissible
potentials: primal, dual and gap are returned.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.problem import Samples

# The cap that POT warns at (100,000) is reached by n = 4,000 points in the plane.
MAX_ITERATIONS = 2**31 - 1
# Duality gap allowed, relative to the optimal cost, and the rounding allowed beside it, relative
# to the largest cost (it decides only where the optimum is next to 0).
GAP_TOLERANCE = 1e-9
ROUNDING = 1e-14
# Times the problem is solved again in reduced costs where the gap is too large.
_REFINEMENTS = 3
# Entries of a block of rows that stays in the processor's cache.
_CACHED = 2**15


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
    """min over couplings P of (a, b) of sum_ij P_ij c_ij.

    Where the duality gap exceeds 1e-9 of the cost (one far outlier can do that), the problem is
    solved again in the reduced costs c_ij - phi_i - psi_j, cut off far above the gap, where an
    optimal plan has next to no mass: that restores the digits. The result counts where it shrinks
    the gap, which is always that of the costs given. Points without mass are left out, and get
    admissible potentials at the end.

    Args:
        matrix: (n, m) finite costs in float64.
        a: (n,) weights summing to one, None for equal weights.
        b: (m,) weights summing to one, None for equal weights.
        max_iterations: pivots allowed.

    Raises:
        ValueError: the cost matrix has NaN or inf.

    Source: Bonneel et al. 2011, network simplex, as shipped in POT.
    """
    low, high = float(matrix.min()), float(matrix.max())  # NaN and inf show in one of the two
    if not np.isfinite([low, high]).all():
        raise ValueError(
            "cost matrix: expected finite costs, got NaN or inf; the points are too far apart "
            "for float64 or not finite: rescale them"
        )
    n, m = matrix.shape
    a = np.full(n, 1 / n) if a is None else a
    b = np.full(m, 1 / m) if b is None else b
    rows, columns = a > 0, b > 0
    if not (rows.all() and columns.all()):
        kept = matrix[np.ix_(rows, columns)]
        solution = solve_exact(kept, a[rows], b[columns], max_iterations)
        return _spread(solution, matrix, rows, columns)
    scale = max(abs(low), abs(high)) or 1.0
    plan, phi, raw, stopped = _simplex(matrix, scale, a, b, max_iterations)
    phi, psi, violation = _admissible(matrix, phi, raw)
    cost, dual = float(np.vdot(plan, matrix)), float(a @ phi + b @ psi)
    for _ in range(_REFINEMENTS):
        gap = cost - dual
        if stopped or gap <= GAP_TOLERANCE * abs(cost):
            break
        reduced = matrix - phi[:, None]
        reduced -= psi[None, :]
        cut = 2 * max(n, m) * gap
        np.clip(reduced, 0, cut, out=reduced)
        finer, change, _, failed = _simplex(reduced, cut, a, b, max_iterations)
        finer_phi, finer_psi, _ = _admissible(matrix, phi + change, psi)
        finer_cost = float(np.vdot(finer, matrix))
        finer_dual = float(a @ finer_phi + b @ finer_psi)
        if failed or finer_cost - finer_dual >= gap:  # the gap was rounding already
            break
        plan, phi, psi, cost, dual = finer, finer_phi, finer_psi, finer_cost, finer_dual
    message = stopped or _failure(cost - dual, GAP_TOLERANCE * abs(cost) + ROUNDING * scale)
    return ExactSolution(cost, dual, violation, phi, psi, plan, not message, message)


def _simplex(
    matrix: np.ndarray, scale: float, a: np.ndarray, b: np.ndarray, max_iterations: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Plan, potentials and, where the simplex stopped early, why.

    It compares costs with absolute tolerances, so it is given costs at unit scale: over a power of
    two, which rounds nothing and keeps its ties.
    """
    import ot

    unit = np.ldexp(1.0, np.frexp(scale)[1] - 1)  # in (scale / 2, scale]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the result code says the same, and is read
        plan, log = ot.emd(
            a,
            b,
            matrix / unit,
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
    return plan, log["u"] * unit, log["v"] * unit, stopped


def _admissible(
    matrix: np.ndarray, phi: np.ndarray, psi: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """phi, its c-transform, and how far psi was above that."""
    # Only phi + psi matters: near zero, phi has most digits where most points are.
    half = len(phi) // 2
    middle = np.partition(phi, half)[half]
    phi, psi = phi - middle, psi + middle
    transformed = np.full(matrix.shape[1], np.inf)
    block = max(1, _CACHED // matrix.shape[1])
    for first in range(0, len(phi), block):
        rows = slice(first, first + block)
        np.minimum(transformed, (matrix[rows] - phi[rows, None]).min(0), out=transformed)
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


def _failure(gap: float, allowed: float) -> str:
    if abs(gap) <= allowed:
        return ""
    return (
        f"the solution fails its certificate (gap {gap:.3g}, allowed {allowed:.3g}); "
        "rescale the points or remove far outliers"
    )


def exact_cost(
    x: jax.Array,
    y: jax.Array,
    a: jax.Array | None = None,
    b: jax.Array | None = None,
    cost: Cost = Cost(),  # noqa: B008  (frozen)
) -> jax.Array:
    """W_p^p of a batch as a scalar in the dtype of x, for use inside jit and vmap.

    The simplex runs on the host in float64, one problem after another under vmap. The result is
    NaN where the input is not finite, the weights are no probabilities, or optimality was not
    proved: nothing can be raised inside a compiled program. It has no derivative.

    Args:
        x: (n, d) points of mu.
        y: (m, d) points of nu.
        a: (n,) weights summing to one, None for equal weights.
        b: (m,) weights summing to one, None for equal weights.
        cost: ground cost.
    """
    dtype = jnp.result_type(x.dtype, jnp.float32)

    def on_host(x: object, y: object, a: object, b: object) -> np.ndarray:
        try:
            samples = Samples.checked(x, y, a, b)
            solution = solve_exact(cost.matrix(samples.x, samples.y), samples.a, samples.b)
        except ValueError:  # bad numbers in the arrays: the one way to say so from here
            return np.asarray(np.nan, dtype)
        return np.asarray(solution.cost if solution.converged else np.nan, dtype)

    return jax.pure_callback(
        on_host, jax.ShapeDtypeStruct((), dtype), x, y, a, b, vmap_method="sequential"
    )
