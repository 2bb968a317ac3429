"""Ends that need no moments: McDiarmid's inequality on a bounded support."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.problem import Samples
from wdist_bench.validation import check_number

_BLOCK = 2**22  # distances held at once


def mcdiarmid(rows: Samples, reach: float, error: float) -> float:
    """reach sqrt((sum a_i^2 + sum b_j^2) log(1 / error) / 2).

    What a function of independent rows exceeds its expectation by with probability `error` at
    most, when moving row i of x changes it by a_i reach at most, and row j of y by b_j reach:
    W_p^p, for a reach of D^p on a support of diameter D, and means of 1-Lipschitz functions, for D.

    Source: McDiarmid 1989, On the method of bounded differences.
    """
    squares = float(rows.a @ rows.a + rows.b @ rows.b)
    return reach * math.sqrt(squares * -math.log(error) / 2)


def check_support(support: Any, rows: Samples, cost: Cost) -> float:
    """The bound on all distances; raises ValueError where two rows are further apart."""
    reach = check_number(support, "support", above=0)
    farthest = _diameter(np.concatenate([rows.x, rows.y]), Cost(1, cost.norm))
    if farthest > reach * (1 + 1e-12):
        raise ValueError(
            f"support: expected a bound on the distance of any two points of the populations, got "
            f"{reach:g} where two rows are {farthest:.6g} apart; give a bound known beforehand"
        )
    return reach


def _diameter(points: np.ndarray, cost: Cost) -> float:
    """Largest distance between two points."""
    step = max(1, _BLOCK // len(points))
    return max(
        float(cost.matrix(points[first : first + step], points).max())
        for first in range(0, len(points), step)
    )
