"""What a plan and potentials prove of the optimal cost when rounding is taken off."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from wdist_bench.solvers.proofs.rounding import SHARE, UNIT, dual_value

# Duality gap allowed, relative to the optimal cost.
GAP_TOLERANCE = SHARE
# Potentials of points far off are cut to smaller and smaller levels, by this factor.
_CUT = 4.0
# Entries of a block of rows that stays in the processor's cache.
_CACHED = 2**15


class Proved(NamedTuple):
    """A plan and potentials with what they prove of the optimum, rounding taken off."""

    plan: np.ndarray
    phi: np.ndarray
    psi: np.ndarray
    cost: float
    lower: float
    upper: float

    @classmethod
    def of(
        cls,
        matrix: np.ndarray,
        plan: np.ndarray,
        phi: np.ndarray,
        psi: np.ndarray,
        a: np.ndarray,
        b: np.ndarray,
    ) -> Proved:
        """A plan and potentials, cut to the level that proves most."""
        cost = float(np.vdot(plan, matrix))
        phi, psi, lower = _proved(matrix, phi, psi, a, b, cost * (1 - GAP_TOLERANCE))
        return cls(plan, phi, psi, cost, lower, cost + _misplaced(matrix, plan, a, b))

    @property
    def gap(self) -> float:
        """`upper` - `lower`, in units of W_p^p; inf where one of them is NaN."""
        gap = self.upper - self.lower
        return gap if gap == gap else math.inf


def _proved(
    matrix: np.ndarray,
    phi: np.ndarray,
    psi: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    wanted: float,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Potentials whose dual value, rounding taken off, is `wanted` or the best that was found.

    A pair of points far off may have potentials as large as its cost to the others, of opposite
    signs: they cancel, but their rounding is of their size. Cut off at a level that the other
    potentials do not reach, they are still admissible and have digits again.
    """

    def lower(phi: np.ndarray, psi: np.ndarray) -> float:
        value, rounding = dual_value(phi, psi, a, b)
        return value - rounding

    best = phi, psi, lower(phi, psi)
    level = float(np.abs(phi).max()) / _CUT
    while best[2] < wanted and level > 0:
        cut = np.clip(phi, -level, level)
        transformed = transform(matrix, cut)
        proved = lower(cut, transformed)
        if proved < best[2]:
            break
        best, level = (cut, transformed, proved), level / _CUT
    return best


def _misplaced(matrix: np.ndarray, plan: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """The most that mending the plan's marginals can cost.

    Rows and columns that rounding missed by at most r and s are shrunk by twice that share, and
    what all then lack is paired by its product, as in `certificate.certify`.
    """
    apart = abs(math.fsum(a) - math.fsum(b))  # both stand for 1
    missed = []
    for axis, weights in ((1, a), (0, b)):
        added = np.maximum(np.count_nonzero(plan, axis=axis) - 1, 0)
        missed.append(np.abs(plan.sum(axis) - weights) + (added * UNIT + apart) * weights)
    rows = 3 * missed[0] + plan @ (2 * missed[1] / b)
    columns = 3 * missed[1] + (2 * missed[0] / a) @ plan
    least = rows.sum() / 3
    if least == 0:
        return 0.0
    low = min(float(matrix.min()), 0.0)
    return float(rows @ (matrix @ columns) - low * rows.sum() * columns.sum()) / float(least)


def transform(
    matrix: Float[np.ndarray, "n m"], phi: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " m"]:
    """The c-transform of phi, min_i c_ij - phi_i."""
    transformed = np.full(matrix.shape[1], np.inf)
    block = max(1, _CACHED // matrix.shape[1])
    for first in range(0, len(phi), block):
        rows = slice(first, first + block)
        np.minimum(transformed, (matrix[rows] - phi[rows, None]).min(0), out=transformed)
    return transformed
