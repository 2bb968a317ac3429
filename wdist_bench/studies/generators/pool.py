"""The real rows of the study: image sets and the mixture, in one shape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wdist_bench import datasets
from wdist_bench.studies.generators import mixture
from wdist_bench.studies.generators.data import Restriction
from wdist_bench.studies.generators.training.gan_training import scaled

MIXTURE = "mixture"


def names() -> list[str]:
    """The image sets and the mixture."""
    return [MIXTURE, *datasets.names()]


class Rows(NamedTuple):
    """Real rows with what is known of them.

    Attributes:
        points: (N, dim) float32.
        labels: (N,) numbers of their classes from 0; None where they have none.
        classes: the labels' own names, in order; () without labels.
        shape: of a picture; () where rows are none.
        reach: no coordinate is beyond it.
    """

    points: np.ndarray
    labels: np.ndarray | None
    classes: tuple[int, ...]
    shape: tuple[int, ...]
    reach: float


@dataclass(frozen=True)
class Pool:
    """The rows of some classes of a data set, at most so many.

    Attributes:
        dataset: an image set, or "mixture".
        classes: labels that are kept; () for all.
        most: rows; of more, a random part, so that sets of one shape have one compiled program.
        seed: of that part, and of the mixture's rows.
    """

    dataset: str
    classes: tuple[int, ...] = ()
    most: int = 4000
    seed: int = 0

    @property
    def restriction(self) -> Restriction:
        """The images; of an image set only."""
        return Restriction(self.dataset, classes=self.classes)

    def data_digest(self) -> str:
        """What tells the images from those of our results; empty for the mixture."""
        return "" if self.dataset == MIXTURE else self.restriction.data_digest()

    def rows(self) -> Rows:
        """All of them; raises DatasetNotFoundError with the way to get an image set."""
        return _rows(self)


@lru_cache(maxsize=4)
def _rows(pool: Pool) -> Rows:
    generator = np.random.default_rng([pool.seed, 41])
    if pool.dataset == MIXTURE:
        points, modes = mixture.draw(generator, pool.most)
        kept = np.isin(modes, pool.classes) if pool.classes else np.ones(len(modes), bool)
        reach = float(np.ceil(1.5 * mixture.RADIUS))
        return _numbered(points[kept], modes[kept], (), reach)
    images, pixels = pool.restriction.images(), pool.restriction.pixels()
    labels = images.labels
    if labels is not None and pool.classes:
        labels = labels[np.isin(labels, pool.classes)]
    chosen = np.arange(len(pixels))
    if len(pixels) > pool.most:
        chosen = np.sort(generator.choice(len(pixels), pool.most, replace=False))
    points = scaled(pixels[chosen], images.maximum)
    return _numbered(points, None if labels is None else labels[chosen], images.shape, 1.0)


def _numbered(
    points: np.ndarray, labels: np.ndarray | None, shape: tuple[int, ...], reach: float
) -> Rows:
    if labels is None:
        return Rows(points, None, (), shape, reach)
    classes, numbers = np.unique(labels, return_inverse=True)
    return Rows(points, numbers, tuple(int(c) for c in classes), shape, reach)
