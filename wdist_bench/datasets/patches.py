"""Colour patches of the two photographs that ship with scikit-learn: real images, always there."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from wdist_bench.datasets.contents import pixels_digest
from wdist_bench.datasets.image_set import Found, ImageSet, Progress
from wdist_bench.datasets.images import DatasetNotFoundError, Images

_SIDE = 32
# The largest stride that gives 2,000 patches or more. Neighbours share 17 of 32 columns or rows,
# so a batch of patches holds less than as many independent images would.
_STRIDE = 15
_PHOTOGRAPHS = 2
_HEIGHT, _WIDTH = 427, 640
_COUNT = (
    _PHOTOGRAPHS * ((_HEIGHT - _SIDE) // _STRIDE + 1) * ((_WIDTH - _SIDE) // _STRIDE + 1)
)  # 2,214


def cut_patches(photograph: np.ndarray) -> np.ndarray:
    """(n, 3072) patches of a photograph (height, width, 3), row by row, 15 pixels apart."""
    windows = np.lib.stride_tricks.sliding_window_view(photograph, (_SIDE, _SIDE), (0, 1))
    patches = windows[::_STRIDE, ::_STRIDE].transpose(0, 1, 3, 4, 2)
    return patches.reshape(-1, _SIDE * _SIDE * photograph.shape[2])


def photographs() -> list[np.ndarray]:
    """Both photographs, (427, 640, 3) uint8 each."""
    try:
        from sklearn.datasets import load_sample_images
    except ImportError as error:
        raise DatasetNotFoundError(_missing("all")) from error
    images: list[np.ndarray] = load_sample_images().images
    return images


def _find(split: str) -> Found | None:
    shipped = find_spec("sklearn") is not None and find_spec("PIL") is not None
    return Found("scikit-learn", (), _COUNT, (_SIDE, _SIDE, 3), 0) if shipped else None


def _read(split: str, found: Found, progress: Progress) -> Images:
    """The classes say which photograph: 0 a Chinese temple, 1 a flower."""
    parts = [cut_patches(photograph) for photograph in photographs()]
    labels = np.repeat(np.arange(len(parts), dtype=np.uint8), [len(part) for part in parts])
    pixels = np.concatenate(parts)
    return Images(pixels, (_SIDE, _SIDE, 3), 255, labels, pixels_digest(pixels, labels))


def _missing(split: str) -> str:
    return (
        "patches: expected scikit-learn, which ships the photographs, and Pillow, which reads "
        "them, got one or none of them; install them with: pip install 'wdist-bench[bench]'"
    )


# Pillow decodes the photographs; one that does it otherwise gives other pixels, and another digest.
_MEASURED = "5a4d54698ddc75778138eeaa5628384da782f74f8edad5a7fe7017ae52136f0d"

PATCHES = ImageSet("patches", ("all",), _find, _read, _missing, measured=frozenset({_MEASURED}))
"""32 x 32 colour patches of china.jpg and flower.jpg (scikit-learn's sample images, CC BY)."""
