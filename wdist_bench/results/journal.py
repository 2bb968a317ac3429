"""The journal of a results folder: append-only JSON lines, one write and fsync per record.

Every process writes a file of its own, `journal-HOST-PID-TOKEN.jsonl`, so writers never meet.
Readers take all `journal*.jsonl` together. Of several records with one key the last wins: the one
with the highest `attempt`, a number one higher than that of the record which the writer saw when it
began (clocks may be wrong; records of earlier versions have none and come first), then by the time
in `written` (seconds since 1970, from the clock of the writer; records without it come first; ties
go to the later name and line). One exception keeps finished work from being hidden: an attempt that
gave no answer (status skipped, error, timeout or out_of_memory) never replaces a record whose
method did answer (ok, not_converged, diverged). Cells that are refused have keys of their own.
"""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wdist_bench.display.printable import whole_characters
from wdist_bench.results.births import born
from wdist_bench.results.journal_files import (
    COMPACT,
    MAX_BLANK,
    FileJournal,
    Unpacked,
    bomb,
    compact,
    compact_lines,
    entries,
    lines,
    open_journal,
)
from wdist_bench.results.journal_lines import Keep, Parser, state
from wdist_bench.results.plan import families, in_family
from wdist_bench.results.readable import check_record
from wdist_bench.results.statistics import negative_runs

SCHEMA = 1
ANSWERED = ("ok", "not_converged", "diverged")
"""Statuses that say something of the method; the others say that it gave no answer."""

TRIED_AGAIN = ("skipped", "error")
"""Statuses that the next run tries again; the others are answers, or would fail the same way."""


@dataclass
class Journal:
    """What a folder's journals hold.

    Attributes:
        cells: records of cells by key.
        truths: records of batch truths by key.
        started: the last start of a cell by each process (`writer`).
        environments: descriptions of the environments that records name, by digest.
        plan: the last suite that was started here: title, description, keys in order.
        unreadable: file and number of each line that is no record (a torn last line, say).
        other_schema: file, number and schema of each record from another version of the suite.
        strange: names of what is called a journal and is no plain file: a link, a folder, a pipe.
    """

    cells: dict[str, dict[str, Any]] = field(default_factory=dict)
    truths: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    unreadable: Places = field(default_factory=lambda: Places())
    other_schema: Places = field(default_factory=lambda: Places())
    strange: list[str] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        """Of the cells of the last suite, in its order, each once."""
        return list(dict.fromkeys(self.plan.get("keys", [])))

    @property
    def labels(self) -> dict[str, str]:
        """What the cells of the last suite are called, by key; the key where nothing names one."""
        planned, labels = self.plan.get("keys", []), self.plan.get("labels", [])
        named = dict(zip(planned, labels, strict=False))
        return {key: named.get(key, key) for key in self.keys}

    def planned(self) -> list[dict[str, Any]]:
        """The records of the last suite, in its order, as far as there are any.

        The family of a cell is that of the suite now, which may have changed since it ran.
        """
        of = families(self.plan)
        return [in_family(self.cells[k], of.get(k)) for k in self.keys if k in self.cells]

    def lacks_truth(self, record: dict[str, Any]) -> bool:
        """Whether a cell was measured, and the exact values of its batches are not here."""
        key = record.get("truth_key")
        return key is not None and key not in self.truths

    def running(self) -> list[dict[str, Any]]:
        """Starts without a record of their cell whose process lives, or is on another host."""
        return [s for s in self.started.values() if not self._over(s) and _may_live(s)]

    def _over(self, start: dict[str, Any]) -> bool:
        """Whether there is a record of what was started, or of a later attempt at it."""
        record = self.cells.get(start["key"], {})
        if "attempt" in start:
            return bool(record.get("attempt", 0) >= start["attempt"])
        return bool(record.get("written", 0) >= start.get("written", 0))

    def warnings(self) -> list[str]:
        """What could not be read, one sentence each."""
        said = []
        if self.unreadable:
            places = few(self.unreadable)
            said.append(f"Unreadable journal lines, ignored: {places}; their cells run again.")
        if self.other_schema:
            said.append(
                f"Records of another version of the journal (expected schema {SCHEMA}), ignored "
                f"and left as they are: {few(self.other_schema)}; their cells run again. "
                "Read them with the version that wrote them, or use another folder."
            )
        if self.strange:
            names = few(self.strange)
            said.append(f"Links, folders, pipes and holes are no journals, ignored: {names}.")
        return said

    def records(self) -> Iterator[dict[str, Any]]:
        """Every record that counts, the plan last."""
        for kind in (self.environments, self.truths, self.cells):
            yield from kind.values()
        if self.plan:
            yield self.plan

    def take(self, record: dict[str, Any]) -> None:
        """Count a record in, where no later one with its key is there already."""
        if record["type"] == "plan":
            if rank(record) >= rank(self.plan):
                self.plan = record
            return
        if record["type"] == "started":  # the lines of a process lie in one file, in their order
            self.started[writer(record)] = record
            return
        kinds = {"cell": self.cells, "truth": self.truths, "environment": self.environments}
        kind = kinds[record["type"]]
        known = kind.get(record["key"])
        if known is None or rank(record) >= rank(known):
            kind[record["key"]] = record


