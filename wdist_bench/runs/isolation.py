"""Cells in worker processes with hard deadlines and memory limits.

A worker that hangs, dies or takes too much memory costs one record, not the sweep. Workers live as
long as nothing goes wrong and their memory stays small, and are replaced otherwise. What a cell
started ends with its worker.
"""

from __future__ import annotations

import atexit
import queue
import secrets
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from wdist_bench.datasets import places
from wdist_bench.runs import memory, processes, work
from wdist_bench.runs.cell import digest
from wdist_bench.runs.engine import InProcess
from wdist_bench.runs.plugins import Stranger, loaded_plugins, strangers, unknown
from wdist_bench.runs.source import named_by
from wdist_bench.runs.work import Job
from wdist_bench.runs.worker import LOOK, DeadlineError, EndedError, Worker, WorkerError
from wdist_bench.validation import check_integer, check_number

_ATTEMPTS = 5  # to find a living worker; one killed between two cells has lost nothing
_GROWN = 0.5  # of the memory that a fresh worker leaves below the limit: time for a fresh one
_REST = 50  # times as long as looking at all workers took, so that it takes 2 % of a core at most


@dataclass(frozen=True)
class _Loss:
    """A cell whose worker did not come back.

    Attributes:
        status: of its record.
        message: of its record.
        stop_reason: of its record.
        seconds: since it was sent.
        again: whether what ran before it, or beside it, may be why.
    """

    status: str
    message: str
    stop_reason: str
    seconds: float
    again: bool = False


class Workers:
    """The engine of one machine.

    Workers import the modules that have registered something in this process. What none of these
    has, since it was defined in a notebook say, runs in this process.

    Args:
        jobs: cells at a time. With more than one they share the machine and their seconds are no
            timings; records say so.
        timeout: seconds that a cell may take; None for no end.
        memory_limit: bytes that a worker and its descendants may have in memory; None for an equal
            part of 80 % of what is free now.
        plugins: files that register estimators or tasks; those of this process by default.

    Raises:
        ValueError: no jobs, no time or no memory.
        WorkerError: workers end as soon as they start (from `environment` and `submit`).
    """

    def __init__(
        self,
        jobs: int = 1,
        timeout: float | None = None,
        memory_limit: int | None = None,
        plugins: tuple[str, ...] | None = None,
    ) -> None:
        self.slots = self.at_once = jobs = check_integer(jobs, "jobs", 1)
        self.shared = jobs > 1
        self.timeout = None if timeout is None else check_number(timeout, "timeout", above=0)
        if memory_limit is None:
            memory_limit = memory.default_limit(jobs)
        self.memory_limit = check_integer(memory_limit, "memory_limit", 1, sys.maxsize)
        places.usable_cache()  # warns here, once, and not in every worker
        files = loaded_plugins() if plugins is None else plugins
        self._guard = _Guard()
        self._every = [_Slot(files, jobs, f"{self._guard.mark}-{i};") for i in range(jobs)]
        self._jobs: queue.SimpleQueue[tuple[Job, Future[dict[str, Any]]]] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._environment: dict[str, Any] = {}
        self._strangers: tuple[Stranger, ...] = ()
        self._unknown: frozenset[str] = frozenset()
        self._starting = threading.Lock()
        atexit.register(self.close)  # whoever forgot to close it does not hang at exit

    def environment(self) -> dict[str, Any]:
        """Of a worker: the driver leaves the accelerator alone."""
        with self._starting:
            if not self._environment:
                self._guard.start()
                self._environment = self._every[0].call(work.environment, (), None)
                self._strangers = strangers()
                self._unknown = self._introduce(self._every[0], None)
                self._begin()
        return self._environment

    def _begin(self) -> None:
        tasks = [(self._serve, (slot,)) for slot in self._every] + [(self._watch_memory, ())]
        for target, arguments in tasks:
            threading.Thread(target=target, args=arguments, daemon=True).start()

    def _introduce(self, slot: _Slot, timeout: float | None) -> frozenset[str]:
        """Let a worker import what this process has imported; what it lacks then."""
        if not self._strangers:
            return frozenset()
        return frozenset(slot.call(unknown, (self._strangers,), timeout))

    def submit(self, job: Job) -> Future[dict[str, Any]]:
        """Run a job in the next idle worker, or here, where no worker knows what it needs."""
        self.environment()
        for name in sorted(self._unknown & named_by(job.cell)):
            places.warn_once(
                f"here {name}",
                f"{name}: this session alone defines it, so its cells run in this process, without "
                "deadline and memory limit; write it to a file and import that for these",
            )
            return InProcess().submit(job)
        future: Future[dict[str, Any]] = Future()
        self._jobs.put((job, future))
        return future

    def _serve(self, slot: _Slot) -> None:
        """The thread of a slot: jobs, one after the other."""
        while not self._closed.is_set():
            with suppress(queue.Empty):
                job, future = self._jobs.get(timeout=1)
                try:
                    future.set_result(self._run(slot, job))
                except BaseException as error:
                    future.set_exception(error)

    def _run(self, slot: _Slot, job: Job) -> dict[str, Any]:
        """The record of a job; one that ran out of memory runs again in a fresh worker."""
        slot.renew_if_grown(self.memory_limit)
        answer = self._try(slot, job)
        if isinstance(answer, _Loss) and answer.again:
            job = replace(job, tries=2, lost_seconds=round(answer.seconds, 4))
            answer = self._try(slot, job)
        if isinstance(answer, _Loss):
            return work.lost(
                job,
                digest(self._environment),
                status=answer.status,
                message=answer.message,
                stop_reason=answer.stop_reason,
            )
        return answer

    def _try(self, slot: _Slot, job: Job) -> dict[str, Any] | _Loss:
        kills, began = memory.kills_by_the_system(), time.monotonic()
        fresh = slot.fresh
        try:
            if fresh:  # which takes its seconds, and the cell has those that it may take to itself
                slot.call(work.environment, (), self.timeout)
                self._introduce(slot, self.timeout)
            record = slot.call(work.execute, (job,), self.timeout)
            slot.fresh = False
            if fresh or record["status"] != "out_of_memory" or job.tries > 1:
                return dict(record)
            loss = _Loss("out_of_memory", record["message"], "memory limit", 0.0, again=True)
        except DeadlineError as late:
            loss = self._late(late)
        except WorkerError as error:
            loss = _Loss("error", str(error), "exception", 0.0)
        except EndedError as ended:
            loss = self._why(slot, ended.code, fresh, kills)
        slot.discard()
        if self._closed.is_set():  # given up, not failed
            raise CancelledError
        return replace(loss, seconds=time.monotonic() - began)

    def _late(self, late: DeadlineError) -> _Loss:
        said = f"stopped at the deadline of {self.timeout:g} s"
        if late.watch.doubtful:
            asleep = f"machine, driver or worker slept for {late.watch.asleep:.0f} s"
            message = f"{said}, but {asleep} meanwhile; the next run tries the cell again"
            return _Loss("error", message, "deadline", 0.0)
        return _Loss("timeout", f"{said}; give more with --timeout", "deadline", 0.0)

    def _why(self, slot: _Slot, code: int, fresh: bool, kills: int) -> _Loss:
        """What to say of a worker that ended by itself or was killed."""
        if held := slot.too_large:
            return _Loss("out_of_memory", (
                f"stopped with {held / 2**30:.1f} GiB in memory, the limit is "
                f"{self.memory_limit / 2**30:.1f} GiB; give more with --memory-limit"
            ), "memory limit", 0.0, again=not fresh)  # fmt: skip
        if code == -9 and memory.kills_by_the_system() > kills:
            message = "the system killed the worker for want of memory"
            return _Loss("out_of_memory", message, "memory limit", 0.0, again=True)
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        message = f"the worker process ended ({how}); the next run tries the cell again"
        return _Loss("error", message, "exception", 0.0)

    def _watch_memory(self) -> None:
        pause = LOOK
        while not self._closed.wait(pause):
            began = time.perf_counter()
            for slot in self._every:
                slot.look(self.memory_limit)
            pause = max(LOOK, _REST * (time.perf_counter() - began))

    def close(self) -> None:
        """Kill the workers, whatever they are at, and all that they started."""
        atexit.unregister(self.close)
        self._closed.set()
        for slot in self._every:
            slot.close()
        while not self._jobs.empty():
            self._jobs.get()[1].cancel()
        self._guard.end()


