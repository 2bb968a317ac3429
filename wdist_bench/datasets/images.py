"""What a loader returns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np


class DatasetNotFoundError(FileNotFoundError):
    """A data set is not on this machine; the message says how to get it."""


@dataclass(frozen=True, eq=False)
class Images:
    """A decoded image set.

    Attributes:
        pixels: (N, dim) uint8, one flattened image a row; read-only, and for CelebA mapped from
            the decoded file, so that only the pages in use take memory.
        shape: shape of one image, (height, width) or (height, width, channels).
        maximum: the pixel value of full intensity (255, or 16 for the digits).
        labels: (N,) uint8 classes, or None where the set has none here.
        digest: of the content of the files that the images came from.
    """

    pixels: np.ndarray
    shape: tuple[int, ...]
    maximum: int
    labels: np.ndarray | None = None
    digest: str = ""

    def __post_init__(self) -> None:
        for array in (self.pixels, self.labels):
            if array is not None:
                array.setflags(write=False)

    @cache  # noqa: B019  (images live as long as the process: datasets.load caches them)
    def device_array(self) -> jax.Array:
        """All pixels on the device, still uint8, copied once: N x dim bytes (MNIST test 8 MB,
        CelebA 2.5 GB). They are scaled inside the compiled program, a batch at a time.
        """
        return jnp.asarray(self.pixels)
