"""Maps of any population onto its image at a distance that is known, one class each, and tasks
whose populations are one of these and its image.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import L2, Cost
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.distances import p_mean
from wdist_bench.tasks.origin import from_origin
from wdist_bench.tasks.rays import Rays, apply, random_rays

# Half edge of the funnels' box, in units of the largest half-range of a coordinate: rows on the
# box itself could not move.
_BOX_MARGIN = 1.5


class Transform(ABC):
    """A map T of points that is an optimal transport from every population to its image.

    Attributes:
        reference: why W_p(mu, T mu) is what `distance` returns.
    """

    reference: ClassVar[str]

    @abstractmethod
    def move(self, points: np.ndarray) -> np.ndarray:
        """T at points (n, dim), shape (n, dim), in float64."""

    @abstractmethod
    def distance(self, points: np.ndarray, cost: Cost) -> float | None:
        """W_p(mu, T mu) of the mu with equal weights on the points; None where unknown."""

    def potential(self, points: Any, p: float) -> jax.Array | None:
        """Optimal potential of mu, l2 norm, at points (n, dim), shape (n,); None where unknown."""
        return None

    def gradient(self, points: Any, p: float) -> jax.Array | None:
        """Gradient of `potential` at points (n, dim), shape (n, dim); None where unknown."""
        return None

    def is_optimal(self, p: float) -> bool:
        """Whether it is an optimal transport for ||x - y||^p in l2, as most are for every p."""
        return True

    def back(self, points: np.ndarray) -> np.ndarray | None:
        """The inverse of `move` at images (n, dim), in float64; None where unknown."""
        return None


class MappedTask(Task):
    """A task whose nu is the image of mu under a map that is optimal: `optimal_map`."""

    @abstractmethod
    def optimal_map(self) -> Transform:
        """T with nu = T mu, in coordinates relative to the task's origin."""

    def potential_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """The optimal potential of the map at points (n, dim), shape (n,); None where unknown."""
        return self.optimal_map().potential(self._inside(points), p)

    def potential_gradient_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """Its gradient at points (n, dim), shape (n, dim); None where unknown."""
        return self.optimal_map().gradient(self._inside(points), p)

    def map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """The map itself where it is optimal for p."""
        return self._carried(self.optimal_map().move, points, p)

    def inverse_map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """Its inverse, where it has one."""
        return self._carried(self.optimal_map().back, points, p)

    def _carried(self, map_: Any, points: np.ndarray, p: float) -> np.ndarray | None:
        """The images of points under a map of coordinates relative to the origin."""
        if not self.optimal_map().is_optimal(p):
            return None
        origin = np.zeros(self.dim) if self.origin is None else self.origin
        images = map_(points - origin)
        return None if images is None else images + origin

    def _inside(self, points: jax.Array) -> Any:
        return points if self.origin is None else from_origin(points, self.origin)


@dataclass(frozen=True, eq=False)
class Translate(Transform):
    """T(x) = x + v, for v of shape (dim,)."""

    reference: ClassVar[str] = "translation: W_p(mu, mu + v) = ||v|| for every norm and p >= 1"

    shift: np.ndarray

    def move(self, points: np.ndarray) -> np.ndarray:
        """Points (n, dim), each plus v."""
        return points + self.shift

    def back(self, points: np.ndarray) -> np.ndarray:
        """Points (n, dim), each minus v."""
        return points - self.shift

    def distance(self, points: np.ndarray, cost: Cost) -> float | None:
        """W_p = ||v|| in the norm of the cost, whatever the points are."""
        if not cost.is_norm:
            return None
        return cost.length(self.shift)

    def _slope(self, p: float) -> jax.Array:
        length = float(np.linalg.norm(self.shift)) or 1.0
        return jnp.asarray(-p * length ** (p - 2) * self.shift, jnp.float32)

    def potential(self, points: Any, p: float) -> jax.Array | None:
        """-p ||v||^(p - 2) <v, x>."""
        return (jnp.asarray(points, jnp.float32) * self._slope(p)).sum(1)

    def gradient(self, points: Any, p: float) -> jax.Array | None:
        """The slope of `potential`, the same at every point."""
        return jnp.broadcast_to(self._slope(p), jnp.shape(points))


