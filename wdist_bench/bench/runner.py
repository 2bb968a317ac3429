"""Run a suite: every cell that is not finished yet, one at a time, each journaled when done."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax

from wdist_bench.bench.cell import Add, Cell, digest
from wdist_bench.bench.environment import describe_environment
from wdist_bench.bench.experiment import ExperimentCell
from wdist_bench.bench.journal import append, read_journal
from wdist_bench.bench.suite import Suite


@dataclass(frozen=True)
class Event:
    """What happened to a cell: "started", "finished", or "kept" from an earlier run."""

    kind: str
    index: int
    total: int
    cell: Cell | ExperimentCell
    record: dict[str, Any] | None = None


def run_suite(suite: Suite, out: Path) -> Iterator[Event]:
    """Run what is missing in `out`; yields an event per cell as it starts and finishes.

    Finished cells (status "ok", or a failure of the method itself) are kept; cells that were
    skipped for want of data, or that raised, are tried again.
    """
    backend = jax.default_backend()
    journal = read_journal(out)
    keys = [cell.key(backend) for cell in suite.cells]
    environment = describe_environment()
    write_environment(out, environment)
    append(
        out,
        {
            "type": "plan",
            "suite": suite.name,
            "profile": suite.profile,
            "title": suite.title,
            "description": suite.description,
            "keys": keys,
        },
    )
    total = len(keys)
    for index, (cell, key) in enumerate(zip(suite.cells, keys, strict=True), 1):
        known = journal.cells.get(key)
        if known is not None and known["status"] not in ("skipped", "error"):
            yield Event("kept", index, total, cell, known)
            continue
        yield Event("started", index, total, cell)
        record = cell.description(backend) | {
            "type": "cell",
            "key": key,
            "suite": suite.name,
            "environment": digest(environment),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        record |= run_cell(cell, journal.truths, partial(append, out))
        append(out, record)
        yield Event("finished", index, total, cell, record)


def run_cell(cell: Cell | ExperimentCell, journaled: dict[str, Any], add: Add) -> dict[str, Any]:
    """The results of one cell. A cell that raises becomes a record with its traceback."""
    try:
        return cell.run(journaled, add)
    except FileNotFoundError as error:
        return {"status": "skipped", "message": str(error)}
    except Exception as error:
        return {
            "status": "error",
            "message": f"{type(error).__name__}: {error}",
            "traceback": traceback.format_exc(),
        }


def write_environment(out: Path, environment: dict[str, Any]) -> None:
    """`environment.json`, replaced as a whole."""
    out.mkdir(parents=True, exist_ok=True)
    partial = out / "environment.json.partial"
    partial.write_text(json.dumps(environment, indent=2) + "\n", encoding="utf-8")
    partial.replace(out / "environment.json")
