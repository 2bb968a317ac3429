"""Transport by a general solver of linear programmes, HiGHS."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array


def linear_program(matrix, a, b):
    """min <P, matrix> over couplings of a and b, by HiGHS."""
    n, m = matrix.shape
    index = np.arange(n * m)
    rows = np.concatenate([index // m, n + index % m])
    constraints = csr_array((np.ones(2 * n * m), (rows, np.tile(index, 2))), shape=(n + m, n * m))
    scale = float(matrix.max()) or 1.0
    found = linprog(
        matrix.ravel() / scale,
        A_eq=constraints,
        b_eq=np.concatenate([a, b]),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    assert found.status == 0, found.message
    return found.fun * scale
