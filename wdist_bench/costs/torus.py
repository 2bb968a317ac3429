"""The distance in a periodic box to a power."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from wdist_bench.costs.base import Cost, register
from wdist_bench.costs.periodic import shortest_gap
from wdist_bench.costs.powers import sqrt
from wdist_bench.registry import FrozenArray, freeze
from wdist_bench.validation import check_number

# Periods from zero, beyond which a ten-thousandth of one is lost in single precision.
_FAR = 1024.0


@register
@dataclass(frozen=True)
class Torus(Cost):
    """c(x, y) = (min over k in Z^d of ||x - y + k period||_2)^p: opposite faces of a box are one.

    In one dimension it is a circle: period 360 for degrees, 2 pi for radians, 24 for hours.

    Attributes:
        period: edge of the box, > 0: a number for every coordinate, or one for each.
        p: exponent, a real number >= 1.
    """

    name: ClassVar[str] = "torus"

    period: Any
    p: float = 1

    def settle(self) -> None:
        """Periods are positive numbers, a tuple where they differ."""
        period = freeze(self.period)
        if isinstance(period, FrozenArray):
            period = tuple(period.values.ravel().tolist())
        if isinstance(period, tuple):
            period = tuple(check_number(edge, "period", above=0) for edge in period)
        else:
            period = check_number(period, "period", above=0)
        object.__setattr__(self, "period", period)

    def check_points(self, points: Float[np.ndarray, "n d"], name: str) -> None:
        """One period for each coordinate, or one for all."""
        if isinstance(self.period, tuple) and len(self.period) != points.shape[-1]:
            raise ValueError(
                f"period: expected one for each of the {points.shape[-1]} coordinates of {name}, "
                f"got {len(self.period)}; give one number for all, or one for each"
            )

    def distance(self, x: Any, y: Any, xp: Any) -> Any:
        """The length of the shortest way over the last axis."""
        gap = shortest_gap(x, y, xp.asarray(self.period, x.dtype), xp)
        return sqrt((gap**2).sum(-1), xp)

    def origin(self, middle: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
        """Of coordinates that are many periods away, which leave single precision no digits."""
        return np.where(np.abs(middle) > _FAR * np.asarray(self.period), middle, 0.0)

    def on_line(self, points: Float[np.ndarray, "n 1"]) -> Float[np.ndarray, "n 1"]:
        """Positions on the circle, in [0, period)."""
        positions: np.ndarray = np.mod(points, self.circumference)
        return np.where(positions < self.circumference, positions, 0.0)

    @property
    def circumference(self) -> float:
        """The period, that of the first coordinate where there are more."""
        return float(self.period[0] if isinstance(self.period, tuple) else self.period)
