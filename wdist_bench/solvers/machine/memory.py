"""Whether a cost matrix fits, decided before it is made."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_GIB = 2**30
# Bytes that need not be asked for: asking takes as long as solving 64 points does.
_SURELY_FREE = 2**22
EXACT_BYTES = 49
"""Of a pair of points in the network simplex: costs, plan and its graph, at 3,000 and 4,096."""
INSTEAD_FOR_GIVEN = (
    "use nearest_neighbor (a lower bound), which asks for parts of the costs, or fewer points"
)
"""Advice for costs of a function or a matrix, which solvers of plans take all at once."""


def available() -> int:
    """Bytes that are free on this machine, or in its container where that has fewer."""
    import psutil

    free = int(psutil.virtual_memory().available)
    try:
        text = Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8").strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="utf-8"))
        return free if text == "max" else min(free, int(text) - used + _given_back())
    except (OSError, ValueError):
        return free


def _given_back() -> int:
    """Bytes of files in the container's memory that nobody used of late: taken away when needed."""
    with suppress(OSError, ValueError):
        stat = Path("/sys/fs/cgroup/memory.stat").read_text(encoding="utf-8")
        for name, size in (line.split() for line in stat.splitlines()):
            if name == "inactive_file":
                return int(size)
    return 0


def fits(needed: int) -> bool:
    """Whether so many bytes are free."""
    return needed <= _SURELY_FREE or needed <= available()


def require_matrix(n: int, m: int, dim: int, bytes_a_pair: int, advice: str = "") -> None:
    """Raise MemoryError where (n, m) costs and what is computed from them do not fit.

    Args:
        n: points of mu.
        m: points of nu.
        dim: their dimension, for what to do instead.
        bytes_a_pair: memory that the solver takes for a pair of points, its cost included.
        advice: what to do, where `instead` does not say it.
    """
    needed = n * m * bytes_a_pair
    if not fits(needed):
        raise MemoryError(
            f"all pairs of {n} x {m} points need about {needed / _GIB:.3g} GiB, "
            f"{available() / _GIB:.3g} GiB are free; {advice or instead(dim)}"
        )


def instead(dim: int) -> str:
    """Words that name the methods whose memory is linear in the points of dimension `dim`."""
    line = "use one_dimensional, which is exact too, or " if dim == 1 else "use "
    return (
        f"{line}bracket (a certified interval) or nearest_neighbor (a lower bound), whose memory "
        "is linear in the points, or fewer points"
    )
