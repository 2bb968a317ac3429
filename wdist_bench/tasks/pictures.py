"""Two grey pictures as masses on a grid, of the classes that EMD solvers are compared on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import jax
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.datasets.patches import photographs
from wdist_bench.problem import Sampler
from wdist_bench.tasks import register
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.weighted_points import WeightedPoints
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_name, check_seed

# Pixels a side up to which the linear programme of all pairs is the truth: 10^6 pairs.
_SOLVED = 32
_BLOBS, _SHAPES = 4, 6


@register
@dataclass(frozen=True)
class Pictures(Task):
    """mu and nu = the light of two pictures, at the centres of size x size pixels of [0, 1]^2.

    A sample is a photon: the centre (row, column) of a pixel, drawn by its brightness. The pictures
    themselves, as places with mass, are `measures()`; what others call the EMD of two pictures is
    `wb.estimate(x, y, a=a, b=b)` of these.

    Attributes:
        kind: "noise" (independent uniform brightness), "shapes" (discs and boxes on black), "blobs"
            (sums of Gaussian bumps) or "photographs" (squares of the two that ship with
            scikit-learn, in grey).
        size: pixels of a side.
        seed: of both pictures.

    Source: the classes are those of DOTmark (Schrieber, Schuhmacher, Gottschlich 2017, arXiv
    1610.03368); the pictures are ours.
    """

    name: ClassVar[str] = "pictures"
    reference: ClassVar[str] = "linear programme over the couplings of two grids, to 32 x 32"

    kind: str = "blobs"
    size: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        check_name(self.kind, _KINDS, "kind")
        check_integer(self.size, "size", 2)
        check_seed(self.seed)

    def measures(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Places and masses (x, y, a, b) of both pictures, pixels without light left out."""
        rng = np.random.default_rng([self.seed, self.size])
        first, second = _KINDS[self.kind](rng, self.size)
        x, y = ((np.argwhere(picture > 0) + 0.5) / self.size for picture in (first, second))
        a, b = (picture[picture > 0] / picture.sum() for picture in (first, second))
        return x, y, a, b

    def sampler(self) -> Sampler:
        """n independent photons of each picture a draw, shape (n, 2)."""
        return self._points().sampler()

    def truth_for(self, cost: Cost) -> Truth | None:
        """The optimum of the linear programme for any cost; None above 32 pixels a side."""
        return self._points().truth_for(cost) if self.size <= _SOLVED else None

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """n pairs from the optimal plan; None above 32 pixels a side."""
        return self._points().pairs_for(key, n, p) if self.size <= _SOLVED else None

    def potential_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """The c-transform of the programme's potential of nu; None above 32 pixels a side."""
        return self._points().potential_for(points, p) if self.size <= _SOLVED else None

    def _points(self) -> WeightedPoints:
        return _weighted(self)


@lru_cache(maxsize=16)
def _weighted(task: Pictures) -> WeightedPoints:
    x, y, a, b = task.measures()
    return WeightedPoints(x, y, a, b)


def _noise(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    first, second = rng.uniform(size=(2, size, size))
    return first, second


def _shapes(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    return _one_with_shapes(rng, size), _one_with_shapes(rng, size)


def _one_with_shapes(rng: np.random.Generator, size: int) -> np.ndarray:
    """Discs and boxes of brightness 1 on black, some of which overlap."""
    row, column = (np.indices((size, size)) + 0.5) / size
    picture = np.zeros((size, size))
    for shape in range(_SHAPES):
        top, left = rng.uniform(0.15, 0.85, 2)
        high, wide = rng.uniform(0.07, 0.2, 2)
        down, right = np.abs(row - top) / high, np.abs(column - left) / wide
        away = down**2 + right**2 if shape % 2 else np.maximum(down, right)
        picture[away <= 1] = 1
    if not picture.any():  # all fell between the centres of a few pixels
        picture.flat[away.argmin()] = 1
    return picture


def _blobs(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    return _one_with_blobs(rng, size), _one_with_blobs(rng, size)


def _one_with_blobs(rng: np.random.Generator, size: int) -> np.ndarray:
    """Gaussian bumps of several widths."""
    grid = (np.indices((size, size)) + 0.5) / size
    picture = np.zeros((size, size))
    for _ in range(_BLOBS):
        center, width = rng.uniform(size=(2, 1, 1)), rng.uniform(0.05, 0.2)
        picture += rng.uniform() * np.exp(-((grid - center) ** 2).sum(0) / (2 * width**2))
    return picture


def _photographs(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    first, second = (_square(photograph, rng, size) for photograph in photographs())
    return first, second


def _square(photograph: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    """The mean brightness of size x size blocks of a square of a photograph."""
    grey = photograph.astype(np.float64).sum(2)
    block = max(1, min(grey.shape) // size)
    top, left = (int(rng.integers(max(1, side - block * size + 1))) for side in grey.shape)
    square = grey[top : top + block * size, left : left + block * size]
    if square.shape != (block * size,) * 2:
        raise ValueError(
            f"size: expected at most {min(grey.shape)} pixels a side of a photograph, got {size}"
        )
    blocks: np.ndarray = square.reshape(size, block, size, block).mean((1, 3))
    return blocks


_Kind = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]
_KINDS: dict[str, _Kind] = {
    "noise": _noise,
    "shapes": _shapes,
    "blobs": _blobs,
    "photographs": _photographs,
}
