"""The engine of many machines: Dask. See docs/clusters.md.

Whoever reaches a scheduler can run code as the user of its workers and of its clients. So one that
is started here listens on the loopback device alone, and others should speak TLS.

A Dask worker passes each cell on to a worker process of its own (`isolation.py`), so deadlines and
memory limits hold here too, and that process journals the cell before anybody hears of it. Where
the results folder is not shared between the machines, the driver journals what comes back.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import signal
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from wdist_bench.datasets import places
from wdist_bench.results.differences import differing, facts
from wdist_bench.results.journal import JournalReader, rank
from wdist_bench.results.journal_writing import append
from wdist_bench.runs import memory, work
from wdist_bench.runs.cell import digest
from wdist_bench.runs.cluster_worker import Protection, describe, run_job, stop
from wdist_bench.runs.plugins import loaded_plugins
from wdist_bench.runs.work import Job
from wdist_bench.validation import check_integer

_LOG = logging.getLogger(__name__)
_LOOPBACK = "127.0.0.1"
_UNIMPORTANT = ("platform",)  # facts of an environment that may differ without a word
_QUEUED = 2  # jobs sent for each thread of a worker, so that none waits for the driver
_ANSWER = 20  # seconds for a scheduler to say who it is
_PATIENCE = 60  # seconds to wait for a first worker
_LOSSES = 10  # workers that a cell may lose before it is given up


class SchedulerError(ConnectionError):
    """The scheduler does not answer, or not any more; finished cells are kept."""


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


def _silence() -> dict[str, int]:
    """Leave only what is fatal of Dask's logging; returns the levels of before."""
    import distributed  # makes its loggers

    made = logging.root.manager.loggerDict
    names = [name for name in made if name.startswith(distributed.__name__)]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return before


def _own_cluster(jobs: int, resources: dict[str, float] | None) -> Any:
    """A scheduler and workers on this machine, which no other machine can reach."""
    from distributed import LocalCluster

    with _deaf_to_ctrl_c():
        return LocalCluster(
            host=_LOOPBACK,
            n_workers=jobs,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            # Without a dashboard it listens all the same, and says so where 8787 is taken.
            scheduler_kwargs={"dashboard_address": f"{_LOOPBACK}:0"},
            silence_logs=logging.CRITICAL,
            memory_limit=0,  # the limit of the isolated processes is the one that counts
            resources=resources,
        )


