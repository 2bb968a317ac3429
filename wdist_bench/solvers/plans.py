"""Transport plans as sparse matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from wdist_bench.problem import Samples
from wdist_bench.solvers.proofs.rounding import running_sums

# Mass that the rounding of cumulative weights puts between neighbours, and that is none.
_NOTHING = 16 * np.finfo(np.float64).eps


def of_dense(plan: Float[np.ndarray, "kept_n kept_m"], samples: Samples) -> Any:
    """A plan of the points with mass as a scipy.sparse.csr_array (n, m) of all points."""
    rows, columns = np.nonzero(plan)
    return of_arcs(rows, columns, plan[rows, columns], samples)


def of_arcs(
    rows: Int[np.ndarray, " k"],
    columns: Int[np.ndarray, " k"],
    mass: Float[np.ndarray, " k"],
    samples: Samples,
) -> Any:
    """The same of masses of pairs of points that have mass, by their numbers among these."""
    if samples.a is not None:
        rows = np.flatnonzero(samples.a > 0)[rows]
    if samples.b is not None:
        columns = np.flatnonzero(samples.b > 0)[columns]
    return _sparse(rows, columns, mass, samples)


def monotone(samples: Samples) -> Any:
    """The plan that pairs sorted points, as a csr_array (n, m).

    It is optimal on a line, and between equal measures in any dimension, where it moves nothing.
    Points are sorted by the last coordinate, then by the one before it, and so on.
    """
    order_x, order_y = (np.lexsort(points.T) for points in (samples.x, samples.y))
    rows, columns, mass = northwest(
        _ends(len(order_x), samples.a, order_x), _ends(len(order_y), samples.b, order_y)
    )
    return _sparse(order_x[rows], order_y[columns], mass, samples)


def northwest(
    ends_x: Float[np.ndarray, " n"], ends_y: Float[np.ndarray, " m"]
) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Rows, columns and masses of the plan between two lists of cumulative weights, in order."""
    ends = np.sort(np.concatenate([ends_x, ends_y]))
    mass = np.diff(ends, prepend=0.0)
    held = mass > _NOTHING * mass.max()
    mass = mass[held]
    middle = ends[held] - mass / 2
    rows = np.minimum(np.searchsorted(ends_x, middle), len(ends_x) - 1)
    columns = np.minimum(np.searchsorted(ends_y, middle), len(ends_y) - 1)
    return rows, columns, mass


def _ends(count: int, weights: np.ndarray | None, order: np.ndarray) -> np.ndarray:
    """Cumulative weights of sorted points, the last exactly 1."""
    if weights is None:
        return np.arange(1, count + 1) / count
    ends = running_sums(weights[order])
    return ends / ends[-1]


def _sparse(rows: np.ndarray, columns: np.ndarray, mass: np.ndarray, samples: Samples) -> Any:
    from scipy.sparse import coo_array

    shape = len(samples.x), len(samples.y)
    return coo_array((mass, (rows, columns)), shape=shape).tocsr()