class _Guard:
    """A process that ends this one's workers where this one cannot, since it was killed."""

    def __init__(self) -> None:
        self.mark = secrets.token_hex(8)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Once; it takes a moment to be there, and waits for nothing but our end."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", processes.__file__, self.mark],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,  # who reads ours to its end should not wait for it
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def end(self) -> None:
        """Let it do its work, whatever is left of it."""
        if self._process is not None:
            self._process.communicate()
            self._process = None


class _Slot:
    """A place for one worker, renewed after a loss and when it has grown.

    Attributes:
        fresh: whether the worker has run no cell yet, or is still to come.
    """

    def __init__(self, plugins: tuple[str, ...], beside: int, mark: str) -> None:
        self._setup = (plugins, beside, mark)
        self._worker: Worker | None = None
        self._changing = threading.Lock()
        self._closed = False
        self.fresh = True

    @property
    def too_large(self) -> int:
        """Bytes that the worker held when it was killed for that; 0 where it was not."""
        worker = self._worker
        return 0 if worker is None else worker.too_large

    def call(self, function: Any, arguments: tuple[Any, ...], timeout: float | None) -> Any:
        """Result of a function in the worker; sent again where the worker died before it began.

        Raises:
            DeadlineError: the deadline has passed.
            EndedError: the worker ended while it was at it.
            WorkerError: no worker lived long enough to begin, or the slot was closed.
        """
        for _ in range(_ATTEMPTS):
            worker = self._living()
            try:
                return worker.call(function, arguments, timeout)
            except EndedError as ended:
                if ended.begun:
                    raise
                self.discard()
        raise WorkerError(
            f"workers: expected a process that lives, got {_ATTEMPTS} that ended at once; "
            "see what they wrote to stderr"
        )

    def _living(self) -> Worker:
        with self._changing:
            if self._closed:
                raise WorkerError("workers: expected to go on, got closed; start new ones")
            if self._worker is None:
                self._worker, self.fresh = Worker(*self._setup), True
            return self._worker

    def renew_if_grown(self, limit: int) -> None:
        """End a worker that earlier cells have left too large for the next one.

        XLA keeps what it compiled: 30 to 70 MB a critic of another shape. (`jax.clear_caches` and
        `malloc_trim` gave back 220 of 330 MB; a fresh process gives back all, whatever it is.)
        """
        worker = self._worker
        if worker is None or self.fresh:
            return
        allowed = worker.at_first + _GROWN * (limit - worker.at_first)
        if worker.held(limit) > allowed:
            self.discard()

    def look(self, limit: int) -> None:
        """Kill the worker where it has more than so many bytes in memory."""
        worker = self._worker
        if worker is not None:
            worker.look(limit)

    def close(self) -> None:
        """Kill the worker; calls under way raise WorkerError."""
        self._closed = True
        self.discard()

    def discard(self) -> None:
        """Kill the worker and forget it."""
        with self._changing:
            worker, self._worker, self.fresh = self._worker, None, True
        if worker is not None:
            worker.end()