class DaskEngine:
    """Cells on the workers of a Dask scheduler.

    What goes wrong on the way is told by records and errors, so Dask's own logging is silenced in
    this process until the engine is closed.

    Args:
        scheduler: address of a running scheduler ("tcp://host:8786", or "tls://host:8786" with the
            certificates that Dask's configuration names), or the path of its scheduler file; None
            starts one here with `jobs` workers, on the loopback device alone.
        jobs: workers to start where there is no scheduler.
        timeout: seconds that a cell may take; None for no end.
        memory_limit: bytes that the process of a cell may have in memory; None for the default.
        resources: what a cell takes of a worker's resources, {"GPU": 1} say.

    Raises:
        SchedulerError: no scheduler answers at the address; or, later, it has gone.
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

        check_integer(jobs, "jobs", 1)
        warned: frozenset[str] = frozenset()
        if scheduler is None:
            memory_limit = memory_limit or memory.default_limit(jobs)
            places.usable_cache()  # warns here, once, and not in every worker
            warned = places.said()
        self.shared = scheduler is None and jobs > 1  # elsewhere the workers know
        self.protection = Protection(0, timeout, memory_limit, loaded_plugins(), warned)
        self.resources = resources or None
        self._cluster: Any = None
        self._client: Any = None
        self._address = str(scheduler or "")
        self._loud = _silence()
        # For schedulers and workers started here; others have a configuration of their own.
        dask.config.set(
            {
                "distributed.worker.daemon": False,
                "distributed.scheduler.allowed-failures": _LOSSES,
            }
        )
        if scheduler is None:
            self._cluster = _own_cluster(jobs, resources)
        self._environment: dict[str, Any] = {}
        self._readers: dict[str, JournalReader] = {}
        self._described: dict[str, dict[str, Any]] = {}  # environments of workers by digest
        self._met: set[str] = set()  # addresses of workers that were asked for their environment
        self._connect(scheduler)

    def _connect(self, scheduler: str | None) -> None:
        """Join the scheduler, and wait for a first worker."""
        from distributed import Client

        try:
            if scheduler is not None:
                self._address = _address(scheduler)
                _check_answers(self._address)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                self._client = Client(self._cluster or self._address)
        except (OSError, ValueError, TypeError, RuntimeError, KeyError) as error:
            self.close()
            raise SchedulerError(
                f"dask: expected a scheduler at {scheduler}, got none that answers "
                f"({_one_line(error)}); start one with `dask scheduler`, or give its address as it "
                "prints it, tcp://HOST:8786 or tls://HOST:8786, say"
            ) from None
        for warning in caught:
            _pass_on(warning)
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            self.close()
            raise TimeoutError(
                f"dask: expected a worker at {scheduler} within {_PATIENCE} s, got none; "
                f"start one with: dask worker {scheduler} --nthreads 1"
            ) from error

    def _lost(self, error: BaseException) -> SchedulerError:
        cut_off = isinstance(error, CancelledError)  # its text names a task
        why = "a lost connection" if cut_off else _one_line(error)
        return SchedulerError(
            f"dask: expected the scheduler at {self._address} to go on, got {why}; "
            "every finished cell is kept: start it and its workers again, then resume with the "
            "same command"
        )

    @property
    def slots(self) -> int:
        """Twice as many as run at a time."""
        return _QUEUED * self.at_once

    @property
    def at_once(self) -> int:
        """The threads of all workers that are there now; those that are new are asked who they are.

        Raises:
            SchedulerError: the scheduler has gone.
        """
        try:
            threads = self._client.nthreads()
            if self._environment:
                self._meet(threads.keys() - self._met)
        except (OSError, CancelledError, RuntimeError, ValueError) as error:
            raise self._lost(error) from None
        return max(1, sum(threads.values()))

    def environment(self) -> dict[str, Any]:
        """Of one of the workers."""
        if not self._environment:
            from distributed.comm import CommClosedError

            try:
                self._environment = self._submit(describe, self.protection).result()
            except (CancelledError, CommClosedError) as error:
                raise self._lost(error) from None
        return self._environment

    def _meet(self, addresses: set[str]) -> None:
        """Ask workers for their environment, and warn where it is not that of the first."""
        if not addresses:
            return
        self._met |= addresses
        known = self._client.scheduler_info(n_workers=-1)["workers"]
        for address in sorted(addresses & known.keys()):
            resources = known[address].get("resources") or {}
            if all(resources.get(name, 0) >= n for name, n in (self.resources or {}).items()):
                self._submit(describe, self.protection, workers=[address]).add_done_callback(
                    partial(self._compare, address)
                )

    def _compare(self, address: str, answer: Any) -> None:
        """Warn of what a worker has that the first has not, once for each such difference."""
        if answer.status != "finished":  # lost, or about to say why with its first cell
            return
        found = answer.result()
        self._described[digest(found)] = found
        first, other = facts(self._environment), facts(found)
        names = [name for name in differing((first, other)) if name not in _UNIMPORTANT]
        if names:
            theirs = ", ".join(other[name] for name in names)
            ours = ", ".join(first[name] for name in names)
            places.warn_once(
                f"dask {theirs}",
                f"dask: worker {address} has {theirs}, where the first one has {ours}; its cells "
                "are measured all the same, and the tables say so",
            )

    def _submit(self, function: Any, *arguments: Any, **where: Any) -> Any:
        return self._client.submit(
            function, *arguments, pure=False, resources=self.resources, **where
        )

    def submit(self, job: Job) -> Future[dict[str, Any]]:
        """Send a job; when its worker is lost it is sent to another one."""
        future: Future[dict[str, Any]] = Future()
        self._submit(run_job, job, self.protection).add_done_callback(
            lambda remote: self._arrived(job, remote, future)
        )
        return future

    def _arrived(self, job: Job, remote: Any, future: Future[dict[str, Any]]) -> None:
        from distributed import KilledWorker
        from distributed.comm import CommClosedError

        try:
            try:
                future.set_result(self._kept(job, *remote.result()))
            except KilledWorker as error:
                message = f"{_LOSSES} workers or more were lost while they were at it: {error}"
                environment = digest(self._environment)
                future.set_result(work.lost(job, environment, status="error", message=message))
            except (CancelledError, CommClosedError) as error:
                raise self._lost(error) from None
        except BaseException as error:
            future.set_exception(error)

    def _kept(self, job: Job, *records: dict[str, Any]) -> dict[str, Any]:
        """The last record, that of the cell; all are journaled where their writer has another
        folder.
        """
        *truths, record = records
        folder = Path(job.out)
        reader = self._readers.setdefault(job.out, JournalReader(folder))
        known = reader.refresh().cells.get(job.key)
        for truth in truths:
            if truth["key"] not in reader.journal.truths:
                append(folder, truth)
        if known is None or rank(known) < rank(record):
            append(folder, record)
            name = record.get("environment")
            if name in self._described.keys() - reader.journal.environments.keys():
                described = self._described[name]
                append(folder, {"type": "environment", "key": name, "environment": described})
        return record

    def close(self) -> None:
        """Leave the scheduler: what waits there for us is given up; ours is stopped."""
        if self._cluster is not None and self._client is not None:
            with suppress(Exception):  # workers that are gone need no stopping
                self._client.run(stop)
        for part in (self._client, self._cluster):
            if part is not None:
                with suppress(OSError, TimeoutError):  # a scheduler that is gone
                    part.close()
        for name, level in self._loud.items():
            logging.getLogger(name).setLevel(level)


def _address(scheduler: str) -> str:
    """The address of a scheduler that is given by it, or by its file."""
    if not Path(scheduler).is_file():
        return scheduler
    content = json.loads(Path(scheduler).read_text(encoding="utf-8"))
    if not isinstance(content, dict) or "address" not in content:
        raise ValueError("no address in that file")
    return str(content["address"])


def _check_answers(address: str) -> None:
    """Raise what keeps the scheduler from answering; a client would wait for ever for some."""
    from distributed import rpc
    from distributed.security import Security

    async def identity() -> str:
        keys = Security().get_connection_args("client")
        async with rpc(address, connection_args=keys) as scheduler:
            return str((await scheduler.identity())["type"])

    async def within() -> str:
        return await asyncio.wait_for(identity(), _ANSWER)

    try:
        found = asyncio.run(within())
    except TimeoutError:
        raise TimeoutError(f"no word within {_ANSWER} s") from None
    if found != "Scheduler":
        raise ValueError(f"a {found.lower()} answers there")


def _one_line(error: BaseException) -> str:
    """The first line of what an error says."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _pass_on(warning: warnings.WarningMessage) -> None:
    """A warning as it is; that of versions, a table, in a line."""
    from distributed.versions import VersionMismatchWarning

    if issubclass(warning.category, VersionMismatchWarning):
        names = re.findall(r"^\| (\S+) +\|", str(warning.message), re.MULTILINE)[1:]
        _LOG.warning(
            "dask: this process, the scheduler and the workers have other versions of %s; install "
            "the same everywhere", ", ".join(names),
        )  # fmt: skip
    else:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
