"""Continuous pairs with a known optimal map for p = 2: a mixture and its image."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import L2, Cost
from wdist_bench.datasets.files import find_file, read_arrays
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.registry import FrozenArray
from wdist_bench.tasks import register
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.convex_functions import ConvexFunction, Layers, Networks, drawn_function
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_number, check_seed

# Of drawn pairs: components of mu, and shares of its variance between and within them.
_COMPONENTS, _BETWEEN, _WITHIN = 3, 0.6, 0.4
_RELATIVE_STDERR = 0.001
_MIN_SAMPLES, _MAX_SAMPLES, _CHUNK = 2**17, 2**20, 2**14
# Seed of the Monte Carlo truth, far from the small seeds that runs are given.
TRUTH_SEED = 2**31 - 1


@register
@dataclass(frozen=True)
class ConvexPairs(Task):
    """mu = a mixture of Gaussians against nu = T(mu), T = grad u of a strongly convex function u.

    T is optimal for p = 2 in l2 (Knott and Smith): W_2^2 = E |x - T x|^2, by Monte Carlo. The
    potential of mu is |x|^2 - 2 u(x), and the map of nu to mu the gradient of the conjugate of u,
    found to 1e-8 by Newton's method in float64. Samples are float32.

    Attributes:
        dim: dimension; 2 unless a file says otherwise.
        seed: of drawn pairs: three components with centers N(0, 0.6 I) and matrices A of
            N(0, 0.4 / dim) entries, points being center + A z, z standard normal; u(x) =
            t log sum_k exp((<x, c_k> - |c_k|^2 / 2) / t) + |x|^2 / 8 with ten places c_k of
            N(0, I) and t = 0.2 sqrt(dim).
        file: an .npz of a published pair, as a path or below WDIST_BENCH_DATA, instead of a seed:
            `centers` (3, dim) and `maps` (3, dim, dim) of mu; `quadratic{k}_v`, `weight{k}_v`,
            `bias{k}_v`, `convex{k}_v`, `final_v` of the networks v = 1, 2; `strong_convexity`,
            `shift` and `scale` of T. Tasks are equal where contents are.
        digest: of all numbers that the populations depend on.

    Source: Korotin, Li, Genevay, Solomon, Filippov, Burnaev, NeurIPS 2021 (arXiv 2106.01954), whose
    standardised pairs the files are; drawn pairs are ours.
    """

    name: ClassVar[str] = "convex_pairs"
    reference: ClassVar[str] = "Korotin et al. 2021: W_2^2 = E |x - T x|^2, T = grad u, u convex"

    dim: int | None = field(default=None, compare=False)  # type: ignore[assignment]
    seed: int | None = field(default=None, compare=False)
    file: str = field(default="", compare=False)
    digest: str = field(init=False, repr=False)
    pair: ConvexPair = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.file, str):
            raise ValueError(f"file: expected a path as a string, got {self.file!r}; pass str()")
        pair = self._read() if self.file else self._drawn()
        object.__setattr__(self, "pair", pair)
        numbers = [np.ravel(np.asarray(leaf, np.float64)) for leaf in jax.tree.leaves(pair)]
        content = np.concatenate([pair.maps.shape, *numbers])
        object.__setattr__(self, "digest", FrozenArray(content).digest)

    def _drawn(self) -> ConvexPair:
        dim = check_integer(2 if self.dim is None else self.dim, "dim", 1)
        seed = check_seed(0 if self.seed is None else self.seed)
        object.__setattr__(self, "dim", dim)
        object.__setattr__(self, "seed", seed)
        rng = np.random.default_rng([seed, dim])
        centers = math.sqrt(_BETWEEN) * rng.standard_normal((_COMPONENTS, dim))
        maps = math.sqrt(_WITHIN / dim) * rng.standard_normal((_COMPONENTS, dim, dim))
        return ConvexPair(centers, maps, drawn_function(rng, dim))

    def _read(self) -> ConvexPair:
        path = find_file(self.file, "file")
        pair = read_pair(path)
        dim = pair.dim
        if self.dim not in (None, dim):
            raise ValueError(
                f"dim: expected {dim}, that of centers in {path}, got {self.dim}; leave dim out "
                "beside file"
            )
        object.__setattr__(self, "dim", dim)
        if self.seed is not None:
            raise ValueError(
                f"seed: expected none beside file, got {self.seed!r}; the file holds all numbers"
            )
        return pair

    def sampler(self) -> Sampler:
        """Independent points of mu, and images of other independent points, in float32."""
        return _ConvexPairs(_single(self))

    def truth_for(self, cost: Cost) -> Truth | None:
        """sqrt(E |x - T x|^2) by Monte Carlo; None for other p and norms."""
        if cost != L2(2):
            return None
        value, stderr = _mean_move(self)
        return Truth(value, stderr, "monte-carlo", self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """(x, T x) in float64; None but for p = 2."""
        if p != 2:
            return None
        with jax.enable_x64(True):
            return _pairs(_double(self), key, n)

    def potential_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """|x|^2 - 2 u(x) in float64; None but for p = 2."""
        if p != 2:
            return None
        return _at(_potential, self, points)

    def potential_gradient_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """2 (x - T x) in float64; None but for p = 2."""
        if p != 2:
            return None
        x = np.asarray(points, np.float64)
        with jax.enable_x64(True):
            return jnp.asarray(2 * (x - np.asarray(_at(_move, self, x))))

    def map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """T in float64; None but for p = 2."""
        return np.asarray(_at(_move, self, points)) if p == 2 else None

    def inverse_map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """x with T x = y, by Newton's method; None but for p = 2."""
        return np.asarray(_at(_move_back, self, points)) if p == 2 else None