def rank(record: dict[str, Any]) -> tuple[bool, int, float]:
    """What makes a record the last of its key, and a plan the last of its folder."""
    answered = record.get("status", "ok") in ANSWERED
    return answered, record.get("attempt", 0), float(record.get("written", 0))


def next_attempt(known: dict[str, Any] | None) -> int:
    """The `attempt` of a record, or a plan, that is to be the last after the known one."""
    return 1 + int((known or {}).get("attempt", 0))


def writer(start: dict[str, Any]) -> tuple[Any, ...]:
    """The process that started a cell; ids come back, so its birth is part of it."""
    return start["host"], start["pid"], start.get("born")


class Places(list[str]):
    """Places in files: the first thousand by name, the others counted."""

    unnamed = 0

    def append(self, place: str) -> None:
        """Name one more place, where there are not a thousand yet; else count it."""
        if len(self) < 1000:
            super().append(place)
        else:
            self.unnamed += 1

    @property
    def total(self) -> int:
        """All of them."""
        return len(self) + self.unnamed


def few(places: list[str]) -> str:
    """The first five in words, and how many more there are."""
    total = places.total if isinstance(places, Places) else len(places)
    return ", ".join(places[:5]) + (f" and {total - 5} more" if total > 5 else "")


def _may_live(start: dict[str, Any]) -> bool:
    """Whether the process that started a cell may still be there, and not another of its id."""
    if start["host"] != socket.gethostname():
        return True
    birth = born(start["pid"])
    return birth is not None and start.get("born", birth) == birth


class JournalReader:
    """Reads a folder's journals, and later only what was added to them.

    Long arrays stay in the files (`Stored`), so what is held grows with the cells, not their runs.

    Args:
        folder: results folder.
        state: keep no more of cells than says how far they are: status and times.
    """

    def __init__(self, folder: Path, state: bool = False) -> None:
        self.folder = folder
        self.journal = Journal()
        self._state = state
        self._read: dict[str, _Read] = {}

    def refresh(self) -> Journal:
        """The journal with every line that is complete by now.

        Read from the start where a file is gone, or is another one than before.
        """
        journals, strange = entries(self.folder)
        there = {entry.name: entry for entry in journals}
        if not all(n in there and known.goes_on(there[n]) for n, known in self._read.items()):
            self.journal, self._read = Journal(), {}
        self.journal.strange = strange
        for entry in journals:
            known = self._read.get(entry.name) or self._read.setdefault(
                entry.name, _Read(self._parser(FileJournal(Path(entry.path))))
            )
            if (size := entry.stat(follow_symlinks=False).st_size) != known.size:
                self._add(entry, known)
                known.size = size
        return self.journal

    def _parser(self, source: FileJournal | Unpacked) -> Parse:
        if self._state:
            return state
        return Parser(source).record

    def _add(self, entry: os.DirEntry[str], known: _Read) -> None:
        """What stands after the last line that was read."""
        with open_journal(entry.path, known.done) as file:
            for done, line in lines(file):
                if line is not None and not line.endswith(b"\n"):
                    return
                known.lines += 1
                if known.lines == 1:
                    known.first = (line or b"")[:_FIRST]
                _take(self.journal, line, entry.name, known.lines, known.parse, known.place)
                known.done = done

    def finish(self) -> Journal:
        """Read what is left: torn last lines, or the compact journal where there is no other."""
        for entry in entries(self.folder)[0]:
            known = self._read.get(entry.name)
            if known is not None:
                with open_journal(entry.path, known.done) as file:
                    _, line = next(lines(file), (0, b""))
                _take(self.journal, line, entry.name, known.lines + 1, known.parse, known.place)
        path = compact(self.folder)
        if not self._read and path is not None:
            self._add_compact(path)
        return self.journal

    def _add_compact(self, path: Path) -> None:
        source, blanks = Unpacked(path), 0
        parse = self._parser(source)
        for number, line in enumerate(compact_lines(path), 1):
            blanks += not _take(self.journal, line, COMPACT, number, parse, source.keep)
            if blanks > MAX_BLANK:
                raise bomb(path, f"{blanks} lines that are none")


