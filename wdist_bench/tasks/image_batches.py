"""Two disjoint random batches of one image set: what a GAN critic sees at the optimum."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import jax
import jax.numpy as jnp

from wdist_bench import datasets
from wdist_bench.costs import Cost
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks import register
from wdist_bench.tasks.base import Task
from wdist_bench.truth import Truth
from wdist_bench.validation import check_name


class OfImages(Task):
    """What tasks on the images of a data set share; `dataset` and `split` are fields of theirs."""

    dataset: str
    split: str

    @property
    def data_digest(self) -> str:
        """Which images lie here under the name of the set."""
        return datasets.content(self.dataset, self.split)

    def images(self) -> datasets.Images:
        """All of them."""
        return datasets.load(self.dataset, self.split)

    def batches(self) -> DisjointBatches:
        """Two batches of n images a draw, flattened, no image in both or twice."""
        images = self.images()
        return DisjointBatches(images.device_array(), images.maximum)


@register
@dataclass(frozen=True)
class ImageBatches(OfImages):
    """mu = nu = the images of a data set, pixels scaled to [-1, 1], flattened.

    The two batches of a draw are disjoint. The population distance is 0, the exact batch value
    is not (14.9 on MNIST at n = 64): a critic near 0 is right for the one and wrong for the other.

    Attributes:
        dataset: name of the image set (`wdist_bench.datasets.names()`).
        split: part of the set; each set names its own, the default first.

    Source: the protocol of Mallasto, Montufar, Gerolin 2019 (arXiv 1910.03875), Table 1.
    """

    name: ClassVar[str] = "image_batches"
    reference: ClassVar[str] = "W_p(mu, mu) = 0"

    dataset: str = "digits"
    split: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "split", settle_split(self.dataset, self.split))

    def sampler(self) -> Sampler:
        """Two batches of n images a draw, flattened, no image in both or twice."""
        return self.batches()

    def truth_for(self, cost: Cost) -> Truth | None:
        """0: both populations are the same, whatever the distance; None for costs of a caller's,
        which may be above 0 between equal images.
        """
        return Truth(0.0, 0.0, "closed-form", self.reference) if cost.traceable else None


def settle_split(dataset: str, split: str) -> str:
    """The checked split of a checked data set; its first where `split` is empty."""
    check_name(dataset, datasets.names(), "dataset")
    splits = datasets.splits(dataset)
    return check_name(split or splits[0], splits, f"split of {dataset}")


@pytree
@dataclass(frozen=True)
class DisjointBatches(Sampler):
    """Two batches without a common image, scaled to [-1, 1] inside the compiled program.

    Attributes:
        images: (N, dim) uint8.
        maximum: the pixel value of full intensity.
    """

    images: jax.Array
    maximum: int = field(metadata={"static": True})

    @property
    def dim(self) -> int:
        """Dimension of the points: the numbers that an image has."""
        return self.images.shape[1]

    @property
    def limit(self) -> int:
        """The most images of a batch: half of the set, since both batches are disjoint."""
        return self.images.shape[0] // 2

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        """2 n different images, half for each population."""
        rows = distinct_indices(key, self.images.shape[0], 2 * n)
        points = self.images[rows].astype(jnp.float32) * (2 / self.maximum) - 1
        return points[:n], points[n:]


class OfBatches(Sampler):
    """What draws two disjoint batches, its field `batches`, and makes something of them."""

    batches: DisjointBatches

    @property
    def dim(self) -> int:
        """Dimension of the images."""
        return self.batches.dim

    @property
    def limit(self) -> int:
        """The most images of a batch."""
        return self.batches.limit


# Up to this many values all pairs are compared, which is faster than sorting them.
_COMPARED = 512


def distinct_indices(key: jax.Array, total: int, count: int) -> jax.Array:
    """`count` different indices below `total`, every ordered choice equally likely.

    Floyd's algorithm, then a shuffle, instead of a permutation of all `total` indices: draw i is
    uniform on 0 .. last_i = total - count + i, and becomes last_i where it is taken already. All
    draws at once: draw i is taken where an earlier draw has its value, or where its value is last_j
    of an earlier draw j that was taken itself; the chain of such j is followed by doubling.

    Source: Bentley and Floyd, Programming Pearls: a sample of brilliance, CACM 30(9), 1987.
    """
    key_draw, key_order = jax.random.split(key)
    number = jnp.arange(count, dtype=jnp.int32)
    last = total - count + number
    drawn = jax.random.randint(key_draw, (count,), 0, last + 1, jnp.int32)
    taken = _seen_before(drawn)
    link = drawn - (total - count)
    link = jnp.where((link >= 0) & (link < number), link, number)
    for _ in range((count - 1).bit_length()):
        taken, link = taken | taken[link], link[link]
    return jax.random.permutation(key_order, jnp.where(taken, last, drawn))


def _seen_before(values: jax.Array) -> jax.Array:
    """Whether an earlier entry has the same value, (n,) bool."""
    if len(values) <= _COMPARED:
        number = jnp.arange(len(values))
        same = values[:, None] == values[None, :]
        return (same & (number[None, :] < number[:, None])).any(1)
    order = jnp.argsort(values, stable=True)
    ranked = values[order]
    repeated = jnp.concatenate([jnp.zeros(1, bool), ranked[1:] == ranked[:-1]])
    return jnp.zeros(len(values), bool).at[order].set(repeated)
