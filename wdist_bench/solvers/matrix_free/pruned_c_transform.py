"""c-transforms of large samples in float64 on the host, looking only where the minimum can be."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float

from wdist_bench.costs import Cost
from wdist_bench.costs.l2 import power_of_two

# A search tree finds nearest points faster than tiles do up to this dimension.
_TREE_DIMENSION = 12
# Points of a block of neighbours: small ones have good bounds; beyond that dimension no bound is
# good, and large ones make quick matrix products.
_BLOCK_POINTS = 64
_WIDE_BLOCK_POINTS = 1024
# Costs held at once, by each thread; where there are no more pairs, all are computed.
TILE_ENTRIES = 2**19


def nearest_costs(
    x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"], cost: Cost
) -> Float[np.ndarray, " m"]:
    """min_i c(x_i, y_j), shape (m,), for points x of shape (n, d) and y of shape (m, d).

    Equal points are at distance exactly 0. In low dimension by scipy's k-d tree, in about
    m log n time unless very many x are as near as the nearest; else by tiles. Memory is O(n + m).
    """
    if len(x) * len(y) <= TILE_ENTRIES:
        return cost.matrix(x, y).min(0)
    tree_holds = cost.minkowski and x.shape[1] <= _TREE_DIMENSION
    if not tree_holds or power_of_two(x, y):  # the tree would square too large ones
        return pruned_c_transform(np.zeros(len(x)), x, y, cost)
    from scipy.spatial import cKDTree

    tree = cKDTree(x, balanced_tree=False)
    nearest = tree.query(y, p=cost.minkowski, workers=threads())[1]
    return cost.matched(x[nearest], y)


def pruned_c_transform(
    phi: Float[np.ndarray, " n"],
    x: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, "m d"],
    cost: Cost,
) -> Float[np.ndarray, " m"]:
    """phi^c(y_j) = min_i c(x_i, y_j) - phi_i, shape (m,), for phi of shape (n,) at x.

    Both point sets are cut into blocks of neighbours. For a block of y the blocks of x are tried in
    the order of the bound (distance of their boxes)^p - max phi (0 - max phi where the cost has no
    such distance), until that exceeds what every y of
    the block has found: the result is that of trying all pairs, up to rounding. Up to all pairs are
    computed where the bounds are weak, as in high dimension; memory is O(n + m) beyond one tile a
    thread. A phi_i of -inf takes point i out.

    Raises:
        ValueError: phi, x or y has NaN.

    Source: the bounds are those of a k-d tree, Bentley 1975, with weights; `c_transform` is the
    same function on a device.
    """
    if np.isnan(phi).any():
        raise ValueError("phi: expected numbers, got NaN; train with a lower learning rate")
    for name, points in (("x", x), ("y", y)):
        if np.isnan(points).any():
            raise ValueError(f"{name}: expected numbers, got NaN; remove or impute those rows")
    if len(x) * len(y) <= TILE_ENTRIES:
        return (cost.matrix(x, y) - phi[:, None]).min(0)
    x_blocks, y_blocks = neighbours(x), neighbours(y)
    low, high = boxes(x, x_blocks)
    top = phi[x_blocks].max(1)
    psi = np.empty(len(y))

    def solve(block: np.ndarray) -> None:
        points = y[block]
        bounds = lower_bounds(low, high, points, cost) - top
        psi[block] = _minimum(phi, x, x_blocks, points, bounds, cost)

    with ThreadPoolExecutor(threads()) as pool:
        list(pool.map(solve, y_blocks))
    return psi


def _minimum(
    phi: np.ndarray,
    x: np.ndarray,
    x_blocks: np.ndarray,
    points: np.ndarray,
    bounds: np.ndarray,
    cost: Cost,
) -> np.ndarray:
    """The c-transform at a few points, from the most promising blocks of x on."""
    order = np.argsort(bounds)
    bounds = bounds[order]
    best = np.full(len(points), np.inf)
    most = max(1, TILE_ENTRIES // (len(points) * x_blocks.shape[1]))
    done, step = 0, 1
    # A bound that ties cannot improve, but all are infinite where all of phi is -inf.
    while done < len(order) and bounds[done] < best.max():
        hopeful = int(np.searchsorted(bounds, best.max()))
        end = min(done + step, hopeful)
        rows = x_blocks[order[done:end]].ravel()
        costs = cost.transposed.matrix(points, x[rows])
        costs -= phi[rows]
        np.minimum(best, costs.min(1), out=best)
        done, step = end, min(2 * step, most)
    return best


def neighbours(points: np.ndarray) -> np.ndarray:
    """Indices of the points in blocks of about equal size, shape (blocks, points of a block).

    Blocks are halved at the median of their widest coordinate. Where the number of points does not
    divide evenly, some points are in two blocks.
    """
    aim = _BLOCK_POINTS if points.shape[1] <= _TREE_DIMENSION else _WIDE_BLOCK_POINTS
    levels = max(0, int(np.ceil(np.log2(len(points) / aim))))
    size = -(-len(points) // 2**levels)
    blocks = np.resize(np.arange(len(points)), (1, size * 2**levels))
    for _ in range(levels):
        low, high = boxes(points, blocks)
        widest = (high - low).argmax(1)
        along = points[blocks, widest[:, None]]
        half = blocks.shape[1] // 2
        blocks = np.take_along_axis(blocks, along.argpartition(half, axis=1), axis=1)
        blocks = blocks.reshape(-1, half)
    return blocks


def boxes(points: np.ndarray, blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest coordinates of each block, both of shape (blocks, d)."""
    low = np.empty((len(blocks), points.shape[1]))
    high = np.empty_like(low)
    for k, coordinate in enumerate(points.T):
        along = coordinate[blocks]
        low[:, k], high[:, k] = along.min(1), along.max(1)
    return low, high


def lower_bounds(
    low: np.ndarray, high: np.ndarray, points: np.ndarray, cost: Cost
) -> np.ndarray | float:
    """What no cost between a point in each box and one of the points is below; 0 if unknown."""
    if not cost.by_boxes:
        return 0.0
    outside = np.maximum(np.maximum(low - points.max(0), points.min(0) - high), 0)
    return cost.matched(outside, np.zeros(points.shape[1]))


def threads() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
