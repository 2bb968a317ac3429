"""The fields of a record that readers rely on.

Lines come from files that may be anybody's, so those few fields without which nothing can be told
are checked when they are read. What runs nothing needs no more of the package than this.
"""

from __future__ import annotations

from typing import Any

from wdist_bench.results.journal_lines import Stored

_Types = tuple[tuple[str, type | tuple[type, ...]], ...]
_NEEDED: dict[str, _Types] = {
    "cell": (("key", str), ("status", str)),
    "truth": (("key", str), ("costs", (list, Stored))),
    "started": (("key", str), ("host", str), ("pid", int)),
    "environment": (("key", str), ("environment", dict)),
    "plan": (("title", str), ("description", str), ("keys", list)),
}
_NUMBER = (int, float)
_IF_THERE: _Types = (
    ("attempt", int), ("message", str), ("runs", int), ("failed", int), ("seconds", _NUMBER),
    ("compile_seconds", _NUMBER), ("run_seconds", _NUMBER), ("parameters", dict),
)  # fmt: skip
_LATEST = 1e15  # seconds; also what no NaN and no infinity is below


def check_record(record: Any) -> None:
    """See that a line of a journal has the fields that every reader relies on.

    By hand, at about a microsecond: a folder may hold hundreds of thousands.

    Raises:
        KeyError: one is missing.
        TypeError, ValueError: one has another type.
    """
    if not isinstance(record, dict):
        raise TypeError
    for name, kind in _NEEDED[record["type"]]:
        if not isinstance(record[name], kind):
            raise TypeError
    for name, kind in _IF_THERE:
        if name in record and not isinstance(record[name], kind):
            raise TypeError
    written = record.get("written", 0)
    if not isinstance(written, _NUMBER) or not -_LATEST < written < _LATEST:
        raise TypeError
    if record["type"] == "plan":
        for keys in (record["keys"], record.get("labels", [])):
            if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
                raise TypeError
        for name, count in record.get("families", []):  # ValueError where they are no pairs
            if not isinstance(name, str) or not isinstance(count, int):
                raise TypeError
