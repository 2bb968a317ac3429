"""What every image set says of itself: its parts, where it is, how it is read and got."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wdist_bench.datasets.downloads import Download
from wdist_bench.datasets.images import Images

Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """The progress report of a library: none."""


@dataclass(frozen=True)
class Found:
    """An image set on this machine, not decoded yet.

    Attributes:
        place: what holds it, for people.
        files: what the reader opens; empty where a package ships the images.
        count: number of images.
        shape: shape of one decoded image.
        size: bytes on disk.
        decoded: file of the decoded pixels, whether it is there already or not; None where the
            set is decoded in memory each time, or there is no cache folder.
    """

    place: str
    files: tuple[Path, ...]
    count: int
    shape: tuple[int, ...]
    size: int
    decoded: Path | None = None


@dataclass(frozen=True)
class ImageSet:
    """One image set.

    Attributes:
        name: the name by which it is loaded.
        splits: its parts, the default first.
        find: a split to where it is, or None; decodes nothing and touches no network.
        read: the images of a split that was found.
        missing: a split to one line that says how to get it.
        measured: digests (`Images.digest`) of the images that the key of a cell means when it says
            nothing of them: those of the committed results. Others are named in the key.
        downloads: the files of each split that can be fetched; empty where none may be.
    """

    name: str
    splits: tuple[str, ...]
    find: Callable[[str], Found | None]
    read: Callable[[str, Found, Progress], Images]
    missing: Callable[[str], str]
    measured: frozenset[str] = frozenset()
    downloads: Mapping[str, tuple[Download, ...]] = field(default_factory=dict)
