"""Real images against other images of the same set, blurred by a symmetric filter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import L2, Cost
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks import register
from wdist_bench.tasks.image_batches import DisjointBatches, OfBatches, OfImages, settle_split
from wdist_bench.tasks.transforms import MappedTask, Transform
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer

_BLOCK = 2**22  # pixels that are blurred at once on the host


@dataclass(frozen=True, eq=False)
class Blur(Transform):
    """T(x) = A x with A symmetric and positive semi-definite: the gradient of <x, A x> / 2.

    Optimal for p = 2 in l2, from every population (Brenier); for other p it need not be. A filters
    the rows and the columns of an image by `passes` times (1/4, 1/2, 1/4), its first and last
    pixel repeated beyond the edge: each pass is symmetric with eigenvalues (1 + cos t) / 2.

    Attributes:
        shape: (height, width) or (height, width, channels) of the flattened images.
        passes: of the filter, along both axes.
    """

    reference: ClassVar[str] = "A symmetric, semi-definite: x -> A x optimal for p = 2 (Brenier)"

    shape: tuple[int, ...]
    passes: int

    def filters(self) -> tuple[np.ndarray, np.ndarray]:
        """The matrices (height, height) and (width, width) along both axes."""
        height, width = (np.linalg.matrix_power(_binomial(size), self.passes)
                         for size in self.shape[:2])  # fmt: skip
        return height, width

    def apply(self, points: Any, xp: Any) -> Any:
        """A x for points (n, dim), in numpy or jax.numpy."""
        height, width = (xp.asarray(part, points.dtype) for part in self.filters())
        images = points.reshape(-1, *self.shape)
        with jax.default_matmul_precision("highest"):
            blurred = xp.einsum("ij,njk...->nik...", height, images)
            return xp.einsum("ij,nkj...->nki...", width, blurred).reshape(points.shape)

    def move(self, points: np.ndarray) -> np.ndarray:
        """A x for points (n, dim), in float64."""
        return np.asarray(self.apply(np.asarray(points, np.float64), np))

    def is_optimal(self, p: float) -> bool:
        """For p = 2."""
        return p == 2

    def distance(self, points: np.ndarray, cost: Cost) -> float | None:
        """W_2 = (mean |x - A x|^2)^(1/2) in the l2 norm; None for other costs."""
        return self.length(points) if cost == L2(2) else None

    def length(self, points: np.ndarray) -> float:
        """(mean |x - A x|^2)^(1/2) over points (n, dim), blockwise."""
        step = max(1, _BLOCK // points.shape[1])
        blocks = (points[start : start + step] for start in range(0, len(points), step))
        return float(np.sqrt(sum(((x - self.move(x)) ** 2).sum() for x in blocks) / len(points)))

    def potential(self, points: Any, p: float) -> jax.Array | None:
        """<x, x - A x>; None but for p = 2."""
        if p != 2:
            return None
        x = jnp.asarray(points, jnp.float32)
        return (x * (x - self.apply(x, jnp))).sum(1)

    def gradient(self, points: Any, p: float) -> jax.Array | None:
        """2 (x - A x); None but for p = 2."""
        if p != 2:
            return None
        x = jnp.asarray(points, jnp.float32)
        return 2 * (x - self.apply(x, jnp))


def _binomial(size: int) -> np.ndarray:
    """(size, size) filter (1/4, 1/2, 1/4) that repeats the pixels of the edge beyond it."""
    filtered = 0.5 * np.eye(size) + 0.25 * (np.eye(size, k=1) + np.eye(size, k=-1))
    filtered[0, 0] += 0.25
    filtered[-1, -1] += 0.25
    return filtered


@register
@dataclass(frozen=True)
class BlurredImages(OfImages, MappedTask):
    """mu = the images of a data set, nu = these blurred: W_2 = (E |x - A x|^2)^(1/2), exactly.

    At any number of images and any dimension a truth without a solver. Pixels are scaled to [-1, 1]
    and flattened, neither clipped nor rounded after the blur, which would break the truth. The two
    batches of a draw come from disjoint images.

    Attributes:
        dataset: name of the image set (`wdist_bench.datasets.names()`).
        split: part of the set; each set names its own, the default first.
        passes: of the filter (1/4, 1/2, 1/4), along rows and columns; the width of the blur is
            about sqrt(passes / 2) pixels.
    """

    name: ClassVar[str] = "blurred_images"
    reference: ClassVar[str] = Blur.reference

    dataset: str = "digits"
    split: str = ""
    passes: int = 2

    def __post_init__(self) -> None:
        check_integer(self.passes, "passes", 1)
        object.__setattr__(self, "split", settle_split(self.dataset, self.split))

    def optimal_map(self) -> Blur:
        """The blur, on flattened images."""
        return Blur(self.images().shape, self.passes)

    def sampler(self) -> Sampler:
        """Two batches of n images a draw, no image in both or twice, the second blurred."""
        return _Blurred(self.batches(), self.images().shape, self.passes)

    def truth_for(self, cost: Cost) -> Truth | None:
        """W_2 over all images of the set; None for other costs."""
        images = self.images()
        if cost != L2(2):
            return None
        # The offset of -1 is the same before and after the blur.
        value = (2 / images.maximum) * self.optimal_map().length(images.pixels)
        return Truth(value, 0.0, "closed-form", self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """n images, each with its own blur: optimal for p = 2 alone."""
        if p != 2:
            return None
        x, _ = self.sampler().draw(key, n)
        return x, self.optimal_map().apply(x, jnp)


@pytree
@dataclass(frozen=True)
class _Blurred(OfBatches):
    batches: DisjointBatches
    shape: tuple[int, ...] = field(metadata={"static": True})
    passes: int = field(metadata={"static": True})

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        x, y = self.batches.draw(key, n)
        return x, Blur(self.shape, self.passes).apply(y, jnp)
