"""Two laws on a circle or, with independent coordinates, on a torus."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost, Torus
from wdist_bench.problem import Sampler
from wdist_bench.tasks import register
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.parameters import Pairs, check_keys, frozen_pairs
from wdist_bench.tasks.quantiles import integrate
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_name, check_number

_PARAMETERS = {"arc": ("center", "width"), "von_mises": ("center", "concentration")}
_DEFAULTS = {"center": 0.0, "width": 0.25, "concentration": 1.0}
_MOST = 200.0  # concentration: beyond it float64 holds no density opposite to the centre
_NODES = 2**14  # of the table that samples are read from
_GOLDEN = (5**0.5 - 1) / 2
# Added to distances, as shares of the circle, while they are integrated: to so small ones rounding
# leaves no digits that panels could agree on.
_LIFT = 1e-5
_THETA = 1e-10  # to which the best cut of the circle is found


@register
@dataclass(frozen=True)
class Periodic(Task):
    """Laws on a circle of length `period`, each coordinate of a point drawn from its own.

    For the cost torus of that period W_p^p = min over theta of int_0^1 |F^-1(u) -
    G^-1(u - theta)|^p du, where F and G are cumulative masses that grow by 1 a turn; by quadrature
    to about 1e-9. In more coordinates than one p = 2 alone is a sum over them. In norms the
    positions are numbers from 0 to `period`, with quantiles on the line.

    Attributes:
        dim: number of coordinates.
        period: length of the circle.
        x: law of mu: {"law": "arc", "center": c, "width": w}, uniform on an arc, or
            {"law": "von_mises", "center": c, "concentration": k}; c and w as shares of the period.
        y: law of nu.

    Source: Delon, Salomon, Sobolevski 2010 (arXiv 0902.3527).
    """

    name: ClassVar[str] = "periodic"
    reference: ClassVar[str] = "quantiles on the circle (Delon, Salomon, Sobolevski 2010)"

    dim: int = 1
    period: float = 360.0
    x: Any = (("center", 0.95), ("concentration", 4.0), ("law", "von_mises"))
    y: Any = (("center", 0.1), ("law", "arc"), ("width", 0.3))

    def __post_init__(self) -> None:
        check_integer(self.dim, "dim", 1)
        check_number(self.period, "period", above=0)
        for side in ("x", "y"):
            pairs = frozen_pairs(getattr(self, side), side)
            object.__setattr__(self, side, pairs)
            _check_law(pairs, side)

    def sampler(self) -> Sampler:
        """n independent points of mu and n of nu a draw, each of shape (n, dim), in [0, period)."""
        levels = np.linspace(0, 1, _NODES + 1)
        x, y = (jnp.asarray(_law(pairs).place(levels), jnp.float32) for pairs in (self.x, self.y))
        return _Circles(x, y, jnp.asarray(self.period, jnp.float32), self.dim)

    def truth_for(self, cost: Cost) -> Truth | None:
        """On the torus of this period, and in norms; coordinates add up where p is the norm's."""
        if isinstance(cost, Torus):
            periods = np.broadcast_to(cost.period, (self.dim,))
            whole, around = (periods == self.period).all(), True
        else:
            whole, around = bool(cost.minkowski), False
        adds_up = cost.p == (2 if around else cost.minkowski)
        if not whole or (self.dim > 1 and not adds_up):
            return None
        one = _distance(self.x, self.y, cost.p, around)
        value = cost.root(self.dim) * self.period * one
        return Truth(value, 0.0, "quadrature", self.reference)


class Law(NamedTuple):
    """A law on the circle of length 1, cut open.

    Attributes:
        place: level u in [0, 1] -> place on the line, increasing, over less than a turn.
        level: its inverse, for places of that turn.
        start: where the turn begins.
    """

    place: Callable[[np.ndarray], np.ndarray]
    level: Callable[[np.ndarray], np.ndarray]
    start: float

    def lifted(self, u: np.ndarray) -> np.ndarray:
        """The place of any real level: one turn on for each whole number."""
        turn = np.floor(u)
        return self.place(u - turn) + turn

    def below(self, t: float) -> float:
        """The level of any place, which grows by 1 a turn."""
        turn = math.floor(t - self.start)
        return float(self.level(np.asarray(t - turn))) + turn


