"""Uniform populations on two spheres about the origin."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import L1, Cost
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks import register
from wdist_bench.tasks.base import SizedSampler, Task
from wdist_bench.tasks.directions import directions, lengths
from wdist_bench.tasks.moments import direction_moment
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_number


@register
@dataclass(frozen=True)
class ConcentricSpheres(Task):
    """mu = uniform on the sphere of radius r_x, nu = likewise of radius r_y: W_p = |r_x - r_y|.

    A dilation about the origin, so optimal for every norm: in l1, W_p = |r_x - r_y|
    (E ||t||_1^p)^(1/p) with t uniform on the unit sphere.

    Attributes:
        dim: dimension of the space; for dim = 1 the spheres are two points each.
        radius_x: radius of mu's sphere.
        radius_y: radius of nu's sphere.
    """

    name: ClassVar[str] = "concentric_spheres"
    reference: ClassVar[str] = "dilation of the sphere: W_p = |r_x - r_y| (E ||t||^p)^(1/p)"

    dim: int = 2
    radius_x: float = 1.0
    radius_y: float = 2.0

    def __post_init__(self) -> None:
        check_integer(self.dim, "dim", 1)
        check_number(self.radius_x, "radius_x", minimum=0)
        check_number(self.radius_y, "radius_y", minimum=0)

    def sampler(self) -> Sampler:
        """n independent points of mu and n of nu a draw, each of shape (n, dim)."""
        radius_x, radius_y = (jnp.asarray(r, jnp.float32) for r in (self.radius_x, self.radius_y))
        return _Spheres(radius_x, radius_y, self.dim)

    def truth_for(self, cost: Cost) -> Truth | None:
        """|r_x - r_y| times the p-mean of ||t|| over directions t."""
        moment, kind = _direction_moment(self.dim, cost), "closed-form"
        if moment is None:
            moment, kind = direction_moment(self.dim, cost), "quadrature"
        if moment is None:
            return None
        value = abs(self.radius_x - self.radius_y) * cost.root(moment)
        return Truth(value, 0.0, kind, self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """Points of one ray: optimal for every p."""
        rays = directions(key, n, self.dim)
        return self.radius_x * rays, self.radius_y * rays

    def potential_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """For p = 1: +-||x||; p = 2: (1 - r_y / r_x) ||x||^2; None for r_x = 0 and other p."""
        slope = self._slope(p)
        if slope is None:
            return None
        length = lengths(points)[:, 0]
        return (slope * (length if p == 1 else length**2)).astype(jnp.float32)

    def potential_gradient_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """For p = 1: +-x / ||x||; p = 2: 2 (1 - r_y / r_x) x."""
        slope = self._slope(p)
        if slope is None:
            return None
        if p == 2:
            return (2 * slope * points).astype(jnp.float32)
        length = lengths(points)
        return (slope * points / jnp.where(length > 0, length, 1)).astype(jnp.float32)

    def map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """(r_y / r_x) x, optimal for every p; None for r_x = 0."""
        return points * (self.radius_y / self.radius_x) if self.radius_x > 0 else None

    def inverse_map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """(r_x / r_y) y; None for r_y = 0."""
        return points * (self.radius_x / self.radius_y) if self.radius_y > 0 else None

    def _slope(self, p: float) -> float | None:
        if p == 1:
            return float(np.sign(self.radius_x - self.radius_y))
        if p != 2:
            return None
        return 1 - self.radius_y / self.radius_x if self.radius_x > 0 else None


def _direction_moment(dim: int, cost: Cost) -> float | None:
    """E ||t||^p for t uniform on the unit sphere where a formula is known."""
    from scipy.special import gammaln

    if cost.norm == "l2":
        return 1.0
    if cost == L1(2):  # E |t_i t_j| = 2 / (pi dim) for i != j
        return 1 + (dim - 1) * 2 / math.pi
    if cost != L1(1):
        return None
    return dim * math.exp(gammaln(dim / 2) - gammaln((dim + 1) / 2)) / math.sqrt(math.pi)


@pytree
@dataclass(frozen=True)
class _Spheres(SizedSampler):
    radius_x: jax.Array
    radius_y: jax.Array
    size: int = field(metadata={"static": True})

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        key_x, key_y = jax.random.split(key)
        x, y = directions(key_x, n, self.dim), directions(key_y, n, self.dim)
        return self.radius_x * x, self.radius_y * y
