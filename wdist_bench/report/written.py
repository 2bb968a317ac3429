"""The files of a report: the next one removes those that it does not write."""

from __future__ import annotations

import json
from pathlib import Path

from wdist_bench.folders import is_plain, read_plain, write

NAMES = "report.json"
_ENDINGS = (".csv", ".md", ".png")
_MOST = 2**20  # bytes of the list


def remove_others(folder: Path, written: list[Path], keep: bool = False) -> None:
    """Remove what the last report wrote here and this one did not, and note what this one wrote.

    A suite has changed, or its cells were lost since: a table of records that no longer count says
    something else than the page. The list may be anybody's, so nothing is removed but tables, texts
    and pictures of this very folder. With `keep` nothing is, and the list grows: some are of a
    study whose plug-in is not here.
    """
    names = {path.name for path in written if path.parent == folder}
    before = _before(folder)
    names |= before if keep else set()
    for name in before - names:
        path = folder / name
        if path.parent == folder and path.suffix in _ENDINGS and is_plain(path):
            path.unlink()
    write(folder / NAMES, json.dumps({"files": sorted(names)}, indent=1) + "\n")


def _before(folder: Path) -> set[str]:
    """Of the last report; empty where nothing is known of it."""
    try:
        found = json.loads(read_plain(folder / NAMES, _MOST) or b"{}")["files"]
        return {name for name in found if isinstance(name, str)}
    except (ValueError, KeyError, TypeError, RecursionError):
        return set()
