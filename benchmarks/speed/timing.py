"""Honest timings: calls alternate in one process, the first round is not counted."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from functools import partial

import numpy as np


def alternate(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each call, round by round, every call once a round after one round of warm-up."""

    def timed(call: Callable[[], object]) -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return alternate_reported({name: partial(timed, call) for name, call in calls.items()}, repeats)


def alternate_reported(
    calls: dict[str, Callable[[], float]], repeats: int, warm_up: bool = True
) -> dict[str, list[float]]:
    """The same for calls that time themselves: each returns the seconds that count.

    Without `warm_up` every round counts, for calls that are warm already.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for counted in [False] * warm_up + [True] * repeats:
        for name, call in calls.items():
            took = call()
            if counted:
                seconds[name].append(took)
    return seconds


def median_and_spread(seconds: list[float]) -> tuple[float, float]:
    """Median, and half the distance between the quartiles."""
    low, middle, high = np.percentile(seconds, [25, 50, 75])
    return float(middle), float(high - low) / 2


class OtherWork:
    """The share of the cores that other programs took inside a `with` block, as `share`.

    Programs that this process starts and ends inside the block count as others.
    """

    share: float

    def __enter__(self) -> OtherWork:
        self._start = time.perf_counter(), *_busy_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        start, machine, own = self._start
        all_of_it, ours = _busy_seconds()
        seconds = (time.perf_counter() - start) * (os.cpu_count() or 1)
        self.share = max(0.0, (all_of_it - machine) - (ours - own)) / seconds


def _busy_seconds() -> tuple[float, float]:
    """Processor seconds of the machine, and of this process with its children, so far."""
    import psutil

    times = psutil.cpu_times()
    process = psutil.Process()
    family = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return times.user + times.system, sum(each.user + each.system for each in family)


def hardware() -> str:
    """The machine in words, with how busy it was when asked."""
    import jax

    load = os.getloadavg()[0]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    kind = jax.devices()[0].device_kind
    return f"{platform.machine()}, {cores} cores, jax {jax.__version__} on {kind}, load {load:.1f}"
