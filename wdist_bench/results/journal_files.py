"""The files of a journal: which ones count, and their lines, in bounded memory."""

from __future__ import annotations

import gzip
import os
import stat
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from wdist_bench.results.journal_lines import MAX_LINE

COMPACT = "journal.jsonl.gz"
"""A whole journal in one file that never changes, for results that are passed on."""
MAX_BLANK = 1000
"""Lines of a compact journal that are no records: a few may be torn, not most."""

_BLOCK = 2**20  # bytes read at a time
_MAX_RATIO = 100  # times that the arrays of a compact journal may be longer than the file ...
_MAX_ARRAYS = 2**30  # ... or bytes, whatever is more: no digits are packed as tightly


class CompactError(OSError):
    """What is called a compact journal is none, or damaged."""


class FileJournal:
    """A journal as a source of arrays; opened when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, start: int, length: int) -> bytes:
        """Bytes of an array."""
        with self.path.open("rb", buffering=0) as file:
            file.seek(start)
            return file.read(length)

    def __str__(self) -> str:
        return str(self.path)


class Unpacked:
    """The arrays of a compact journal, in memory while they are few, then in a temporary file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=2**26)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._room = max(_MAX_ARRAYS, _MAX_RATIO * path.stat().st_size)

    def keep(self, start: int, array: bytes) -> int:
        """Add an array; returns its place.

        Raises:
            CompactError: there are more than any journal of this size has.
        """
        place = self._file.seek(0, os.SEEK_END)
        if place + len(array) > self._room:
            raise bomb(self.path, f"arrays of more than {self._room:.2g} bytes")
        self._file.write(array)
        return place

    def read(self, start: int, length: int) -> bytes:
        """Bytes of an array."""
        self._file.seek(start)
        return self._file.read(length)

    def __str__(self) -> str:
        return str(self.path)


def entries(folder: Path) -> tuple[list[os.DirEntry[str]], list[str]]:
    """The journals of a folder by name, and the names of what is called so and is no plain file."""
    journals, others = [], []
    try:
        with os.scandir(folder) as found:
            named = [e for e in found if e.name.startswith("journal") and e.name.endswith(".jsonl")]
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    for entry in sorted(named, key=lambda e: e.name):
        if entry.is_file(follow_symlinks=False) and not _is_hollow(entry):
            journals.append(entry)
        else:
            others.append(entry.name)
    return journals, others


def _is_hollow(entry: os.DirEntry[str]) -> bool:
    """Whether a file is far larger than what it takes on the disk: it is made of holes."""
    found = entry.stat(follow_symlinks=False)
    held = getattr(found, "st_blocks", None)  # of 512 bytes; not on Windows
    return held is not None and found.st_size > _BLOCK + _MAX_RATIO * 512 * held


def compact(folder: Path) -> Path | None:
    """The compact journal of a folder, where it has one; a link is none."""
    path = folder / COMPACT
    try:
        return path if stat.S_ISREG(path.lstat().st_mode) else None
    except OSError:
        return None


def lines(file: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """(bytes up to its end, line with its newline); None for one that is too long to be a record.

    A last line without a newline comes as it is.
    """
    done = file.tell()
    while line := file.readline(MAX_LINE):
        done += len(line)
        if len(line) < MAX_LINE or line.endswith(b"\n"):
            yield done, line
            continue
        while (rest := file.readline(_BLOCK)) and not rest.endswith(b"\n"):
            done += len(rest)
        done += len(rest)
        yield done, None


def open_journal(path: Path | str, start: int) -> IO[bytes]:
    """A journal from a place on."""
    file = open(path, "rb", buffering=_BLOCK)  # noqa: SIM115
    file.seek(start)
    return file


def compact_lines(path: Path) -> Iterator[bytes]:
    """The lines of a compact journal.

    Raises:
        CompactError: it is no journal, or damaged.
    """
    try:
        with gzip.open(path, "rb") as packed:
            for _, line in lines(packed):  # type: ignore[arg-type]
                if line is None:
                    raise bomb(path, f"a line of more than {MAX_LINE} bytes")
                yield line
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise CompactError(
            f"{path}: expected a whole gzip file, got {error}; fetch the file again"
        ) from error


def bomb(path: Any, got: str) -> CompactError:
    """What to raise of a compact journal that would fill the memory, or is none."""
    return CompactError(
        f"{path}: expected the records of a journal, got {got}; this is no results folder"
    )
