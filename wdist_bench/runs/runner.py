"""Run a suite: every cell that is not finished yet, each journaled when done.

Two drivers may work on one folder at once. Each writes a file of its own, and before each cell it
looks at what the others have journaled: cells finished meanwhile are kept, and cells that a living
process of this machine has begun are left for last. So on one machine work is shared but for the
last cells and for those that two drivers take in the same moment, before the start of either is
journaled; these may be done twice (with the same numbers). Drivers on different machines see each
other's finished cells only, and do what is under way twice.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wdist_bench.estimate import NOT_RUN
from wdist_bench.folders import write
from wdist_bench.results.journal import TRIED_AGAIN, JournalReader, next_attempt, rank
from wdist_bench.results.journal_writing import append
from wdist_bench.results.plan import in_stretches
from wdist_bench.runs.cell import Cell, digest
from wdist_bench.runs.engine import Engine, InProcess
from wdist_bench.runs.experiment_cell import ExperimentCell
from wdist_bench.runs.suite import Suite
from wdist_bench.runs.work import Job, refuse


@dataclass(frozen=True)
class Event:
    """What happened to a cell: "started", "finished", or "kept" from an earlier run."""

    kind: str
    index: int
    total: int
    cell: Cell | ExperimentCell
    record: dict[str, Any] | None = None


@dataclass(frozen=True)
class _Place:
    """A cell of the suite that may have to run."""

    index: int
    cell: Cell | ExperimentCell
    key: str

    @property
    def refused(self) -> Cell | None:
        """The cell, where it is not to be run."""
        return self.cell if isinstance(self.cell, Cell) and self.cell.refusal else None


def run_suite(
    suite: Suite,
    out: Path,
    engine: Engine | None = None,
    *,
    retry_failed: bool = False,
    fail_fast: bool = False,
) -> Iterator[Event]:
    """Run what is missing in `out`; yields an event per cell as it starts and finishes.

    Finished cells (status "ok", or a failure of the method itself) are kept, those that hit the
    deadline or the memory limit too; cells that were skipped for want of data, or that raised, are
    tried again, and so are those whose exact batch values are lost. Cells that are refused become
    records, and nothing runs for them.

    Args:
        suite: what to run.
        out: results folder.
        engine: where cells run; in this process by default.
        retry_failed: try every cell again that is not "ok".
        fail_fast: stop after the first cell that failed.

    Raises:
        JournalError: the folder cannot be written.
        ValueError: the suite has a cell twice.
    """
    engine = engine or InProcess()
    try:
        environment = engine.environment()
        places = _places(suite, environment["backend"])
        reader = JournalReader(out)
        number = next_attempt(reader.refresh().plan)
        append(out, _plan(suite, places, engine) | {"attempt": number})
        write(out / "environment.json", json.dumps(environment, indent=2) + "\n")
        sweep = _Sweep(suite, out, engine, environment, retry_failed, fail_fast, reader)
        yield from sweep.run(places)
    finally:
        engine.close()


def _places(suite: Suite, backend: str) -> list[_Place]:
    """Its cells with their keys; one that is there twice would count twice in every table."""
    places = [_Place(index, cell, cell.key(backend)) for index, cell in enumerate(suite.cells, 1)]
    seen: dict[str, _Place] = {}
    for place in places:
        if seen.setdefault(place.key, place) is not place:
            raise ValueError(
                f"{suite.name}: expected every cell once, got {place.cell.label} twice; remove the "
                "size, the value of a sweep or the entry that repeats another"
            )
    return places


def _plan(suite: Suite, places: list[_Place], engine: Engine) -> dict[str, Any]:
    return {
        "type": "plan",
        "suite": suite.name,
        "profile": suite.profile,
        "title": suite.title,
        "description": suite.description,
        "keys": [place.key for place in places],
        "labels": [place.cell.label for place in places],
        "families": in_stretches(getattr(place.cell, "family", "") for place in places),
        "at_once": engine.at_once,
    }


@dataclass
class _Sweep:
    """One driver at work on a folder."""

    suite: Suite
    out: Path
    engine: Engine
    environment: dict[str, Any]
    retry_failed: bool
    fail_fast: bool
    reader: JournalReader

    def __post_init__(self) -> None:
        self.before: dict[str, tuple[bool, int, float]] = {}  # what was there when we began
        self.underway: dict[Future[dict[str, Any]], _Place] = {}

    def run(self, places: list[_Place]) -> Iterator[Event]:
        """Events of all cells, those that others are at last."""
        total = len(places)
        cells = self.reader.journal.cells
        self.before = {place.key: rank(cells[place.key]) for place in places if place.key in cells}
        waiting, put_off = list(reversed(places)), 0
        while waiting or self.underway:
            while waiting and len(self.underway) < self.engine.slots:
                place = waiting.pop()
                record = self._kept(place)
                if record is not None:
                    yield Event("kept", place.index, total, place.cell, record)
                elif place.refused:
                    record = refuse(self._job(place), place.refused, digest(self.environment))
                    yield Event("finished", place.index, total, place.cell, record)
                elif put_off < len(places) and self._elsewhere(place):
                    put_off += 1
                    waiting.insert(0, place)
                else:
                    yield Event("started", place.index, total, place.cell)
                    self.underway[self.engine.submit(self._job(place))] = place
            finished, _ = wait(self.underway, return_when=FIRST_COMPLETED)
            for future in finished:
                place = self.underway.pop(future)
                record = future.result()
                yield Event("finished", place.index, total, place.cell, record)
                if self.fail_fast and record["status"] not in ("ok", *NOT_RUN):
                    return

    def _kept(self, place: _Place) -> dict[str, Any] | None:
        """The record that makes it unnecessary to run a cell, or None."""
        known = self.reader.refresh().cells.get(place.key)
        if known is None or place.refused:
            return known
        if self.reader.journal.lacks_truth(known):  # the line or the file that held it is gone
            return None
        by_another = self.before.get(place.key) != rank(known)  # or by ourselves, just now
        again = known["status"] != "ok" if self.retry_failed else known["status"] in TRIED_AGAIN
        return known if by_another or not again else None

    def _elsewhere(self, place: _Place) -> bool:
        """Whether a living process of this machine, none of ours, is at the cell."""
        host, ours = socket.gethostname(), {os.getpid()}
        return any(
            start["key"] == place.key and start["host"] == host and start["pid"] not in ours
            for start in self.reader.journal.running()
        )

    def _job(self, place: _Place) -> Job:
        return Job(
            cell=place.cell,
            key=place.key,
            description=place.cell.description(self.environment["backend"]),
            backend=self.environment["backend"],
            out=str(self.out.resolve()),
            suite=self.suite.name,
            shared=self.engine.shared,
            attempt=next_attempt(self.reader.journal.cells.get(place.key)),
        )
