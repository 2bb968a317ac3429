"""The shape of a check: a task, a cost, another way to its truth; and pairs that prove theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

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
            `wdist_bench.cards.routes` or of `further_routes.py`.
    """

    params: dict[str, Any]
    p: int
    norm: str
    route: Callable[[Task, Cost], tuple[float, float]]

    @property
    def cost(self) -> Cost:
        """The ground cost."""
        return Cost(self.p, self.norm)


def certificate(task: Any, n: int, half: float) -> tuple[float, float]:
    """Largest |u(x) - u(T x) - ||x - T x||| of n pairs in [-half, half]^dim, u the potential for
    p = 1, and the largest slope of u between points of both measures.
    """
    x, y = (np.asarray(v) for v in task.pairs(jax.random.key(9), n))
    assert x.dtype == y.dtype == np.float64
    assert max(np.abs(x).max(), np.abs(y).max()) <= half
    u_x, u_y = np.asarray(task.potential(x)), np.asarray(task.potential(y))
    length = np.linalg.norm(x - y, axis=1)
    apart = np.linalg.norm(x - np.roll(y, 1, 0), axis=1)
    slope = np.abs(u_x - np.roll(u_y, 1)) / apart
    return float(np.abs(u_x - u_y - length).max()), float(slope.max())
