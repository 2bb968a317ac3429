"""The angle between vectors to a power."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from wdist_bench.costs.arcs import angle
from wdist_bench.costs.base import Cost, register
from wdist_bench.costs.powers import sqrt


@register
@dataclass(frozen=True)
class Cosine(Cost):
    """c(x, y) = (the angle between the vectors x and y)^p, in radians, whatever their lengths.

    It is the arc acos(<x, y> / (|x| |y|)), which is a distance of directions; 1 - cos, often called
    cosine distance, is none.

    Attributes:
        p: exponent, a real number >= 1.
    """

    name: ClassVar[str] = "cosine"

    p: float = 1

    def check_points(self, points: Float[np.ndarray, "n d"], name: str) -> None:
        """Zero has no direction."""
        zero = np.flatnonzero(~points.any(-1))
        if zero.size:
            raise ValueError(
                f"{name}: expected vectors other than zero with cost cosine, got zero in row "
                f"{zero[0]}; remove such rows"
            )

    def distance(self, x: Any, y: Any, xp: Any) -> Any:
        """The angle over the last axis, in [0, pi]."""
        return angle(_unit(x, xp), _unit(y, xp), xp)

    def rounding(self, dim: int) -> float:
        """That of both unit vectors, whose squared lengths are sums of `dim` terms."""
        return (dim + 8) * float(np.finfo(np.float64).eps)


def _unit(points: Any, xp: Any) -> Any:
    """Points over their lengths. Their largest entry goes first, whose square may not be held."""
    near_one = points / xp.abs(points).max(-1, keepdims=True)
    return near_one / sqrt((near_one**2).sum(-1, keepdims=True), xp)
