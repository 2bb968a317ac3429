"""Run a suite: every cell that is not finished yet, one at a time, each journaled when done."""

from __future__ import annotations

import itertools
import json
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from wdist_bench.bench.cell import Cell, digest
from wdist_bench.bench.environment import describe_environment
from wdist_bench.bench.journal import append, pack, read_journal
from wdist_bench.bench.protocol import StreamResult, batch_truths, run_stream
from wdist_bench.bench.suite import Suite
from wdist_bench.datasets import DatasetNotFoundError

HISTORY_POINTS = 100


@dataclass(frozen=True)
class Event:
    """What happened to a cell: "started", "finished", or "kept" from an earlier run."""

    kind: str
    index: int
    total: int
    cell: Cell
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
        record = cell.identity(backend) | {
            "type": "cell",
            "key": key,
            "suite": suite.name,
            "family": cell.family,
            "estimator_options": cell.estimator_parameters,
            "task_options": cell.task_parameters,
            "environment": digest(environment),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        record |= run_cell(cell, out, cell.truth_key(backend), journal.truths)
        append(out, record)
        yield Event("finished", index, total, cell, record)


def run_cell(
    cell: Cell, out: Path, truth_key: str, truths: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The results of one cell. A cell that raises becomes a record with its traceback."""
    try:
        task, estimator = cell.build_task(), cell.build_estimator()
        common = {
            "dataset": task.dataset,
            "dim": task.dim,
            "target": estimator.target,
            "bound": estimator.bound,
            "steps": getattr(estimator, "steps", 0),
            "critic": getattr(estimator, "critic", ""),
        }
        truth = task.truth(cell.p, cell.norm)
        if truth_key not in truths:
            exact = batch_truths(task, cell.cost, cell.stream)
            truths[truth_key] = {"type": "truth", "key": truth_key, "costs": pack(exact)}
            append(out, truths[truth_key])
        result = run_stream(task, estimator, cell.cost, cell.stream)
    except DatasetNotFoundError as error:
        return {"status": "skipped", "message": str(error), "dataset": getattr(task, "dataset", "")}
    except Exception as error:
        return {
            "status": "error",
            "message": f"{type(error).__name__}: {error}",
            "traceback": traceback.format_exc(),
        }
    return (
        common
        | summarize(result)
        | {
            "truth_key": truth_key,
            "truth_population": None if truth is None else vars(truth),
        }
    )


def summarize(result: StreamResult) -> dict[str, Any]:
    """The fields of a record that come from the runs."""
    bad = [status for status in result.statuses if status != "ok"]
    steps, history = thin(result.history)
    return {
        "status": Counter(bad).most_common(1)[0][0] if bad else "ok",
        "message": next((message for message in result.messages if message), ""),
        "failed": len(bad),
        "run_statuses": result.statuses,
        "costs": pack(result.costs),
        "history_steps": steps,
        "history": pack(history),
        "compile_seconds": round(result.compile_seconds, 4),
        "run_seconds": round(result.run_seconds, 4),
    }


def thin(history: np.ndarray) -> tuple[list[int], np.ndarray]:
    """(runs, steps) as means over at most 100 equal stretches, with the last step of each."""
    steps = history.shape[1]
    points = min(steps, HISTORY_POINTS)
    edges = np.linspace(0, steps, points + 1).astype(int)
    stretches = list(itertools.pairwise(edges))
    means = np.array([history[:, a:b].mean(axis=1) for a, b in stretches])
    return [int(b) for _, b in stretches], means.reshape(points, len(history)).T


def write_environment(out: Path, environment: dict[str, Any]) -> None:
    """`environment.json`, replaced as a whole."""
    out.mkdir(parents=True, exist_ok=True)
    partial = out / "environment.json.partial"
    partial.write_text(json.dumps(environment, indent=2) + "\n", encoding="utf-8")
    partial.replace(out / "environment.json")
