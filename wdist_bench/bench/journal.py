"""The journal of a results folder: append-only JSON lines, one write and fsync per record."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

SCHEMA = 1


@dataclass
class Journal:
    """What a folder's journals hold.

    Attributes:
        cells: records of cells by key; of several with one key the last wins.
        truths: records of batch truths by key.
        plan: the last suite that was started here: title, description, keys in order.
        unreadable: file and number of each line that is no record (a torn last line, say).
    """

    cells: dict[str, dict[str, Any]] = field(default_factory=dict)
    truths: dict[str, dict[str, Any]] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    def planned(self) -> list[dict[str, Any]]:
        """The records of the last suite, in its order, as far as there are any."""
        return [self.cells[key] for key in self.plan.get("keys", []) if key in self.cells]


def read_journal(folder: Path) -> Journal:
    """All `journal*.jsonl` of a folder, oldest name first."""
    journal = Journal()
    for path in sorted(folder.glob("journal*.jsonl")):
        for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
            if line.strip():
                _take(journal, line, f"{path.name}:{number}")
    return journal


def _take(journal: Journal, line: bytes, place: str) -> None:
    try:
        record = json.loads(line)
        kind = record["type"]
        if record["schema"] != SCHEMA:
            raise ValueError
        if kind == "plan":
            journal.plan = record
        else:
            {"cell": journal.cells, "truth": journal.truths}[kind][record["key"]] = record
    except (ValueError, KeyError, TypeError):
        journal.unreadable.append(place)


def append(folder: Path, record: dict[str, Any]) -> None:
    """Add one record, whole: one write, then fsync."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "journal.jsonl"
    line = json.dumps({"schema": SCHEMA} | record, default=_plain, allow_nan=False) + "\n"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = "\n" + line  # a torn last line stays a line of its own
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plain(value: Any) -> Any:
    """NumPy scalars, and whatever only has a name."""
    return value.item() if isinstance(value, np.generic) else str(value)


def pack(array: np.ndarray) -> list[Any]:
    """Nested lists of numbers with 9 digits (all that float32 has); NaN and inf become null."""
    if array.ndim > 1:
        return [pack(row) for row in array]
    return [float(f"{value:.9g}") if math.isfinite(value) else None for value in array.tolist()]


def unpack(values: list[Any]) -> np.ndarray:
    """The array behind `pack`, null as NaN."""
    return np.array(values, dtype=np.float64)
