"""MNIST from its IDX files."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from wdist_bench.datasets.images import DatasetNotFoundError, Images, data_folder

_IMAGE_MAGIC = 2051  # unsigned bytes, three dimensions
_FILES = {"test": ("t10k-images-idx3-ubyte", 10_000), "train": ("train-images-idx3-ubyte", 60_000)}


def load_mnist(split: str) -> Images:
    """The images of one split, read from `WDIST_BENCH_DATA`/mnist, plain or gzipped.

    Source: LeCun, Cortes, Burges, The MNIST database of handwritten digits.
    """
    stem, count = _FILES[split]
    folder = data_folder()
    if folder is not None:
        for name in (f"{stem}.gz", stem):
            path = folder / "mnist" / name
            if path.is_file():
                images = read_idx_images(path)
                if images.shape != (count, 28, 28):
                    raise ValueError(
                        f"{path}: expected {count} images of 28 x 28, got shape {images.shape}; "
                        "get the file again"
                    )
                return Images(images.reshape(count, -1), (28, 28), 255)
    where = folder / "mnist" if folder else "the folder that WDIST_BENCH_DATA names, under mnist/"
    raise DatasetNotFoundError(
        f"mnist: expected {stem}.gz in {where}, got no such file; download it from an MNIST "
        "mirror, put it there and set WDIST_BENCH_DATA to the folder above mnist/"
    )


def read_idx_images(path: Path) -> np.ndarray:
    """An IDX file of unsigned bytes in three dimensions, shape (count, rows, columns)."""
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"{path}: expected a whole gzip file, got a broken one ({error}); get the file again"
        ) from error
    if len(content) < 16:
        raise ValueError(
            f"{path}: expected an IDX header of 16 bytes, got {len(content)}; get the file again"
        )
    magic, *shape = struct.unpack(">4i", content[:16])
    if magic != _IMAGE_MAGIC:
        raise ValueError(
            f"{path}: expected the IDX magic number {_IMAGE_MAGIC} of images, got {magic}; "
            "is this a label file?"
        )
    if len(content) - 16 != math.prod(shape):
        raise ValueError(
            f"{path}: expected {math.prod(shape)} bytes for shape {tuple(shape)}, "
            f"got {len(content) - 16}; the file is truncated or padded: get it again"
        )
    return np.frombuffer(content, np.uint8, offset=16).reshape(shape)
