"""The Euclidean distance to a power."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Real

from wdist_bench.costs.base import Cost, register
from wdist_bench.costs.powers import power, power_in_place, safe_sqrt, sqrt

# Up to these dimensions squared distances are summed from differences: exact for close points,
# and as fast as the matrix product. Above them the Gram form wins by an order of magnitude.
DIRECT_DIMENSION = 16
_DIRECT_DIMENSION_ON_HOST = 8
# Up to this many entries the differences are one array, above it they are summed coordinate by
# coordinate: several times as fast where there are many.
SMALL_ENTRIES = 2**14
# Entries of the float64 Gram form computed at once, few enough for a processor's cache.
_BLOCK_ENTRIES = 2**17
# Entries of the float64 Gram form with d^2 below this share of |x|^2 + |y|^2 are recomputed from
# differences, which bounds the relative error of every distance by about 1e-13.
_CANCELLATION = 1e-3
# Beside far points centring itself rounds: entries with d^2 below this share of |x|^2 + |y|^2, as
# they stand after it, are recomputed from the points as they came.
_ROUNDED_OFF = 1e-9
# Coordinates beyond these powers of two are brought near one before they are squared for a root.
_SQUARES_HOLD = 400
_LOST = 2.0 ** (-2 * _SQUARES_HOLD)  # squares that small are taken again, each at its own scale


@register
@dataclass(frozen=True)
class L2(Cost):
    """c(x, y) = ||x - y||_2^p, the Euclidean distance.

    Attributes:
        p: exponent, a real number >= 1.
    """

    name: ClassVar[str] = "l2"
    is_norm: ClassVar[bool] = True
    by_boxes: ClassVar[bool] = True
    minkowski: ClassVar[float] = 2.0
    negative_type: ClassVar[float] = 2.0

    p: float = 1

    def _of_squared(self, squared: jax.Array) -> jax.Array:
        costs: jax.Array = squared if self.p == 2 else power(safe_sqrt(squared), self.p)
        return costs

    def distance(self, x: Any, y: Any, xp: Any) -> Any:
        """The Euclidean length of x - y over the last axis."""
        return sqrt(((x - y) ** 2).sum(-1), xp)

    def between(self, x: Float[Array, "*n d"], y: Float[Array, "*n d"]) -> Float[Array, "*n"]:
        """Cost of matched points: c(x_i, y_i), shape (n,), for x and y of shape (n, d)."""
        return self._of_squared(((x - y) ** 2).sum(-1))

    def pairwise(self, x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
        """Cost matrix c(x_i, y_j), shape (n, m), on device.

        Runs in the dtype of the inputs. Points are centred on the mean of x first, and the
        matrix product of the Gram form uses the highest precision (TF32 would spoil it).
        """
        few_dimensions = x.shape[1] <= DIRECT_DIMENSION
        if few_dimensions and x.shape[0] * y.shape[0] > SMALL_ENTRIES:
            return self.by_coordinates(x.T[:, :, None], y.T[:, None, :])
        if few_dimensions:
            squared = ((x[:, None, :] - y[None, :, :]) ** 2).sum(-1)
        else:
            center = x.mean(0)
            x, y = x - center, y - center
            gram = jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
            squared = (x * x).sum(1)[:, None] + (y * y).sum(1)[None, :] - 2 * gram
            squared = jnp.maximum(squared, 0)
        return self._of_squared(squared)

    def by_coordinates(
        self, x: Float[Array, "d *#k"], y: Float[Array, "d *#k"]
    ) -> Float[Array, "*k"]:
        """c(x, y) for points of few dimensions, whose coordinates are the first axis.

        The others broadcast. A processor then computes many points at once, which it does not in a
        sum over a last axis of few entries.
        """
        gaps = (x[k] - y[k] for k in range(x.shape[0]))
        return self.from_base(reduce(operator.add, (gap * gap for gap in gaps)))

    def matched(
        self, x: Real[Array | np.ndarray, "*#n d"], y: Real[Array | np.ndarray, "*#n d"]
    ) -> Any:
        """`between` in float64 on the host, over the last axis; x and y may broadcast."""
        gap = np.asarray(x, np.float64) - np.asarray(y, np.float64)
        if self.p == 2:
            return np.einsum("...d,...d->...", gap, gap)
        return power(_lengths(gap), self.p)

    def matrix(
        self, x: Real[Array | np.ndarray, "n d"], y: Real[Array | np.ndarray, "m d"]
    ) -> Float[np.ndarray, "n m"]:
        """Cost matrix c(x_i, y_j), shape (n, m), float64 on the host; zero for equal points."""
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        if self.p == 2:
            return _squared_distances(x, y)
        return power_in_place(_distances(x, y), self.p)

    @property
    def base(self) -> Cost:
        """The squared distance, which needs no root."""
        return L2(2)

    def from_base(self, base: Float[Array, "*k"]) -> Float[Array, "*k"]:
        """This cost from the squared distance."""
        costs: jax.Array = base if self.p == 2 else power(_vector_sqrt(base), self.p)
        return costs

    def dual_norm(self, gradient: Float[Array, "*n d"]) -> Float[Array, "*n"]:
        """The Euclidean norm of gradients, over the last axis."""
        return safe_sqrt((gradient**2).sum(-1))

    def length(self, vector: Float[np.ndarray, " d"]) -> float:
        """The Euclidean norm of one vector; too large and too small ones have one too."""
        scale = power_of_two(vector)
        if scale:
            return float(np.ldexp(np.linalg.norm(np.ldexp(vector, -scale)), scale))
        return float(np.linalg.norm(vector))


def power_of_two(*arrays: np.ndarray, within: int = _SQUARES_HOLD) -> int:
    """k such that the largest entry over 2^k is near one; 0 between 2^-within and 2^within, by
    default where squares hold it as it is.

    Scaling by a power of two rounds nothing.
    """
    largest = max(float(np.abs(array).max(initial=0)) for array in arrays)
    if largest == 0 or 2.0**-within < largest < 2.0**within:
        return 0
    return int(np.frexp(largest)[1])


@jax.custom_jvp
def _vector_sqrt(squared: jax.Array) -> jax.Array:
    """`safe_sqrt` for many entries, whose choice at 0 is made in the derivative alone.

    Beside the root, that choice keeps XLA from using a processor's vectors: four times as slow.
    Small matrices keep it all the same: numbers of trained critics carry its rounding.
    """
    return jnp.sqrt(squared)


@_vector_sqrt.defjvp
def _vector_sqrt_jvp(
    primals: tuple[jax.Array], tangents: tuple[jax.Array]
) -> tuple[jax.Array, jax.Array]:
    root = _vector_sqrt(*primals)
    zero = root == 0
    return root, jnp.where(zero, 0, tangents[0] * (0.5 / jnp.where(zero, 1, root)))


def _lengths(gap: np.ndarray) -> Any:
    """Euclidean norms over the last axis."""
    if power_of_two(gap):
        return _lengths_each_at_its_scale(gap)
    return np.sqrt(np.einsum("...d,...d->...", gap, gap))


def _lengths_each_at_its_scale(gap: np.ndarray) -> np.ndarray:
    """`_lengths`, each brought near one before it is squared."""
    powers = np.frexp(np.abs(gap).max(-1))[1]
    near_one = np.ldexp(gap, -powers[..., None])
    return np.ldexp(np.sqrt(np.einsum("...d,...d->...", near_one, near_one)), powers)


def _distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Euclidean distances in float64, also where their squares leave its range."""
    scale = power_of_two(x, y)
    if not scale:
        squared = _squared_distances(x, y)
        return np.sqrt(squared, out=squared)
    squared = _squared_distances(np.ldexp(x, -scale), np.ldexp(y, -scale))
    lost = np.nonzero(squared < _LOST)
    distance = np.ldexp(np.sqrt(squared), scale)
    distance[lost] = _lengths_each_at_its_scale(x[lost[0]] - y[lost[1]])
    return distance


