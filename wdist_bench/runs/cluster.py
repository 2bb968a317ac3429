"""The engine of many machines: Dask. See docs/clusters.md.

A Dask worker passes each cell on to a worker process of its own (`isolation.py`), so deadlines and
memory limits hold here too, and that process journals the cell before anybody hears of it. Where
the results folder is not shared between the machines, the driver journals what comes back.
"""

from __future__ import annotations

import dataclasses
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from wdist_bench.results.journal import JournalReader, append, rank
from wdist_bench.runs import memory, work
from wdist_bench.runs.cell import digest
from wdist_bench.runs.isolation import Workers
from wdist_bench.runs.plugins import loaded_plugins
from wdist_bench.runs.work import Job
from wdist_bench.runs.worker import WorkerError

_QUEUED = 2  # jobs sent for each thread of a worker, so that none waits for the driver
_PATIENCE = 60  # seconds to wait for a first worker
_LOSSES = 10  # workers that a cell may lose before it is given up


@dataclasses.dataclass(frozen=True)
class Protection:
    """How the worker processes of a Dask worker are set up.

    Attributes:
        threads: cells at a time.
        timeout: seconds that a cell may take, or None.
        memory_limit: bytes, or None for the default.
        plugins: files that register estimators or tasks; the same paths on every machine.
    """

    threads: int
    timeout: float | None
    memory_limit: int | None
    plugins: tuple[str, ...]


_workers: dict[Protection, Workers] = {}
_starting = threading.Lock()


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
            _workers[protection] = Workers(
                protection.threads, protection.timeout, protection.memory_limit, protection.plugins
            )
        return _workers[protection]


def _here(protection: Protection) -> Protection:
    """The protection with the number of threads of the Dask worker that this runs in."""
    from distributed import get_worker

    return dataclasses.replace(protection, threads=get_worker().state.nthreads)


def _describe(protection: Protection) -> dict[str, Any]:
    return _isolated(_here(protection)).environment()


def _stop() -> None:
    while _workers:
        _workers.popitem()[1].close()


def _run(job: Job, protection: Protection) -> dict[str, Any]:
    workers = _isolated(_here(protection))
    return workers.submit(dataclasses.replace(job, shared=job.shared or workers.shared)).result()


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes that start inside leave Ctrl-C to the driver."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class DaskEngine:
    """Cells on the workers of a Dask scheduler.

    Args:
        scheduler: address of a running scheduler ("tcp://host:8786", or the path of its
            scheduler file); None starts one here with `jobs` workers.
        jobs: workers to start where there is no scheduler.
        timeout: seconds that a cell may take; None for no end.
        memory_limit: bytes that the process of a cell may have in memory; None for the default.
        resources: what a cell takes of a worker's resources, {"GPU": 1} say.

    Raises:
        TimeoutError: no worker came within a minute.
    """

    def __init__(
        self,
        scheduler: str | None = None,
        jobs: int = 1,
        timeout: float | None = None,
        memory_limit: int | None = None,
        resources: dict[str, float] | None = None,
    ) -> None:
        import dask
        from distributed import Client, LocalCluster

        if scheduler is None and memory_limit is None:
            memory_limit = memory.default_limit(jobs)
        self.shared = scheduler is None and jobs > 1  # elsewhere the workers know
        self.protection = Protection(0, timeout, memory_limit, loaded_plugins())
        self.resources = resources or None
        self._cluster: Any = None
        # For schedulers and workers started here; others have a configuration of their own.
        dask.config.set(
            {
                "distributed.worker.daemon": False,
                "distributed.scheduler.allowed-failures": _LOSSES,
            }
        )
        if scheduler is None:
            with _deaf_to_ctrl_c():
                self._cluster = LocalCluster(
                    n_workers=jobs,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=None,
                    memory_limit=0,  # the limit of the isolated processes is the one that counts
                    resources=resources,
                )
        if scheduler is not None and Path(scheduler).is_file():
            self._client = Client(scheduler_file=scheduler)
        else:
            self._client = Client(self._cluster or scheduler)
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            raise TimeoutError(
                f"dask: expected a worker at {scheduler} within {_PATIENCE} s, got none; "
                f"start one with: dask worker {scheduler} --nthreads 1"
            ) from error
        self._environment: dict[str, Any] = {}
        self._readers: dict[str, JournalReader] = {}

    @property
    def slots(self) -> int:
        """Twice as many as run at a time."""
        return _QUEUED * self.at_once

    @property
    def at_once(self) -> int:
        """The threads of all workers that are there now."""
        return max(1, sum(self._client.nthreads().values()))

    def environment(self) -> dict[str, Any]:
        """Of one of the workers."""
        if not self._environment:
            self._environment = self._submit(_describe, self.protection).result()
        return self._environment

    def _submit(self, function: Any, *arguments: Any) -> Any:
        return self._client.submit(function, *arguments, pure=False, resources=self.resources)

    def submit(self, job: Job) -> Future[dict[str, Any]]:
        """Send a job; when its worker is lost it is sent to another one."""
        future: Future[dict[str, Any]] = Future()
        self._submit(_run, job, self.protection).add_done_callback(
            lambda remote: self._arrived(job, remote, future)
        )
        return future

    def _arrived(self, job: Job, remote: Any, future: Future[dict[str, Any]]) -> None:
        from distributed import KilledWorker

        try:
            try:
                future.set_result(self._kept(job, remote.result()))
            except KilledWorker as error:
                message = f"{_LOSSES} workers or more were lost while they were at it: {error}"
                environment = digest(self._environment)
                future.set_result(work.lost(job, environment, status="error", message=message))
        except BaseException as error:
            future.set_exception(error)

    def _kept(self, job: Job, record: dict[str, Any]) -> dict[str, Any]:
        """The record, journaled here where its writer has another folder."""
        folder = Path(job.out)
        reader = self._readers.setdefault(job.out, JournalReader(folder))
        known = reader.refresh().cells.get(job.key)
        if known is None or rank(known) < rank(record):
            append(folder, record)
        return record

    def close(self) -> None:
        """Leave the scheduler: what waits there for us is given up; ours is stopped."""
        if self._cluster is not None:
            with suppress(Exception):  # workers that are gone need no stopping
                self._client.run(_stop)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()
