"""Critics that are 1-Lipschitz by construction: the lower or upper envelope of simple pieces.

Minima and maxima of 1-Lipschitz functions are 1-Lipschitz, and so is the soft minimum

    -t log sum_k exp(-g_k(x) / t),

whose gradient is a convex combination of the gradients of the pieces g_k.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wdist_bench.costs import L1, L2
from wdist_bench.costs import get as get_cost
from wdist_bench.pytrees import pytree

# Squared distances below this (data of unit variance) have no direction in the Gram form.
_RESOLUTION = 1e-6


class Envelope(Protocol):
    """f = min_k g_k (orientation 1) or its mirror image -min_k g_k (orientation -1)."""

    @property
    def orientation(self) -> int:
        """1 where f is the minimum itself, -1 where it is its mirror image."""

    def __call__(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        """The envelope at points (n, d), shape (n,), in the dtype of the points."""

    def soft(self, x: Float[Array, "n d"], temperature: Float[Array, ""]) -> Float[Array, " n"]:
        """The envelope with the minimum softened, shape (n,)."""


@pytree
@dataclass(frozen=True)
class Funnel:
    """g_k(x) = ||x - a_k|| + b_k, cones around learned centres; their minimum is c-concave.

    Attributes:
        centers: (k, d) points a_k.
        offsets: (k,) numbers b_k.
        orientation: 1 for the minimum, -1 for its mirror image.
        norm: ground norm, "l2" or "l1".
    """

    centers: jax.Array
    offsets: jax.Array
    orientation: int = field(default=1, metadata={"static": True})
    norm: str = field(default="l2", metadata={"static": True})

    def __call__(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        """The hard envelope; the distance to the chosen centre is taken from differences."""
        cost = get_cost(self.norm, p=1)
        nearest = jnp.argmin(cost.pairwise(x, self.centers.astype(x.dtype)) + self.offsets, axis=1)
        distance = cost.between(x, self.centers[nearest].astype(x.dtype))
        return self.orientation * (distance + self.offsets[nearest])

    def soft(self, x: Float[Array, "n d"], temperature: Float[Array, ""]) -> Float[Array, " n"]:
        """The soft envelope, by the Gram form where the norm allows it (fast, for training)."""
        a = self.centers
        if self.norm == "l1":
            distance = L1().pairwise(x, a)
        else:
            gram = jnp.matmul(x, a.T, precision=jax.lax.Precision.HIGHEST)
            squared = (x * x).sum(1)[:, None] + (a * a).sum(1) - 2 * gram
            distance = jnp.sqrt(jnp.maximum(squared, _RESOLUTION))
        return self.orientation * soft_minimum(distance + self.offsets, temperature)


@pytree
@dataclass(frozen=True)
class Ridge:
    """min(u, w) of a funnel u and the mirror image w of another, as of | ||x|| - r | for a sphere.

    Attributes:
        up: u, of orientation 1.
        down: w, of orientation -1.
        orientation: 1 for the minimum, -1 for its mirror image.
    """

    up: Funnel
    down: Funnel
    orientation: int = field(default=1, metadata={"static": True})

    def __call__(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        """f at points (n, d), shape (n,)."""
        return self.orientation * jnp.minimum(self.up(x), self.down(x))

    def soft(self, x: Float[Array, "n d"], temperature: Float[Array, ""]) -> Float[Array, " n"]:
        """f with its minimum softened at a temperature in the unit of the points, shape (n,)."""
        sides = jnp.stack([self.up.soft(x, temperature), self.down.soft(x, temperature)], axis=1)
        return self.orientation * soft_minimum(sides, temperature)


@pytree
@dataclass(frozen=True)
class Planes:
    """g_k(x) = <u_k, x> + b_k with u_k in the unit ball of the dual norm: cones seen from afar.

    Attributes:
        normals: (k, d) unconstrained w_k; u_k = w_k / max(1, ||w_k||), dual norm.
        offsets: (k,) numbers b_k.
        orientation: 1 for the minimum, -1 for its mirror image.
        norm: ground norm, "l2" or "l1" (dual norm l-infinity).
    """

    normals: jax.Array
    offsets: jax.Array
    orientation: int = field(default=1, metadata={"static": True})
    norm: str = field(default="l2", metadata={"static": True})

    def __call__(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        """f at points (n, d), shape (n,)."""
        return self.orientation * self._pieces(x).min(1)

    def soft(self, x: Float[Array, "n d"], temperature: Float[Array, ""]) -> Float[Array, " n"]:
        """f with its minimum softened at a temperature in the unit of the points, shape (n,)."""
        return self.orientation * soft_minimum(self._pieces(x), temperature)

    def _pieces(self, x: Float[Array, "n d"]) -> Float[Array, "n k"]:
        normals = self.normals.astype(x.dtype)
        # For l1 the coordinates are clipped one by one, not scaled together.
        units = (
            jnp.clip(normals, -1, 1)
            if self.norm == "l1"
            else normals / jnp.maximum(1, L2().dual_norm(normals))[:, None]
        )
        return jnp.matmul(x, units.T, precision=jax.lax.Precision.HIGHEST) + self.offsets


def soft_minimum(values: Float[Array, "*n k"], temperature: Float[Array, ""]) -> Float[Array, "*n"]:
    """-t log sum_k exp(-v_k / t) over the last axis; below the minimum by at most t log K."""
    return -temperature * jax.nn.logsumexp(-values / temperature, axis=-1)
