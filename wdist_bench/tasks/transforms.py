"""Maps of any law whose displacement is its Wasserstein distance: translate, dilate, funnels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.tasks.rays import Rays, apply


class Transform(ABC):
    """A map T of points that is an optimal transport from every law to its image.

    Attributes:
        reference: why W_p(mu, T mu) is what `distance` returns.
    """

    reference: ClassVar[str]

    @abstractmethod
    def move(self, points: np.ndarray) -> np.ndarray:
        """T at points (n, dim), in float64."""

    @abstractmethod
    def distance(self, points: np.ndarray, p: int, norm: str) -> float | None:
        """W_p(mu, T mu) of the law mu with equal weights on the points; None where unknown."""

    @abstractmethod
    def potential(self, points: Any, p: int) -> jax.Array | None:
        """Optimal potential of mu, l2 norm, at points (n, dim), shape (n,); None where unknown."""

    @abstractmethod
    def gradient(self, points: Any, p: int) -> jax.Array | None:
        """Gradient of `potential`, shape (n, dim)."""


def _lengths(points: np.ndarray, norm: str) -> np.ndarray:
    return np.linalg.norm(points, 1 if norm == "l1" else 2, axis=-1)


@dataclass(frozen=True, eq=False)
class Translate(Transform):
    """T(x) = x + v."""

    reference: ClassVar[str] = "translation: W_p(mu, mu + v) = ||v|| for every norm and p >= 1"

    shift: np.ndarray

    def move(self, points: np.ndarray) -> np.ndarray:
        """X + v."""
        return points + self.shift

    def distance(self, points: np.ndarray, p: int, norm: str) -> float | None:
        """||v||."""
        return float(_lengths(self.shift, norm))

    def _slope(self, p: int) -> jax.Array:
        length = float(np.linalg.norm(self.shift)) or 1.0
        return jnp.asarray(-self.shift / length if p == 1 else -2 * self.shift, jnp.float32)

    def potential(self, points: Any, p: int) -> jax.Array | None:
        """-<v, x> / ||v|| (p = 1), -2 <v, x> (p = 2)."""
        return (jnp.asarray(points, jnp.float32) * self._slope(p)).sum(1)

    def gradient(self, points: Any, p: int) -> jax.Array | None:
        """Constant."""
        return jnp.broadcast_to(self._slope(p), jnp.shape(points))


@dataclass(frozen=True, eq=False)
class Dilate(Transform):
    """T(x) = a + s (x - a), s >= 0."""

    reference: ClassVar[str] = (
        "dilation: W_p(mu, T mu) = |1 - s| (E||x - a||^p)^(1/p), the difference of the distances "
        "to the point mass at a, for every norm and p >= 1"
    )

    factor: float
    center: np.ndarray

    def move(self, points: np.ndarray) -> np.ndarray:
        """A + s (x - a)."""
        return self.center + self.factor * (points - self.center)

    def distance(self, points: np.ndarray, p: int, norm: str) -> float | None:
        """|1 - s| (mean ||x - a||^p)^(1/p)."""
        cost = np.mean(_lengths(points - self.center, norm) ** p)
        return abs(1 - self.factor) * float(cost ** (1 / p))

    def potential(self, points: Any, p: int) -> jax.Array | None:
        """sign(1 - s) ||x - a|| (p = 1), (1 - s) ||x - a||^2 (p = 2)."""
        gap = jnp.asarray(points, jnp.float32) - jnp.asarray(self.center, jnp.float32)
        if p == 2:
            return (1 - self.factor) * (gap**2).sum(1)
        return float(np.sign(1 - self.factor)) * jnp.linalg.norm(gap, axis=1)

    def gradient(self, points: Any, p: int) -> jax.Array | None:
        """sign(1 - s) (x - a) / ||x - a|| (0 at a), 2 (1 - s) (x - a)."""
        gap = jnp.asarray(points, jnp.float32) - jnp.asarray(self.center, jnp.float32)
        if p == 2:
            return 2 * (1 - self.factor) * gap
        length = jnp.linalg.norm(gap, axis=1, keepdims=True)
        return float(np.sign(1 - self.factor)) * gap / jnp.where(length > 0, length, 1)


@dataclass(frozen=True, eq=False)
class AlongRays(Transform):
    """T along the rays of funnels; p = 1 in the l2 norm only."""

    reference: ClassVar[str] = "W_1 = mean ||x - T x||, T along rays of funnels, proved row by row"

    rays: Rays

    def move(self, points: np.ndarray) -> np.ndarray:
        """`Rays.move`."""
        return np.asarray(apply(Rays.move, self.rays, points))

    def distance(self, points: np.ndarray, p: int, norm: str) -> float | None:
        """Mean ||x - T x||."""
        if p == 2 or norm == "l1":
            return None
        return float(_lengths(points - self.move(points), norm).mean())

    def potential(self, points: Any, p: int) -> jax.Array | None:
        """`Rays.potential`."""
        return None if p == 2 else apply(Rays.potential, self.rays, points)

    def gradient(self, points: Any, p: int) -> jax.Array | None:
        """`Rays.gradient`."""
        return None if p == 2 else apply(Rays.gradient, self.rays, points)
