"""Real images against others of the same set, pushed along the rays of funnels in pixel space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import L2, Cost
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks import register
from wdist_bench.tasks.image_batches import DisjointBatches, OfBatches, OfImages, settle_split
from wdist_bench.tasks.rays import Rays, random_rays
from wdist_bench.tasks.transforms import AlongRays, MappedTask
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_number, check_seed

# Half edge of the box of the funnels: pixels are within 1, and images on its walls could not move.
_HALF = 1.5
# Numbers of the images that are moved at once: 32 MiB of float64.
_ENTRIES = 2**22


@register
@dataclass(frozen=True)
class FunnelImages(OfImages, MappedTask):
    """mu = the images of a data set, nu = T mu, T along the rays of u(x) = min_n ||x - a_n|| + b_n.

    u is the optimal critic and W_1 = mean ||x - T x|| over all images, l2 only, as in `funnels`:
    laws of real images in 64 to 12,288 dimensions whose best critic is known. Pixels are scaled to
    [-1, 1] and flattened, and the box of the funnels is [-1.5, 1.5] in every pixel. The two batches
    of a draw come from disjoint images; they are float64, as the map is.

    Attributes:
        dataset: name of the image set (`wdist_bench.datasets.names()`).
        split: part of the set; each set names its own, the default first.
        width: number of funnels.
        seed: of the centers, uniform in the box, and biases, 0.06 N(0, 1).
        power: exponent k of T, >= 1; 1 moves nothing.

    Source: Korotin, Kolesov, Burnaev, NeurIPS 2022 (arXiv 2206.07767); on images, ours.
    """

    name: ClassVar[str] = "funnel_images"
    reference: ClassVar[str] = AlongRays.reference

    dataset: str = "digits"
    split: str = ""
    width: int = 16
    seed: int = 0
    power: float = 8.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "split", settle_split(self.dataset, self.split))
        check_integer(self.width, "width", 1)
        check_seed(self.seed)
        check_number(self.power, "power", minimum=1)

    def rays(self) -> Rays:
        """The funnels, in float64."""
        origin = np.zeros(self.images().pixels.shape[1])
        return random_rays(self.seed, self.width, origin, _HALF, float(self.power))

    def optimal_map(self) -> AlongRays:
        """The map along the rays; u on the whole space is its potential."""
        return AlongRays(self.rays())

    def sampler(self) -> Sampler:
        """Two batches of n images a draw, no image in both or twice, the second moved by T."""
        return _Moved(self.batches(), self.rays().on_device())

    def truth_for(self, cost: Cost) -> Truth | None:
        """mean |x - T x| over all images; None for other p and norms."""
        if cost != L2(1):
            return None
        return Truth(_mean_move(self), 0.0, "closed-form", self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """n images, each with its image under T, in float64; None for p > 1."""
        if p != 1:
            return None
        with jax.enable_x64(True):
            return _pairs(self.sampler(), key, n)


@pytree
@dataclass(frozen=True)
class _Moved(OfBatches):
    x64: ClassVar[bool] = True

    batches: DisjointBatches
    rays: Rays

    def both(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        """Two batches of different images in float64, as they are."""
        x, y = self.batches.draw(key, n)
        return x.astype(jnp.float64), y.astype(jnp.float64)

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        x, y = self.both(key, n)
        return x, self.rays.move(y)


@partial(jax.jit, static_argnames="n")
def _pairs(sampler: _Moved, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
    x, _ = sampler.both(key, n)
    return x, sampler.rays.move(x)


@lru_cache(maxsize=16)
def _mean_move(task: FunnelImages) -> float:
    """mean |x - T x| over all images, whose pixels are those of the sampler: float32."""
    images, carry = task.images(), task.optimal_map()
    step = max(1, _ENTRIES // images.pixels.shape[1])
    total = 0.0
    for first in range(0, len(images.pixels), step):
        points = images.pixels[first : first + step].astype(np.float32)
        x = (points * np.float32(2 / images.maximum) - 1).astype(np.float64)
        total += float(np.linalg.norm(x - carry.move(x), axis=1).sum())
    return total / len(images.pixels)
