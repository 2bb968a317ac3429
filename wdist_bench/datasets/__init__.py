"""Real images, found and verified: `names()`, `splits(name)`, `load(name, split)`.

Nothing here touches a network but `fetch`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from wdist_bench.datasets.celeba import CELEBA
from wdist_bench.datasets.cifar10 import CIFAR10
from wdist_bench.datasets.digits import DIGITS
from wdist_bench.datasets.downloads import DownloadError, fetch_file, require_pooch
from wdist_bench.datasets.image_set import Found, ImageSet, Progress, silent
from wdist_bench.datasets.images import DatasetNotFoundError, Images
from wdist_bench.datasets.mnist import MNIST
from wdist_bench.datasets.patches import PATCHES
from wdist_bench.datasets.places import made_in_cache
from wdist_bench.validation import check_name

_SETS: dict[str, ImageSet] = {s.name: s for s in (DIGITS, PATCHES, MNIST, CIFAR10, CELEBA)}


def names() -> list[str]:
    """The known data sets."""
    return list(_SETS)


def splits(name: str) -> tuple[str, ...]:
    """The parts of a data set, the default first."""
    check_name(name, names(), "dataset")
    return _SETS[name].splits


def find(name: str, split: str) -> Found:
    """Where a split is and what it holds, without decoding it.

    Looks in WDIST_BENCH_DATA, then in the cache (WDIST_BENCH_CACHE, else the user's).

    Raises:
        DatasetNotFoundError: it is in neither; the message says how to get it.
        ValueError: what is there is broken.
    """
    check_name(split, splits(name), f"split of {name}")
    found = _SETS[name].find(split)
    if found is None:
        raise DatasetNotFoundError(_SETS[name].missing(split))
    return found


@lru_cache(maxsize=16)
def content(name: str, split: str) -> str:
    """What the key of a cell says of the images: a digest where they are not those of our results.

    Empty for the images that the committed results were measured on. Raises as `load` does.
    """
    digest = load(name, split).digest
    return "" if digest in _SETS[name].measured else digest[:16]


@lru_cache(maxsize=4)
def load(name: str, split: str) -> Images:
    """The images of one split; raises as `find` does."""
    return decode(name, split)


def decode(name: str, split: str, progress: Progress = silent) -> Images:
    """What `load` does, not remembered, with a report of progress (images done, images in all)."""
    return _SETS[name].read(split, find(name, split), progress)


def fetch(name: str, split: str, progress: Progress = silent) -> list[Path]:
    """Download the files of a split into the cache, verify them, and return their paths.

    Returns no path where there is nothing to fetch: a package ships the images, or they may not
    be fetched and are here already.

    Args:
        name: of the data set.
        split: part of it.
        progress: called with bytes here and bytes in all, file by file.

    Raises:
        DownloadError: no mirror gave a file with the published digest.
        CacheError: the cache folder cannot be written.
        DatasetNotFoundError: the set may not be fetched; the message says how to get it.
    """
    check_name(split, splits(name), f"split of {name}")
    downloads = _SETS[name].downloads.get(split, ())
    if not downloads:
        find(name, split)
        return []
    require_pooch(name)
    folder = made_in_cache(name)
    return [fetch_file(download, folder, progress) for download in downloads]


__all__ = [
    "DatasetNotFoundError", "DownloadError", "Found", "Images", "Progress",
    "content", "decode", "fetch", "find", "load", "names", "splits",
]  # fmt: skip
