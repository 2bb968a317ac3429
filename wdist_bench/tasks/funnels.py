"""Continuous pairs with a known optimal critic: a cube pushed along the rays of funnels."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
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
from wdist_bench.tasks.rays import Rays, random_rays
from wdist_bench.tasks.transforms import AlongRays, MappedTask
from wdist_bench.truth import Truth
from wdist_bench.validation import (
    check_integer,
    check_number,
    check_points,
    check_seed,
)

_KEYS = ("centers", "bias", "dim", "width", "deg", "semi_length")
_SEMI_LENGTH = 2.5
_RELATIVE_STDERR = 0.003
_MIN_SAMPLES, _MAX_SAMPLES, _CHUNK = 2**17, 2**21, 2**14
# Seed of the Monte Carlo truth, far from the small seeds that runs are given.
TRUTH_SEED = 2**31 - 1


@register
@dataclass(frozen=True)
class Funnels(MappedTask):
    """mu = U[-H, H]^dim against nu = T(mu), T along the rays of u(x) = min_n ||x - a_n|| + b_n.

    u is the optimal critic, W_1 = E_mu u - E_nu u = E ||x - T x||, and every pair (x, T x)
    certifies itself: u(x) - u(T x) = ||x - T x||. Samples, potential and gradient are float64
    (in float32 the certificate is only good to 2e-3).

    Attributes:
        dim: dimension; 2 unless a file says otherwise.
        width: number of funnels; 16 unless a file says otherwise.
        seed: of the generated centers, U[-2.5, 2.5]^dim, and biases, 0.1 N(0, 1); H = 2.5.
        file: an .npz of a published pair (keys centers, bias, dim, width, deg, semi_length), as a
            path or below WDIST_BENCH_DATA, instead of a seed. Tasks are equal where contents are.
        power: exponent k of T; 8 unless a file says otherwise. 1 moves nothing.
        digest: of centers, biases, box and power.

    Source: Korotin, Kolesov, Burnaev, NeurIPS 2022 (arXiv 2206.07767), whose moved measure is nu.
    """

    name: ClassVar[str] = "funnels"
    reference: ClassVar[str] = "Korotin et al. 2022: W_1 = E ||x - T x||, T along rays of funnels"

    dim: int | None = field(default=None, compare=False)  # type: ignore[assignment]
    width: int | None = field(default=None, compare=False)
    seed: int | None = field(default=None, compare=False)
    file: str = field(default="", compare=False)
    power: float | None = field(default=None, compare=False)
    digest: str = field(init=False, repr=False)
    rays: Rays = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.file, str):
            raise ValueError(f"file: expected a path as a string, got {self.file!r}; pass str()")
        rays = self._read() if self.file else self._generate()
        object.__setattr__(self, "rays", rays)
        numbers = [np.ravel(leaf) for leaf in jax.tree.leaves(rays)]
        content = np.concatenate([rays.centers.shape, *numbers])
        object.__setattr__(self, "digest", FrozenArray(content).digest)

    def _generate(self) -> Rays:
        settled = []
        for parameter, default in (("dim", 2), ("width", 16), ("seed", 0)):
            given = getattr(self, parameter)
            value = default if given is None else given
            is_seed = parameter == "seed"
            settled.append(check_seed(value) if is_seed else check_integer(value, parameter, 1))
            object.__setattr__(self, parameter, settled[-1])
        dim, width, seed = settled
        return random_rays(seed, width, np.zeros(dim), _SEMI_LENGTH, self._settle_power(8.0))

    def _settle_power(self, default: float) -> float:
        power = default if self.power is None else self.power
        object.__setattr__(self, "power", check_number(power, "power", minimum=1))
        return float(power)

    def _read(self) -> Rays:
        path = find_file(self.file, "file")
        arrays = read_arrays(path, "file")
        missing = [key for key in _KEYS if key not in arrays]
        if missing:
            raise ValueError(
                f"file: expected the keys {', '.join(_KEYS)}, got {', '.join(arrays) or 'none'} "
                f"in {path}; missing {', '.join(missing)}"
            )
        centers = check_points(arrays["centers"], f"centers of {path}")
        bias = check_points(arrays["bias"].reshape(-1, 1), f"bias of {path}")[:, 0]
        if len(bias) != len(centers):
            raise ValueError(
                f"file: expected one bias per center, {len(centers)}, got {len(bias)} in {path}; "
                "get the file again"
            )
        found = {"dim": centers.shape[1], "width": len(centers)}
        for parameter, value in found.items():
            for given in (getattr(self, parameter), arrays[parameter].item()):
                if given is not None and given != value:
                    raise ValueError(
                        f"{parameter}: expected {value}, the shape of centers in {path}, got "
                        f"{given}; leave {parameter} out beside file"
                    )
            object.__setattr__(self, parameter, value)
        if self.seed is not None:
            raise ValueError(
                f"seed: expected none beside file, got {self.seed!r}; the file holds the centers"
            )
        half = check_number(arrays["semi_length"].item(), f"semi_length of {path}", above=0)
        power = self._settle_power(float(arrays["deg"].item()))
        origin = np.zeros(centers.shape[1])
        return Rays(centers, bias, origin, np.float64(half), np.float64(power))

    def sampler(self) -> Sampler:
        """Independent points of the cube, and images of other independent points, in float64."""
        return _Funnels(self.rays.on_device())

    def truth_for(self, cost: Cost) -> Truth | None:
        """E ||x - T x|| by Monte Carlo, to 0.3 % or better; None for other p and norms."""
        if cost != L2(1):
            return None
        value, stderr = _mean_move(self)
        return Truth(value, stderr, "monte-carlo", self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """(x, T x) in float64; None for p > 1."""
        if p != 1:
            return None
        with jax.enable_x64(True):
            return _pairs(self.rays.on_device(), key, n)

    def optimal_map(self) -> AlongRays:
        """The map along the rays; u on the whole space is its potential."""
        return AlongRays(self.rays)


@pytree
@dataclass(frozen=True)
class _Funnels(Sampler):
    x64: ClassVar[bool] = True

    rays: Rays

    @property
    def dim(self) -> int:
        return self.rays.centers.shape[1]

    def points(self, key: jax.Array, n: int) -> jax.Array:
        """n points of the cube."""
        unit = jax.random.uniform(key, (n, self.dim), jnp.float64, -1, 1)
        return self.rays.origin + self.rays.semi_length * unit

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        key_x, key_y = jax.random.split(key)
        return self.points(key_x, n), self.rays.move(self.points(key_y, n))


def _draw_pairs(rays: Rays, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
    x = _Funnels(rays).points(key, n)
    return x, rays.move(x)


_pairs = jax.jit(_draw_pairs, static_argnames="n")


@jax.jit
def _chunk_sums(rays: Rays, key: jax.Array, chunk: Any) -> tuple[jax.Array, jax.Array]:
    x, y = _draw_pairs(rays, jax.random.fold_in(key, chunk), _CHUNK)
    squared = ((x - y) ** 2).sum(1)
    return jnp.sqrt(squared).sum(), squared.sum()


@lru_cache(maxsize=64)
def _mean_move(task: Funnels) -> tuple[float, float]:
    """E ||x - T x|| and its standard error, from 131,072 points or as many more as 0.3 % takes.

    The key is that of TRUTH_SEED, folded with the number of the chunk.
    """
    rays, key = task.rays.on_device(), jax.random.key(TRUTH_SEED)
    total = np.zeros(2)
    for chunk in range(_MAX_SAMPLES // _CHUNK):
        with jax.enable_x64(True):
            total += [float(part) for part in _chunk_sums(rays, key, np.uint32(chunk))]
        count = (chunk + 1) * _CHUNK
        mean, square = total / count
        stderr = math.sqrt(max(square - mean**2, 0) / (count - 1))
        # The second term ends the loop where nothing moves.
        allowed = _RELATIVE_STDERR * mean + 1e-9 * float(task.rays.semi_length)
        if count >= _MIN_SAMPLES and stderr <= allowed:
            break
    return float(mean), stderr
