"""Where samples are drawn from that lie far from zero: relative to an origin near them.

Critics and samplers are float32, which has seven digits: at 1e8 neighbouring numbers are 8 apart.
So populations that lie far from zero, as epoch seconds do, are drawn and evaluated relative to an
origin that is subtracted in float64. Nothing moves where the data are near zero already.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# Up to this many extents from zero float32 keeps 20 of its 24 bits for the extent.
_NEAR = 8.0
# Share of the points that the extent reaches: a few far ones do not widen it.
_WITHIN = 0.9


def far_origin(points: Any) -> np.ndarray:
    """The origin to draw relative to, shape (dim,): zeros where the points lie near zero already.

    Args:
        points: (n, dim) rows of both populations, or points that show where these lie.

    Returns:
        The median of every coordinate where its largest entry is more than 8 times the distance
        from it that 90 % of the points keep; else zeros.
    """
    points = np.asarray(points, np.float64)
    center = np.median(points, axis=0)
    extent = np.quantile(np.linalg.norm(points - center, axis=1), _WITHIN)
    return center if np.abs(center).max() > _NEAR * extent else np.zeros_like(center)


def from_origin(points: Any, origin: np.ndarray) -> Any:
    """Points (n, dim) minus the origin, in float64; as they are where it is zero."""
    return np.asarray(points, np.float64) - origin if origin.any() else points


def at_origin(points: tuple[Any, Any], origin: np.ndarray) -> tuple[Any, Any]:
    """Both point sets plus the origin, in float64; as they are where it is zero."""
    if not origin.any():
        return points
    with jax.enable_x64(True):
        x, y = (jnp.asarray(np.asarray(part, np.float64) + origin) for part in points)
        return x, y
