"""Two isotropic laws about the origin: Gaussian, sphere, ball."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks import register
from wdist_bench.tasks.base import SizedSampler, Task
from wdist_bench.tasks.directions import directions
from wdist_bench.tasks.parameters import Pairs, check_keys, frozen_pairs
from wdist_bench.tasks.quantiles import TAIL, Quantile, QuantileTable, draw_levels, wasserstein
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_name, check_number

# Each law has one parameter, its size.
_SIZES = {"gaussian": "std", "sphere": "radius", "ball": "radius"}


@register
@dataclass(frozen=True)
class Radial(Task):
    """mu and nu invariant under rotations: W_p(mu, nu) = W_p of the radii |X| and |Y|, l2 norm.

    Mass moves along rays from the origin, since | |x| - |y| | <= |x - y|. Radii of samples come
    from a quantile table (float32 accuracy, tails cut at a probability of 6e-11).

    Attributes:
        dim: dimension.
        x: law of mu: {"law": "gaussian", "std": s} for N(0, s^2 I), {"law": "sphere",
            "radius": r} or {"law": "ball", "radius": r} for the uniform laws; sizes default to 1.
        y: law of nu.
    """

    name: ClassVar[str] = "radial"
    reference: ClassVar[str] = "isotropic laws: W_p of the radii, by quantiles"

    dim: int = 2
    x: Any = (("law", "gaussian"), ("std", 1.0))
    y: Any = (("law", "sphere"), ("radius", 2.0))

    def __post_init__(self) -> None:
        check_integer(self.dim, "dim", 1)
        for side in ("x", "y"):
            pairs = frozen_pairs(getattr(self, side), side)
            object.__setattr__(self, side, pairs)
            _check_law(pairs, side)

    def sampler(self) -> Sampler:
        """n independent points of mu and n of nu a draw, each of shape (n, dim)."""
        return _RadialSampler(*self._tables(), self.dim)

    def truth_for(self, cost: Cost) -> Truth | None:
        """W_p of the radii. None but in l2, where rays are known to be optimal (and for dim 1)."""
        if not cost.minkowski or (cost.norm != "l2" and self.dim > 1):
            return None
        value = _distance(self.x, self.y, self.dim, cost.p)
        return None if value is None else Truth(value, 0.0, "quadrature", self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """Points of one ray, at equal quantiles of the radii: optimal for every p."""
        key_level, key_direction = jax.random.split(key)
        levels, rays = draw_levels(key_level, n), directions(key_direction, n, self.dim)
        x, y = self._tables()
        return x(levels)[:, None] * rays, y(levels)[:, None] * rays

    def map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """Along the ray to the radius of equal level, optimal for every p; None from a sphere to
        another law, and from a point mass at 0 to what is none.
        """
        return _along_rays(self.x, self.y, points)

    def inverse_map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """The same from nu to mu."""
        return _along_rays(self.y, self.x, points)

    def _tables(self) -> tuple[QuantileTable, QuantileTable]:
        nodes = _nodes(self.x, self.dim), _nodes(self.y, self.dim)
        x, y = (QuantileTable(jnp.asarray(values, jnp.float32)) for values in nodes)
        return x, y


def _check_law(pairs: Pairs, side: str) -> None:
    given = dict(pairs)
    law = check_name(given.get("law", "(missing)"), _SIZES, f"law of {side}")
    check_keys(pairs, ("law", _SIZES[law]), f"{side} law {law!r}")
    check_number(given.get(_SIZES[law], 1.0), f"{_SIZES[law]} of {side}", minimum=0)


def _size(pairs: Pairs) -> float:
    given = dict(pairs)
    return float(given.get(_SIZES[given["law"]], 1.0))


def _radius(pairs: Pairs, dim: int) -> Quantile:
    """Quantiles of the distance from the origin."""
    from scipy.special import gammainccinv, gammaincinv

    law, size = dict(pairs)["law"], _size(pairs)
    if law == "sphere":
        return Quantile(lambda u: np.full_like(u, size), lambda q: np.full_like(q, size))
    if law == "ball":
        return Quantile(
            lambda u: size * u ** (1 / dim), lambda q: size * np.exp(np.log1p(-q) / dim)
        )
    std = size * math.sqrt(2)  # |X|^2 / (2 std^2) ~ Gamma(dim / 2)
    return Quantile(
        lambda u: std * np.sqrt(gammaincinv(dim / 2, u)),
        lambda q: std * np.sqrt(gammainccinv(dim / 2, q)),
    )


def _along_rays(x: Pairs, y: Pairs, points: np.ndarray) -> np.ndarray | None:
    """x / |x| times the radius of nu that has the level of |x|; 0 at 0."""
    if _size(y) == 0:
        return np.zeros_like(points)
    if _size(x) == 0:
        return None
    dim = points.shape[1]
    lengths = np.linalg.norm(points, axis=1)
    levels = _levels(x, dim, lengths)
    if levels is None and dict(y)["law"] != "sphere":
        return None
    below, above = levels or (np.zeros_like(lengths), np.ones_like(lengths))
    if (dict(x)["law"], dict(y)["law"]) == ("ball", "gaussian"):
        above = np.maximum(above, TAIL)  # rows that are rounded onto the sphere stay finite
    radius = _radius(y, dim)
    images = np.where(below < 0.5, radius.lower(below), radius.upper(above))
    return points * (images / np.where(lengths > 0, lengths, 1))[:, None]


def _levels(pairs: Pairs, dim: int, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """P(|X| <= r) and P(|X| > r); None for a sphere, whose points all have one radius."""
    from scipy.special import gammainc, gammaincc

    law, size = dict(pairs)["law"], _size(pairs)
    if law == "sphere":
        return None
    if law == "ball":
        below = np.minimum(lengths / size, 1) ** dim
        return below, 1 - below
    half = (lengths / size) ** 2 / 2
    return gammainc(dim / 2, half), gammaincc(dim / 2, half)


@lru_cache(maxsize=256)
def _distance(x: Pairs, y: Pairs, dim: int, p: float) -> float | None:
    return wasserstein(_radius(x, dim), _radius(y, dim), p)


@lru_cache(maxsize=256)
def _nodes(pairs: Pairs, dim: int) -> np.ndarray:
    return QuantileTable.nodes(_radius(pairs, dim))


@pytree
@dataclass(frozen=True)
class _RadialSampler(SizedSampler):
    x: QuantileTable
    y: QuantileTable
    size: int = field(metadata={"static": True})

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        keys = jax.random.split(key, 4)
        x = self.x(draw_levels(keys[0], n))[:, None] * directions(keys[1], n, self.dim)
        y = self.y(draw_levels(keys[2], n))[:, None] * directions(keys[3], n, self.dim)
        return x, y
