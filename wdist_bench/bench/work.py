"""What a process does with a cell: run it, measure it, journal it."""

from __future__ import annotations

import os
import socket
import time
import traceback
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import jax

from wdist_bench.bench import compilation, memory
from wdist_bench.bench.cell import Add, Cell, digest
from wdist_bench.bench.environment import describe_environment
from wdist_bench.bench.experiment import ExperimentCell
from wdist_bench.bench.journal import ANSWERED, Journal, JournalReader, append

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
        sent: when, in seconds since 1970.
    """

    cell: Cell | ExperimentCell
    key: str
    description: dict[str, Any]
    backend: str
    out: str
    suite: str
    shared: bool
    sent: float

    def head(self, environment: str) -> dict[str, Any]:
        """The fields of the record that are known before it runs."""
        return self.description | {
            "type": "cell",
            "key": self.key,
            "suite": self.suite,
            "environment": environment,
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "shared": self.shared,
        }

    def answered(self, reader: JournalReader) -> dict[str, Any] | None:
        """A record with an answer that was written after this job was sent, or None."""
        record = reader.refresh().cells.get(self.key)
        if record is None or record["status"] not in ANSWERED:
            return None
        return record if record.get("written", 0) >= self.sent else None


@lru_cache(maxsize=1)
def environment() -> dict[str, Any]:
    """The environment of this process, described once."""
    return describe_environment()


@lru_cache(maxsize=8)
def _reader(folder: Path) -> JournalReader:
    return JournalReader(folder)


def execute(job: Job) -> dict[str, Any]:
    """Run a cell in this process and journal it; returns the record.

    A cell that raises becomes a record. What is raised here is the journal's own trouble.
    """
    folder = Path(job.out)
    reader = _reader(folder)
    known = job.answered(reader)
    if known is not None:  # a worker was lost after it had journaled, and the job was sent again
        return known
    where = announce(folder, reader)
    start = {"type": "started", "key": job.key, "host": socket.gethostname(), "pid": os.getpid()}
    append(folder, start, sync=False)
    record = job.head(where)
    compilation.make_room()
    memory.reset_peak()
    programs, since, began = compilation.count(), time.time(), time.perf_counter()
    record |= run_cell(job, reader.journal.truths, partial(append, folder))
    record["seconds"] = round(time.perf_counter() - began, 4)
    record["compile_cached"] = compilation.count().cached_since(programs)
    record["shared"] = job.shared or _others(reader.refresh(), since)
    record |= memory.peak()
    record.setdefault("stop_reason", _STOPPED.get(record["status"], record["status"]))
    return append(folder, record)


def announce(folder: Path, reader: JournalReader) -> str:
    """Journal this process's environment where it is not known yet; returns its digest."""
    name = digest(environment())
    if name not in reader.journal.environments:
        append(folder, {"type": "environment", "key": name, "environment": environment()})
    return name


def _others(journal: Journal, since: float) -> bool:
    """Whether other processes of this machine were at a cell of the folder since then."""
    host, own = socket.gethostname(), os.getpid()
    running = {start["key"] for start in journal.running()}
    return any(
        start["key"] in running
        or start["written"] >= since
        or journal.cells.get(start["key"], {}).get("written", 0) >= since
        for start in journal.started.values()
        if start["host"] == host and start["pid"] != own
    )


def run_cell(job: Job, journaled: dict[str, Any], add: Add) -> dict[str, Any]:
    """The results of one cell. A cell that raises becomes a record with its traceback."""
    try:
        if job.cell.key(jax.default_backend()) != job.key:
            return {
                "status": "error",
                "message": f"expected the versions, data files and backend of the driver "
                f"({job.backend}) and its plug-ins, got others on {socket.gethostname()} "
                f"({jax.default_backend()}); set up all machines of a run the same way",
            }
        return job.cell.run(journaled, add)
    except FileNotFoundError as error:
        return {"status": "skipped", "message": str(error)}
    except (MemoryError, Exception) as error:
        return failure(error)
    except SystemExit as error:
        return {"status": "error", "message": f"the cell called sys.exit({error.code})"}


def failure(error: Exception) -> dict[str, Any]:
    """The fields of a record that an exception gives."""
    memory_ran_out = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
    return {
        "status": "out_of_memory" if memory_ran_out else "error",
        "message": f"{type(error).__name__}: {error}",
        "traceback": traceback.format_exc(),
    }


def refuse(job: Job, cell: Cell, environment: str) -> dict[str, Any]:
    """Journal a cell that is not to be run; returns the record."""
    return append(Path(job.out), job.head(environment) | cell.refused())


def lost(job: Job, environment: str, status: str, message: str) -> dict[str, Any]:
    """Journal a cell whose process did not come back; returns the record.

    Unless it had journaled an answer just before: then that counts.
    """
    folder = Path(job.out)
    known = job.answered(JournalReader(folder))
    if known is not None:
        return known
    ended = {"status": status, "message": message, "stop_reason": _STOPPED[status]}
    return append(folder, job.head(environment) | ended)
