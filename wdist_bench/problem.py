"""What an estimator may see: samples and a cost, never the truth."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wdist_bench.costs import Cost
from wdist_bench.inputs.distinct import distinct
from wdist_bench.pytrees import pytree
from wdist_bench.validation import check_samples

# Costs of points as far apart as any two given ones: beyond, sums of a few of them overflow;
# below, smaller ones are lost.
_LARGEST_COST = 2.0**1016
_SMALLEST_COST = 2.0**-1000


@pytree
@dataclass(frozen=True)
class Samples:
    """Weighted points of two measures.

    Attributes:
        x: (n, d) points of mu.
        y: (m, d) points of nu.
        a: (n,) weights of x summing to one, None for equal weights.
        b: (m,) weights of y summing to one, None for equal weights.
    """

    x: Any
    y: Any
    a: Any = None
    b: Any = None

    @classmethod
    def checked(cls, x: Any, y: Any, a: Any = None, b: Any = None) -> Samples:
        """Validated host samples in float64; raises ValueError or TypeError on bad input.

        Columns are matched by name and weights by label where both sides have them, see
        `wdist_bench.validation.check_samples`.
        """
        checked = check_samples(x, y, a, b)
        return cls(checked.x, checked.y, checked.a, checked.b)

    def with_mass(self) -> Samples:
        """The points that carry weight; those without change no distance, however far they are."""
        x, a, y, b = self.x, self.a, self.y, self.b
        if a is not None:
            x, a = x[a > 0], a[a > 0]
        if b is not None:
            y, b = y[b > 0], b[b > 0]
        return Samples(x, y, a, b)

    def weighted(self) -> Samples:
        """The points that carry weight, with explicit weights."""
        kept = self.with_mass()
        a, b = (
            np.full(len(points), 1 / len(points)) if weights is None else weights
            for points, weights in ((kept.x, kept.a), (kept.y, kept.b))
        )
        return Samples(kept.x, kept.y, a, b)

    def check_scale(self, cost: Cost) -> None:
        """Raise ValueError where float64 does not hold the costs of points as far apart as these.

        A distance of 1e-200 has no square there, and neither has one of 1e200. Points without
        mass do not count.
        """
        kept = self.with_mass()
        if not cost.by_boxes:
            kept._check_powers(cost)
            return
        high = np.maximum(kept.x.max(0), kept.y.max(0))
        low = np.minimum(kept.x.min(0), kept.y.min(0))
        with np.errstate(over="ignore"):  # inf: too far apart
            apart = float((high - low).max())
        longest = _LARGEST_COST ** (1 / cost.p) / kept.x.shape[1]
        if apart == 0 or _SMALLEST_COST ** (1 / cost.p) <= apart <= longest:
            return
        raise ValueError(
            f"points: expected distances d whose power d^{cost.p} float64 holds, got coordinates "
            f"that are {apart:.3g} apart; bring the points to another unit, so that they are "
            "nearer to 1"
        )

    def _check_powers(self, cost: Cost) -> None:
        """The same of costs whose distances coordinates do not tell."""
        if not cost.traceable:
            return
        apart = self._reach(cost)
        smallest, largest = (end ** (1 / cost.p) for end in (_SMALLEST_COST, _LARGEST_COST))
        if 0 < apart < smallest or apart > largest / 2:  # two are at most twice as far apart
            raise ValueError(
                f"points: expected distances d whose power d^{cost.p:g} float64 holds, got "
                f"distances up to {apart:.3g}; choose another unit for the cost, or a smaller p"
            )

    def _reach(self, cost: Cost) -> float:
        """How far the first point is from another one."""
        points, first, power = np.concatenate([self.x, self.y]), self.x[:1], 0
        with np.errstate(over="ignore", invalid="ignore"):  # inf: too far apart
            if cost.is_norm:
                points, first = points - first, np.zeros_like(first)
                power = int(np.frexp(np.abs(points).max())[1])
            lengths = cost.to(1).matched(np.ldexp(points, -power), first)
            return float(np.ldexp(np.max(lengths), power))

    def coincide(self, cost: Cost | None = None) -> bool:
        """Whether both measures are one and the same: equal points with equal mass, and the cost a
        distance, which is 0 for equal points.

        The order of the points and how often each is listed do not matter; masses are equal up to
        the rounding of their sums.
        """
        if cost is not None and not cost.traceable:
            return False
        kept = self.weighted()
        for end in (np.min, np.max):
            if (end(kept.x, axis=0) != end(kept.y, axis=0)).any():
                return False
        (x, of_x, many_x), (y, of_y, many_y) = map(distinct, (kept.x, kept.y))
        if not np.array_equal(x, y):
            return False
        a = np.bincount(of_x, kept.a, minlength=len(x))
        b = np.bincount(of_y, kept.b, minlength=len(y))
        allowed = (many_x + many_y) * np.finfo(np.float64).eps * np.maximum(a, b)
        return bool((np.abs(a - b) <= allowed).all())

    def within_a_turn(self, cost: Cost) -> Samples:
        """The points of a circle of the cost in one turn of it, -180 degrees at 180 say, where that
        moves none, not even by rounding; else as they are.
        """
        if self.x.shape[1] != 1 or not cost.circumference:
            return self
        x, y = cost.on_line(self.x), cost.on_line(self.y)
        distance = cost.to(1)
        if distance.matched(self.x, x).any() or distance.matched(self.y, y).any():
            return self
        return replace(self, x=x, y=y)

    def shifted(self, center: np.ndarray, dtype: Any = np.float32, unit: float = 1.0) -> Samples:
        """(points - center) / unit in float64, then on the device as `dtype`."""
        with np.errstate(over="ignore"):  # inf: beyond float32
            return Samples(
                jnp.asarray((np.asarray(self.x, np.float64) - center) / unit, dtype),
                jnp.asarray((np.asarray(self.y, np.float64) - center) / unit, dtype),
                None if self.a is None else jnp.asarray(self.a, dtype),
                None if self.b is None else jnp.asarray(self.b, dtype),
            )


class Sampler(ABC):
    """Draws fresh samples of a pair of measures. Implementations are frozen pytree dataclasses:
    data are leaves (traced), configuration is static.

    Attributes:
        dim: dimension of the points.
        limit: the most points that one draw can give of each measure, None where unlimited.
        x64: whether draws need `jax.enable_x64(True)` around the whole program.
    """

    x64: ClassVar[bool] = False

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension of the points, the length of a row."""

    @property
    def limit(self) -> int | None:
        """The most points that one draw can give of each measure."""
        return None

    @property
    def on_two_scales(self) -> bool:
        """Whether float32 loses distances to points far from zero, so that the host evaluates."""
        return False

    @abstractmethod
    def draw(self, key: jax.Array, n: int) -> tuple[Float[Array, "n d"], Float[Array, "n d"]]:
        """n points of mu and n of nu, each of shape (n, dim), relative to the origin of the task
        (`Task.origin`). Pure and traceable.
        """


