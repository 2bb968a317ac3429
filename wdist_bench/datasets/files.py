"""Files that users name: found, and read without executing anything or running out of memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import numpy as np

from wdist_bench.datasets.places import data_folder

_LARGE = 2**28
"""Bytes up to which nobody asks whether content fits."""

_MOST_EXPANSION = 100
"""Bytes in memory for one in the file: zeros compress 1000-fold, samples hardly ever 10-fold."""


class RefusedError(ValueError):
    """A file that may be whole, refused for what it holds; the message says all."""


def find_file(name: str, parameter: str) -> Path:
    """The path itself, or the same below the folder that WDIST_BENCH_DATA names."""
    path = Path(os.path.expanduser(name))
    folder = data_folder()
    places = [path] if folder is None or path.is_absolute() else [path, folder / path]
    for place in places:
        if place.is_file():
            return place
        if place.exists():
            raise ValueError(
                f"{parameter}: expected a file, got {place}, which is a folder, a pipe or a "
                "device; save its content in a file"
            )
    looked = " or ".join(str(place) for place in places)
    raise FileNotFoundError(
        f"{parameter}: expected a file, got {name!r}, which is not there ({looked}); "
        "check the path, or set WDIST_BENCH_DATA to the folder that it starts from"
    )


def read_arrays(path: Path, parameter: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by key; of an .npy file under the key "".

    Raises:
        ValueError: no such file, one that is not whole, or more than fits in memory.
    """
    try:
        with path.open("rb") as stream:
            archive = stream.read(2) == b"PK"
            stream.seek(0)
            return _members(stream, path, parameter) if archive else _single(path, parameter)
    except RefusedError:
        raise
    except Exception as error:  # whatever NumPy and zipfile stumble on
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{parameter}: expected a readable NumPy file, got {path} ({reason}); "
            "write it again with numpy.save or numpy.savez, without Python objects"
        ) from None


def _single(path: Path, parameter: str) -> dict[str, np.ndarray]:
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)  # nothing is read yet
    check_size(mapped.nbytes, stored(path), f"{parameter}: {path}")
    return {"": np.array(mapped)}


def _members(stream: IO[bytes], path: Path, parameter: str) -> dict[str, np.ndarray]:
    content = np.load(stream, allow_pickle=False)
    members = content.zip.infolist()
    packed = sum(member.compress_size for member in members)
    check_size(sum(m.file_size for m in members), packed, f"{parameter}: {path}")
    return {key: content[key] for key in content.files}


def stored(path: Path) -> int:
    """Bytes that a file takes on the disk: less than its size where it has holes."""
    state = path.stat()
    blocks = getattr(state, "st_blocks", 0)  # of 512 bytes; 0 where the file system does not say
    return min(state.st_size, 512 * blocks) if blocks else state.st_size


def check_size(size: int, packed: int, source: str, expansion: int = _MOST_EXPANSION) -> None:
    """Refuse content that would not fit in memory, before any of it is read.

    Args:
        size: bytes of the content in memory.
        packed: bytes that it takes in the file.
        source: the file, for the message.
        expansion: the most bytes of content that a byte in the file may stand for.

    Raises:
        RefusedError: more than is free, or more than `expansion` allows: a decompression bomb.
    """
    if size <= _LARGE:
        return
    if size > expansion * packed:
        raise RefusedError(
            f"{source}: expected content that takes some room in its file, got {size:,} bytes out "
            f"of {packed:,}, which looks made to fill the memory; if it is not, write it "
            "uncompressed"
        )
    from wdist_bench.solvers.machine.memory import available

    free = available()
    if size > free:
        raise RefusedError(
            f"{source}: expected content that fits in the {free:,} bytes of memory that are free, "
            f"got {size:,}; use fewer rows"
        )
