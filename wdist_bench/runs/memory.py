"""Memory that a cell needed, and the most that a worker may take."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax

from wdist_bench.solvers.machine.memory import available

if TYPE_CHECKING:
    import psutil

_RESET_PEAK = "5"  # what /proc/PID/clear_refs takes to start VmHWM afresh (Linux, proc(5))
_KILLS = (  # control groups of version 2 and 1, the whole machine (Linux)
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
    "/proc/vmstat",
)
_SHARE = 0.8  # of the memory that is free, for all workers together


def reset_peak() -> None:
    """Start the peak of this process afresh, where the system can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK, encoding="utf-8")
    except OSError:
        return


def peak() -> dict[str, int]:
    """Bytes: `peak_memory`, resident in this process since `reset_peak` (elsewhere than on Linux
    since it began), and `peak_device_memory`, on the first device since it began, where it counts.
    """
    found = {"peak_memory": _peak_resident()}
    stats: dict[str, Any] = jax.local_devices()[0].memory_stats() or {}
    if "peak_bytes_in_use" in stats:
        found["peak_device_memory"] = int(stats["peak_bytes_in_use"])
    return found


def _peak_resident() -> int:
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used if sys.platform == "darwin" else used * 1024
    peaks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peaks[0]) * 1024 if peaks else 0


def default_limit(workers: int) -> int:
    """Bytes that each of so many workers may take: an equal part of 80 % of what is free."""
    return max(int(_SHARE * available() / workers), 2**30)


def kills_by_the_system() -> int:
    """How often the kernel killed a process for want of memory, of this container where it counts
    those apart; 0 if unknown.
    """
    for place in _KILLS:
        with suppress(OSError, ValueError):
            counts = dict(line.split() for line in Path(place).read_text("utf-8").splitlines())
            if "oom_kill" in counts:
                return int(counts["oom_kill"])
    return 0


def resident(processes: Sequence[psutil.Process], enough: int = 0) -> int:
    """Bytes that processes have in memory together.

    Pages that several of them share (forked ones share much) count once for each. Where that gives
    more than `enough`, they are divided among those that share them, as far as the system tells
    (Linux); that takes longer.
    """
    held = sum(_bytes(process, "memory_info", "rss") for process in processes)
    if held <= enough or len(processes) < 2:
        return held
    apart = sum(_bytes(process, "memory_full_info", "pss") for process in processes)
    return apart or held


def _bytes(process: psutil.Process, question: str, name: str) -> int:
    """0 where the process is gone, or the system does not tell."""
    import psutil

    try:
        return int(getattr(getattr(process, question)(), name, 0))
    except (psutil.Error, OSError):
        return 0
