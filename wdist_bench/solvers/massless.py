"""Points without mass inside compiled programs, which cannot leave them out.

They change no distance, however far they are. Derivatives in their weights are what a little mass
there would change, so their costs count for these alone.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

from wdist_bench.costs import Cost


def gathered(
    points: Float[Array, "n d"], weights: Shaped[Array, " n"] | None
) -> Float[Array, "n d"]:
    """The points, those without mass moved to the first that has some: no sum and no mean sees how
    far they are.
    """
    if weights is None:
        return points
    here = jax.lax.stop_gradient(weights) > 0
    first = jax.lax.stop_gradient(points[jnp.argmax(here)])
    return jnp.where(here[:, None], points, first)


def all_pairs(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    a: Float[Array, " n"],
    b: Float[Array, " m"],
    cost: Cost,
) -> Float[Array, "n m"]:
    """c(x_i, y_j), in which points without mass cost the others no digits. Their own costs are cut
    where they are 1 / eps^2 times the largest other one.
    """
    near = cost.pairwise(gathered(x, a), gathered(y, b))
    fixed, far_x, far_y = jax.lax.stop_gradient((near, x, y))
    mass = (a > 0)[:, None] & (b > 0)[None, :]
    there = jax.lax.cond(mass.all(), lambda: fixed, lambda: cost.pairwise(far_x, far_y))
    most = fixed.max() / jnp.finfo(near.dtype).eps ** 2
    return jnp.where(mass, near, jnp.where(there < most, there, most))
