"""Archives are read in place, and none with members that point out of it is read at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath


def check_members(names: Iterable[str], archive: Path) -> None:
    """Every member lies below the archive's own root.

    Nothing is ever unpacked here; but an archive with such a member was made to write elsewhere,
    and the next program that opens it may do so.

    Raises:
        ValueError: an absolute name, or one with "..".
    """
    for name in names:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if ".." in parts or name.startswith(("/", "\\")) or PureWindowsPath(name).drive:
            raise ValueError(
                f"{archive}: expected members below the archive's own root, got {name!r}, which "
                "points out of it; remove this archive and get it again from its publisher"
            )
