"""Two laws on a circle or, with independent coordinates, on a torus."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost, Torus
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks import register
from wdist_bench.tasks.base import SizedSampler, Task
from wdist_bench.tasks.circle_laws import (
    circle_distance,
    draw_places,
    frozen_law,
    short_turn,
    table,
)
from wdist_bench.tasks.quantiles import QuantileTable
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_number


@register
@dataclass(frozen=True)
class Periodic(Task):
    """Laws on a circle of length `period`, each coordinate of a point drawn from its own.

    For the cost torus of that period W_p^p = min over theta of int_0^1 |F^-1(u) -
    G^-1(u - theta)|^p du, where F and G are cumulative masses that grow by 1 a turn; by quadrature
    to about 1e-9. In more coordinates than one p = 2 alone is a sum over them; but arcs of one
    width w that are turned by s, w + s at most half of the period, are a translation in every
    coordinate that no way round shortens: W_p = s sqrt(dim) for every p. In norms the positions
    are numbers from 0 to `period`, with quantiles on the line.

    Attributes:
        dim: number of coordinates.
        period: length of the circle.
        x: law of mu: {"law": "arc", "center": c, "width": w}, uniform on an arc, or
            {"law": "von_mises", "center": c, "concentration": k}; c and w as shares of the period.
        y: law of nu.

    Source: Delon, Salomon, Sobolevski 2010 (arXiv 0902.3527).
    """

    name: ClassVar[str] = "periodic"
    version: ClassVar[int] = 2  # 2: samples have the tails of their law
    reference: ClassVar[str] = "quantiles on the circle (Delon, Salomon, Sobolevski 2010)"

    dim: int = 1
    period: float = 360.0
    x: Any = (("center", 0.95), ("concentration", 4.0), ("law", "von_mises"))
    y: Any = (("center", 0.1), ("law", "arc"), ("width", 0.3))

    def __post_init__(self) -> None:
        check_integer(self.dim, "dim", 1)
        check_number(self.period, "period", above=0)
        for side in ("x", "y"):
            object.__setattr__(self, side, frozen_law(getattr(self, side), side))

    def sampler(self) -> Sampler:
        """n independent points of mu and n of nu a draw, each of shape (n, dim), in [0, period)."""
        period = jnp.asarray(self.period, jnp.float32)
        return _Circles(table(self.x), table(self.y), period, self.dim)

    def truth_for(self, cost: Cost) -> Truth | None:
        """On the torus of this period, and in norms; coordinates add up where p is the norm's."""
        if isinstance(cost, Torus):
            whole = (np.broadcast_to(cost.period, (self.dim,)) == self.period).all()
            return self._on_torus(cost) if whole else None
        if not cost.minkowski or (self.dim > 1 and cost.p != cost.minkowski):
            return None
        return self._by_quantiles(cost, around=False)

    def _by_quantiles(self, cost: Cost, around: bool) -> Truth | None:
        one = circle_distance(self.x, self.y, cost.p, around)
        if one is None:
            return None
        return Truth(self.period * cost.root(self.dim) * one, 0.0, "quadrature", self.reference)

    def _on_torus(self, cost: Cost) -> Truth | None:
        if (turn := short_turn(self.x, self.y)) is not None:
            value = self.period * turn * math.sqrt(self.dim)
            reference = "translation that no way round shortens: W_p = ||v||"
            return Truth(value, 0.0, "closed-form", reference)
        if self.dim > 1 and cost.p != 2:
            return None
        return self._by_quantiles(cost, around=True)


@pytree
@dataclass(frozen=True)
class _Circles(SizedSampler):
    x: QuantileTable
    y: QuantileTable
    period: jax.Array
    size: int = field(metadata={"static": True})

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        x, y = (
            self.period * draw_places(part, n * self.dim, law).reshape(n, self.dim)
            for part, law in zip(jax.random.split(key), (self.x, self.y), strict=True)
        )
        return x, y
