"""Functions of one variable with slopes in [-1, 1] that tell two samples apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

# Slopes reach 1 where the distribution functions differ by this many standard errors: half of one
# keeps most of the potential, and what noise makes of it, small.
_STEEP = 0.5


@dataclass(frozen=True)
class LinePotential:
    """Piecewise linear with slopes in [-1, 1], continued beyond its knots by the outer slopes.

    Attributes:
        knots: (k,) increasing places.
        levels: (k,) values there.
        slopes: (k - 1,) between them.
        gain: sum of slope times (G - F) over the line, what it tells the two samples apart by.
    """

    knots: Float[np.ndarray, " k"]
    levels: Float[np.ndarray, " k"]
    slopes: Float[np.ndarray, " j"]
    gain: float

    def __call__(self, places: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Values at any places."""
        if not len(self.slopes):
            return np.zeros(len(places))
        inside = np.interp(places, self.knots, self.levels)
        below = np.minimum(places - self.knots[0], 0.0) * self.slopes[0]
        above = np.maximum(places - self.knots[-1], 0.0) * self.slopes[-1]
        return inside + below + above

    def slope(self, places: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Of the piece that each place lies on."""
        if not len(self.slopes):
            return np.zeros(len(places))
        piece = np.searchsorted(self.knots, places, side="right") - 1
        return self.slopes[np.clip(piece, 0, len(self.slopes) - 1)]


def line_potential(
    x: Float[np.ndarray, " n"],
    y: Float[np.ndarray, " m"],
    a: Float[np.ndarray, " n"],
    b: Float[np.ndarray, " m"],
) -> LinePotential:
    """E g(x) - E g(y) = integral of g' (G - F), so g' = sign(G - F) is best, F and G being the
    distribution functions of x and y. Here g' = clip((G - F) / (s / 2), -1, 1) with the standard
    error s of G - F, so that what may be noise has no steep slope.
    """
    knots, inverse = np.unique(np.concatenate([x, y]), return_inverse=True)
    mass_x = np.bincount(inverse[: len(x)], a, len(knots))
    mass_y = np.bincount(inverse[len(x) :], b, len(knots))
    gap = np.cumsum(mass_y - mass_x)[:-1]
    pooled = np.cumsum(mass_x + mass_y)[:-1] / 2
    noise = np.sqrt(np.maximum(pooled * (1 - pooled), 0.0) * (a @ a + b @ b))
    slopes = np.clip(gap / np.where(noise > 0, _STEEP * noise, 1.0), -1, 1)
    lengths = np.diff(knots)
    levels = np.concatenate([[0.0], np.cumsum(slopes * lengths)])
    return LinePotential(knots, levels, slopes, float((slopes * gap) @ lengths))
