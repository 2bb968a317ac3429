"""The shape of a second route: an independent way to a task's truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wdist_bench.tasks.base import Task


@dataclass(frozen=True)
class Check:
    """One parameter set of a task, and another way to its truth.

    Attributes:
        params: parameters of the task.
        p: exponent of the cost.
        norm: ground norm.
        route: (task, p, norm) -> (independent value of W_p, absolute tolerance).
    """

    params: dict[str, Any]
    p: int
    norm: str
    route: Callable[[Task, int, str], tuple[float, float]]
