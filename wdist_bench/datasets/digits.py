"""The handwritten digits that ship with scikit-learn: 1,797 real scans of 8 x 8 pixels."""

from __future__ import annotations

import numpy as np

from wdist_bench.datasets.images import DatasetNotFoundError, Images


def load_digits(split: str) -> Images:
    """All 1,797 images (there is one split, "all"); pixel values 0 to 16.

    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (test set).
    """
    try:
        from sklearn.datasets import load_digits as read
    except ImportError as error:
        raise DatasetNotFoundError(
            "digits: expected scikit-learn, which ships these images, got no such package; "
            "install it with: pip install 'wdist-bench[bench]'"
        ) from error
    return Images(read().data.astype(np.uint8), (8, 8), 16)
