"""JPEG images in a folder or in a zip archive, which is read in place."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from wdist_bench.datasets.archives import check_members

_SUFFIXES = (".jpg", ".jpeg")
_MOST = 2**20  # bytes of an image file


@dataclass(frozen=True)
class Entry:
    """One image file.

    Attributes:
        name: its name in the folder or archive.
        size: bytes.
        changed: time of change in nanoseconds; the checksum in an archive.
    """

    name: str
    size: int
    changed: int


def list_jpegs(place: Path) -> list[Entry]:
    """The images of a folder or a .zip archive, in the order of their names; decodes nothing.

    Raises:
        ValueError: none there, a broken archive, a member that points out of it, or a huge one.
    """
    entries = _in_folder(place) if place.is_dir() else _in_zip(place)
    if not entries:
        raise ValueError(
            f"{place}: expected .jpg files, got none; unpack the images into it, or remove it"
        )
    for entry in entries:
        if entry.size > _MOST:
            raise ValueError(
                f"{place}: expected images of at most {_MOST:,} bytes, got {entry.size:,} in "
                f"{entry.name!r}; get the aligned and cropped images"
            )
    return sorted(entries, key=lambda entry: entry.name)


def _in_folder(folder: Path) -> list[Entry]:
    with os.scandir(folder) as files:
        found = [file for file in files if _is_image(file.name) and file.is_file()]
    states = [(file.name, file.stat()) for file in found]
    return [Entry(name, state.st_size, state.st_mtime_ns) for name, state in states]


def _in_zip(archive: Path) -> list[Entry]:
    try:
        with zipfile.ZipFile(archive) as content:
            members = content.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(
            f"{archive}: expected a whole zip archive, got a broken one ({error}); get it again"
        ) from error
    check_members((member.orig_filename for member in members), archive)
    return [Entry(m.filename, m.file_size, m.CRC) for m in members if _is_image(m.filename)]


def _is_image(name: str) -> bool:
    """Not the shadow files that macOS leaves beside each."""
    path = PurePosixPath(name)
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")


@contextmanager
def opened(place: Path) -> Iterator[Callable[[str], bytes]]:
    """A function from the name of an entry to its bytes; threads may share it."""
    if place.is_dir():
        yield lambda name: (place / name).read_bytes()
        return
    with zipfile.ZipFile(place) as archive:
        yield archive.read


def decode_rgb(data: bytes, source: str, size: tuple[int, int]) -> Any:
    """A JPEG as a decoded RGB image of Pillow.

    Args:
        data: the file's bytes.
        source: the file, for messages.
        size: the (width, height) that it must have; checked before the pixels are decoded.

    Raises:
        ValueError: no JPEG, a truncated one, or another size.
    """
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG",))
        if image.size == size:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = str(error).split(" <_io")[0]
        raise ValueError(
            f"{source}: expected a whole JPEG, got a broken one ({reason}); "
            "get this file again, or remove it"
        ) from error
    width, height = image.size
    raise ValueError(
        f"{source}: expected {size[0]} x {size[1]} pixels, got {width} x {height}; "
        "get the aligned and cropped images"
    )


def read_entry(read: Callable[[str], bytes], name: str, source: str) -> bytes:
    """The bytes of one entry.

    Raises:
        ValueError: it cannot be read, or its checksum in the archive is wrong.
    """
    try:
        return read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise ValueError(
            f"{source}: expected a readable image, got {type(error).__name__} ({error}); "
            "get it again"
        ) from error
