"""Whether samples of a task look like samples of the user's pair.

Three numbers are compared, on samples of one size:

- value: the exact W_p.
- near: the root of the mean cost to the nearest row of the other sample, over that. It is 0 where
  rows coincide and only their frequencies differ, and near 1 where every row has to move.
- even: how evenly the rows carry the cost of the optimal plan, (sum t)^2 / (count sum t^2) for
  the costs t of the rows (of rows that coincide: their mean). A translation has 1, a share s of
  the rows that moves alone has s.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.inputs.distinct import distinct
from wdist_bench.solvers.exact import solve_exact

_VALUE = 1.4  # factor between the distances of two samples up to which they are alike
_NEAR = 0.3  # the same, difference of nearest-neighbour shares
_EVEN = 2.5  # the same, factor between the evenness of two plans
_DOUBTS = 2.0  # standard deviations of the pair's own numbers that are allowed beside


@dataclass(frozen=True)
class Look:
    """What can be seen of two samples.

    Attributes:
        value: exact W_p; NaN where the solver could not prove it.
        near: cost of nearest neighbours over it.
        even: how evenly rows carry the cost; `even` times the rows are those that matter.
    """

    value: float
    near: float
    even: float


def look(x: np.ndarray, y: np.ndarray, cost: Cost) -> Look:
    """What two samples look like, from the optimal plan between them (a linear programme)."""
    (x, a), (y, b) = merged(x), merged(y)
    matrix = cost.matrix(x, y)
    solution = solve_exact(matrix, a, b)
    if not solution.converged:
        return Look(math.nan, math.nan, math.nan)
    value = cost.root(solution.cost)
    if not value > 0:
        return Look(value, 0.0, 0.0)
    moved = solution.plan * matrix
    even = (_evenness(moved.sum(1), a) + _evenness(moved.sum(0), b)) / 2
    near = cost.root(float(b @ matrix.min(0) + a @ matrix.min(1)) / 2) / value
    return Look(value, near, even)


def exact_value(x: np.ndarray, y: np.ndarray, cost: Cost) -> float:
    """W_p of two samples by linear programming; NaN where the solver could not prove it."""
    return look(x, y, cost).value


def merged(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rows and their shares; the rows as they are where few coincide.

    A linear programme on coinciding rows is degenerate, and takes twenty times as long.
    """
    points, _, counts = distinct(rows)
    if 2 * len(points) > len(rows):
        return rows, np.full(len(rows), 1 / len(rows))
    return points, counts / len(rows)


def _evenness(parts: np.ndarray, weights: np.ndarray) -> float:
    """(sum w t)^2 / sum w t^2 of the costs w t >= 0 of rows with weights w that sum to one: 1
    where all t are equal, w where one is alone; 0 where there are none.
    """
    total = float((parts**2 / weights).sum())
    return float(parts.sum()) ** 2 / total if total > 0 else 0.0


def alike(pair: list[Look], task: list[Look]) -> bool:
    """Whether the task's samples could be the pair's: values within a factor of 1.4, `near` within
    0.3 and `even` within a factor of 2.5, beside two standard deviations of the pair's own subsets.
    """
    mine, its = (np.array([astuple(one) for one in looks]) for looks in (pair, task))
    (value, near, even), found = np.nanmean(mine, 0), np.nanmean(its, 0)
    value_doubt, near_doubt, even_doubt = _DOUBTS * np.nanstd(mine, 0)
    if not min(value, even, found[0], found[2]) > 0:
        return bool(value <= 0 and found[0] <= 0)
    return bool(
        abs(math.log(found[0] / value)) <= math.log(_VALUE) + value_doubt / value
        and abs(found[1] - near) <= _NEAR + near_doubt
        and abs(math.log(found[2] / even)) <= math.log(_EVEN) + even_doubt / even
    )
