"""The great-circle distance to a power."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wdist_bench.costs.arcs import angle, haversine
from wdist_bench.costs.base import Cost, register
from wdist_bench.validation import check_number

# How far the length of a unit vector may be from 1; angles are off by up to twice as much next to
# 0 and to pi, elsewhere by its square.
_UNIT = 1e-6


@register
@dataclass(frozen=True)
class Sphere(Cost):
    """c(x, y) = (radius times the angle between x and y)^p, along the great circle.

    Points have two columns, latitude from -90 to 90 and longitude in degrees, or three, unit
    vectors. The unit of the distance is that of the radius: radians for 1, kilometres on the Earth
    for 6371.0088.

    Attributes:
        p: exponent, a real number >= 1.
        radius: of the sphere, > 0.
    """

    name: ClassVar[str] = "sphere"

    p: float = 1
    radius: float = 1.0

    def settle(self) -> None:
        """The radius is a positive number."""
        object.__setattr__(self, "radius", check_number(self.radius, "radius", above=0))

    def check_points(self, points: Float[np.ndarray, "n d"], name: str) -> None:
        """Latitudes and longitudes in degrees, or unit vectors."""
        columns = points.shape[-1]
        if columns not in (2, 3):
            raise ValueError(
                f"{name}: expected two columns (latitude, longitude in degrees) or three (unit "
                f"vectors) with cost sphere, got {columns}; pass one of these"
            )
        if columns == 2 and (worst := np.abs(points[..., 0]).max(initial=0)) > 90:
            raise ValueError(
                f"{name}: expected latitudes from -90 to 90 degrees in the first column, got "
                f"{worst:.6g} in size; the columns are latitude, longitude, in this order"
            )
        lengths = np.linalg.norm(points, axis=-1) if columns == 3 else np.ones(1)
        if (off := np.abs(lengths - 1)).max(initial=0) > _UNIT:
            raise ValueError(
                f"{name}: expected unit vectors, got one of length {lengths[off.argmax()]:.6g}; "
                "divide each row by its length"
            )

    def or_nan(self, points: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """NaN in place of what is no latitude or no unit vector."""
        if points.shape[-1] == 2:
            taken = jnp.abs(points[..., 0]) <= 90
        else:
            taken = jnp.abs(jnp.linalg.norm(points, axis=-1) - 1) <= _UNIT
        return jnp.where(taken[..., None], points, jnp.nan)

    def distance(self, x: Any, y: Any, xp: Any) -> Any:
        """The arc over the last axis, in units of the radius."""
        arc = haversine if x.shape[-1] == 2 else angle
        return self.radius * arc(x, y, xp)
