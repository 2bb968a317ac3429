"""What keeping the books of many cells costs: CPU seconds and memory of status, report and compare.

    python benchmarks/many_cells.py            # prints the table; --csv FILE writes it too
    python benchmarks/many_cells.py --make FOLDER --cells 2000

The folders are made: the records of `results/quick` (20 runs of 100 batches, 50 kB each), or what
4 runs of 5 batches leave of them (2 kB), repeated as other tasks at four sizes n, with a start for
each cell and a truth for each setting, as a run leaves them. CPU seconds (user and system) and the
largest resident memory are of the whole command, its start (1 s, .3 GB) included. What a cell costs
while a suite runs is measured by `overhead.py`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from wdist_bench.results.journal import read_run

RESULTS = Path(__file__).parents[1] / "results" / "quick"
SIZES = (32, 64, 128, 256)
ROLLS = 20
"""Orders of the runs that cells take in turn, so that neighbours have other numbers."""

Record = dict[str, Any]


class Shape(NamedTuple):
    """Runs and evaluation batches of each cell."""

    runs: int
    batches: int


SHAPES = {"small": Shape(4, 5), "quick": Shape(20, 100)}


def make(folder: Path, cells: int, shape: Shape, salt: str = "") -> None:
    """Write the journal of a suite of so many cells; `salt` gives other numbers to equal cells."""
    _TEXTS.clear()  # it knows lists by their ids
    journal = read_run(RESULTS)
    templates = [_cut(record, shape) for record in journal.planned()]
    truths = {key: _cut(record, shape) for key, record in journal.truths.items()}
    folder.mkdir(parents=True)
    keys, labels, written = [], [], set()
    with (folder / "journal-made-1-aaaaaa.jsonl").open("w") as file:
        for index, record in enumerate(_cells(templates, cells)):
            turn = int(_hash(f"{salt}{index // len(templates)}"), 16) % ROLLS
            truth_key = _hash(f"{record['truth_key']}{index // len(templates)}{salt}")
            if truth_key not in written:
                truth = truths[record["truth_key"]] | {"key": truth_key}
                file.write(_line(truth, turn))
                written.add(truth_key)
            key = _hash(f"{index}{salt}")
            start = {"schema": 1, "written": 1e9 + index, "type": "started", "key": key}
            file.write(json.dumps(start | {"host": "made", "pid": 1}) + "\n")
            own = {"key": key, "truth_key": truth_key, "written": 1e9 + index + 0.5}
            file.write(_line(record | own | {"seconds": 0.5}, turn))
            keys.append(key)
            labels.append(f"{record['estimator']} on {record['task']} n={record['n']}")
        plan = journal.plan | {"keys": keys, "labels": labels, "written": 1e9}
        file.write(json.dumps(plan) + "\n")
    (folder / "environment.json").write_bytes((RESULTS / "environment.json").read_bytes())


def _cells(templates: list[Record], cells: int) -> Iterator[Record]:
    """The templates again and again, as other tasks and at other sizes."""
    for index in range(cells):
        setting, which = divmod(index, len(templates))
        copy, size = divmod(setting, len(SIZES))
        changed = {
            name: templates[which][name] | {"copy": copy}
            for name in ("task_parameters", "task_options")
        }
        yield templates[which] | changed | {"n": SIZES[size]}


def _cut(record: Record, shape: Shape) -> Record:
    """The first runs and batches of a record."""
    kept = dict(record)
    if "costs" in record:
        kept["costs"] = [list(row)[: shape.batches] for row in list(record["costs"])[: shape.runs]]
    for name in ("history", "gradient_cosine", "gradient_l2", "run_statuses"):
        if name in record:
            kept[name] = list(record[name])[: shape.runs]
    if "history_steps" in record:
        points = len(record["history_steps"]) * shape.batches // 100
        kept["history_steps"] = list(record["history_steps"])[:points]
        kept["history"] = [list(row)[:points] for row in kept["history"]]
    if "runs" in record:
        kept |= {"runs": shape.runs, "eval_batches": shape.batches}
    return kept


_TEXTS: dict[tuple[int, int], str] = {}


def _line(record: Record, turn: int) -> str:
    """A record with its runs in another order; texts of equal arrays are made once."""
    texts = []
    head = dict(record)
    for name in ("costs", "history"):
        rows = head.pop(name, None)
        if rows is not None:
            place = (id(rows), turn)
            if place not in _TEXTS:
                by = turn % max(len(rows), 1)
                _TEXTS[place] = json.dumps(rows[by:] + rows[:by])
            texts.append(f', "{name}": {_TEXTS[place]}')
    return json.dumps(head)[:-1] + "".join(texts) + "}\n"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Used(NamedTuple):
    """CPU seconds and peak resident memory in GB of a command."""

    seconds: float
    memory: float


def measure(*arguments: str | Path) -> Used:
    """Run a command of `wdist-bench`; `compare` may say that something got worse."""
    command = [sys.executable, "-m", "wdist_bench.cli", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 1), f"expected {command} to succeed, got {status}"
    return Used(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9)


TABLE = (
    ("status", "small", 20_000), ("status", "small", 200_000),
    ("compare", "small", 2_000), ("compare", "small", 10_000), ("compare", "quick", 10_000),
    ("report", "small", 2_000), ("report", "small", 10_000), ("report", "small", 50_000),
    ("report", "quick", 10_000),
)  # fmt: skip


def rows(home: Path) -> Iterator[Record]:
    """One for each line of the table."""
    for command, shape, cells in TABLE:
        folders = [home / f"{command}-{shape}-{cells}-{side}" for side in "ab"]
        for folder, salt in zip(folders, ("", "b"), strict=True):
            if command == "compare" or not salt:
                make(folder, cells, SHAPES[shape], salt)
        used = measure(command, *folders[: 1 + (command == "compare")])
        page = folders[0] / "report.html"
        size = page.stat().st_size / 1e6 if page.exists() else float("nan")
        yield {"command": command, "records": shape, "cells": cells,
               "cpu_seconds": round(used.seconds, 1), "peak_gb": round(used.memory, 2),
               "page_mb": round(size, 1)}  # fmt: skip
        subprocess.run(["rm", "-r", *(f for f in folders if f.exists())], check=True)


def main() -> None:
    """Measure and print, or make one folder."""
    import pandas as pd

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--make", type=Path)
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--salt", default="")
    chosen = parser.parse_args()
    if chosen.make:
        return make(chosen.make, chosen.cells, SHAPES[chosen.shape], chosen.salt)
    with tempfile.TemporaryDirectory() as home:
        found = []
        for row in rows(Path(home)):
            found.append(row)
            print(*row.values(), sep="\t", flush=True)
            if chosen.csv:
                pd.DataFrame(found).to_csv(chosen.csv, index=False)


if __name__ == "__main__":
    main()
