"""Laws on a circle of length 1, their quantiles, and W_p between two of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.tasks.parameters import Pairs, check_keys, frozen_pairs
from wdist_bench.tasks.quantiles import Quantile, QuantileTable, draw_levels, integrate
from wdist_bench.validation import check_name, check_number

_PARAMETERS = {"arc": ("center", "width"), "von_mises": ("center", "concentration")}
_DEFAULTS = {"center": 0.0, "width": 0.25, "concentration": 1.0}
_MOST = 200.0  # concentration: beyond it float64 holds no density opposite to the centre
_GOLDEN = (5**0.5 - 1) / 2
# Distances so small, as shares of the circle, keep no digits that panels could agree on: they are
# integrated to this share of their powers.
_SMALL, _SHARE = 1e-5, 1e-10
_THETA = 1e-10  # to which the best cut of the circle is found


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
def law_of(pairs: Pairs) -> Law:
    """The law of checked parameters."""
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
def circle_distance(x: Pairs, y: Pairs, p: float, around: bool) -> float | None:
    """W_p for the period 1, on the circle or on the line from 0 to 1; None where rounding leaves
    its integral no digits, as of concentrated laws that nearly coincide.
    """
    f, g = law_of(x), law_of(y)
    if around:
        found = _least(lambda theta: _mean_power(f, g, 0.0, -theta, p))
    else:  # levels are counted from the place 0
        found = _mean_power(f, g, f.below(0.0), g.below(0.0), p)
    return None if math.isnan(found) else found ** (1 / p)


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
    """int_0^1 |F^-1(u + of_f) - G^-1(u + of_g)|^p du, cut where a quantile function may jump;
    NaN where its panels do not agree.
    """
    kinks = [-of_f % 1.0, -of_g % 1.0]
    edges = np.unique([0.0, *kinks, 0.25, 0.5, 0.75, 1.0])

    def height(u: np.ndarray) -> np.ndarray:
        return np.abs(f.lifted(u + of_f) - g.lifted(u + of_g)) ** p

    return integrate(height, edges[(edges >= 0) & (edges <= 1)], _SHARE * _SMALL**p)


def frozen_law(value: Any, side: str) -> Pairs:
    """A checked law: {"law": "arc", "center": c, "width": w}, uniform on an arc, or {"law":
    "von_mises", "center": c, "concentration": k}; c and w as shares of the circle.
    """
    pairs = frozen_pairs(value, side)
    _check_law(pairs, side)
    return pairs


def short_turn(x: Pairs, y: Pairs) -> float | None:
    """How far y is x turned, in shares of the circle, where no pair of their points is nearer the
    other way round: arcs of one width w with w + turn <= 1/2, or equal laws. None elsewhere.
    """
    one, two = (_DEFAULTS | dict(pairs) for pairs in (x, y))
    turn = (float(two.pop("center")) - float(one.pop("center"))) % 1.0
    turn = min(turn, 1.0 - turn)
    if one != two:
        return None
    reach = float(one["width"]) if one["law"] == "arc" else 1.0
    return turn if turn == 0 or reach + turn <= 0.5 else None


def table(pairs: Pairs) -> QuantileTable:
    """The quantile function of a law, in both its tails: what samples are read from."""
    place = law_of(pairs).place
    middle = float(place(np.array(0.5)))  # both kinds of laws are symmetric about it
    nodes = QuantileTable.nodes(Quantile(place, lambda q: 2 * middle - place(q)))
    return QuantileTable(jnp.asarray(nodes, jnp.float32))


def draw_places(key: jax.Array, n: int, law: QuantileTable) -> jax.Array:
    """n independent places in [0, 1) of the law of a `table`, shape (n,)."""
    return jnp.minimum(law(draw_levels(key, n)) % 1.0, jnp.float32(1 - 2.0**-24))
