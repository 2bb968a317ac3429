"""What a loader returns."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np


class DatasetNotFoundError(FileNotFoundError):
    """A data set is not on this machine; the message says how to get it."""


@dataclass(frozen=True, eq=False)
class Images:
    """A decoded image set.

    Attributes:
        pixels: (N, dim) uint8, one flattened image a row.
        shape: shape of one image, (height, width) or (height, width, channels).
        maximum: the pixel value of full intensity (255, or 16 for the digits).
    """

    pixels: np.ndarray
    shape: tuple[int, ...]
    maximum: int

    @cache  # noqa: B019  (images live as long as the process: datasets.load caches them)
    def device_array(self) -> jax.Array:
        """The pixels on the device, still uint8, copied once."""
        return jnp.asarray(self.pixels)


def data_folder() -> Path | None:
    """The folder named by WDIST_BENCH_DATA, or None."""
    folder = os.environ.get("WDIST_BENCH_DATA", "")
    return Path(folder).expanduser() if folder else None
