"""The shape of a check: a task, a cost, and an independent way to the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wdist_bench.costs import Cost
from wdist_bench.tasks.base import Task


@dataclass(frozen=True)
class Check:
    """One parameter set of a task, and another way to its truth.

    Attributes:
        params: parameters of the task.
        p: exponent of the cost.
        norm: ground norm.
        route: (task, cost) -> (independent value of W_p, absolute tolerance), of
            `wdist_bench.cards.routes`.
    """

    params: dict[str, Any]
    p: int
    norm: str
    route: Callable[[Task, Cost], tuple[float, float]]

    @property
    def cost(self) -> Cost:
        """The ground cost."""
        return Cost(self.p, self.norm)
