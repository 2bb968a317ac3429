"""Transport along the rays of funnels: a map between any population and its image that is optimal
for the Euclidean distance, with the 1-Lipschitz function that proves it.

    u(x) = min_n ||x - a_n|| + b_n

Along the segment from x to its active center a_i, u falls at rate 1. A map T that keeps every x
on its segment, T(x) in [a_i, x], has u(x) - u(T x) = ||x - T x||; as u is 1-Lipschitz, T is
optimal and W_1(mu, T mu) = E ||x - T x||.

Source: Korotin, Kolesov, Burnaev, Kantorovich strikes back! Wasserstein GANs are not optimal
transport?, NeurIPS 2022 (arXiv 2206.07767), sections 4.1 to 4.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.pytrees import pytree

# Entries of the (points, dim, centers) differences that are held at once: 16 MiB of float64.
_ENTRIES = 2**21


@pytree
@dataclass(frozen=True, eq=False)
class Rays:
    """The funnels, in float64: use under `jax.enable_x64(True)`.

    Attributes:
        centers: (N, dim) a_n.
        bias: (N,) b_n.
        origin: (dim,) middle of the box.
        semi_length: H, half the edge of the box, which holds the measure.
        power: exponent k of T(x) = a_i + t^k L v; 1 moves nothing.
    """

    centers: Any
    bias: Any
    origin: Any
    semi_length: Any
    power: Any

    def on_device(self) -> Rays:
        """With every leaf as a float64 JAX array."""
        with jax.enable_x64(True):
            return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), self)

    def potential(self, points: jax.Array) -> jax.Array:
        """Values u(x) at points (n, dim), shape (n,)."""
        return self._map(lambda x: self._nearest(x)[1], points)

    def gradient(self, points: jax.Array) -> jax.Array:
        """grad u = (x - a_i) / ||x - a_i||, shape (n, dim); 0 at a center."""
        return self._map(lambda x: self._direction(x, self._nearest(x)[0])[0], points)

    def move(self, points: jax.Array) -> jax.Array:
        """T at points (n, dim) of the box, shape (n, dim).

        The ray from a_i through x, with direction v, ends at `up`: at the box, or where another
        funnel takes over. With L = ||up - a_i|| and t = ||x - a_i|| / L, T(x) = a_i + t^k L v, and
        T(a_i) = a_i.
        """
        return self._map(self._move, points)

    def _map(self, one: Callable[[jax.Array], jax.Array], points: jax.Array) -> jax.Array:
        block = max(1, _ENTRIES // self.centers.size)
        return jax.lax.map(one, points, batch_size=min(block, points.shape[0]))

    def _gaps(self, x: jax.Array) -> jax.Array:
        """The differences x - a_n as (dim, N): sums over the leading axis vectorise."""
        return x[:, None] - self.centers.T

    def _nearest(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Index of the active center, and u(x)."""
        values = jnp.sqrt((self._gaps(x) ** 2).sum(0)) + self.bias
        active = jnp.argmin(values)
        return active, values[active]

    def _direction(self, x: jax.Array, active: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Unit vector from the active center to x (0 if they coincide), and their distance."""
        gap = x - self.centers[active]
        length = jnp.sqrt((gap**2).sum())
        return gap / jnp.where(length > 0, length, 1), length

    def _move(self, x: jax.Array) -> jax.Array:
        active, level = self._nearest(x)
        v, radius = self._direction(x, active)
        wall = jnp.sign(v) * self.semi_length - (x - self.origin)
        to_box = jnp.where(v == 0, jnp.inf, jnp.abs(wall / jnp.where(v == 0, 1, v))).min()
        # ||x + r v - a_n|| + b_n = u(x) + r, solved for r.
        gaps = self._gaps(x)
        beta = level - self.bias
        denominator = 2 * (beta - (gaps * v[:, None]).sum(0))
        reach = ((gaps**2).sum(0) - beta**2) / jnp.where(denominator == 0, 1, denominator)
        others = jnp.arange(len(self.bias)) != active
        met = others & (denominator != 0) & (reach > 0) & (reach > -beta)
        length = radius + jnp.minimum(to_box, jnp.where(met, reach, jnp.inf).min())
        length = jnp.where(radius > 0, length, 0)  # a center has no ray, and stays
        share = radius / jnp.where(length > 0, length, 1)
        return self.centers[active] + share**self.power * length * v


def random_rays(
    seed: int, width: int, origin: np.ndarray, semi_length: float, power: float
) -> Rays:
    """Centers uniform in the box, biases normal with standard deviation 0.04 H: the published
    0.1 at H = 2.5, at any scale.
    """
    generator = np.random.default_rng(seed)
    centers = generator.uniform(-semi_length, semi_length, (width, len(origin)))
    bias = 0.04 * semi_length * generator.standard_normal(width)
    return Rays(origin + centers, bias, origin, np.float64(semi_length), np.float64(power))


def apply(method: Callable[[Rays, jax.Array], jax.Array], rays: Rays, points: Any) -> jax.Array:
    """`method(rays, points)` compiled in float64, for callers outside a 64-bit program."""
    points = np.asarray(points, np.float64)
    with jax.enable_x64(True):
        return _apply(method, rays.on_device(), jnp.asarray(points, jnp.float64))


@partial(jax.jit, static_argnums=0)
def _apply(method: Callable[..., jax.Array], rays: Rays, points: jax.Array) -> jax.Array:
    return method(rays, points)
