"""Where cells run: the interface of engines, and the simplest of them."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, Protocol

from wdist_bench.runs import work
from wdist_bench.runs.work import Job


class Engine(Protocol):
    """Runs jobs; every process that runs one journals it."""

    @property
    def slots(self) -> int:
        """Jobs that it takes at a time."""

    @property
    def at_once(self) -> int:
        """Jobs that run at a time; the others wait where they will run."""

    @property
    def shared(self) -> bool:
        """Whether cells run beside each other on one machine."""

    def environment(self) -> dict[str, Any]:
        """Description of the environment that cells run in, `backend` among it."""

    def submit(self, job: Job) -> Future[dict[str, Any]]:
        """Start a job; the future has its record, and raises only where journaling failed."""

    def close(self) -> None:
        """Give up what runs, and free everything."""


class InProcess:
    """Cells run in this very process, one at a time: nothing to start, nothing to protect from."""

    slots = at_once = 1
    shared = False

    def environment(self) -> dict[str, Any]:
        """Of this process."""
        return work.environment()

    def submit(self, job: Job) -> Future[dict[str, Any]]:
        """Runs the cell before it returns."""
        future: Future[dict[str, Any]] = Future()
        future.set_result(work.execute(job))
        return future

    def close(self) -> None:
        """Nothing to free."""