@dataclass(frozen=True, eq=False)
class Dilate(Transform):
    """T(x) = a + s (x - a), for a factor s >= 0 and a center a of shape (dim,)."""

    reference: ClassVar[str] = (
        "dilation: W_p(mu, T mu) = |1 - s| (E||x - a||^p)^(1/p), the difference of the distances "
        "to the point mass at a, for every norm and p >= 1"
    )

    factor: float
    center: np.ndarray

    def move(self, points: np.ndarray) -> np.ndarray:
        """Points (n, dim), each at s times its distance from a."""
        return self.center + self.factor * (points - self.center)

    def back(self, points: np.ndarray) -> np.ndarray | None:
        """a + (y - a) / s; None for s = 0."""
        if self.factor == 0:
            return None
        return self.center + (points - self.center) / self.factor

    def distance(self, points: np.ndarray, cost: Cost) -> float | None:
        """W_p = |1 - s| (mean ||x - a||^p)^(1/p)."""
        if not cost.is_norm:
            return None
        return abs(1 - self.factor) * p_mean(points - self.center, cost)

    def _gap(self, points: Any) -> jax.Array:
        """x - a in float32; of points in float64 the difference is taken there."""
        with jax.enable_x64(getattr(points, "dtype", None) == np.float64):
            return jnp.asarray(points - self.center, jnp.float32)

    def potential(self, points: Any, p: float) -> jax.Array | None:
        """sign(1 - s) |1 - s|^(p - 1) (||x - a||^p - ||a||^p): its value at the origin is taken
        off, since float32 has no digits for rows beside a far centre.
        """
        rise = _rise(np.asarray(points, np.float64), self.center, p)
        return jnp.asarray(self._pull(p) * rise, jnp.float32)

    def gradient(self, points: Any, p: float) -> jax.Array | None:
        """p sign(1 - s) |1 - s|^(p - 1) ||x - a||^(p - 2) (x - a); 0 at a."""
        gap = self._gap(points)
        length = jnp.linalg.norm(gap, axis=1, keepdims=True)
        return p * self._pull(p) * jnp.where(length > 0, length, 1) ** (p - 2) * gap

    def _pull(self, p: float) -> float:
        return float(np.sign(1 - self.factor) * abs(1 - self.factor) ** (p - 1))


def _rise(points: np.ndarray, center: np.ndarray, p: float) -> np.ndarray:
    """||x - a||^p - ||a||^p at points (n, dim), without their cancellation where a is far."""
    lengths, away = np.linalg.norm(points - center, axis=1), float(np.linalg.norm(center))
    if away == 0:
        return lengths**p
    longer = (points / (lengths + away)[:, None] * (points - 2 * center)).sum(1)
    if p == 1:
        return longer
    with np.errstate(divide="ignore"):  # at a itself
        return away**p * np.expm1(p * np.log1p(np.maximum(longer / away, -1)))


