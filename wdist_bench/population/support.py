"""Ends that need no moments: McDiarmid's inequality on a bounded support."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.costs.l2 import power_of_two
from wdist_bench.problem import Samples
from wdist_bench.validation import check_number

_BLOCK = 2**22  # distances held at once
_POWERS_HOLD = 64  # of two, between which D^p is far within float64


def mcdiarmid(rows: Samples, reach: float, error: float) -> float:
    """reach sqrt((sum a_i^2 + sum b_j^2) log(1 / error) / 2).

    What a function of independent rows exceeds its expectation by with probability `error` at
    most, when moving row i of x changes it by a_i reach at most, and row j of y by b_j reach:
    W_p^p, for a reach of D^p on a support of diameter D, and means of 1-Lipschitz functions, for D.

    Source: McDiarmid 1989, On the method of bounded differences.
    """
    squares = float(rows.a @ rows.a + rows.b @ rows.b)
    return reach * math.sqrt(squares * -math.log(error) / 2)


def mcdiarmid_upper(
    batch: float, rows: Samples, reach: float, error: float, cost: Cost, power: int = 0
) -> float:
    """(W_p^p(rows) + `mcdiarmid` for D^p)^(1/p), and D at most, which no distance exceeds.

    Args:
        batch: W_p^p of the rows over 2^(p power).
        rows: of which the weights count.
        reach: D.
        error: what the end may miss by.
        cost: ground cost.
        power: of two that the rows were divided by.
    """
    unit = power_of_two(np.array([reach]), within=_POWERS_HOLD)
    p = int(cost.p)
    with np.errstate(over="ignore", under="ignore"):  # D is beyond, or the rows are nothing to it
        ours = float(np.ldexp(batch, p * (power - unit)))
        total = ours + mcdiarmid(rows, math.ldexp(reach, -unit) ** p, error)
        return min(float(np.ldexp(cost.root(total), unit)), reach)


def check_support(support: Any, rows: Samples, cost: Cost) -> float:
    """The bound on all distances; raises ValueError where two rows are further apart."""
    reach = check_number(support, "support", above=0)
    farthest = diameter(np.concatenate([rows.x, rows.y]), Cost(1, cost.norm))
    if farthest > reach * (1 + 1e-12):
        raise ValueError(
            f"support: expected a bound on the distance of any two points of the populations, got "
            f"{reach:g} where two rows are {farthest:.6g} apart; give a bound known beforehand"
        )
    return reach


def diameter(points: np.ndarray, cost: Cost) -> float:
    """Largest distance between two points."""
    step = max(1, _BLOCK // len(points))
    return max(
        float(cost.matrix(points[first : first + step], points).max())
        for first in range(0, len(points), step)
    )
