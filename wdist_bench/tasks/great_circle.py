"""Two laws on one great circle of the sphere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cosine, Cost, Sphere
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks import register
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.circle_laws import (
    Law,
    circle_distance,
    draw_places,
    frozen_law,
    law_of,
    short_turn,
    table,
)
from wdist_bench.tasks.parameters import frozen_vector
from wdist_bench.tasks.quantiles import QuantileTable
from wdist_bench.truth import Truth


@register
@dataclass(frozen=True)
class GreatCircle(Task):
    """mu and nu on one great circle of the unit sphere in space: W_p as on a circle.

    Between two points of a great circle the costs sphere and cosine are the shorter arc of it, so
    W_p = radius times that of the laws on a circle of length 2 pi. An arc of width w that is
    rotated along the circle by an angle, w + angle at most half a turn, is a translation that no
    way round shortens: W_p = radius x angle for every p >= 1. Elsewhere by quantiles on the circle,
    to about 1e-9.

    Attributes:
        x: law of mu along the circle: {"law": "arc", "center": c, "width": w}, uniform on an arc,
            or {"law": "von_mises", "center": c, "concentration": k}; c and w as shares of a turn.
        y: law of nu.
        pole: a vector along the axis of the circle, of any length but 0.

    Source: Delon, Salomon, Sobolevski 2010 (arXiv 0902.3527).
    """

    name: ClassVar[str] = "great_circle"
    version: ClassVar[int] = 2  # 2: samples have the tails of their law
    reference: ClassVar[str] = "quantiles on the circle (Delon, Salomon, Sobolevski 2010)"

    x: Any = (("center", 0.0), ("law", "arc"), ("width", 0.2))
    y: Any = (("center", 0.125), ("law", "arc"), ("width", 0.2))
    pole: Any = (1.0, 2.0, 2.0)

    def __post_init__(self) -> None:
        for side in ("x", "y"):
            object.__setattr__(self, side, frozen_law(getattr(self, side), side))
        pole = frozen_vector(self.pole, "pole", 3)
        object.__setattr__(self, "pole", pole)
        if not np.any(pole):
            raise ValueError("pole: expected a vector other than zero, got zero; name an axis")

    @property
    def dim(self) -> int:
        """Dimension of the points, which are unit vectors of space: 3."""
        return 3

    def laws(self) -> tuple[Law, Law]:
        """Both laws along a circle of length 1."""
        return law_of(self.x), law_of(self.y)

    def on_circle(self, places: np.ndarray) -> np.ndarray:
        """Unit vectors (n, 3) at places (n,) along the circle, in shares of a turn."""
        angle = 2 * math.pi * np.asarray(places, np.float64)[:, None]
        east, north = self._frame()
        return np.cos(angle) * east + np.sin(angle) * north

    def _frame(self) -> np.ndarray:
        """Two unit vectors (2, 3) that span the plane of the circle."""
        pole = np.broadcast_to(np.asarray(self.pole, np.float64), (3,))
        pole = pole / np.linalg.norm(pole)
        east = np.cross(pole, np.eye(3)[np.abs(pole).argmin()])
        east /= np.linalg.norm(east)
        return np.stack([east, np.cross(pole, east)])

    def sampler(self) -> Sampler:
        """n independent unit vectors of mu and n of nu a draw, each of shape (n, 3)."""
        return _GreatCircles(table(self.x), table(self.y), jnp.asarray(self._frame(), jnp.float32))

    def truth_for(self, cost: Cost) -> Truth | None:
        """Along the circle, for the costs sphere and cosine; None for others."""
        if not isinstance(cost, Sphere | Cosine):
            return None
        turn = 2 * math.pi * (cost.radius if isinstance(cost, Sphere) else 1.0)
        if (moved := short_turn(self.x, self.y)) is not None:
            reference = "rotation along a great circle: W_p = radius x angle"
            return Truth(turn * moved, 0.0, "closed-form", reference)
        value = circle_distance(self.x, self.y, cost.p, True)
        return None if value is None else Truth(turn * value, 0.0, "quadrature", self.reference)


@pytree
@dataclass(frozen=True)
class _GreatCircles(Sampler):
    x: QuantileTable
    y: QuantileTable
    frame: jax.Array

    @property
    def dim(self) -> int:
        return 3

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        x, y = (
            self._vectors(draw_places(part, n, law))
            for part, law in zip(jax.random.split(key), (self.x, self.y), strict=True)
        )
        return x, y

    def _vectors(self, places: jax.Array) -> jax.Array:
        angle = 2 * math.pi * places[:, None]
        return jnp.cos(angle) * self.frame[0] + jnp.sin(angle) * self.frame[1]
