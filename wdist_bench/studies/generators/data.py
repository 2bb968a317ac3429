"""What a GAN is trained on and held against: images of some classes, half of them held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import jax
import numpy as np

from wdist_bench import datasets
from wdist_bench.protocol.parallel import run_keys
from wdist_bench.studies.generators.judging import measures
from wdist_bench.studies.generators.training.gan_training import order_of, scaled

# Known images that a generated one is compared with to find its class.
_KNOWN = 4_000


@dataclass(frozen=True)
class Restriction:
    """The images of some classes of one split of a data set.

    Attributes:
        dataset: its name.
        split: "" for its first split.
        classes: the labels that are kept; () for all images.
    """

    dataset: str
    split: str = ""
    classes: tuple[int, ...] = ()

    def _part(self) -> tuple[str, str]:
        return self.dataset, self.split or datasets.splits(self.dataset)[0]

    def images(self) -> datasets.Images:
        """The whole split; raises DatasetNotFoundError with the way to get it."""
        return datasets.load(*self._part())

    def data_digest(self) -> str:
        """What tells the images from those of our results; raises as `images` does."""
        return datasets.content(*self._part())

    def labels(self) -> np.ndarray | None:
        """(N,) labels of the whole split, None where there are none."""
        return self.images().labels

    def known_classes(self) -> tuple[int, ...]:
        """The classes that are kept; () where the data have no labels."""
        labels = self.labels()
        if self.classes or labels is None:
            return self.classes
        return tuple(int(label) for label in np.unique(labels))

    def pixels(self) -> np.ndarray:
        """All images of the set, (count, dim) of 8-bit pixels."""
        images, labels = self.images(), self.labels()
        if not self.classes:
            return images.pixels
        if labels is None:
            raise ValueError(
                f"classes: expected () for {self.dataset}, which has no labels, got "
                f"{self.classes}; leave them out"
            )
        missing = sorted(set(self.classes) - set(np.unique(labels).tolist()))
        if missing:
            raise ValueError(
                f"classes: expected labels out of {np.unique(labels).tolist()}, got {missing}; "
                "name classes that the images have"
            )
        return images.pixels[np.isin(labels, self.classes)]

    def known(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Images of all classes of the data set in [-1, 1], with their labels; None without."""
        labels = self.labels()
        if labels is None:
            return None
        images = self.images()
        return scaled(images.pixels[:_KNOWN], images.maximum), labels[:_KNOWN]


@dataclass(frozen=True)
class RealSide:
    """The real images of one run and what they say without any generator.

    Attributes:
        held_out: (n, dim) real images in [-1, 1] that were not trained on.
        floor: exact W1 between them and n training images: what a perfect generator would get.
        watched_floor: the same with the size of the snapshots.
        centres: k-means of the training images.
        centres_distance: exact W1 between `held_out` and the centres, weighted by the training
            images that each stands for: what a generator of averages would get.
        diversity: mean distance between two held-out images.
    """

    held_out: np.ndarray
    floor: float
    watched_floor: float
    centres: measures.Centres
    centres_distance: float
    diversity: float


@lru_cache(maxsize=32)
def real_side(
    restriction: Restriction, seed: int, runs: int, run: int, n: int, watched: int
) -> RealSide:
    """The real images of run `run`: the same for every loss, so computed once a process."""
    pixels, maximum = restriction.pixels(), restriction.images().maximum
    order = np.asarray(jax.jit(order_of, static_argnums=1)(run_keys(seed, runs)[run], len(pixels)))
    half = len(pixels) // 2
    training = scaled(pixels[order[:half]], maximum)
    held_out = scaled(pixels[order[half : half + n]], maximum)
    centres = measures.fit_centres(training, held_out, seed)
    return RealSide(
        held_out,
        measures.exact_distance(training[:n], held_out),
        measures.exact_distance(training[:watched], held_out[:watched]),
        centres,
        measures.exact_distance(centres.points, held_out, a=centres.weights),
        measures.diversity(held_out),
    )
