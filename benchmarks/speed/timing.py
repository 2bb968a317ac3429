"""Honest timings: calls alternate in one process, the first round is not counted."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable

import numpy as np


def alternate(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each call, round by round, every call once a round after one round of warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for counted in [False] + [True] * repeats:
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if counted:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def median_and_spread(seconds: list[float]) -> tuple[float, float]:
    """Median, and half the distance between the quartiles."""
    low, middle, high = np.percentile(seconds, [25, 50, 75])
    return float(middle), float(high - low) / 2


def hardware() -> str:
    """The machine in words, with how busy it was when asked."""
    import jax

    load = os.getloadavg()[0]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    kind = jax.devices()[0].device_kind
    return f"{platform.machine()}, {cores} cores, jax {jax.__version__} on {kind}, load {load:.1f}"
