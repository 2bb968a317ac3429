"""The entropic c-transform of a potential on a batch."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wdist_bench.costs import Cost

_TILE_ENTRIES = 2**20


def soft_c_transform(
    phi: Float[Array, " n"],
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    a: Float[Array, " n"] | None,
    cost: Cost,
    epsilon: float,
) -> Float[Array, " m"]:
    """phi^(c, eps)(y_j) = -eps log sum_i a_i exp((phi_i - c(x_i, y_j)) / eps), shape (m,).

    Between the c-transform and the c-transform + eps log(1 / min a): the pair is not admissible,
    and its dual value can exceed the batch value of W_p^p by up to eps log n. Memory is O(n + m)
    beyond one tile of costs; its derivative keeps all n m.

    Args:
        phi: (n,) potential at x.
        x: (n, d) points of mu.
        y: (m, d) points of nu.
        a: (n,) weights of x, None for equal weights.
        cost: ground cost.
        epsilon: temperature, in units of cost.

    Source: Mallasto, Montufar, Gerolin 2019 (arXiv 1910.03875), the (c, eps)-transform.
    """
    n, m = x.shape[0], y.shape[0]
    mass = jnp.full(n, 1 / n, x.dtype) if a is None else a

    def of(part: jax.Array) -> jax.Array:
        exponent = (phi[:, None] - cost.pairwise(x, part)) / epsilon
        return -epsilon * jax.nn.logsumexp(exponent, axis=0, b=mass[:, None])

    if n * m <= _TILE_ENTRIES:
        return of(y)
    points = max(1, _TILE_ENTRIES // n)
    return jax.lax.map(lambda point: of(point[None, :])[0], y, batch_size=points)