@pytree
@dataclass(frozen=True)
class Resampler(Sampler):
    """Minibatches of fixed samples, drawn with replacement in proportion to the weights."""

    samples: Samples

    @property
    def dim(self) -> int:
        """Dimension of the points, the length of a row."""
        return self.samples.x.shape[1]

    def draw(self, key: jax.Array, n: int) -> tuple[Float[Array, "n d"], Float[Array, "n d"]]:
        """n rows of x and n rows of y, each of shape (n, dim)."""
        key_x, key_y = jax.random.split(key)
        s = self.samples
        return _rows(key_x, s.x, s.a, n), _rows(key_y, s.y, s.b, n)


def _rows(key: jax.Array, points: jax.Array, weights: jax.Array | None, n: int) -> jax.Array:
    if weights is None:
        return points[jax.random.randint(key, (n,), 0, len(points), jnp.int32)]
    return points[draw_by_weight(key, weights, n)]


def draw_by_weight(key: jax.Array, weights: Float[Array, " k"], n: int) -> Int[Array, " {n}"]:
    """n independent indices i with probability weights_i, which sum to one; shape (n,), int32.

    The cumulative weights and the uniform levels are integers of 55 bits in two words, so that a
    weight of 1e-9, or each of 10^7, is drawn as often as it says, in float32 too: a uniform float32
    is a multiple of 2^-23. Its 23 bits are the upper word of the level.
    """
    scaled = weights * 2.0**23
    whole = jnp.floor(scaled)
    parts = ((scaled - whole) * 2.0**32).astype(jnp.uint32)
    lower = jnp.cumsum(parts, dtype=jnp.uint32)  # modulo 2^32
    carried = (lower < parts).astype(jnp.uint32)
    upper = jnp.cumsum(whole.astype(jnp.uint32) + carried, dtype=jnp.uint32)
    level = (jax.random.uniform(key, (n,), jnp.float32) * 2.0**23).astype(jnp.uint32)
    finer = jax.random.bits(jax.random.fold_in(key, 1), (n,), jnp.uint32)

    def halve(_: jax.Array, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        first, last = ends
        middle = (first + last) // 2
        above = (upper[middle] > level) | (first == last)
        above |= (upper[middle] == level) & (lower[middle] > finer)
        return jnp.where(above, first, middle + 1), jnp.where(above, middle, last)

    # The last point with mass has the levels that rounding of the weights leaves.
    count = len(weights)
    last = count - 1 - jnp.argmax(weights[::-1] > 0).astype(jnp.int32)
    start = jnp.zeros(n, jnp.int32), jnp.broadcast_to(last, (n,))
    return jax.lax.fori_loop(0, count.bit_length(), halve, start)[0]


Norm = Callable[[np.ndarray], np.ndarray]
"""Lengths (n,) of vectors (n, d)."""


def _euclidean(vectors: np.ndarray) -> np.ndarray:
    lengths: np.ndarray = np.linalg.norm(vectors, axis=1)
    return lengths


def _size(samples: Samples, center: np.ndarray, norm: Norm = _euclidean) -> float:
    """The power of two next to the median distance from the centre, or where that is 0 to that of
    the largest coordinate; 1 where all points are equal.
    """
    samples = samples.weighted()
    gaps = np.concatenate([samples.x, samples.y]) - center
    largest = float(np.abs(gaps).max())
    if not 0 < largest < np.inf:
        return 1.0
    lengths = largest * norm(gaps / largest)
    weights = np.concatenate([samples.a, samples.b])
    order = np.argsort(lengths)
    middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    length = float(lengths[order[min(middle, len(order) - 1)]])
    if length == 0:
        axis = np.zeros((1, len(center)))
        axis[0, np.abs(gaps).max(0).argmax()] = 1
        length = largest * float(norm(axis)[0])
    return 2.0 ** round(math.log2(length))


def _mean(points: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    return points.mean(0) if weights is None else weights @ points


@pytree
@dataclass(frozen=True)
class Problem:
    """A source of fresh minibatches and a cost. The minibatches depend on `key` and on nothing
    that an estimator chooses, so every estimator sees the same ones.

    Attributes:
        sampler: where minibatches come from.
        key: the key of the data.
        center: (d,) what is to be subtracted from the points that a fitted estimator is asked
            about: the centre of fixed samples; zeros for a stream, which is evaluated in the
            coordinates of its draws.
        unit: what these are divided by then: a power of two, 1 where nothing is standardised. The
            cost of the problem is c / unit^p.
        cost: the ground cost.
        length: what distances are divided by once more to be of unit size, a power of two: 1 but
            for a norm that has a unit of its own, as Mahalanobis has.
    """

    sampler: Sampler
    key: jax.Array
    center: Any
    unit: Any
    cost: Cost = field(metadata={"static": True})
    length: float = field(default=1.0, metadata={"static": True})

    @classmethod
    def from_samples(
        cls, samples: Samples, cost: Cost, key: jax.Array, standardize: bool = False
    ) -> Problem:
        """Two fixed sample sets, seen as minibatches in coordinates centred between their means.

        With `standardize` these are divided by the power of two next to the median distance of a
        row from the centre, so that the size of the data does not matter to what is trained, and
        distances by `length`, where those of such rows may have any size. Where the cost is no
        norm they are in their own unit, and centred only if that changes no distance and they are
        many periods from zero (`Cost.origin`).

        Raises:
            ValueError: float64 does not hold the costs of points so far apart.
        """
        samples.check_scale(cost)
        center = cost.origin((_mean(samples.x, samples.a) + _mean(samples.y, samples.b)) / 2)
        standardize = standardize and cost.is_norm
        unit = _size(samples, center) if standardize else 1.0
        problem = cls(Resampler(samples.shifted(center, unit=unit)), key, center, unit, cost)
        if not standardize or cost.scaled(1.0) is None:
            return problem
        own, origin = cost.to(1), np.zeros_like(center)
        size = _size(samples, center, lambda rows: own.matched(rows, origin))
        return replace(problem, length=size / unit)

    @classmethod
    def from_sampler(cls, sampler: Sampler, cost: Cost, key: jax.Array) -> Problem:
        """A stream of fresh samples, in the coordinates and the unit of its draws."""
        return cls(sampler, key, np.zeros(sampler.dim), 1.0, cost)

    @property
    def dim(self) -> int:
        """Dimension of the points, the length of a row."""
        return self.sampler.dim

    @property
    def standard_cost(self) -> Cost:
        """The cost of distances over `length`."""
        return self.cost.scaled(1 / self.length) or self.cost

    def at_most(self, n: int) -> int:
        """n points of each measure, or as many as one draw gives, where these are fewer."""
        return min(n, self.sampler.limit or n)

    def minibatch(self, step: jax.Array | int, n: int) -> Samples:
        """Minibatch number `step`: n points of each measure in float32."""
        x, y = self.sampler.draw(jax.random.fold_in(self.key, step), n)
        return Samples(x.astype(jnp.float32), y.astype(jnp.float32))