def _check_law(pairs: Pairs, side: str) -> None:
    given = dict(pairs)
    law = check_name(given.get("law", "(missing)"), _PARAMETERS, f"law of {side}")
    check_keys(pairs, ("law", *_PARAMETERS[law]), f"{side} law {law!r}")
    check_number(given.get("center", 0.0), f"center of {side}")
    for name, most in (("width", 1.0), ("concentration", _MOST)):
        value = check_number(given.get(name, most), f"{name} of {side}", above=0)
        if value > most:
            raise ValueError(
                f"{name} of {side}: expected at most {most:g}, got {value:g}; lower it"
            )


@lru_cache(maxsize=64)
def _law(pairs: Pairs) -> Law:
    given = _DEFAULTS | dict(pairs)
    center = float(given["center"]) % 1.0
    if given["law"] == "arc":
        width = float(given["width"])
        start = center - width / 2

        def level(t: np.ndarray) -> np.ndarray:
            return np.clip((t - start) / width, 0, 1)

        return Law(lambda u: start + width * u, level, start)
    return _von_mises(center, float(given["concentration"]))


def _von_mises(center: float, concentration: float) -> Law:
    """Density exp(k cos(2 pi (t - c))) / I_0(k); the cdf by its Fourier series, Newton for its
    inverse.
    """
    from scipy.special import i0e, ive

    orders = np.arange(1, 60 + int(12 * math.sqrt(concentration)))
    weights = ive(orders, concentration) / (i0e(concentration) * orders * math.pi)

    def level(t: np.ndarray) -> np.ndarray:
        away = np.asarray(t - center)
        waves = np.sin(2 * math.pi * away[..., None] * orders) @ weights
        return np.clip(0.5 + away + waves, 0, 1)

    def density(t: np.ndarray) -> np.ndarray:
        return np.exp(concentration * (np.cos(2 * math.pi * (t - center)) - 1)) / i0e(concentration)

    grid = center + np.linspace(-0.5, 0.5, 4097)
    levels = np.maximum.accumulate(level(grid))

    def place(u: np.ndarray) -> np.ndarray:
        cell = np.clip(np.searchsorted(levels, u) - 1, 0, len(grid) - 2)
        low, high = grid[cell], grid[cell + 1]
        t = np.interp(u, levels, grid)
        for _ in range(2):
            slope = np.maximum(density(t), np.finfo(float).tiny)
            t = np.clip(t - (level(t) - u) / slope, low, high)
        return t

    return Law(place, level, center - 0.5)


@lru_cache(maxsize=256)
def _distance(x: Pairs, y: Pairs, p: float, around: bool) -> float:
    """W_p for the period 1, on the circle or on the line from 0 to 1."""
    f, g = _law(x), _law(y)
    if not around:  # levels are counted from the place 0
        return _mean_power(f, g, f.below(0.0), g.below(0.0), p) ** (1 / p)
    return _least(lambda theta: _mean_power(f, g, 0.0, -theta, p)) ** (1 / p)


def _least(cost: Callable[[float], float]) -> float:
    """The least of a convex function of theta in [-1.5, 1.5], by golden sections.

    It may have a kink at a whole number, where the jumps of both quantile functions meet.
    """
    low, high = -1.5, 1.5
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = cost(left), cost(right)
    while high - low > _THETA:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = cost(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = cost(right)
    return min(at_left, at_right, *map(cost, (-1.0, 0.0, 1.0)))


def _mean_power(f: Law, g: Law, of_f: float, of_g: float, p: float) -> float:
    """int_0^1 |F^-1(u + of_f) - G^-1(u + of_g)|^p du, cut where a quantile function may jump."""
    kinks = [-of_f % 1.0, -of_g % 1.0]
    edges = np.unique([0.0, *kinks, 0.25, 0.5, 0.75, 1.0])

    def height(u: np.ndarray) -> np.ndarray:
        return np.abs(f.lifted(u + of_f) - g.lifted(u + of_g)) ** p + _LIFT**p

    return max(integrate(height, edges[(edges >= 0) & (edges <= 1)]) - _LIFT**p, 0.0)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Circles(Sampler):
    x: jax.Array
    y: jax.Array
    period: jax.Array
    _dim: int = field(metadata={"static": True})

    @property
    def dim(self) -> int:
        return self._dim

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        levels = jax.random.uniform(key, (2, n, self.dim), jnp.float32) * _NODES
        x, y = (
            self._places(part, table) for part, table in zip(levels, (self.x, self.y), strict=True)
        )
        return x, y

    def _places(self, levels: jax.Array, table: jax.Array) -> jax.Array:
        cell = jnp.minimum(levels.astype(jnp.int32), _NODES - 1)
        share = levels - cell
        place = (1 - share) * table[cell] + share * table[cell + 1]
        return self.period * jnp.minimum(place % 1.0, jnp.float32(1 - 2.0**-24))