def _squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances in float64: Gram form, close pairs again from differences."""
    if x.shape[1] <= _DIRECT_DIMENSION_ON_HOST:
        from scipy.spatial.distance import cdist

        return cdist(x, y, "sqeuclidean")
    given_x, given_y = x, y
    norms_x, norms_y = np.einsum("id,id->i", x, x), np.einsum("jd,jd->j", y, y)
    center = x.mean(0)
    with np.errstate(over="ignore"):  # inf: very far
        far_off = 2 * (center @ center) >= norms_x.mean()
    if far_off:  # digits to win by centring
        x, y = x - center, y - center
        norms_x, norms_y = np.einsum("id,id->i", x, x), np.einsum("jd,jd->j", y, y)
    squared = np.empty((len(x), len(y)))
    step = max(1, _BLOCK_ENTRIES // len(y))
    for first in range(0, len(x), step):
        rows = slice(first, first + step)
        out = squared[rows]
        scale = _gram_form(x[rows], y, norms_x[rows], norms_y, out)
        if far_off:
            scale *= _ROUNDED_OFF / _CANCELLATION
            near = np.flatnonzero(out < scale)
            _from_differences(given_x[rows], given_y, near, out)
    return squared


def _gram_form(
    x: np.ndarray, y: np.ndarray, norms_x: np.ndarray, norms_y: np.ndarray, out: np.ndarray
) -> np.ndarray:
    """|x_i|^2 + |y_j|^2 - 2 <x_i, y_j> into out, from differences where that cancels.

    Returns the costs below which it does.
    """
    scale = norms_x[:, None] + norms_y[None, :]
    np.matmul(x, y.T, out=out)
    out *= -2
    out += scale
    scale *= _CANCELLATION
    _from_differences(x, y, np.flatnonzero(out < scale), out)
    return scale


def _from_differences(x: np.ndarray, y: np.ndarray, entries: np.ndarray, out: np.ndarray) -> None:
    """The squared distances at these entries of `out`, and at all of them where they are many."""
    if entries.size > out.size // 8:
        from scipy.spatial.distance import cdist

        cdist(x, y, "sqeuclidean", out=out)
        return
    rows, columns = np.unravel_index(entries, out.shape)
    block = max(1, 2**22 // x.shape[1])
    for start in range(0, entries.size, block):
        part = slice(start, start + block)
        gap = x[rows[part]] - y[columns[part]]
        out[rows[part], columns[part]] = np.einsum("id,id->i", gap, gap)
