"""Processes: which one an id means, who descends from it, and the end of them all.

A worker's descendants are found two ways, since each misses some: as children of children, and by a
variable in the environment that they inherit, those too that init has adopted. Run as a script it
is the guard of a driver: it waits until the driver is gone, however that came, and ends what
carries its mark.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

MARK = "WDIST_BENCH_WORKER"
"""The environment variable by which a worker's descendants are known."""

_ROUNDS = 500  # of ending what is left: processes may start others meanwhile
_PAUSE = 0.01  # seconds between two rounds


def stopped(pid: int) -> bool:
    """Whether a process is held by SIGSTOP or a debugger."""
    import psutil

    try:
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.Error:
        return False


def family(pid: int) -> list[psutil.Process]:
    """A process and what descends from it, as far as its parents live."""
    import psutil

    try:
        head = psutil.Process(pid)
        return [head, *head.children(recursive=True)]
    except psutil.Error:
        return []


def marked(mark: str) -> list[psutil.Process]:
    """Living processes that were started with the mark in their environment."""
    import psutil

    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if mark in process.environ().get(MARK, "") and process.pid != os.getpid():
                found.append(process)
    return found


def end(known: Iterable[psutil.Process], mark: str) -> None:
    """Kill these processes, and all that carry the mark, until none is left.

    Nobody is waited for: a child's exit code is for its parent to take.
    """
    _kill(known)
    for _ in range(_ROUNDS):
        left = marked(mark)
        if not left:
            return
        _kill(left)
        time.sleep(_PAUSE)


def _kill(processes: Iterable[psutil.Process]) -> None:
    import psutil

    for process in processes:
        with suppress(psutil.Error):
            process.kill()  # not where the id has come to mean another one


def main() -> None:
    """Wait for the end of the driver, which holds the other end of stdin; then end its workers."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    sys.stdin.buffer.read()
    end((), sys.argv[1])


if __name__ == "__main__":
    main()
