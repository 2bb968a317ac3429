"""Several results folders into one, a suite that ran on several machines, say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wdist_bench.folders import is_plain, read_plain, write
from wdist_bench.results.journal import Journal, JournalReader, next_attempt, read_journal
from wdist_bench.results.journal_writing import append
from wdist_bench.results.plan import families, in_stretches

_MOST = 2**20  # bytes of an environment.json


def merge(folders: Sequence[Path], out: Path) -> Journal:
    """Add to `out` every record of the folders that it does not hold yet; returns its journal.

    The rules of one folder hold for all together: of several records with one key the last wins,
    and an attempt without an answer never hides an answer. Nothing is overwritten; merging again
    adds nothing. The plan is the one that all folders share, or all of them one after the other,
    that of `out` first. Where `out` holds a compact journal alone, its records come into the new
    one, which hides it.

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
    merged = JournalReader(out).refresh()
    held = read_journal(out)
    if held.plan:
        sources = [held, *sources]
    for source in sources:
        for record in source.records():
            if record["type"] != "plan" and _adds(merged, record):
                append(out, record)
                merged.take(record)
    plan = _plan(sources)
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


def _plan(sources: list[Journal]) -> dict[str, Any]:
    """The common plan, or all of them one after the other."""
    cells: dict[str, str] = {}
    for source in sources:
        cells |= {k: name for k, name in source.labels.items() if name != k or k not in cells}
    plans = [source.plan for source in sources]
    of: dict[str, str] = {}
    for plan in plans:
        of |= families(plan)
    return plans[0] | {
        "title": _joined([plan["title"] for plan in plans], "; "),
        "description": _joined([plan["description"] for plan in plans], "\n"),
        "keys": list(cells),
        "labels": list(cells.values()),
        "families": in_stretches(of.get(key, "") for key in cells) if of else [],
    }


def _joined(texts: list[str], between: str) -> str:
    """The texts one after the other, each once, where some of them are joined already too."""
    whole = ""
    for text in texts:
        if f"{between}{text}{between}" not in f"{between}{whole}{between}":
            whole = f"{whole}{between}{text}" if whole else text
    return whole


def _content(plan: dict[str, Any]) -> tuple[Any, ...]:
    return plan.get("title"), plan.get("keys"), plan.get("families", [])
