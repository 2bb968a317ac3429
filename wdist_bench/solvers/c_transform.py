"""The c-transform of a potential on a batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from wdist_bench.costs import DIRECT_DIMENSION, Cost

# The costs are held at once up to this many entries ...
_WHOLE_ENTRIES = 2**20
# ... and beyond it in tiles of so many points of x and of y: long enough for a processor's vectors,
# small enough for its cache. In few dimensions long rows of y meet a few x at a time.
_TILE_X = 512
_TILE_Y = 2048
_FEW_X = 8
_LONG_Y = 16384


def c_transform(phi: jax.Array, x: jax.Array, y: jax.Array, cost: Cost) -> jax.Array:
    """phi^c(y_j) = min_i c(x_i, y_j) - phi_i, shape (m,), for phi of shape (n,) at x.

    The pair (phi, phi^c) is admissible on the batch, phi_i + phi^c(y_j) <= c(x_i, y_j), for every
    phi, so its dual value is a lower bound on the batch value of W_p^p. A phi_i of -inf takes
    point i out. Memory is O(n + m) beyond one tile of costs, derivatives included.

    Source: Mallasto, Montufar, Gerolin 2019 (arXiv 1910.03875), equation for the (c)-transform.
    """
    if x.shape[0] * y.shape[0] <= _WHOLE_ENTRIES:
        return (cost.pairwise(x, y) - phi[:, None]).min(0)
    return _tiled(phi, x, y, cost)


_Arguments = tuple[jax.Array, jax.Array, jax.Array]  # phi, x, y


@partial(jax.custom_jvp, nondiff_argnums=(3,))
def _tiled(phi: jax.Array, x: jax.Array, y: jax.Array, cost: Cost) -> jax.Array:
    """The c-transform, tile by tile."""
    if x.shape[1] <= DIRECT_DIMENSION:
        return _point_by_point(phi, x, y, cost)

    def lower(best: jax.Array, costs: jax.Array, first: jax.Array) -> jax.Array:
        return jnp.minimum(best, costs.min(1))

    return _over_tiles(lower, jnp.asarray(jnp.inf, phi.dtype), phi, x, y, cost)


def _point_by_point(phi: jax.Array, x: jax.Array, y: jax.Array, cost: Cost) -> jax.Array:
    """The same in few dimensions: a minimum of long rows c(x_i, .) - phi_i, a few at a time.

    Rows need no reduction, which XLA does several times as slowly on a processor.
    """
    few, long = min(x.shape[0], _FEW_X), min(y.shape[0], _LONG_Y)
    tiles = _tiles(x, few, x[0]), _tiles(phi, few, -jnp.inf)

    def transform(points: jax.Array) -> jax.Array:
        coordinates = points.T

        def step(best: jax.Array, tile: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
            for point, potential in zip(*tile, strict=True):
                best = jnp.minimum(best, cost.by_coordinates(point, coordinates) - potential)
            return best, None

        return jax.lax.scan(step, jnp.full(long, jnp.inf, phi.dtype), tiles)[0]

    return jax.lax.map(transform, _tiles(y, long, y[0])).reshape(-1)[: y.shape[0]]


@_tiled.defjvp
def _tiled_jvp(
    cost: Cost, primals: _Arguments, tangents: _Arguments
) -> tuple[jax.Array, jax.Array]:
    """The derivative is that of the cost of the minimising point, which is looked for again."""
    where = _minimisers(*primals, cost)

    def at_minimisers(phi: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        return cost.between(x[where], y) - phi[where]

    return jax.jvp(at_minimisers, primals, tangents)


def _minimisers(phi: jax.Array, x: jax.Array, y: jax.Array, cost: Cost) -> jax.Array:
    """argmin_i c(x_i, y_j) - phi_i, shape (m,); where there is NaN, one that gives NaN."""

    def lower(
        best: tuple[jax.Array, jax.Array], costs: jax.Array, first: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        value, where = best
        here = costs.argmin(1).astype(jnp.int32)
        low = costs.min(1)
        better = ((low < value) | jnp.isnan(low)) & ~jnp.isnan(value)
        return jnp.where(better, low, value), jnp.where(better, first + here, where)

    start = jnp.asarray(jnp.inf, phi.dtype), jnp.zeros((), jnp.int32)
    return _over_tiles(lower, start, phi, x, y, cost)[1]


def _over_tiles(
    update: Callable[[Any, jax.Array, jax.Array], Any],
    start: Any,
    phi: jax.Array,
    x: jax.Array,
    y: jax.Array,
    cost: Cost,
) -> Any:
    """Fold `update(carry, costs - phi, index of the tile's first x)` over the tiles of x.

    Costs come as (points of y, points of x); the carry, an array per point of y, starts at `start`.
    """
    rows, columns = min(x.shape[0], _TILE_X), min(y.shape[0], _TILE_Y)
    x_tiles, phi_tiles = _tiles(x, rows, x[0]), _tiles(phi, rows, -jnp.inf)
    firsts = jnp.arange(len(x_tiles), dtype=jnp.int32) * rows

    def transform(points: jax.Array) -> Any:
        def step(carry: Any, tile: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[Any, None]:
            phi, x, first = tile
            return update(carry, cost.pairwise(points, x) - phi, first), None

        every = jax.tree.map(lambda value: jnp.full(columns, value), start)
        return jax.lax.scan(step, every, (phi_tiles, x_tiles, firsts))[0]

    folded = jax.lax.map(transform, _tiles(y, columns, y[0]))
    return jax.tree.map(lambda values: values.reshape(-1)[: y.shape[0]], folded)


def _tiles(values: jax.Array, size: int, filler: jax.Array | float) -> jax.Array:
    """Leading axis in tiles of `size`, the last one filled up."""
    count = -(-values.shape[0] // size)
    missing = (count * size - values.shape[0], *values.shape[1:])
    filled = jnp.concatenate([values, jnp.broadcast_to(jnp.asarray(filler, values.dtype), missing)])
    return filled.reshape(count, size, *values.shape[1:])


def nearest_neighbor_costs(
    x: jax.Array, y: jax.Array, cost: Cost, present: jax.Array | None = None
) -> jax.Array:
    """min_i c(x_i, y_j), shape (m,): the c-transform of phi = 0, over the `present` points x_i.

    The nearest point is the same without the root or the square, which then are taken once.
    """
    phi = jnp.zeros(x.shape[0], x.dtype)
    if present is not None:
        phi = jnp.where(present, phi, -jnp.inf)
    return cost.from_base(c_transform(phi, x, y, cost.base))


def nearest_neighbor_cost(
    x: jax.Array,
    y: jax.Array,
    b: jax.Array | None,
    cost: Cost,
    present: jax.Array | None = None,
) -> jax.Array:
    """sum_j b_j min_i c(x_i, y_j): the dual value of phi = 0 and its c-transform.

    Args:
        x: (n, d) points of mu.
        y: (m, d) points of nu.
        b: (m,) weights, None for equal weights.
        cost: ground cost.
        present: (n,) whether point i carries mass; None for all.
    """
    psi = nearest_neighbor_costs(x, y, cost, present)
    return psi.mean() if b is None else psi @ b
