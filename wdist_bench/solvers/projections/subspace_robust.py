"""The subspace-robust distance of two samples, with both ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from wdist_bench.costs import as_cost
from wdist_bench.costs.powers import rise
from wdist_bench.solvers.debiased.influence import NoOptimumError
from wdist_bench.solvers.exact import ExactSolution, solve_exact
from wdist_bench.solvers.projections.span import in_their_span
from wdist_bench.solvers.proofs.rounding import UNIT, below

# Of the second moments: where displacements have less, they lose too many digits.
_CANCELLATION = 1e-4
# Coordinates of displacements held at once.
_BLOCK_ENTRIES = 2**22


@dataclass(frozen=True, eq=False)
class SubspaceRobust:
    """Between which numbers S_k^2 lies.

    Attributes:
        lower: W_2^2 of the points mapped by root(Omega), the largest seen.
        proved: the same, less what rounding can have added where that is more than 1e-9 of it.
        upper: sum of the k largest eigenvalues of the displacements of a coupling, the least seen.
        phi: (n,) potential of the mapped points.
        psi: (m,) potential.
        iterations: linear programmes solved.
    """

    lower: float
    proved: float
    upper: float
    phi: Float[np.ndarray, " n"]
    psi: Float[np.ndarray, " m"]
    iterations: int


def subspace_robust(
    x: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, "m d"],
    a: Float[np.ndarray, " n"],
    b: Float[np.ndarray, " m"],
    k: int,
    rtol: float,
    max_iterations: int,
) -> SubspaceRobust:
    """S_k^2 = max over 0 <= Omega <= I, tr Omega = k, of min over couplings P of <Omega, V_P>.

    V_P = sum_ij P_ij (x_i - y_j)(x_i - y_j)^T. The inner minimum is a linear programme and any
    Omega gives a lower bound; any P gives an upper one, the sum of the k largest eigenvalues of
    V_P, also the mean of all P so far. Frank and Wolfe's steps 2 / (t + 2) towards the projection
    on the eigenvectors of the last V_P, until both ends are within `rtol` of the upper one. Few
    points of more coordinates are seen in the space that they span, which changes neither end.

    Raises:
        NoOptimumError: a linear programme has no proven optimum.

    Source: Paty and Cuturi 2019, Subspace robust Wasserstein distances (arXiv 1901.08949),
    algorithm 2 with the exact programme in place of the entropic one; the ends are ours.
    """
    given = x, y
    x, y, _ = in_their_span(x, y)
    dim = x.shape[1]
    omega = np.eye(dim) * (min(k, dim) / dim)
    best, averaged, lower, upper = None, np.zeros_like(omega), -np.inf, np.inf
    for step in range(max_iterations):
        solution = _solve(x, y, a, b, omega)
        if solution.cost > lower:
            best, lower = solution, solution.cost
        moved = _displacements(x, y, a, b, solution.plan)
        averaged += 2 / (step + 2) * (moved - averaged)
        sums, vectors = zip(*(_top(part, k) for part in (moved, averaged)), strict=True)
        upper = min(upper, *sums)
        if upper - lower <= rtol * upper:
            break
        towards = vectors[0] @ vectors[0].T
        omega = omega + 2 / (step + 2) * (towards - omega)
    assert best is not None
    proved = below(best.lower, _hidden(best.lower, *given, a, b))
    return SubspaceRobust(lower, proved, upper, best.phi, best.psi, step + 1)


def _solve(
    x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, omega: np.ndarray
) -> ExactSolution:
    values, vectors = np.linalg.eigh(omega)
    root = vectors * np.sqrt(np.clip(values, 0.0, 1.0))
    solution = solve_exact(as_cost("l2", 2).matrix(x @ root, y @ root), a, b)
    if not solution.converged:
        raise NoOptimumError(solution.message)
    return solution


def _hidden(lower: float, x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """What rounding of the points and of their images can have added to W_2^2: it moves each by a
    share of its size, and W_2 by the root mean square of that.
    """
    off = sum(
        x.shape[1] * UNIT * np.sqrt(weights @ np.abs(points).sum(1) ** 2)
        for points, weights in ((x, a), (y, b))
    )
    return float(rise(np.asarray(max(lower, 0.0)), off, 2))


def _displacements(
    x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, plan: np.ndarray
) -> np.ndarray:
    """V_P from second moments, or where these cancel from the pairs with mass."""
    crossed = x.T @ plan @ y
    moments = x.T @ (a[:, None] * x) + y.T @ (b[:, None] * y)
    found = moments - crossed - crossed.T
    if np.trace(found) < _CANCELLATION * np.trace(moments):
        return _of_pairs(x, y, plan)
    return np.asarray(found)


def _of_pairs(x: np.ndarray, y: np.ndarray, plan: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(plan)
    found, step = np.zeros((x.shape[1],) * 2), max(1, _BLOCK_ENTRIES // x.shape[1])
    for first in range(0, len(rows), step):
        pair = rows[first : first + step], columns[first : first + step]
        moved = x[pair[0]] - y[pair[1]]
        found += moved.T @ (plan[pair][:, None] * moved)
    return found


def _top(matrix: np.ndarray, k: int) -> tuple[float, np.ndarray]:
    """Sum of the k largest eigenvalues and their eigenvectors as columns."""
    values, vectors = np.linalg.eigh(matrix)
    return float(values[-k:].sum()), vectors[:, -k:]
