"""Somebody's folder: files are replaced whole, and read only where they are plain.

A results folder may come from anybody. A link in it must not make us write, or show, what lies
elsewhere, and a pipe must not make us wait.
"""

from __future__ import annotations

import fnmatch
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

# Windows has neither; there the check before opening stands alone.
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def write(path: Path, content: str | bytes) -> Path:
    """Write a file beside its place, then put it there: whole, or not at all; returns `path`.

    A link at that place is replaced, never followed. Text is UTF-8; what it has no bytes for (lone
    surrogates, of file names in another encoding say) is written as its escape.

    Raises:
        OSError: the folder cannot be written, the disk is full, or a folder is at that place.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    partial = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        with partial.open("xb") as file:  # x: the name is ours alone, and no link
            file.write(data)
        os.replace(partial, path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise OSError(
            f"{path}: expected to write this file, got {error.strerror or error}; move away what "
            "is there, free space, or give another folder"
        ) from error
    return path


def is_plain(path: Path) -> bool:
    """Whether a file is there by itself: no link, no folder, no pipe, no device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def plain_files(folder: Path, pattern: str) -> list[Path]:
    """The plain files of a folder whose names match, in the order of their names."""
    return [folder / name for name in _names(folder, (pattern,)) if is_plain(folder / name)]


def ignored(folder: Path, patterns: Iterable[str]) -> list[str]:
    """Names that match and are not read: links, what is no file, and what is closed to us."""
    return [
        name
        for name in _names(folder, tuple(patterns))
        if not is_plain(folder / name) or not os.access(folder / name, os.R_OK)
    ]


def read_plain(path: Path, most: int) -> bytes | None:
    """The content of a plain file; None where it is none, cannot be read, or exceeds `most` bytes.

    What is opened is checked again: it may have become a link since.
    """
    if not is_plain(path):
        return None
    try:
        with os.fdopen(os.open(path, _OPEN), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode) or state.st_size > most:
                return None
            data = file.read(most + 1)
    except OSError:
        return None
    return data if len(data) <= most else None


def _names(folder: Path, patterns: tuple[str, ...]) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(n for n in os.listdir(folder) if any(fnmatch.fnmatch(n, p) for p in patterns))
