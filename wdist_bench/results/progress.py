"""How far the suite of a results folder is, from its journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wdist_bench.estimate import NOT_RUN
from wdist_bench.results.journal import TRIED_AGAIN, Journal

RETRY = "to try them again, run the suite with --retry-failed"


@dataclass(frozen=True)
class Progress:
    """The state of the last suite that was started in a folder.

    Attributes:
        title: of the suite.
        total: cells.
        statuses: finished cells by status; all failed but "ok", "skipped" and "refused".
        running: label, host, process and start of each cell that a living process is at.
        left: cells without a record, those that run among them.
        seconds_left: what the left ones take at the mean pace of the finished ones; None before
            any is finished.
    """

    title: str
    total: int
    statuses: dict[str, int]
    running: list[dict[str, Any]]
    left: int
    seconds_left: float | None

    @property
    def failed(self) -> int:
        """Finished cells whose run gave no number."""
        return sum(n for status, n in self.statuses.items() if _failure(status))

    @property
    def kept_failures(self) -> dict[str, int]:
        """Failed cells by status that the next run keeps unless it is told to `--retry-failed`."""
        return {
            status: n
            for status, n in self.statuses.items()
            if _failure(status) and status not in TRIED_AGAIN
        }


def _failure(status: str) -> bool:
    return status not in ("ok", *NOT_RUN)


def counted(statuses: Mapping[str, int]) -> str:
    """How many cells have which status, in words."""
    return ", ".join(f"{count} {status}" for status, count in statuses.items())


def progress(journal: Journal) -> Progress:
    """Count what the journal holds of its plan."""
    keys = journal.keys
    labels = journal.labels
    records = journal.planned()
    running = [
        {"label": labels[start["key"]]} | start
        for start in journal.running()
        if start["key"] in labels
    ]
    left = len(keys) - len(records)
    seconds = [record["seconds"] for record in records if "seconds" in record]
    pace = sum(seconds) / len(seconds) / journal.plan.get("at_once", 1) if seconds else None
    return Progress(
        title=journal.plan["title"],
        total=len(keys),
        statuses=dict(Counter(record["status"] for record in records)),
        running=running,
        left=left,
        seconds_left=None if pace is None else pace * left,
    )
