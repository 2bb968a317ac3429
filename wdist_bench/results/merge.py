"""Several results folders into one, a suite that ran on several machines, say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wdist_bench.folders import is_plain, read_plain, write
from wdist_bench.results.journal import Journal, JournalReader, next_attempt, read_journal
from wdist_bench.results.journal_writing import append

_MOST = 2**20  # bytes of an environment.json


def merge(folders: Sequence[Path], out: Path) -> Journal:
    """Add to `out` every record of the folders that it does not hold yet; returns its journal.

    The rules of one folder hold for all together: of several records with one key the last wins,
    and an attempt without an answer never hides an answer. Nothing is overwritten; merging again
    adds nothing. The plan is the one that all folders share, or all of them one after the other.

    Raises:
        FileNotFoundError: a folder has no journal.
        JournalError: `out` cannot be written.
    """
    sources = [read_journal(folder) for folder in folders]
    for folder, source in zip(folders, sources, strict=True):
        if not source.plan:
            raise FileNotFoundError(
                f"{folder}: expected a journal (journal*.jsonl) with a run, got none; "
                "give the results folders of finished or interrupted runs"
            )
    merged = JournalReader(out).refresh()  # a compact journal there gives way to the new one
    for source in sources:
        for record in source.records():
            if record["type"] != "plan" and _adds(merged, record):
                append(out, record)
                merged.take(record)
    plan = _plan([source.plan for source in sources])
    if _content(plan) != _content(merged.plan):
        plan = {key: value for key, value in plan.items() if key != "written"}
        append(out, plan | {"attempt": next_attempt(merged.plan)})
    environment = out / "environment.json"
    found = read_plain(folders[0] / environment.name, _MOST)
    if found is not None and not is_plain(environment):
        write(environment, found)
    return read_journal(out)


def _adds(journal: Journal, record: dict[str, Any]) -> bool:
    """Whether a record would count in the journal and is not there already."""
    kinds = {"cell": journal.cells, "truth": journal.truths, "environment": journal.environments}
    known = kinds[record["type"]].get(record["key"])
    if known is None:
        return True
    trial = Journal()
    trial.take(known)
    trial.take(record)
    return next(trial.records()) is record and record != known


def _plan(plans: list[dict[str, Any]]) -> dict[str, Any]:
    """The common plan, or all of them one after the other."""
    first = plans[0]
    cells: dict[str, str] = {}
    for plan in plans:
        cells |= dict(zip(plan["keys"], plan.get("labels", plan["keys"]), strict=False))
    titles = list(dict.fromkeys(plan["title"] for plan in plans))
    said = list(dict.fromkeys(plan["description"] for plan in plans))
    return first | {
        "title": "; ".join(titles),
        "description": "\n".join(said),
        "keys": list(cells),
        "labels": list(cells.values()),
    }


def _content(plan: dict[str, Any]) -> tuple[Any, ...]:
    return plan.get("title"), plan.get("keys")
