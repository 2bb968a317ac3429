"""A worker process: started, called, ended with everything that descends from it.

Spawned, never forked (jax has threads), with a session of its own: what a terminal sends to the
driver does not reach it. It ends with the driver, even one that was killed (`processes.py`).
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from wdist_bench.datasets import places
from wdist_bench.runs import memory, processes
from wdist_bench.runs.stopwatch import Stopwatch

LOOK = 0.1  # seconds between two looks at a worker: its deadline, its memory, whether it lives
_FAREWELL = 10.0  # seconds that a process may take to be gone after it was killed


class WorkerError(ChildProcessError):
    """Worker processes cannot start, or end before they begin with a cell."""


class EndedError(ChildProcessError):
    """A worker ended during a call.

    Attributes:
        begun: whether it had begun with the call.
        code: its exit code, below 0 for a signal.
    """

    def __init__(self, begun: bool, code: int) -> None:
        super().__init__(f"the worker process ended with exit code {code}")
        self.begun, self.code = begun, code


class DeadlineError(TimeoutError):
    """A call took longer than it may.

    Attributes:
        watch: the stopwatch that says so.
    """

    def __init__(self, watch: Stopwatch) -> None:
        super().__init__("deadline")
        self.watch = watch


class Worker:
    """One process that runs one call at a time.

    Args:
        plugins: files that it imports.
        beside: workers that share the accelerators' memory and the cores.
        mark: by which its descendants are known; no other worker's.

    Attributes:
        pid: of the process.
        at_first: bytes that it held when it was ready for its first call.
        too_large: bytes that it and its descendants held when they were killed for that.
    """

    def __init__(self, plugins: tuple[str, ...], beside: int, mark: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, plugins, beside, places.said()), name=mark
        )
        self._mark = mark
        self.at_first = self.too_large = 0
        with _inherited(mark, beside):
            self._process.start()
        theirs.close()
        self.pid = self._process.pid or 0
        self._family = processes.family(self.pid)

    def call(self, function: Any, arguments: tuple[Any, ...], timeout: float | None) -> Any:
        """What a function gives in the worker, or raises there.

        Raises:
            DeadlineError: `timeout` seconds have passed since it began.
            EndedError: the process ended.
        """
        watch, begun = Stopwatch(), False
        try:
            self._pipe.send((function, arguments))
            while True:
                kind, content = self._next(watch, timeout if begun else None)
                if kind == "ready":
                    self.at_first = content
                elif kind == "begun":
                    watch, begun = Stopwatch(), True
                elif kind == "raised":
                    raise content
                else:
                    return content
        except (EOFError, ConnectionError):  # ChildProcessError is none of these
            raise EndedError(begun, self._exit_code()) from None

    def _next(self, watch: Stopwatch, timeout: float | None) -> tuple[str, Any]:
        """The next message; EOFError where there will be none."""
        while not self._pipe.poll(LOOK):
            watch.look(timeout is not None and processes.stopped(self.pid))
            if timeout is not None and watch.over(timeout):
                raise DeadlineError(watch)
            if not self._process.is_alive() and not self._pipe.poll():
                raise EOFError  # a descendant may hold the other end, so that nothing says so
        message: tuple[str, Any] = self._pipe.recv()
        return message

    def _exit_code(self) -> int:
        self._process.join(LOOK)
        self.end()
        code = self._process.exitcode
        return -int(signal.SIGKILL) if code is None else code

    def look(self, limit: int) -> None:
        """Find its descendants, and kill it where they hold more than so many bytes together."""
        self._find()
        held = self.held(limit)
        if held > limit:
            self.too_large = held
            self._kill()

    def held(self, enough: int) -> int:
        """Bytes in memory of the worker and the descendants that were seen at the last look."""
        return memory.resident(self._family, enough)

    def end(self) -> None:
        """Kill it and what descends from it, and wait until it is gone."""
        self._kill()
        self._process.join(_FAREWELL)

    def _find(self) -> None:
        if self._process.is_alive():  # so that the id is still its own
            self._family = processes.family(self.pid) or self._family

    def _kill(self) -> None:
        self._find()
        processes.end(self._family, self._mark)


_spawning = threading.Lock()
# Libraries of linear algebra and the like read it when they are loaded. Workers that take all cores
# each wait for each other, spinning: intervals of 400 digits took two to four times the processor
# time for two on two cores.
_THREADS = "OMP_NUM_THREADS"


@contextmanager
def _inherited(mark: str, beside: int) -> Iterator[None]:
    """A process that starts inside carries the mark, and does not hear Ctrl-C until it is ready.

    Unless somebody said otherwise, it takes a share of the cores that leaves some to those beside.
    """
    blocks = hasattr(signal, "pthread_sigmask")
    with _spawning:
        resource_tracker.ensure_running()  # the driver's own, so without the mark
        before = {name: os.environ.get(name) for name in (processes.MARK, _THREADS)}
        os.environ[processes.MARK] = f"{before[processes.MARK] or ''} {mark}"
        if beside > 1:
            os.environ.setdefault(_THREADS, str(max(1, (os.cpu_count() or 1) // beside)))
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if blocks else None
        try:
            yield
        finally:
            if mask is not None:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def serve(pipe: Connection, plugins: tuple[str, ...], beside: int, warned: frozenset[str]) -> None:
    """The life of a worker process: calls, one after the other, until the driver is gone.

    Args:
        pipe: where calls come from and answers go.
        plugins: files to import.
        beside: workers that share the accelerators' memory.
        warned: what the driver has warned of already.
    """
    places.heard(warned)
    start_worker(plugins, beside)
    pipe.send(("ready", memory.resident(processes.family(os.getpid()))))
    while True:
        try:
            function, arguments = pipe.recv()
        except EOFError:
            return
        pipe.send(("begun", None))
        try:
            answer = ("gave", function(*arguments))
        except Exception as error:
            answer = ("raised", _portable(error))
        pipe.send(answer)


def _portable(error: Exception) -> Exception:
    """The exception, or one of its text where it cannot be sent."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return WorkerError(f"workers: expected an answer, got {type(error).__name__}: {error}")
    return error


def start_worker(plugins: tuple[str, ...], beside: int) -> None:
    """Prepare a worker process: its session, plug-ins, compilation cache, its end."""
    from wdist_bench.protocol.compilation import use_cache
    from wdist_bench.runs.plugins import load_plugin

    if hasattr(os, "setsid"):
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if beside > 1:  # jax would take 75 % for the first of them
        os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", f"{0.75 / beside:.3f}")
    for plugin in plugins:
        load_plugin(Path(plugin))
    use_cache()


def _end_with_parent() -> None:
    """The guard of the driver does this too, but somebody may have killed it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        with suppress(OSError, AttributeError):
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)