Parse = Callable[[bytes, Keep], dict[str, Any]]
"""(line, what keeps its arrays) -> record."""


_FIRST = 64  # bytes of a file that tell it from another one of its name: the time is among them


@dataclass
class _Read:
    """How far a file was read: to the end of which line, and how long it was then."""

    parse: Parse
    done: int = 0
    lines: int = 0
    size: int = 0
    first: bytes = b""

    def goes_on(self, entry: os.DirEntry[str]) -> bool:
        """Whether a file still holds what was read of it."""
        if entry.stat(follow_symlinks=False).st_size == self.size:
            return True
        with open(entry.path, "rb", buffering=0) as file:  # which also asks a server for the size
            whole = os.fstat(file.fileno()).st_size >= self.done
            return whole and file.read(len(self.first)) == self.first

    def place(self, start: int, array: bytes) -> int:
        """Where an array of the next line is in the file."""
        return self.done + start


def read_journal(folder: Path, state: bool = False) -> Journal:
    """All `journal*.jsonl` of a folder; a torn last line is named in `unreadable`.

    Where there are none, the compact journal: reports and comparisons are made from it, but a run,
    which reads no more than its own, measures afresh.

    Args:
        folder: results folder.
        state: keep no more of cells than says how far they are: status and times.

    Raises:
        CompactError: the compact journal is none, or damaged.
    """
    reader = JournalReader(folder, state)
    reader.refresh()
    return reader.finish()


def read_run(folder: Path, state: bool = False) -> Journal:
    """`read_journal` of a folder that must hold a run.

    Raises:
        FileNotFoundError: no journal with a run.
    """
    journal = read_journal(folder, state)
    if not journal.plan:
        raise FileNotFoundError(
            f"{folder}: expected a journal (journal*.jsonl) with a run, got none; "
            "run a suite first: wdist-bench run SUITE --out FOLDER"
        )
    return journal


def _take(
    journal: Journal,
    line: bytes | None,
    name: str,
    number: int,
    parse: Parse,
    keep: Keep,
) -> bool:
    """Count a line in; whether it is a record of ours. None stands for one that is too long."""
    if line is not None and not line.strip():
        return False
    try:
        if line is None:
            raise ValueError("too long")
        record = parse(whole_characters(line), keep)
        schema = record["schema"]
        if schema != SCHEMA:
            journal.other_schema.append(f"{name}:{number} (schema {schema})")
            return False
        check_record(record)
        journal.take(record)
    except (ValueError, KeyError, TypeError, RecursionError):
        journal.unreadable.append(f"{name}:{number}")
        return False
    return True


def pack(array: np.ndarray) -> list[Any]:
    """Nested lists of numbers with 9 digits (all that float32 has); NaN and inf become null."""
    if array.ndim > 1:
        return [pack(row) for row in array]
    return [float(f"{value:.9g}") if math.isfinite(value) else None for value in array.tolist()]


def unpack(values: Sequence[Any]) -> np.ndarray:
    """The array behind `pack`, null as NaN."""
    return np.array(values, dtype=np.float64)


def run_costs(record: dict[str, Any]) -> np.ndarray:
    """(runs, eval_batches) W_p^p of a cell; NaN throughout a run that gave no number: one with a
    failed evaluation, or whose mean is below 0 beyond its noise and no lower bound that may be, by
    the rule of now or by that of its record.
    """
    costs = unpack(record["costs"])
    costs[~np.isfinite(costs).all(axis=1)] = math.nan
    claim = record.get("p", 1), record.get("bound", ""), record.get("target", "")
    statuses = record.get("run_statuses")
    said = enumerate(statuses if isinstance(statuses, list) else [])
    known = {run for run, status in said if status == "not_converged"}
    costs[list(negative_runs(costs, *claim, known))] = math.nan
    return costs


def failed_runs(record: dict[str, Any], costs: np.ndarray | None = None) -> int:
    """Runs of a cell or an experiment that gave no number: all of them where nothing came back.

    `costs` are its `run_costs` where they are there already.
    """
    if record.get("costs"):
        costs = run_costs(record) if costs is None else costs
        return int(np.isnan(costs).all(axis=1).sum())
    return int(record.get("failed", record.get("runs", 1)))
