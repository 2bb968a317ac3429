"""Laws on the line by their quantile functions: W_p by quadrature, and traceable samples."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.pytrees import pytree
from wdist_bench.tasks.distances import unit_of_powers

# The grid of tail depths s = -log(2 u): fine at the median, and down to u = 1e-299.
_DEPTHS = np.concatenate(
    [[0.0], 2.0 ** np.arange(-4, 3), np.arange(8.0, 40.0, 4.0), np.arange(40.0, 689.0, 8.0)]
)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(15)
_TOLERANCE = 1e-10  # of the integral: how far two levels may differ
_TAIL = 1e-8  # of the integral: what may be left beyond the deepest quantile
_ROUNDING = 2.0**-50  # of quantiles: what they may be off by
_MIDDLE = np.array([0.05, 0.25, 0.5])  # levels, on both sides, that say how far laws are apart
_MAX_HALVINGS = 48
_MAX_PANELS = 4000

_OCTAVES = 33  # tail probabilities down to 2^-34 = 6e-11
_PER_OCTAVE = 32
TAIL = 2.0 ** -(1 + _OCTAVES)
"""Where tables, and so samples, are cut."""


_Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Quantile:
    """Quantile function Q of a law, vectorised over NumPy arrays.

    Attributes:
        lower: u -> Q(u).
        upper: q -> Q(1 - q), accurate for tiny q.
        cdf: x -> P(X <= x), to tell where `lower` fails; None where it never does.
        sf: x -> P(X > x), likewise for `upper`.
    """

    lower: _Function
    upper: _Function
    cdf: _Function | None = None
    sf: _Function | None = None

    def reach(self, upper: bool) -> int:
        """How many of the tail depths have a quantile to rely on.

        Some of scipy's are wrong far in a tail: those of the inverse Gaussian law reach 1e204
        where its twelfth sigma should be. A quantile is refused where its probability is more
        than 1 % off, and it turns back or grows faster than those of a law with a finite mean.
        """
        quantile, probability = (self.upper, self.sf) if upper else (self.lower, self.cdf)
        tail = np.exp(-_DEPTHS) / 2
        value = _quiet(quantile, tail)
        good = np.isfinite(value)
        if probability is not None:
            off = ~(np.abs(_quiet(probability, value) - tail) <= 0.01 * tail)
            with np.errstate(all="ignore"):
                away = value - value[0] if upper else value[0] - value
                growth = np.diff(np.log(away)) / np.diff(_DEPTHS)
                odd = (growth > 1) | (np.diff(away) < 0)
            good[1:] &= ~(odd & off[1:])
        return int(np.argmin(good)) if not good.all() else len(good)


def _quiet(function: _Function, points: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(function(points), np.float64)


def wasserstein(x: Quantile, y: Quantile, p: float) -> float | None:
    """W_p = (int_0^1 |Q_x(u) - Q_y(u)|^p du)^(1/p), to 1e-8 relative or better, or what rounding of
    the quantiles leaves; 0 where that is all in which they differ.

    Each half of (0, 1) is integrated over s = -log(2 u) or -log(2 (1 - u)), by Gauss-Legendre
    panels that are halved until two levels agree. Returns None where the integral is infinite,
    or its tail too slow to resolve down to probabilities of 1e-299.

    Source: Villani, Topics in Optimal Transportation, Theorem 2.18.
    """
    gaps = [_quiet(lambda u: x.lower(u) - y.lower(u), _MIDDLE),
            _quiet(lambda u: x.upper(u) - y.upper(u), _MIDDLE)]  # fmt: skip
    unit = unit_of_powers(p, *gaps)
    total = tail = rounding = 0.0
    for upper in (False, True):
        half = _half(x, y, upper, p, unit)
        if half is None:
            return None
        total, tail, rounding = total + half.total, tail + half.tail, rounding + half.rounding
    if tail > max(_TAIL * total, rounding):
        return None
    return float(np.ldexp(total ** (1 / p), unit)) if total > rounding else 0.0


class _Half(NamedTuple):
    """The integral over one half of (0, 1), what may be missing beyond its last depth, and what
    rounding of the quantiles can make of it.
    """

    total: float
    tail: float
    rounding: float


def _half(x: Quantile, y: Quantile, upper: bool, p: float, unit: int) -> _Half | None:
    """Of distances over 2^unit; None where the integral is infinite, or not resolved."""
    of_x, of_y = (x.upper, y.upper) if upper else (x.lower, y.lower)

    def gap(u: np.ndarray) -> np.ndarray:
        return np.abs(np.ldexp(of_x(u) - of_y(u), -unit))

    def integrand(s: np.ndarray) -> np.ndarray:
        u = np.exp(-s) / 2
        return _quiet(lambda u: gap(u) ** p * u, u)

    def lost(u: np.ndarray) -> np.ndarray:
        off = _ROUNDING * np.ldexp(np.abs(of_x(u)) + np.abs(of_y(u)), -unit)
        return ((gap(u) + off) ** p - gap(u) ** p) * u

    height = integrand(_DEPTHS[: min(x.reach(upper), y.reach(upper))])
    finite = np.isfinite(height)
    height = height if finite.all() else height[: np.argmin(finite)]
    usable = len(height)
    if usable < 2:
        return None
    noise = _quiet(lost, np.exp(-_DEPTHS[:usable]) / 2)
    rounding = float(np.trapezoid(noise, _DEPTHS[:usable])) if np.isfinite(noise).all() else 0.0
    if (height <= noise).all():
        return _Half(0.0, 0.0, rounding)
    # A convergent integrand falls off long before the deepest quantile, where those of scipy may
    # saturate; one that is largest down there does not converge.
    if _DEPTHS[height.argmax()] > _DEPTHS[usable - 1] / 2:
        return None
    relevant = np.flatnonzero(height > 1e-18 * height.max())
    last = min(relevant[-1] + 1, usable - 1) if relevant.size else 0
    if last == 0:
        return _Half(0.0, 0.0, rounding)
    tail = 0.0
    if height[last] > 0:
        decay = np.log(height[last - 1] / height[last]) / (_DEPTHS[last] - _DEPTHS[last - 1])
        if not decay > 0:
            return None
        tail = float(height[last] / decay)
    with np.errstate(invalid="ignore"):
        total = integrate(integrand, _DEPTHS[: last + 1], rounding)
    return _Half(total, tail, rounding) if np.isfinite(total) else None


def integrate(
    f: Callable[[np.ndarray], np.ndarray], edges: np.ndarray, rounding: float = 0.0
) -> float:
    """Integral of f over [edges[0], edges[-1]]: panels are halved until two levels agree, but for
    what rounding of f makes of the integral; NaN where they do not within 4,000 panels.
    """
    left, right = edges[:-1], edges[1:]
    coarse = _panels(f, left, right)
    allowed, total, spent = max(_TOLERANCE * coarse.sum(), rounding), 0.0, len(left)
    for _ in range(_MAX_HALVINGS):
        middle = (left + right) / 2
        low, high = _panels(f, left, middle), _panels(f, middle, right)
        spent += 2 * len(left)
        change = np.abs(low + high - coarse)
        if change.sum() <= allowed:
            return total + float((low + high).sum())
        if spent > _MAX_PANELS:
            break
        done = change <= allowed / _MAX_PANELS
        total += float((low + high)[done].sum())
        left, right = (
            np.concatenate([left[~done], middle[~done]]),
            np.concatenate([middle[~done], right[~done]]),
        )
        coarse = np.concatenate([low[~done], high[~done]])
    return float("nan")


def _panels(
    f: Callable[[np.ndarray], np.ndarray], left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    half = (right - left) / 2
    points = (left + right)[:, None] / 2 + half[:, None] * _NODES
    return (f(points.ravel()).reshape(points.shape) * _WEIGHTS).sum(1) * half


class Levels(NamedTuple):
    """Uniform random levels u of (0, 1), kept as tail probabilities 2^-(1 + octave + fraction).

    Attributes:
        upper: whether the level is 1 minus the tail probability.
        octave: whole number in 0 ... 32.
        fraction: float32 in [0, 1).
    """

    upper: jax.Array
    octave: jax.Array
    fraction: jax.Array


def draw_levels(key: jax.Array, n: int) -> Levels:
    """n uniform levels with full relative precision down to tail probabilities of 6e-11."""
    word, rest = jax.random.bits(key, (2, n), jnp.uint32)
    octave = jax.lax.clz(word).astype(jnp.int32)  # P(octave = k) = 2^-(k + 1)
    within = (rest >> 9).astype(jnp.float32) * jnp.float32(2.0**-23)
    fraction = jnp.maximum(1 - jnp.log2(1 + within), 0)  # 2^-fraction is uniform on (1/2, 1]
    return Levels((rest & 1) == 1, octave, jnp.minimum(fraction, jnp.float32(1 - 2.0**-24)))


@pytree
@dataclass(frozen=True)
class QuantileTable:
    """A quantile function tabulated against log2 of the tail probability, for use under `jit`.

    Cubic interpolation between 32 nodes an octave: for smooth quantile functions its error is
    below float32 rounding, relative to the scale of the law.

    Attributes:
        values: (2, nodes) float32 quantiles of the lower and the upper half.
    """

    values: jax.Array

    @staticmethod
    def nodes(law: Quantile) -> np.ndarray:
        """The values of the table, shape (2, nodes), float64."""
        depth = np.arange(_OCTAVES * _PER_OCTAVE + 3) / _PER_OCTAVE
        values = np.stack([_quiet(half, 0.5 * 2.0**-depth) for half in (law.lower, law.upper)])
        for upper, half in enumerate(values):
            reliable = depth * np.log(2) <= _DEPTHS[max(law.reach(bool(upper)) - 1, 0)]
            last = np.flatnonzero(reliable & np.isfinite(half))[-1]
            half[last:] = half[last]  # the tail is cut there
        # A node before the median, on the cubic of the first four: the law may have a kink there.
        before = values[:, :4] @ np.array([4.0, -6.0, 4.0, -1.0])
        return np.concatenate([before[:, None], values], axis=1)

    def __call__(self, levels: Levels) -> jax.Array:
        """Q(u) at each level, shape (n,)."""
        place = levels.fraction * _PER_OCTAVE
        cell = jnp.floor(place)
        t = place - cell
        first = levels.octave * _PER_OCTAVE + cell.astype(jnp.int32)
        near = self.values[levels.upper.astype(jnp.int32)[:, None], first[:, None] + jnp.arange(4)]
        weights = jnp.stack(
            [
                -t * (t - 1) * (t - 2) / 6,
                (t + 1) * (t - 1) * (t - 2) / 2,
                -(t + 1) * t * (t - 2) / 2,
                (t + 1) * t * (t - 1) / 6,
            ],
            axis=-1,
        )
        return (near * weights).sum(-1)
