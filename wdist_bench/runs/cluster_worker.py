"""What runs in a Dask worker: it passes each cell on to a worker process of its own."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import Any

from wdist_bench.datasets import places
from wdist_bench.runs.isolation import Workers
from wdist_bench.runs.work import Job, reader_of
from wdist_bench.runs.worker import WorkerError


@dataclasses.dataclass(frozen=True)
class Protection:
    """How the worker processes of a Dask worker are set up.

    Attributes:
        threads: cells at a time.
        timeout: seconds that a cell may take, or None.
        memory_limit: bytes, or None for the default.
        plugins: files that register estimators or tasks; the same paths on every machine.
        warned: what the driver, on the same machine, has warned of already.
    """

    threads: int
    timeout: float | None
    memory_limit: int | None
    plugins: tuple[str, ...]
    warned: frozenset[str] = frozenset()


_workers: dict[Protection, Workers] = {}
_starting = threading.Lock()
_reading = threading.Lock()


def _isolated(protection: Protection) -> Workers:
    """The worker processes of this Dask worker, started once."""
    import multiprocessing

    if multiprocessing.current_process().daemon:
        raise WorkerError(
            "dask: expected workers that may start processes, got daemons; start them with "
            "DASK_DISTRIBUTED__WORKER__DAEMON=False, or `dask worker --no-nanny`"
        )
    with _starting:
        if protection not in _workers:
            places.heard(protection.warned)
            _workers[protection] = Workers(
                protection.threads, protection.timeout, protection.memory_limit, protection.plugins
            )
        return _workers[protection]


def _here(protection: Protection) -> Protection:
    """The protection with the number of threads of the Dask worker that this runs in."""
    from distributed import get_worker

    return dataclasses.replace(protection, threads=get_worker().state.nthreads)


def describe(protection: Protection) -> dict[str, Any]:
    """Where the cells of this Dask worker run."""
    return _isolated(_here(protection)).environment()


def stop() -> None:
    """End the worker processes of this Dask worker."""
    while _workers:
        _workers.popitem()[1].close()


def run_job(job: Job, protection: Protection) -> list[dict[str, Any]]:
    """The record of a job, after that of its batch truths where it has any."""
    workers = _isolated(_here(protection))
    shared = job.shared or workers.shared
    record = workers.submit(dataclasses.replace(job, shared=shared)).result()
    return [*truth_of(record, Path(job.out)), record]


def truth_of(record: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """The batch truths that a record names, as this machine's folder has them."""
    if "truth_key" not in record:
        return []
    with _reading:
        truths = reader_of(folder).refresh().truths
    return [truths[record["truth_key"]]] if record["truth_key"] in truths else []
