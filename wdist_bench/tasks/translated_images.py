"""Real images against other images of the same set, translated in pixel space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks import register
from wdist_bench.tasks.image_batches import DisjointBatches, OfBatches, OfImages, settle_split
from wdist_bench.tasks.parameters import as_vector, check_vector, frozen_vector
from wdist_bench.tasks.transforms import MappedTask, Translate
from wdist_bench.truth import Truth


@register
@dataclass(frozen=True)
class TranslatedImages(OfImages, MappedTask):
    """mu = the images of a data set, nu = mu + v: W_p = ||v||, at any dimension of real data.

    Pixels are scaled to [-1, 1] (v is in those units, so 2 is the full range) and flattened. The
    two batches of a draw come from disjoint images.

    Attributes:
        dataset: name of the image set (`wdist_bench.datasets.names()`).
        split: part of the set; each set names its own, the default first.
        shift: v, a number for every pixel or a vector with one entry a pixel.
    """

    name: ClassVar[str] = "translated_images"
    reference: ClassVar[str] = Translate.reference

    dataset: str = "digits"
    split: str = ""
    shift: float | tuple[float, ...] = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "split", settle_split(self.dataset, self.split))
        shift = frozen_vector(self.shift, "shift")
        if isinstance(shift, tuple):
            check_vector(shift, "shift", self.images().pixels.shape[1])
        object.__setattr__(self, "shift", shift)

    def optimal_map(self) -> Translate:
        """The translation by v, in pixels of [-1, 1]."""
        return Translate(as_vector(self.shift, self.images().pixels.shape[1]))

    def sampler(self) -> Sampler:
        """Two batches of n images a draw, no image in both or twice, the second translated by v."""
        return _Translated(self.batches(), jnp.asarray(self.optimal_map().shift, jnp.float32))

    def truth_for(self, cost: Cost) -> Truth | None:
        """W_p = ||v||, the length of the translation in the norm of the cost."""
        value = self.optimal_map().distance(np.zeros((1, 1)), cost)
        return None if value is None else Truth(value, 0.0, "closed-form", self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """n images, each with itself translated by v: optimal for every p."""
        x, _ = self.sampler().draw(key, n)
        return x, x + jnp.asarray(self.optimal_map().shift, jnp.float32)


@pytree
@dataclass(frozen=True)
class _Translated(OfBatches):
    batches: DisjointBatches
    shift: jax.Array

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        x, y = self.batches.draw(key, n)
        return x, y + self.shift
