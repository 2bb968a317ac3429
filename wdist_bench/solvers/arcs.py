"""Pairs of points that can carry mass: those of the smallest reduced costs, by blocks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float, Int

from wdist_bench.costs import Cost
from wdist_bench.solvers.matrix_free.pruned_c_transform import (
    TILE_ENTRIES,
    boxes,
    lower_bounds,
    neighbours,
    threads,
)

# Looked at together before the first bound: a quarter faster than one, then two, then four.
_FIRST_BLOCKS = 4


def smallest(
    phi: Float[np.ndarray, " n"],
    x: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, "m d"],
    cost: Cost,
    count: int,
) -> tuple[Int[np.ndarray, "m k"], Float[np.ndarray, "m k"]]:
    """The `count` points x_i of smallest c(x_i, y_j) - phi_i for each y_j, and these, ascending.

    phi is finite; the first column of values is its c-transform. As in `pruned_c_transform`,
    blocks of neighbours are left out whose bound exceeds what has been found; memory is
    O(k (n + m)).
    """
    count = min(count, len(x))
    x_blocks, y_blocks = neighbours(x), neighbours(y)
    low, high = boxes(x, x_blocks)
    top = phi[x_blocks].max(1)
    first = np.zeros(x_blocks.shape, bool)  # some points are in two blocks
    first.ravel()[np.unique(x_blocks, return_index=True)[1]] = True
    index = np.empty((len(y), count), np.int64)
    value = np.empty((len(y), count))

    def solve(block: np.ndarray) -> None:
        bounds = lower_bounds(low, high, y[block], cost) - top
        index[block], value[block] = _of_block(
            np.where(first, phi[x_blocks], -np.inf), x, x_blocks, y[block], bounds, cost, count
        )

    with ThreadPoolExecutor(threads()) as pool:
        list(pool.map(solve, y_blocks))
    return index, value


def _of_block(
    potentials: np.ndarray,
    x: np.ndarray,
    x_blocks: np.ndarray,
    points: np.ndarray,
    bounds: np.ndarray,
    cost: Cost,
    count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """`smallest` for a few points, from the most promising blocks of x on."""
    order = np.argsort(bounds)
    bounds = bounds[order]
    value = np.full((len(points), count), np.inf)
    index = np.full((len(points), count), -1)
    most = max(1, TILE_ENTRIES // (len(points) * x_blocks.shape[1]))
    done, step = 0, max(_FIRST_BLOCKS, -(-count // x_blocks.shape[1]))
    while done < len(order) and bounds[done] < value[:, -1].max():
        end = min(done + step, int(np.searchsorted(bounds, value[:, -1].max())))
        blocks = order[done:end]
        rows = x_blocks[blocks].ravel()
        reduced = cost.transposed.matrix(points, x[rows]) - potentials[blocks].ravel()
        both = np.concatenate([value, reduced], axis=1)
        names = np.concatenate([index, np.broadcast_to(rows, reduced.shape)], axis=1)
        best = np.argpartition(both, count - 1, axis=1)[:, :count]
        value, index = (np.take_along_axis(part, best, 1) for part in (both, names))
        done, step = end, min(2 * step, most)
    by_size = np.argsort(value, axis=1)
    return np.take_along_axis(index, by_size, 1), np.take_along_axis(value, by_size, 1)
