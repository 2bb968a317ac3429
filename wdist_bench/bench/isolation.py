"""Cells in worker processes with hard deadlines and memory limits.

A worker that hangs, dies or takes too much memory costs one record, not the sweep. Workers are
spawned, never forked (jax has threads), live as long as nothing goes wrong, and are replaced when
something did. Each slot has a pool of one worker, so that a worker killed while it holds a lock
stops nobody else.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_futures
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any

from wdist_bench.bench import memory, work
from wdist_bench.bench.cell import digest
from wdist_bench.bench.plugins import loaded_plugins
from wdist_bench.bench.work import Job
from wdist_bench.datasets import places

_ATTEMPTS = 5  # to find a living worker; one killed between two cells has lost nothing
_PATIENCE = 0.5  # seconds after which a call looks whether it was given up
_MISSED = 4  # looks after which a worker that is gone is given up
_LOOK = 0.1  # seconds between two looks at the memory of workers


def start_worker(
    plugins: tuple[str, ...], beside: int, warned: frozenset[str] = frozenset()
) -> None:
    """Prepare a worker process: plug-ins, compilation cache, an end together with the driver.

    Args:
        plugins: files to import.
        beside: workers that share the accelerators' memory.
        warned: what the driver has warned of already.
    """
    from pathlib import Path

    from wdist_bench.bench.compilation import use_cache
    from wdist_bench.bench.plugins import load_plugin

    places.heard(warned)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if beside > 1:  # jax would take 75 % for the first of them
        os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", f"{0.75 / beside:.3f}")
    for plugin in plugins:
        load_plugin(Path(plugin))
    use_cache()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


class WorkerError(ChildProcessError):
    """Worker processes cannot start, or end before they begin with a cell."""


class Workers:
    """The engine of one machine.

    Args:
        jobs: cells at a time. With more than one they share the machine and their seconds are no
            timings; records say so.
        timeout: seconds that a cell may take; None for no end.
        memory_limit: bytes that a worker may have in memory; None for an equal part of 80 % of
            what is free now.
        plugins: files that register estimators or tasks; those of this process by default.

    Raises:
        WorkerError: workers end as soon as they start (from `environment` and `submit`).
    """

    def __init__(
        self,
        jobs: int = 1,
        timeout: float | None = None,
        memory_limit: int | None = None,
        plugins: tuple[str, ...] | None = None,
    ) -> None:
        self.slots = self.at_once = jobs
        self.shared = jobs > 1
        self.timeout = timeout
        self.memory_limit = memory_limit or memory.default_limit(jobs)
        self._idle: queue.LifoQueue[_Slot] = queue.LifoQueue()
        places.usable_cache()  # warns here, once, and not in every worker
        files = loaded_plugins() if plugins is None else plugins
        self._every = [_Slot(files, jobs) for _ in range(jobs)]
        for slot in reversed(self._every):
            self._idle.put(slot)
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="slot")
        self._closed = threading.Event()
        self._too_large: dict[int, int] = {}  # worker -> bytes when it was killed
        self._environment: dict[str, Any] = {}
        self._starting = threading.Lock()
        threading.Thread(target=self._watch_memory, daemon=True).start()

    def environment(self) -> dict[str, Any]:
        """Of a worker: the driver leaves the accelerator alone."""
        with self._starting:
            if not self._environment:
                self._environment = self._every[0].call(work.environment, (), None)
        return self._environment

    def submit(self, job: Job) -> Future[dict[str, Any]]:
        """Run a job in the next idle worker."""
        self.environment()
        return self._threads.submit(self._run, job)

    def _run(self, job: Job) -> dict[str, Any]:
        from pebble import ProcessExpired

        slot = self._idle.get()
        if self._closed.is_set():
            raise CancelledError
        kills = memory.kills_by_the_system()
        try:
            return slot.call(work.execute, (job,), self.timeout)
        except TimeoutError:
            message = f"stopped at the deadline of {self.timeout:g} s; give more with --timeout"
            return self._lost(slot, job, "timeout", message)
        except WorkerError as error:
            return self._lost(slot, job, "error", str(error))
        except ProcessExpired as ended:
            status, message = self._why(ended.pid, ended.exitcode, kills)
            return self._lost(slot, job, status, message)
        finally:
            self._idle.put(slot)

    def _lost(self, slot: _Slot, job: Job, status: str, message: str) -> dict[str, Any]:
        if self._closed.is_set():  # given up, not failed
            raise CancelledError
        slot.discard()
        return work.lost(job, digest(self._environment), status, message)

    def _why(self, pid: int | None, code: int, kills: int) -> tuple[str, str]:
        """Status and message for a worker that ended by itself or was killed."""
        held = self._too_large.pop(pid or 0, 0)
        if held:
            return "out_of_memory", (
                f"stopped with {held / 2**30:.1f} GiB in memory, the limit is "
                f"{self.memory_limit / 2**30:.1f} GiB; give more with --memory-limit"
            )
        if code == -9 and memory.kills_by_the_system() > kills:
            return "out_of_memory", "the system killed the worker for want of memory"
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return "error", f"the worker process ended ({how}); the next run tries the cell again"

    def _watch_memory(self) -> None:
        while not self._closed.wait(_LOOK):
            for slot in self._every:
                held = memory.resident(slot.pid) if slot.pid else 0
                if held > self.memory_limit:
                    self._too_large[slot.pid] = held
                    _kill(slot.pid)

    def close(self) -> None:
        """Kill the workers, whatever they are at."""
        self._closed.set()
        for slot in self._every:
            slot.close()
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Slot:
    """A pool of one worker, renewed after a loss."""

    def __init__(self, plugins: tuple[str, ...], beside: int) -> None:
        self._setup = (plugins, beside, places.said())
        self._pool: Any = None
        self._closed = False
        self.pid = 0

    def call(self, function: Any, arguments: tuple[Any, ...], timeout: float | None) -> Any:
        """Result of a function in the worker; sent again where the worker died before it began.

        Raises:
            TimeoutError: the deadline has passed; the worker is gone.
            pebble.ProcessExpired: the worker ended while it was at it.
            WorkerError: no worker lived long enough to begin, or the slot was closed.
        """
        for _ in range(_ATTEMPTS):
            try:
                if self._pool is None:
                    self._start()
                return self._result(self._pool.schedule(function, arguments, timeout=timeout))
            except RuntimeError:  # the pool noticed that its worker was lost between two calls
                self.discard()
        raise WorkerError(
            f"workers: expected a process that lives, got {_ATTEMPTS} that ended at once; "
            "see what they wrote to stderr"
        )

    def _start(self) -> None:
        from pebble import ProcessPool

        self._pool = ProcessPool(
            max_workers=1,
            initializer=start_worker,
            initargs=self._setup,
            context=multiprocessing.get_context("spawn"),
        )
        self.pid = self._result(self._pool.schedule(os.getpid))

    def _result(self, future: Any) -> Any:
        """What a call gives, unless the slot is closed or the worker is gone without a word."""
        from pebble import ProcessExpired

        missed = 0
        while not wait_for_futures([future], _PATIENCE).done:
            if self._closed:
                raise WorkerError("workers: expected to go on, got closed; start new ones")
            missed = 0 if _exists(self.pid) else missed + 1
            if missed == _MISSED:  # exit code 0 is all that the pool takes for a peaceful end
                raise ProcessExpired("ended", 0, self.pid)
        return future.result()

    def close(self) -> None:
        """Kill the worker; calls under way raise WorkerError."""
        self._closed = True
        self.discard()

    def discard(self) -> None:
        """Kill the worker and forget the pool."""
        pool, pid = self._pool, self.pid
        self._pool, self.pid = None, 0
        if pid:
            _kill(pid)
        if pool is not None:
            pool.stop()
            threading.Thread(target=pool.join, daemon=True).start()  # a killed worker may block it


def _exists(pid: int) -> bool:
    """Whether a process is there; 0 is one that is still to come."""
    import psutil

    return pid == 0 or psutil.pid_exists(pid)


def _kill(pid: int) -> None:
    import psutil

    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).kill()
