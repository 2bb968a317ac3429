"""The c-transform of a potential on a batch."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from wdist_bench.costs import Cost

# The costs are held at once up to this many entries (64 MiB of float32) ...
_WHOLE_ENTRIES = 2**24
# ... and beyond it in tiles of this many, small enough for a processor's cache.
_TILE_ENTRIES = 2**20


def c_transform(phi: jax.Array, x: jax.Array, y: jax.Array, cost: Cost) -> jax.Array:
    """phi^c(y_j) = min_i c(x_i, y_j) - phi_i, shape (m,), for phi of shape (n,) at x.

    The pair (phi, phi^c) is admissible on the batch, phi_i + phi^c(y_j) <= c(x_i, y_j), for every
    phi, so its dual value is a lower bound on the batch value of W_p^p. A phi_i of -inf takes
    point i out. Memory is O(n + m) beyond one tile of costs.

    Source: Mallasto, Montufar, Gerolin 2019 (arXiv 1910.03875), equation for the (c)-transform.
    """
    n, m = x.shape[0], y.shape[0]
    if n * m <= _WHOLE_ENTRIES:
        return (cost.pairwise(x, y) - phi[:, None]).min(0)
    points = max(1, _TILE_ENTRIES // n)
    tiles = -(-m // points)
    padding = jnp.broadcast_to(y[:1], (tiles * points - m, y.shape[1]))
    y = jnp.concatenate([y, padding]).reshape(tiles, points, -1)
    tile = jax.lax.map(lambda part: (cost.pairwise(x, part) - phi[:, None]).min(0), y)
    return tile.reshape(-1)[:m]


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
    phi = jnp.zeros(x.shape[0], x.dtype)
    if present is not None:
        phi = jnp.where(present, phi, -jnp.inf)
    psi = c_transform(phi, x, y, cost)
    return psi.mean() if b is None else psi @ b
