"""Laws on the line by their quantile functions: W_p by quadrature, and traceable samples."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

# The grid of tail depths s = -log(2 u): fine at the median, and down to u = 1e-299.
_DEPTHS = np.concatenate([[0.0], 2.0 ** np.arange(-4, 3), np.arange(8.0, 689.0, 8.0)])
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(15)
_TOLERANCE = 1e-11  # of the integral, per panel
_TAIL = 1e-9  # of the integral: what may be left beyond the deepest quantile
_MAX_HALVINGS = 48

_OCTAVES = 33  # tail probabilities down to 2^-34 = 6e-11
_PER_OCTAVE = 32


@dataclass(frozen=True)
class Quantile:
    """Quantile function Q of a law, vectorised over NumPy arrays.

    Attributes:
        lower: u -> Q(u).
        upper: q -> Q(1 - q), accurate for tiny q.
    """

    lower: Callable[[np.ndarray], np.ndarray]
    upper: Callable[[np.ndarray], np.ndarray]


def wasserstein(x: Quantile, y: Quantile, p: int) -> float | None:
    """W_p = (int_0^1 |Q_x(u) - Q_y(u)|^p du)^(1/p), to about 1e-9 relative.

    Each half of (0, 1) is integrated over s = -log(2 u) or -log(2 (1 - u)), by Gauss-Legendre
    panels that are halved until two levels agree. Returns None where the integral is infinite,
    or its tail too slow to resolve down to probabilities of 1e-299.

    Source: Villani, Topics in Optimal Transportation, Theorem 2.18.
    """
    halves = [_half(x.lower, y.lower, p), _half(x.upper, y.upper, p)]
    if any(half is None for half in halves):
        return None
    total = sum(integral for integral, _ in halves)  # type: ignore[misc]
    tail = sum(rest for _, rest in halves)  # type: ignore[misc]
    return float(total ** (1 / p)) if tail <= _TAIL * total else None


def _half(
    x: Callable[[np.ndarray], np.ndarray], y: Callable[[np.ndarray], np.ndarray], p: int
) -> tuple[float, float] | None:
    """The integral over u in (0, 1/2), and how much may be missing beyond the deepest quantile."""

    def integrand(s: np.ndarray) -> np.ndarray:
        u = np.exp(-s) / 2
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.abs(x(u) - y(u)) ** p * u

    height = integrand(_DEPTHS)
    usable = int(np.argmin(np.isfinite(height))) or len(height)
    if usable < 2 or not np.isfinite(height[0]):
        return None
    height = height[:usable]
    # A convergent integrand falls off long before the deepest quantile, where those of scipy may
    # saturate; one that is largest down there does not converge.
    if _DEPTHS[height.argmax()] > _DEPTHS[usable - 1] / 2:
        return None
    relevant = np.flatnonzero(height > 1e-18 * height.max())
    last = min(relevant[-1] + 1, usable - 1) if relevant.size else 0
    if last == 0:
        return 0.0, 0.0
    tail = 0.0
    if height[last] > 0:
        decay = np.log(height[last - 1] / height[last]) / (_DEPTHS[last] - _DEPTHS[last - 1])
        if not decay > 0:
            return None
        tail = float(height[last] / decay)
    with np.errstate(invalid="ignore"):
        total = integrate(integrand, _DEPTHS[: last + 1])
    return (total, tail) if np.isfinite(total) else None


def integrate(f: Callable[[np.ndarray], np.ndarray], edges: np.ndarray) -> float:
    """Integral of f over [edges[0], edges[-1]]: panels are halved until two levels agree."""
    left, right = edges[:-1], edges[1:]
    coarse = _panels(f, left, right)
    scale = coarse.sum()
    total = 0.0
    for _ in range(_MAX_HALVINGS):
        middle = (left + right) / 2
        low, high = _panels(f, left, middle), _panels(f, middle, right)
        done = np.abs(low + high - coarse) <= _TOLERANCE * scale
        total += float((low + high)[done].sum())
        if done.all():
            return total
        left, right = (
            np.concatenate([left[~done], middle[~done]]),
            np.concatenate([middle[~done], right[~done]]),
        )
        coarse = np.concatenate([low[~done], high[~done]])
    return total + float(coarse.sum())


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
    """N uniform levels with full relative precision down to tail probabilities of 6e-11."""
    word, rest = jax.random.bits(key, (2, n), jnp.uint32)
    octave = jax.lax.clz(word).astype(jnp.int32)  # P(octave = k) = 2^-(k + 1)
    within = (rest >> 9).astype(jnp.float32) * jnp.float32(2.0**-23)
    fraction = jnp.maximum(1 - jnp.log2(1 + within), 0)  # 2^-fraction is uniform on (1/2, 1]
    return Levels((rest & 1) == 1, octave, jnp.minimum(fraction, jnp.float32(1 - 2.0**-24)))


@jax.tree_util.register_dataclass
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
        tail = 0.5 * 2.0**-depth
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = np.stack([law.lower(tail), law.upper(tail)])
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
