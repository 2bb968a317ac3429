"""Real images, found and verified: `names()`, `splits(name)`, `load(name, split)`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from wdist_bench.datasets.digits import load_digits
from wdist_bench.datasets.images import DatasetNotFoundError, Images
from wdist_bench.datasets.mnist import load_mnist
from wdist_bench.validation import check_name

_LOADERS: dict[str, tuple[Callable[[str], Images], tuple[str, ...]]] = {
    "digits": (load_digits, ("all",)),
    "mnist": (load_mnist, ("test", "train")),
}


def names() -> list[str]:
    """The known data sets."""
    return list(_LOADERS)


def splits(name: str) -> tuple[str, ...]:
    """The parts of a data set, the default first."""
    check_name(name, names(), "dataset")
    return _LOADERS[name][1]


@lru_cache(maxsize=4)
def load(name: str, split: str) -> Images:
    """The images of one split; raises DatasetNotFoundError with the way to get them."""
    check_name(split, splits(name), f"split of {name}")
    return _LOADERS[name][0](split)


__all__ = ["DatasetNotFoundError", "Images", "load", "names", "splits"]
