"""Which process an id means: ids come back, births do not."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path


def born(pid: int) -> str | None:
    """What tells a process from an earlier one of its id; None where none lives.

    On Linux clock ticks since this boot, which no change of the clock changes.
    """
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _born_elsewhere(pid)
    return None if state in "ZX" else f"{rest[18]}@{_boot()}"


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _born_elsewhere(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        dead = process.status() == psutil.STATUS_ZOMBIE
        return None if dead else str(process.create_time())
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:  # somebody else's
        return ""