@dataclass(frozen=True, eq=False)
class AlongRays(Transform):
    """T along the rays of funnels; its distance is known for p = 1 in the l2 norm only."""

    reference: ClassVar[str] = "W_1 = mean ||x - T x||, T along rays of funnels, proved row by row"

    rays: Rays

    @classmethod
    def around(cls, rows: np.ndarray, width: int, seed: int, power: float) -> AlongRays:
        """`width` random funnels in a cube around the mid-range of the rows (n, dim), whose half
        edge is 1.5 times the largest half-range of a coordinate.
        """
        low, high = rows.min(0), rows.max(0)
        half = _BOX_MARGIN * float((high - low).max()) / 2
        return cls(random_rays(seed, width, (low + high) / 2, half, power))

    def move(self, points: np.ndarray) -> np.ndarray:
        """Points (n, dim), each moved along its ray (`Rays.move`)."""
        return np.asarray(apply(Rays.move, self.rays, points))

    def is_optimal(self, p: float) -> bool:
        """For p = 1."""
        return p == 1

    def distance(self, points: np.ndarray, cost: Cost) -> float | None:
        """W_1 = mean ||x - T x|| for p = 1 and the l2 norm; None for other costs."""
        if cost != L2(1):
            return None
        return float(np.linalg.norm(points - self.move(points), axis=-1).mean())

    def potential(self, points: Any, p: float) -> jax.Array | None:
        """u(x) of `Rays`, in float64; None but for p = 1."""
        return None if p != 1 else apply(Rays.potential, self.rays, points)

    def gradient(self, points: Any, p: float) -> jax.Array | None:
        """grad u(x) of `Rays`, in float64; None but for p = 1."""
        return None if p != 1 else apply(Rays.gradient, self.rays, points)


@dataclass(frozen=True, eq=False)
class Split(Transform):
    """T(x) = x + c u where <u, x> >= b, else x - c u: two halves pushed apart; W_p = c.

    Optimal for every population and p >= 1 in the l2 norm. Projections on the unit vector u do not
    increase W_p, T moves every point by c along u, and on that line it is increasing, hence optimal
    there: c = W_p(<u, mu>, <u, T mu>) <= W_p(mu, T mu) <= c. Unlike a translation or a dilation it
    is no affine map, so the formula for Gaussians does not hold for it.

    Attributes:
        size: c >= 0.
        direction: the unit vector u, shape (dim,).
        offset: b.
    """

    reference: ClassVar[str] = "two halves pushed apart by c each: W_p(mu, T mu) = c, p >= 1, l2"

    size: float
    direction: np.ndarray
    offset: float

    def move(self, points: np.ndarray) -> np.ndarray:
        """Points (n, dim), each moved by c along u, away from the plane <u, x> = b."""
        side = np.where(points @ self.direction >= self.offset, 1.0, -1.0)
        return points + self.size * side[:, None] * self.direction

    def distance(self, points: np.ndarray, cost: Cost) -> float | None:
        """W_p = c for the l2 norm, whatever the points are; None for others."""
        return self.size if cost.norm == "l2" else None


@dataclass(frozen=True, eq=False)
class Step(Transform):
    """T_b(x) = x + c u where <u, x> >= b, else x: what lies beyond b is moved by c along u.

    For b' <= b, W_p(T_b mu, T_b' mu) = c share^(1/p) in the l2 norm, with the share of mu in
    b' <= <u, x> < b, for every population and p >= 1. T_b' after the inverse of T_b moves that
    share by c along u and nothing else; on the line of u it is increasing, hence optimal there, and
    projections do not increase W_p. With b = inf, a share of mu moves away; with a finite b there
    are two clusters, and their weights change.

    Attributes:
        size: c >= 0.
        direction: the unit vector u, shape (dim,).
        offset: b.
    """

    reference: ClassVar[str] = "what lies beyond a plane moved by c: W_p = c share^(1/p), l2"

    size: float
    direction: np.ndarray
    offset: float

    def move(self, points: np.ndarray) -> np.ndarray:
        """Points (n, dim), those beyond the plane <u, x> = b moved by c along u."""
        beyond = (points @ self.direction >= self.offset)[:, None]
        return points + self.size * beyond * self.direction

    def share(self, points: np.ndarray, before: Step | None = None) -> float:
        """Share of the points that this map moves and `before` (of a larger b) does not."""
        heights = points @ self.direction
        top = np.inf if before is None else before.offset
        return float(((heights >= self.offset) & (heights < top)).mean())

    def distance(self, points: np.ndarray, cost: Cost) -> float | None:
        """W_p = c share^(1/p) for the l2 norm; None for others."""
        return self.size * self.share(points) ** (1 / cost.p) if cost.norm == "l2" else None
