"""Where image sets are looked for: the user's folder, then the user's cache."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def data_folder() -> Path | None:
    """The folder named by WDIST_BENCH_DATA, or None."""
    folder = os.environ.get("WDIST_BENCH_DATA", "")
    return Path(folder).expanduser() if folder else None


def cache_folder() -> Path | None:
    """The folder named by WDIST_BENCH_CACHE, else the user's cache folder.

    None where neither is known: pooch, which knows the latter, is not installed.
    """
    folder = os.environ.get("WDIST_BENCH_CACHE", "")
    if folder:
        return Path(folder).expanduser()
    try:
        import pooch
    except ImportError:
        return None
    return Path(pooch.os_cache("wdist_bench"))


def folders(name: str) -> list[Path]:
    """The folders where the files of a data set may lie, in the order of preference."""
    return [folder / name for folder in (data_folder(), cache_folder()) if folder is not None]


def first_found(name: str, look: Callable[[Path], T | None]) -> T | None:
    """What `look` finds in the first folder that has it."""
    found = (look(folder) for folder in folders(name) if folder.is_dir())
    return next((each for each in found if each is not None), None)


def where(name: str) -> str:
    """The folders for a data set, for messages."""
    if data_folder() is None:
        named = f"{name}/ below the folder that WDIST_BENCH_DATA names"
        return " or ".join([named, *map(str, folders(name))])
    return " or ".join(map(str, folders(name)))
