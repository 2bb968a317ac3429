"""The c-transform of a potential on a batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from wdist_bench.costs import Cost
from wdist_bench.costs.l2 import DIRECT_DIMENSION, SMALL_ENTRIES
from wdist_bench.solvers.massless import gathered

# In many dimensions the costs are held at once up to this many entries ...
_WHOLE_ENTRIES = 2**20
# ... and beyond it in tiles of so many points of x and of y: long enough for a processor's vectors,
# small enough for its cache. In few dimensions long rows of y meet a few x at a time. Accelerators
# spend some 10 microseconds on the start of a tile, so theirs are large: 256 MiB in float32.
_TILE_ON_CPU = 512, 2048
_TILE_ON_ACCELERATORS = 4096, 16384
_FEW_X = 8
_LONG_Y = 16384


def c_transform(
    phi: Float[Array, " n"], x: Float[Array, "n d"], y: Float[Array, "m d"], cost: Cost
) -> Float[Array, " m"]:
    """phi^c(y_j) = min_i c(x_i, y_j) - phi_i, shape (m,), for phi of shape (n,) at x.

    The pair (phi, phi^c) is admissible on the batch, phi_i + phi^c(y_j) <= c(x_i, y_j), for every
    phi, so its dual value is a lower bound on the batch value of W_p^p. A phi_i of -inf takes
    point i out. Memory is O(n + m) beyond one tile of costs, derivatives included.

    Source: Mallasto, Montufar, Gerolin 2019 (arXiv 1910.03875), equation for the (c)-transform.
    """
    whole = SMALL_ENTRIES if _by_rows(x) else _WHOLE_ENTRIES
    if x.shape[0] * y.shape[0] <= whole:
        return (cost.pairwise(x, y) - phi[:, None]).min(0)
    return _tiled(phi, x, y, cost)


def _by_rows(x: jax.Array) -> bool:
    """Whether costs are computed a row at a time: on processors, in few dimensions.

    Rows need no reduction, which XLA does several times as slowly there; accelerators would wait
    for many small steps.
    """
    return x.shape[1] <= DIRECT_DIMENSION and jax.default_backend() == "cpu"


def _tile() -> tuple[int, int]:
    """Points of x and of y in a tile of costs."""
    return _TILE_ON_CPU if jax.default_backend() == "cpu" else _TILE_ON_ACCELERATORS


_Arguments = tuple[jax.Array, jax.Array, jax.Array]  # phi, x, y


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def _tiled(phi: jax.Array, x: jax.Array, y: jax.Array, cost: Cost) -> jax.Array:
    """`c_transform` of many points, whose costs are computed tile by tile and never all held."""
    start = jnp.asarray(jnp.inf, phi.dtype)
    if _by_rows(x):
        return _over_rows(lambda best, low, _: jnp.minimum(best, low), start, phi, x, y, cost)

    def lower(best: jax.Array, costs: jax.Array, first: jax.Array) -> jax.Array:
        return jnp.minimum(best, costs.min(1))

    return _over_tiles(lower, start, phi, x, y, cost)


def _tiled_forward(phi: jax.Array, x: jax.Array, y: jax.Array, cost: Cost) -> tuple[jax.Array, Any]:
    """The value and its derivative, which is that of the cost of the minimising points.

    A custom_jvp would say the same, but takes the scans apart when it is evaluated: twice as slow.
    """
    where = _minimisers(*jax.lax.stop_gradient((phi, x, y)), cost)

    def at_minimisers(phi: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        return cost.between(x[where], y) - phi[where]

    return jax.vjp(at_minimisers, phi, x, y)


def _tiled_backward(cost: Cost, derivative: Any, cotangent: jax.Array) -> _Arguments:
    return derivative(cotangent)


_tiled.defvjp(_tiled_forward, _tiled_backward)


def _minimisers(phi: jax.Array, x: jax.Array, y: jax.Array, cost: Cost) -> jax.Array:
    """argmin_i c(x_i, y_j) - phi_i, shape (m,); where there is NaN, one that gives NaN."""

    def lower(
        best: tuple[jax.Array, jax.Array], low: jax.Array, here: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        value, where = best
        better = ((low < value) | jnp.isnan(low)) & ~jnp.isnan(value)
        return jnp.where(better, low, value), jnp.where(better, here, where)

    def lower_tile(
        best: tuple[jax.Array, jax.Array], costs: jax.Array, first: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        return lower(best, costs.min(1), first + costs.argmin(1).astype(jnp.int32))

    start = jnp.asarray(jnp.inf, phi.dtype), jnp.zeros((), jnp.int32)
    if not _by_rows(x):
        return _over_tiles(lower_tile, start, phi, x, y, cost)[1]
    few = min(x.shape[0], _FEW_X)
    firsts = few * _over_rows(lower, start, phi, x, y, cost)[1]

    def among_the_few(pair: tuple[jax.Array, jax.Array]) -> jax.Array:
        first, point = pair
        near = jnp.minimum(first + jnp.arange(few, dtype=jnp.int32), x.shape[0] - 1)
        costs = cost.by_coordinates(x[near].T, point[:, None]) - phi[near]
        return near[costs.argmin()]

    return jax.lax.map(among_the_few, (firsts, y), batch_size=min(y.shape[0], _LONG_Y))


def _over_rows(
    update: Callable[[Any, jax.Array, jax.Array], Any],
    start: Any,
    phi: jax.Array,
    x: jax.Array,
    y: jax.Array,
    cost: Cost,
) -> Any:
    """Fold `update(carry, min over a few x_i of c(x_i, .) - phi_i, their number)` over all x.

    The few are `_FEW_X` consecutive points, numbered 0, 1, ...; the carry, an array per point of
    y, starts at `start`.
    """
    few, long = min(x.shape[0], _FEW_X), min(y.shape[0], _LONG_Y)
    x_tiles, phi_tiles = _tiles(x, few, x[0]), _tiles(phi, few, -jnp.inf)

    def transform(points: jax.Array) -> Any:
        coordinates = points.T

        def step(carry: Any, tile: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[Any, None]:
            x, phi, number = tile
            rows = (cost.by_coordinates(x[k], coordinates) - phi[k] for k in range(few))
            low = jax.lax.optimization_barrier(reduce(jnp.minimum, rows))
            return update(carry, low, number), None

        every = jax.tree.map(lambda value: jnp.full(long, value), start)
        numbers = jnp.arange(len(x_tiles), dtype=jnp.int32)
        return jax.lax.scan(step, every, (x_tiles, phi_tiles, numbers))[0]

    return _joined(jax.lax.map(transform, _tiles(y, long, y[0])), y.shape[0])


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
    rows, columns = map(min, (x.shape[0], y.shape[0]), _tile())
    x_tiles, phi_tiles = _tiles(x, rows, x[0]), _tiles(phi, rows, -jnp.inf)
    firsts = jnp.arange(len(x_tiles), dtype=jnp.int32) * rows
    from_y = cost.transposed

    def transform(points: jax.Array) -> Any:
        def step(carry: Any, tile: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[Any, None]:
            phi, x, first = tile
            return update(carry, from_y.pairwise(points, x) - phi, first), None

        every = jax.tree.map(lambda value: jnp.full(columns, value), start)
        return jax.lax.scan(step, every, (phi_tiles, x_tiles, firsts))[0]

    return _joined(jax.lax.map(transform, _tiles(y, columns, y[0])), y.shape[0])


def _joined(tiles: Any, count: int) -> Any:
    """The first `count` entries of arrays that came in tiles."""
    return jax.tree.map(lambda values: values.reshape(-1)[:count], tiles)


def _tiles(values: jax.Array, size: int, filler: jax.Array | float) -> jax.Array:
    """Leading axis in tiles of `size`, the last one filled up."""
    count = -(-values.shape[0] // size)
    missing = (count * size - values.shape[0], *values.shape[1:])
    filled = jnp.concatenate([values, jnp.broadcast_to(jnp.asarray(filler, values.dtype), missing)])
    return filled.reshape(count, size, *values.shape[1:])


def nearest_neighbor_costs(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    cost: Cost,
    present: Bool[Array, " n"] | None = None,
) -> Float[Array, " m"]:
    """min_i c(x_i, y_j), shape (m,): the c-transform of phi = 0, over the `present` points x_i.

    The nearest point is the same without the root or the square, which then are taken once.
    """
    phi = jnp.zeros(x.shape[0], x.dtype)
    if present is not None:
        phi = jnp.where(present, phi, -jnp.inf)
    return cost.from_base(c_transform(phi, x, y, cost.base))


def nearest_neighbor_cost(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    b: Float[Array, " m"] | None,
    cost: Cost,
    present: Bool[Array, " n"] | None = None,
) -> Float[Array, ""]:
    """sum_j b_j min_i c(x_i, y_j): the dual value of phi = 0 and its c-transform.

    Args:
        x: (n, d) points of mu.
        y: (m, d) points of nu.
        b: (m,) weights, None for equal weights.
        cost: ground cost.
        present: (n,) whether point i carries mass; None for all.
    """
    x = gathered(x, present)
    psi = nearest_neighbor_costs(x, gathered(y, b), cost, present)
    if b is None:
        return psi.mean()
    fixed, far_x, far_y = jax.lax.stop_gradient((psi, x, y))
    there = jax.lax.cond(
        (b > 0).all(), lambda: fixed, lambda: nearest_neighbor_costs(far_x, far_y, cost, present)
    )
    return jnp.where(b > 0, psi, jnp.nan_to_num(there)) @ b
