"""Great circles of the unit sphere, of any dimension."""

from __future__ import annotations

from typing import Any

from wdist_bench.costs.periodic import shortest_gap
from wdist_bench.costs.powers import sqrt


def angle(u: Any, v: Any, xp: Any) -> Any:
    """Angle between unit vectors over the last axis, in [0, pi]: 2 atan2(|u - v|, |u + v|).

    It has all its digits for equal, opposite and orthogonal vectors alike; acos <u, v> has half of
    them for the first two.

    Source: Kahan 2006, How futile are mindless assessments of roundoff, section 12.
    """
    apart, together = ((u - v) ** 2).sum(-1), ((u + v) ** 2).sum(-1)
    return 2 * xp.arctan2(sqrt(apart, xp), sqrt(together, xp))


def haversine(x: Any, y: Any, xp: Any) -> Any:
    """Angle between places (latitude, longitude) in degrees over the last axis, in [0, pi].

    With the half differences of latitude and longitude, h = sin^2 + cos cos sin^2 is the haversine
    of the angle; 1 - h is computed from the half sum, so that places next to opposite have all
    their digits too.

    Source: Sinnott 1984, Sky and Telescope 68, 159.
    """
    lat_x, lat_y = x[..., 0], y[..., 0]
    apart, together = xp.deg2rad(lat_x - lat_y), xp.deg2rad(lat_x + lat_y)
    cosines = _cosine(lat_x, xp) * _cosine(lat_y, xp)
    half = xp.deg2rad(shortest_gap(x[..., 1], y[..., 1], 360, xp)) / 2
    h = xp.sin(apart / 2) ** 2 + cosines * xp.sin(half) ** 2
    rest = xp.sin(together / 2) ** 2 + cosines * xp.cos(half) ** 2
    return 2 * xp.arctan2(sqrt(h, xp), sqrt(rest, xp))


def _cosine(latitude: Any, xp: Any) -> Any:
    """Of degrees, with all its digits next to a pole too: what is left to 90 is exact there."""
    return xp.sin(xp.deg2rad(90 - xp.abs(latitude)))
