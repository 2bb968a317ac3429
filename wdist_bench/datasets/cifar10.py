"""CIFAR-10 from its binary version; the Python pickles are never read."""

from __future__ import annotations

import tarfile
import zlib
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from wdist_bench.datasets.archives import check_members
from wdist_bench.datasets.contents import check_known, md5
from wdist_bench.datasets.downloads import Download
from wdist_bench.datasets.image_set import Found, ImageSet, Progress
from wdist_bench.datasets.images import Images
from wdist_bench.datasets.places import first_found, where

_FOLDER = "cifar-10-batches-bin"
_ARCHIVE = Download(
    "cifar-10-binary.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    # As in the lists of torch-rb and gomlx, which agree; the publisher's page gives the MD5
    # c32a1d4ab5d03f1284b67883e8d87530 of the same file.
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    170_052_171,
)
_BATCHES = {
    "test": ("test_batch.bin",),
    "train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
}
# MD5 of the batches in that archive, as in the lists of four projects, which agree.
_PUBLISHED = {
    "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
    "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
}
# The test images that our results were measured on: a shuffled copy whose pixels went through JPEG
# once. The keys of those cells say nothing of the images; where they are the publisher's, keys do.
_MEASURED = "c44b6730b69948c635fab7c230ff7b8d"
_KNOWN: dict[str, tuple[str, ...]] = {name: (digest,) for name, digest in _PUBLISHED.items()}
_KNOWN["test_batch.bin"] += (_MEASURED,)
_RECORDS = 10_000  # in a batch
_SHAPE = (32, 32, 3)
_PIXELS = 3072


def read_batch(data: bytes, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (10000, 3072), ordered (row, column, channel), and labels (10000,) of one batch.

    A record is one label byte, then the pixels ordered (channel, row, column).

    Raises:
        ValueError: another length, or a label above 9.
    """
    size = _RECORDS * (1 + _PIXELS)
    if len(data) != size:
        raise ValueError(
            f"{source}: expected {size} bytes ({_RECORDS} records of {1 + _PIXELS}), got "
            f"{len(data)}; get the binary version of CIFAR-10 again"
        )
    records = np.frombuffer(data, np.uint8).reshape(_RECORDS, 1 + _PIXELS)
    labels = records[:, 0].copy()
    if labels.max() > 9:
        raise ValueError(
            f"{source}: expected labels 0 to 9, got {labels.max()}; this is no batch of CIFAR-10: "
            "get the binary version again"
        )
    pixels = records[:, 1:].reshape(_RECORDS, 3, 32, 32).transpose(0, 2, 3, 1)
    return pixels.reshape(_RECORDS, _PIXELS), labels


def _look(split: str, folder: Path) -> Found | None:
    """The unpacked batches, else the archive, which is read in place."""
    batches = tuple(folder / _FOLDER / name for name in _BATCHES[split])
    files = batches if all(path.is_file() for path in batches) else (folder / _ARCHIVE.file,)
    if not files[0].is_file():
        return None
    place = files[0].parent if files is batches else files[0]
    size = sum(path.stat().st_size for path in files)
    return Found(str(place), files, len(batches) * _RECORDS, _SHAPE, size)


def _read(split: str, found: Found, progress: Progress) -> Images:
    if found.files[0].name == _ARCHIVE.file:
        contents = _unpack(found.files[0], _BATCHES[split])
        sources = [f"{found.files[0]}: {name}" for name in _BATCHES[split]]
    else:
        contents = [_read_some(path.open("rb")) for path in found.files]
        sources = [str(path) for path in found.files]
    batches = [read_batch(*each) for each in zip(contents, sources, strict=True)]
    pixels, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    fetch = f"wdist-bench data fetch cifar10 --split {split}"
    digests = [
        check_known(md5(content), _KNOWN[name], source, fetch)
        for content, name, source in zip(contents, _BATCHES[split], sources, strict=True)
    ]
    return Images(pixels, _SHAPE, 255, labels, _together(digests))


def _together(digests: list[str]) -> str:
    """One digest of several batches."""
    return digests[0] if len(digests) == 1 else md5("".join(digests).encode())


def _read_some(stream: IO[bytes]) -> bytes:
    """One byte more than a batch has at most: `read_batch` then refuses what goes on."""
    with stream:
        return stream.read(_RECORDS * (1 + _PIXELS) + 1)


def _unpack(archive: Path, names: tuple[str, ...]) -> list[bytes]:
    """The named batches out of the archive, in memory.

    Raises:
        ValueError: a broken archive, a member that points out of it, or a missing batch.
    """
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                check_members([member.name], archive)
                name = member.name.removeprefix("./").removeprefix(f"{_FOLDER}/")
                stream = tar.extractfile(member) if member.isfile() and name in names else None
                if stream is not None:
                    contents[name] = _read_some(stream)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise ValueError(
            f"{archive}: expected a whole gzipped tar archive, got a broken one ({error}); "
            "remove it and run: wdist-bench data fetch cifar10"
        ) from error
    absent = [name for name in names if name not in contents]
    if absent:
        raise ValueError(
            f"{archive}: expected {_FOLDER}/{absent[0]}, got an archive without it; "
            "get the binary version of CIFAR-10 again"
        )
    return [contents[name] for name in names]


def _missing(split: str) -> str:
    files = " to ".join(dict.fromkeys((_BATCHES[split][0], _BATCHES[split][-1])))
    return (
        f"cifar10: expected {_FOLDER}/{files} or {_ARCHIVE.file} in {where('cifar10')}, got "
        "neither; put one there (the binary version: the Python pickles are not read), or run: "
        f"wdist-bench data fetch cifar10 --split {split}"
    )


CIFAR10 = ImageSet(
    name="cifar10",
    splits=("test", "train"),
    find=partial(first_found, "cifar10", _look),
    read=_read,
    missing=_missing,
    measured=frozenset({_MEASURED, _together([_PUBLISHED[name] for name in _BATCHES["train"]])}),
    downloads={"test": (_ARCHIVE,), "train": (_ARCHIVE,)},
)
"""32 x 32 colour photographs with classes. Source: Krizhevsky, Learning multiple layers of features
from tiny images, 2009."""