@pytree
@dataclass(frozen=True, eq=False)
class ConvexPair:
    """The numbers of a pair.

    Attributes:
        centers: (k, dim) means of the components of mu, which have equal weights.
        maps: (k, dim, dim) A of each: it is center + A z, z standard normal.
        function: u.
    """

    centers: Any
    maps: Any
    function: ConvexFunction

    @property
    def dim(self) -> int:
        """Dimension of the points, the length of a row."""
        return int(self.centers.shape[1])

    def points(self, key: jax.Array, n: int) -> jax.Array:
        """n independent points of mu, in the dtype of the numbers."""
        key_component, key_noise = jax.random.split(key)
        count, dtype = len(self.centers), self.centers.dtype
        component = jax.random.randint(key_component, (n,), 0, count, jnp.int32)
        noise = jax.random.normal(key_noise, (n, self.dim), dtype)
        of = jax.nn.one_hot(component, count, dtype=dtype)
        with jax.default_matmul_precision("highest"):
            moved = sum(of[:, k, None] * (noise @ self.maps[k].T) for k in range(count))
            return of @ self.centers + moved


def read_pair(path: Path) -> ConvexPair:
    """The pair of an .npz file with the keys that `ConvexPairs` names.

    Raises:
        ValueError: a key is missing, shapes do not fit, or the function is not convex.
    """
    arrays = read_arrays(path, "file")
    versions = sorted(int(key[6:]) for key in arrays if key[:6] == "final_" and key[6:].isdigit())

    def array(key: str, *shape: int) -> np.ndarray:
        if key not in arrays:
            raise ValueError(
                f"file: expected the key {key}, got {', '.join(arrays) or 'none'} in {path}; get "
                "the file again"
            )
        found = np.asarray(arrays[key], np.float64)
        if found.size != math.prod(shape) or not np.isfinite(found).all():
            raise ValueError(
                f"file: expected {key} of shape {shape}, finite numbers, got shape {found.shape} "
                f"in {path}; get the file again"
            )
        return found.reshape(shape)

    if "centers" not in arrays or arrays["centers"].ndim != 2 or not versions:
        raise ValueError(
            "file: expected centers (k, dim), maps, and networks up to final_1, final_2, got "
            f"{', '.join(arrays) or 'none'} in {path}; get the file again"
        )
    count, dim = arrays["centers"].shape
    beta = check_number(array("strong_convexity").item(), f"strong_convexity of {path}", above=0)

    def layers(v: int) -> Layers:
        depth = sum(f"bias{k}_{v}" in arrays for k in range(len(arrays)))
        widths = [np.size(arrays[f"bias{k}_{v}"]) for k in range(depth)] or [0]
        return Layers(
            tuple(array(f"quadratic{k}_{v}", dim, w) for k, w in enumerate(widths)),
            tuple(array(f"weight{k}_{v}", w, dim) for k, w in enumerate(widths)),
            tuple(array(f"bias{k}_{v}", w) for k, w in enumerate(widths)),
            tuple(_convex(array(f"convex{k}_{v}", widths[k], widths[k - 1]), f"convex{k}_{v}", path)
                  for k in range(1, depth)),
            _convex(array(f"final_{v}", widths[-1]), f"final_{v}", path),
            np.float64(beta),
        )  # fmt: skip

    networks = tuple(layers(v) for v in versions)
    scale = check_number(array("scale").item(), f"scale of {path}", above=0)
    function = Networks(networks, array("shift", dim), np.float64(scale))
    return ConvexPair(array("centers", count, dim), array("maps", count, dim, dim), function)


