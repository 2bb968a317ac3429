"""MNIST from its IDX files."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from functools import partial
from pathlib import Path

import numpy as np

from wdist_bench.datasets.contents import check_known, sha256
from wdist_bench.datasets.downloads import Download
from wdist_bench.datasets.image_set import Found, ImageSet, Progress
from wdist_bench.datasets.images import Images
from wdist_bench.datasets.places import first_found, where

_MAGIC = {"images": 2051, "labels": 2049}  # unsigned bytes in three dimensions, and in one
_STEMS = {"test": "t10k", "train": "train"}
_COUNTS = {"test": 10_000, "train": 60_000}
_MOST = {"images": 16 + 60_000 * 28 * 28, "labels": 8 + 60_000}  # bytes: the larger split
_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# SHA-256 of the publisher's gzip files, as in the lists of torch-rb and of the TensorFlow bindings
# for Haskell, which agree.
_PUBLISHED = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542),
}  # fmt: skip
# SHA-256 of what comes out of them: files packed anew, or not at all, are the same images. Of the
# lists that we saw, those of five projects agree; the MD5s that others give are of the same files.
_CONTENTS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def _unpacked(path: Path, content: str) -> bytes:
    """The bytes of a plain or gzipped file."""
    most = _MOST[content]
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            data = stream.read(most + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"{path}: expected a whole gzip file, got a broken one ({error}); get the file again"
        ) from error
    if len(data) > most:
        raise ValueError(
            f"{path}: expected at most {most:,} bytes of {content}, got more; get the file again"
        )
    return data


def _parsed(data: bytes, path: Path, content: str) -> np.ndarray:
    """The unsigned bytes of an IDX file: (count, rows, columns) of images, (count,) of labels."""
    rank = 3 if content == "images" else 1
    start = 4 + 4 * rank
    if len(data) < start:
        raise ValueError(
            f"{path}: expected an IDX header of {start} bytes, got {len(data)}; get the file again"
        )
    magic, *shape = struct.unpack(f">{1 + rank}i", data[:start])
    if magic != _MAGIC[content]:
        other = "label" if content == "images" else "image"
        raise ValueError(
            f"{path}: expected the IDX magic number {_MAGIC[content]} of {content}, got {magic}; "
            f"is this the {other} file?"
        )
    if min(shape) < 0 or len(data) - start != math.prod(shape):
        raise ValueError(
            f"{path}: expected {math.prod(shape)} bytes for shape {tuple(shape)}, "
            f"got {len(data) - start}; the file is truncated or padded: get it again"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _files(split: str) -> tuple[str, str]:
    stem = _STEMS[split]
    return f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte"


def _look(split: str, folder: Path) -> Found | None:
    """The images, and the labels where they lie beside them."""
    paths = []
    for stem in _files(split):
        path = next((p for p in (folder / f"{stem}.gz", folder / stem) if p.is_file()), None)
        if path is not None:
            paths.append(path)
        elif not paths:
            return None
    size = sum(path.stat().st_size for path in paths)
    return Found(str(paths[0]), tuple(paths), _COUNTS[split], (28, 28), size)


def _read(split: str, found: Found, progress: Progress) -> Images:
    count = _COUNTS[split]
    kinds = zip(found.files, _MAGIC, strict=False)  # labels may not be there
    contents = [_unpacked(path, kind) for path, kind in kinds]
    images = _parsed(contents[0], found.files[0], "images")
    if images.shape != (count, 28, 28):
        raise ValueError(
            f"{found.files[0]}: expected {count} images of 28 x 28, got shape {images.shape}; "
            "get the file again"
        )
    labels = _parsed(contents[1], found.files[1], "labels") if len(found.files) > 1 else None
    if labels is not None and (labels.shape != (count,) or labels.max() > 9):
        raise ValueError(
            f"{found.files[1]}: expected {count} labels 0 to 9, got shape {labels.shape} and "
            f"labels up to {labels.max(initial=0)}; get the file again"
        )
    digests = [
        check_known(
            sha256(content),
            (_CONTENTS[path.name.removesuffix(".gz")],),
            str(path),
            f"wdist-bench data fetch mnist --split {split}",
        )
        for content, path in zip(contents, found.files, strict=True)
    ]
    return Images(images.reshape(count, -1), (28, 28), 255, labels, digests[0])


def _missing(split: str) -> str:
    images, labels = _files(split)
    return (
        f"mnist: expected {images}.gz in {where('mnist')}, got no such file; put it there (and "
        f"{labels}.gz, where classes matter), or run: wdist-bench data fetch mnist --split {split}"
    )


def _downloads(split: str) -> tuple[Download, ...]:
    names = [f"{stem}.gz" for stem in _files(split)]
    return tuple(
        Download(name, tuple(mirror + name for mirror in _MIRRORS), *_PUBLISHED[name])
        for name in names
    )


MNIST = ImageSet(
    name="mnist",
    splits=("test", "train"),
    find=partial(first_found, "mnist", _look),
    read=_read,
    missing=_missing,
    measured=frozenset(_CONTENTS.values()),
    downloads={split: _downloads(split) for split in ("test", "train")},
)
"""28 x 28 grey digits with classes. Source: LeCun, Cortes, Burges, The MNIST database."""
