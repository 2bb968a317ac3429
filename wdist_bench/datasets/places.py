"""Where image sets are looked for: the user's folder, then the user's cache.

The cache is a convenience: where it cannot be used, everything goes on without, after one warning.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
_said: set[str] = set()


class CacheError(OSError):
    """The cache folder cannot be used; the message names it, the reason and the way out."""


def data_folder() -> Path | None:
    """The folder named by WDIST_BENCH_DATA, or None."""
    folder = os.environ.get("WDIST_BENCH_DATA", "")
    return Path(folder).expanduser() if folder else None


def cache_folder() -> Path | None:
    """The folder named by WDIST_BENCH_CACHE, else the user's cache folder.

    None where neither is known: pooch, which knows the latter, is not installed, or the user has no
    home folder.
    """
    try:
        named = os.environ.get("WDIST_BENCH_CACHE", "")
        if named:
            return Path(named).expanduser()
        import pooch

        folder = Path(pooch.os_cache("wdist_bench"))
    except ImportError:
        return None
    except RuntimeError:  # ~ of nobody
        return None
    return folder if folder.is_absolute() else None  # "~/.cache" where there is no home


def made_in_cache(*parts: str) -> Path:
    """A folder below the cache that can be written, made where it is not there.

    Raises:
        CacheError: there is none, or it cannot be made or written (a file in its place, a system
            that is read-only or full, a quota).
    """
    root = cache_folder()
    if root is None:
        raise CacheError(
            "cache: expected a folder, got none (no home folder, or pooch is not installed); name "
            "one with WDIST_BENCH_CACHE"
        )
    folder = root.joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"0")  # a full disk has no place for it
    except (OSError, ValueError) as error:
        raise CacheError(
            f"cache: expected a folder that can be written, got {root} ({reason(error)}); name "
            "another one with WDIST_BENCH_CACHE"
        ) from error
    return folder


def usable_cache(*parts: str) -> Path | None:
    """What `made_in_cache` gives; None, after one warning, where it cannot."""
    try:
        return made_in_cache(*parts)
    except CacheError as error:
        warn_once(
            "cache",
            f"{error}; going on without: programs are compiled and images decoded every time",
        )
        return None


def reason(error: Exception) -> str:
    """Why, in the words of the system where it has some."""
    return getattr(error, "strerror", None) or str(error)


def warn_once(subject: str, line: str) -> None:
    """Log a warning, the first of its subject only."""
    if subject not in _said:
        _said.add(subject)
        _LOG.warning("%s", line)


def said() -> frozenset[str]:
    """Subjects that were warned of, for processes that this one starts."""
    return frozenset(_said)


def heard(subjects: Iterable[str]) -> None:
    """Warn no more of what the process that started this one has warned of."""
    _said.update(subjects)


def folders(name: str) -> list[Path]:
    """The folders where the files of a data set may lie, in the order of preference."""
    return [folder / name for folder in (data_folder(), cache_folder()) if folder is not None]


def first_found(name: str, look: Callable[[str, Path], T | None], split: str) -> T | None:
    """What `look` finds of a split in the first folder that has it."""
    found = (look(split, folder) for folder in folders(name) if _is_folder(folder))
    return next((each for each in found if each is not None), None)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # one that may not be looked into holds nothing for us
        return False


def where(name: str) -> str:
    """The folders for a data set, for messages."""
    named = [] if data_folder() else [f"{name}/ below the folder that WDIST_BENCH_DATA names"]
    return " or ".join([*named, *map(str, folders(name))])
