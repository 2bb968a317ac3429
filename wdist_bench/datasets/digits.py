"""The handwritten digits that ship with scikit-learn: 1,797 real scans of 8 x 8 pixels."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from wdist_bench.datasets.contents import pixels_digest
from wdist_bench.datasets.image_set import Found, ImageSet, Progress
from wdist_bench.datasets.images import DatasetNotFoundError, Images


def load_digits(split: str) -> Images:
    """All 1,797 images (there is one split, "all") with classes; pixel values 0 to 16.

    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (test set).
    """
    try:
        from sklearn.datasets import load_digits as read
    except ImportError as error:
        raise DatasetNotFoundError(_missing(split)) from error
    table = read()
    pixels, labels = table.data.astype(np.uint8), table.target.astype(np.uint8)
    return Images(pixels, (8, 8), 16, labels, pixels_digest(pixels, labels))


def _find(split: str) -> Found | None:
    shipped = find_spec("sklearn") is not None
    return Found("scikit-learn", (), 1797, (8, 8), 0) if shipped else None


def _read(split: str, found: Found, progress: Progress) -> Images:
    return load_digits(split)


def _missing(split: str) -> str:
    return (
        "digits: expected scikit-learn, which ships these images, got no such package; "
        "install it with: pip install 'wdist-bench[bench]'"
    )


# Of the images of every version of scikit-learn so far.
_MEASURED = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"

DIGITS = ImageSet("digits", ("all",), _find, _read, _missing, measured=frozenset({_MEASURED}))
