"""Families of pairs of populations at a known distance, made of a user's own rows by maps.

Each pair is the image of the population of the rows under two maps, of which one is mostly the
identity; the map from one image to the other is optimal for every population, so their distance is
its length.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.tasks.transforms import AlongRays, Dilate, Split, Step, Transform, Translate

# Strengths of a map to look between, in spreads of the rows (translations, splits, steps) or as
# growth: distances are linear in them, so that far apart ones do.
_GROWING = tuple(0.25 * 8**k for k in range(12))
_STRETCHING = tuple(0.25 * 2**k for k in range(6))  # logarithms of the exponent of funnels
_SAME_SPREAD = 0.01  # relative difference of two spreads below which a dilation is left out
_CONTRACTING = tuple(k / 10 for k in range(1, 10))  # shares of the size that are taken off
_FUNNEL_SEED = 0
_WIDTHS = (16, 4, 1)  # numbers of funnels, tried in this order: fewer carry rows further
_CONTAMINATED = (0.05, 0.2)  # shares of the rows that lie elsewhere in nu
_WEIGHTS = ((0.6, 0.5), (0.6, 0.35))  # weight of the cluster that stays, in mu and in nu


class Pair(Protocol):
    """Two populations at a known distance, to sample from."""

    def truth(self, p: float) -> float:
        """W_p of the two populations, l2 norm."""

    def draw(self, generator: np.random.Generator, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
        """n independent rows of mu and m of nu."""


Way = tuple[Callable[[float], Pair], tuple[float, ...]]
"""Pairs of one kind by their strength (0: equal populations), and strengths to look between."""


@dataclass(frozen=True, eq=False)
class Family:
    """Pairs of one kind: the first of its ways that leads to what is wanted is taken."""

    name: str
    ways: tuple[Way, ...]


@dataclass(frozen=True, eq=False)
class Images:
    """Images of the population of the rows: mu of the first map, nu of the second.

    Samples are made of disjoint random rows.

    Attributes:
        rows: (count, dim) rows under the first map.
        images: (count, dim) the same rows under the second.
        truth: p -> W_p of the two populations, from all rows.
    """

    rows: np.ndarray
    images: np.ndarray
    truth: Callable[[float], float]

    def draw(self, generator: np.random.Generator, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
        """n rows, and the images of m other rows."""
        order = generator.permutation(len(self.rows))
        return self.rows[order[:n]], self.images[order[n : n + m]]


def spread(rows: np.ndarray) -> float:
    """Mean distance of the rows to their mean."""
    return float(np.linalg.norm(rows - rows.mean(0), axis=1).mean())


def map_families(
    base: np.ndarray, other: np.ndarray | None, p: float, generator: np.random.Generator
) -> list[Family]:
    """The families that fit any rows.

    Translate, dilate, contaminate (a small share of the rows lies elsewhere) and weights (of two
    clusters). For p = 1 funnels; for p = 2, where these have no known distance, `Split`: otherwise
    the maps that move all rows would be affine, and the formula for Gaussians exact by design.

    Args:
        base: (count, dim) rows.
        other: rows of the other sample, which the maps lead towards, or None.
        p: exponent.
        generator: of directions.
    """
    center, size = base.mean(0), spread(base)
    along = _between_rows(base, generator)
    toward = along if other is None else _unit(other.mean(0) - center, along)
    shrink = _way(base, lambda t: Dilate(1 - t, center), _CONTRACTING)
    expand = _way(base, lambda t: Dilate(1 + t, center), _GROWING)
    narrower = other is None or spread(other) < size
    across = _between_rows(base, generator)
    families = [
        Family("translate", _translations(base, center, size, toward, other)),
        Family("dilate", (shrink, expand) if narrower else (expand, shrink)),
        Family("contaminate", tuple(_steps(base, across, 1, 1 - s) for s in _CONTAMINATED)),
        Family("weights", tuple(_steps(base, across, *weights) for weights in _WEIGHTS)),
    ]
    if p == 2:
        offset = float(np.median(base @ across))
        split = _way(base, lambda t: Split(t * size, across, offset), _GROWING)
        return [*families, Family("split", (split,))]

    def funnels(width: int, t: float) -> Transform:
        return AlongRays.around(base, width, _FUNNEL_SEED, math.exp(t))

    # last, since they have to compile
    ways = tuple(_way(base, partial(funnels, width), _STRETCHING) for width in _WIDTHS)
    return [*families, Family("funnels", ways)]


def _way(
    base: np.ndarray, build: Callable[[float], Transform], strengths: tuple[float, ...]
) -> Way:
    def pair(t: float) -> Images:
        transform = build(t)
        return Images(
            base, transform.move(base), lambda p: transform.distance(base, Cost(p)) or 0.0
        )

    return pair, strengths


def _steps(base: np.ndarray, direction: np.ndarray, before: float, after: float) -> Way:
    """Two clusters that hold the shares `before` and `after` of the rows at the near place."""
    heights, size = base @ direction, spread(base)
    first = math.inf if before >= 1 else float(np.quantile(heights, before))
    second = float(np.quantile(heights, after))

    def pair(t: float) -> Images:
        near, far = (Step(t * size, direction, offset) for offset in (first, second))
        share = far.share(base, near)
        return Images(near.move(base), far.move(base), lambda p: far.size * share ** (1 / p))

    return pair, _GROWING


def _translations(
    base: np.ndarray,
    center: np.ndarray,
    size: float,
    toward: np.ndarray,
    other: np.ndarray | None,
) -> tuple[Way, ...]:
    """Towards the other sample, at best while taking on its spread.

    x -> center + s (x - center) + v is the dilation by s about center + v / (1 - s), so its
    distance is known. With s = 1 it is a translation.
    """

    def shift(t: float) -> np.ndarray:
        return t * size * toward

    translate = _way(base, lambda t: Translate(shift(t)), _GROWING)
    factor = 1.0 if other is None else spread(other) / size
    if abs(factor - 1) < _SAME_SPREAD:
        return (translate,)
    both = _way(base, lambda t: Dilate(factor, center + shift(t) / (1 - factor)), _GROWING)
    return both, translate


def _between_rows(base: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Unit vector between two random rows that differ: a direction in which the data vary."""
    first = base[generator.integers(len(base))]
    others = base[(base != first).any(1)]
    return _unit(others[generator.integers(len(others))] - first, np.zeros_like(first))


def _unit(vector: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    return vector / length if length else otherwise