def _convex(weights: np.ndarray, key: str, path: Path) -> np.ndarray:
    if (weights < 0).any():
        raise ValueError(
            f"file: expected {key} without negative numbers, which keep the potential convex, got "
            f"{weights.min():.3g} in {path}; get the file again"
        )
    return weights


@pytree
@dataclass(frozen=True)
class _ConvexPairs(Sampler):
    pair: ConvexPair

    @property
    def dim(self) -> int:
        return self.pair.dim

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        key_x, key_y = jax.random.split(key)
        return self.pair.points(key_x, n), _move(self.pair, self.pair.points(key_y, n))


@lru_cache(maxsize=16)
def _single(task: ConvexPairs) -> ConvexPair:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), task.pair)


@lru_cache(maxsize=16)
def _double(task: ConvexPairs) -> ConvexPair:
    with jax.enable_x64(True):
        return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), task.pair)


@jax.jit
def _move(pair: ConvexPair, x: jax.Array) -> jax.Array:
    return pair.function.gradient(x)


@jax.jit
def _move_back(pair: ConvexPair, y: jax.Array) -> jax.Array:
    return pair.function.inverse_gradient(y)


@jax.jit
def _potential(pair: ConvexPair, x: jax.Array) -> jax.Array:
    with jax.default_matmul_precision("highest"):
        return (x**2).sum(1) - 2 * pair.function.value(x)


def _at(program: Any, task: ConvexPairs, points: Any) -> jax.Array:
    """A program of the pair at points, in float64."""
    with jax.enable_x64(True):
        found: jax.Array = program(_double(task), jnp.asarray(np.asarray(points), jnp.float64))
        return found


def _draw_pairs(pair: ConvexPair, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
    x = pair.points(key, n)
    return x, _move(pair, x)


_pairs = jax.jit(_draw_pairs, static_argnames="n")


@jax.jit
def _chunk_sums(pair: ConvexPair, key: jax.Array, chunk: Any) -> tuple[jax.Array, jax.Array]:
    x, y = _draw_pairs(pair, jax.random.fold_in(key, chunk), _CHUNK)
    squared = ((x - y) ** 2).sum(1)
    mean = squared.mean()
    return mean, ((squared - mean) ** 2).sum()


@lru_cache(maxsize=64)
def _mean_move(task: ConvexPairs) -> tuple[float, float]:
    """sqrt(E |x - T x|^2) and its standard error, from 131,072 points or as many more as 0.1 % of
    it take, a million at most.

    The key is that of TRUTH_SEED, folded with the number of the chunk.
    """
    pair, key = _single(task), jax.random.key(TRUTH_SEED)
    means, squares = [], 0.0
    for chunk in range(_MAX_SAMPLES // _CHUNK):
        mean_here, around = _chunk_sums(pair, key, np.uint32(chunk))
        means.append(float(mean_here))
        squares += float(around)
        count = len(means) * _CHUNK
        mean = float(np.mean(means))
        variance = (squares + _CHUNK * ((np.array(means) - mean) ** 2).sum()) / (count - 1)
        stderr = math.sqrt(variance / count) / (2 * math.sqrt(mean)) if mean else 0.0
        if count >= _MIN_SAMPLES and stderr <= _RELATIVE_STDERR * math.sqrt(mean):
            break
    return math.sqrt(mean), stderr
