"""What a process does with a cell: run it, measure it, journal it."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import FrameType
from typing import Any

import jax

from wdist_bench.protocol import compilation
from wdist_bench.results.births import born
from wdist_bench.results.environment import describe_environment
from wdist_bench.results.journal import ANSWERED, Journal, JournalReader
from wdist_bench.results.journal_writing import append
from wdist_bench.results.record import ResultError, checked
from wdist_bench.runs import memory
from wdist_bench.runs.cell import Add, Cell, digest
from wdist_bench.runs.experiment_cell import ExperimentCell

_STOPPED = {
    "ok": "completed",
    "timeout": "deadline",
    "out_of_memory": "memory limit",
    "error": "exception",
    "skipped": "missing data",
}


@dataclass(frozen=True)
class Job:
    """A cell on its way to the process that runs it; plain data, so it can travel.

    Attributes:
        cell: what to run.
        key: of its record.
        description: the fields of the record that the sender knows.
        backend: the backend that the key was made for.
        out: results folder.
        suite: name of the suite.
        shared: whether other cells run on the machine meanwhile, as far as the sender knows.
        attempt: one higher than that of the record which the sender knows; see `journal.py`.
        tries: 2 where it is sent again, since a worker with other cells behind it ran out of
            memory.
        lost_seconds: that the first try took.
    """

    cell: Cell | ExperimentCell
    key: str
    description: dict[str, Any]
    backend: str
    out: str
    suite: str
    shared: bool
    attempt: int
    tries: int = 1
    lost_seconds: float = 0.0

    def head(self, environment: str) -> dict[str, Any]:
        """The fields of the record that are known before it runs."""
        again = {"tries": self.tries, "lost_seconds": self.lost_seconds} if self.tries > 1 else {}
        return (
            self.description
            | again
            | {
                "type": "cell",
                "key": self.key,
                "attempt": self.attempt,
                "suite": self.suite,
                "environment": environment,
                "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "shared": self.shared,
            }
        )

    def answered(self, reader: JournalReader) -> dict[str, Any] | None:
        """A record with the answer of this attempt, or of another driver's, or None."""
        record = reader.refresh().cells.get(self.key)
        if record is None or record["status"] not in ANSWERED:
            return None
        return record if record.get("attempt", 0) >= self.attempt else None


@lru_cache(maxsize=1)
def environment() -> dict[str, Any]:
    """The environment of this process, described once."""
    return describe_environment()


@lru_cache(maxsize=8)
def reader_of(folder: Path) -> JournalReader:
    """The one reader of a folder in this process: it reads on where it left off."""
    return JournalReader(folder)


def execute(job: Job) -> dict[str, Any]:
    """Run a cell in this process and journal it; returns the record.

    A cell that raises becomes a record. What is raised here is the journal's own trouble.
    """
    folder = Path(job.out)
    reader = reader_of(folder)
    known = job.answered(reader)
    if known is not None:  # a worker was lost after it had journaled, and the job was sent again
        return known
    where = announce(folder, reader)
    beside = _Beside(reader.journal)
    start = {"type": "started", "key": job.key, "attempt": job.attempt}
    append(folder, start | _here(), sync=False)
    record = job.head(where)
    compilation.make_room()
    memory.reset_peak()
    programs, began = compilation.count(), time.perf_counter()
    record |= run_cell(job, reader.journal.truths, partial(append, folder))
    record["seconds"] = round(time.perf_counter() - began, 4)
    record["compile_cached"] = compilation.count().cached_since(programs)
    record["shared"] = job.shared or beside.anybody(reader.refresh())
    record |= memory.peak()
    record.setdefault("stop_reason", _STOPPED.get(record["status"], record["status"]))
    return append(folder, record)


def announce(folder: Path, reader: JournalReader) -> str:
    """Journal this process's environment where it is not known yet; returns its digest."""
    name = digest(environment())
    if name not in reader.journal.environments:
        append(folder, {"type": "environment", "key": name, "environment": environment()})
    return name


@lru_cache(maxsize=1)
def _here() -> dict[str, Any]:
    """What tells this process from all others."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "born": born(os.getpid())}


class _Beside:
    """Other processes of this machine at cells of a folder, from its creation on.

    Told by what they journaled, since clocks may be set: who was at a cell then, or is now, or has
    started one meanwhile.
    """

    def __init__(self, journal: Journal) -> None:
        self._before = self._starts(journal)
        self._busy = self._at_work(journal)

    def anybody(self, journal: Journal) -> bool:
        """Whether there was anybody until now."""
        return self._busy or self._starts(journal) != self._before or self._at_work(journal)

    def _starts(self, journal: Journal) -> dict[tuple[Any, ...], dict[str, Any]]:
        return {who: start for who, start in journal.started.items() if self._is_other(start)}

    def _at_work(self, journal: Journal) -> bool:
        return any(self._is_other(start) for start in journal.running())

    def _is_other(self, start: dict[str, Any]) -> bool:
        return start["host"] == socket.gethostname() and start["pid"] != os.getpid()


def run_cell(job: Job, journaled: dict[str, Any], add: Add) -> dict[str, Any]:
    """The results of one cell. Whatever it raises or returns, it becomes a record.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; one that the cell raised by itself is its failure.
    """
    with _ctrl_c() as pressed:
        try:
            if job.cell.key(jax.default_backend()) != job.key:
                return {
                    "status": "error",
                    "message": f"expected the versions, data files and backend of the driver "
                    f"({job.backend}) and its plug-ins, got others on {socket.gethostname()} "
                    f"({jax.default_backend()}); set up all machines of a run the same way",
                }
            results = job.cell.run(journaled, add)
            return checked(results, job.description, job.cell.label)
        except FileNotFoundError as error:
            return {"status": "skipped", "message": _text(error)}
        except BaseException as error:
            if pressed:
                raise
            return failure(error)


@contextmanager
def _ctrl_c() -> Iterator[list[int]]:
    """A list that is empty as long as nobody presses Ctrl-C inside."""
    pressed: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield pressed  # a worker: only its driver hears it
        return

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, handler)


def failure(error: BaseException) -> dict[str, Any]:
    """The fields of a record that an exception gives."""
    if isinstance(error, SystemExit):
        return {"status": "error", "message": f"the cell called sys.exit({_text(error)})"}
    text = _text(error)
    memory_ran_out = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in text
    return {
        "status": "out_of_memory" if memory_ran_out else "error",
        "message": text if isinstance(error, ResultError) else f"{type(error).__name__}: {text}",
        "traceback": _traceback(),
    }


def _text(error: BaseException) -> str:
    """What an exception says, if it can."""
    try:
        return str(error)
    except BaseException as worse:  # a stranger's __str__
        return f"its message cannot be shown, its __str__ raised {type(worse).__name__}; correct it"


def _traceback() -> str:
    try:
        return traceback.format_exc()
    except BaseException:  # it shows the exception, too
        return ""


def refuse(job: Job, cell: Cell, environment: str) -> dict[str, Any]:
    """Journal a cell that is not to be run; returns the record."""
    return append(Path(job.out), job.head(environment) | cell.refused())


def lost(job: Job, environment: str, **ended: str) -> dict[str, Any]:
    """Journal a cell whose process did not come back; returns the record.

    Unless it had journaled an answer just before: then that counts.

    Args:
        job: what was lost.
        environment: digest of the environment.
        ended: `status`, `message`, and `stop_reason` where the status does not say it.
    """
    folder = Path(job.out)
    known = job.answered(JournalReader(folder))
    if known is not None:
        return known
    return append(
        folder, job.head(environment) | {"stop_reason": _STOPPED[ended["status"]]} | ended
    )
