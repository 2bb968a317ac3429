"""Linear programmes by SciPy's HiGHS, which shares no code with POT."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import coo_array


def optimum(costs: np.ndarray, sums: Any, wanted: np.ndarray) -> float:
    """min costs . f over f >= 0 with the sums wanted."""
    from scipy.optimize import linprog

    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    answer = linprog(costs, A_eq=sums.tocsr(), b_eq=wanted, options=tight)
    if answer.status != 0:
        raise ArithmeticError(f"HiGHS: expected an optimum, got {answer.message}")
    return float(max(answer.fun, 0.0))


def transport_cost(matrix: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """min <P, matrix> over couplings P of a and b."""
    n, m = matrix.shape
    index = np.arange(n * m)
    rows = np.concatenate([index // m, n + index % m])
    sums = coo_array((np.ones(2 * n * m), (rows, np.tile(index, 2))), shape=(n + m, n * m))
    scale = float(matrix.max()) or 1.0
    return scale * optimum(matrix.ravel() / scale, sums, np.concatenate([a, b]))
