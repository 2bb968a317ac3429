"""What a results folder lacks, one sentence each: of the cells of a suite, or of a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from wdist_bench.estimate import NOT_RUN
from wdist_bench.report.text.escaping import inline
from wdist_bench.report.text.wording import count, tally
from wdist_bench.results.journal import Journal, failed_runs
from wdist_bench.results.progress import counted

_MOST = 5  # different messages of one kind that are quoted
LOST = ("error", "timeout", "out_of_memory")
"""Statuses of cells that began and gave no number: what went wrong is in the message alone."""
NO_NUMBERS = (*NOT_RUN, *LOST)
"""Statuses of records that have none of their numbers."""


def shortcomings(journal: Journal, failed: Iterable[int]) -> list[str]:
    """What failed or is missing, the first thing to say of a folder; empty where all is there.

    Args:
        journal: of the folder.
        failed: runs without a number of each cell with an estimator: a column of the error table.
    """
    records = journal.planned()
    total = len(journal.keys)
    known = iter(failed)
    lost_runs = [int(next(known)) if "estimator" in r else failed_runs(r) for r in records]
    ran = [(r, f) for r, f in zip(records, lost_runs, strict=True) if r["status"] not in NOT_RUN]
    lost = [r for r, f in ran if f == _runs(r)]
    partly = [(r, f) for r, f in ran if 0 < f < _runs(r)]
    said = []
    if lost:
        how, names = counted(Counter(r["status"] for r in lost)), tally([_what(r) for r in lost])
        said.append(f"{len(lost)} of {total} cells failed, without a number ({how}): {names}.")
        said += _quoted(r for r in lost if r["status"] in LOST)
    if partly:
        runs, names = sum(f for _, f in partly), tally([_what(r) for r, _ in partly])
        said.append(f"{count(len(partly), 'cell')} lost some runs ({runs} in all): {names}.")
    said += _skipped([r for r in records if r["status"] == "skipped"])
    if alone := [r for r in records if journal.lacks_truth(r)]:
        cells, names = count(len(alone), "cell"), tally([_what(r) for r in alone])
        said.append(
            f"The exact batch values of {cells} are lost, and so are the errors taken to them: "
            f"{names}; run the suite again."
        )
    if total > len(records):
        said.append(f"{count(total - len(records), 'cell')} not run yet; run the suite again.")
    return said + journal.warnings()


def study_shortcomings(records: list[dict[str, Any]]) -> list[str]:
    """Lines of Markdown that say which records of a study have no numbers, for its top."""
    reasons = Counter((r["status"], r["message"]) for r in records if r["status"] in NO_NUMBERS)
    lines = [
        f"- {status} ({count(many, 'cell')}): {inline(message)}"
        for (status, message), many in reasons.items()
    ]
    return [*lines, ""] if lines else []


def _quoted(records: Iterable[dict[str, Any]]) -> list[str]:
    """What the first failures said, each message once."""
    said = dict.fromkeys(f"{_what(r)} ({r['status']}): {r['message']}" for r in records)
    more = len(said) - _MOST
    return [*list(said)[:_MOST], *([f"And {more} other messages, in the tables."] * (more > 0))]


def _runs(record: dict[str, Any]) -> int:
    """Runs of a cell; an experiment that raised counts as one."""
    return int(record.get("runs", 1))


def _what(record: dict[str, Any]) -> str:
    return str(record.get("estimator") or record.get("experiment"))


def _skipped(skipped: list[dict[str, Any]]) -> list[str]:
    """Data that is not here: sets by name, files by the message that named them."""
    if not skipped:
        return []
    sets = sorted({str(r["dataset"]) for r in skipped if r.get("dataset")})
    other = list(dict.fromkeys(str(r["message"]) for r in skipped if not r.get("dataset")))
    cells = f"({count(len(skipped), 'cell')} not run)"
    said = []
    if sets:
        said.append(f"{count(len(sets), 'data set')} missing: {', '.join(sets)} {cells}.")
        message = next(str(r["message"]) for r in skipped if r.get("dataset"))
        said.append(f"How to get it: {message}")
    return said + [f"Not run: {message}" for message in other[:_MOST]]
