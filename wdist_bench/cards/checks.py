"""What a truth card has to pass before it is written."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import jax
import numpy as np

from wdist_bench.cards.routes.plans import simplex
from wdist_bench.costs import Cost
from wdist_bench.tasks.base import Task
from wdist_bench.truth import Truth

Pair = tuple[Cost, Truth, float, float]
"""A cost, its truth, and value and tolerance by the second route."""

_BATCHES, _ROWS = 20, 100
_SIGMAS = 5.0
_ROUNDING = 1e-7  # relative; samples are float32


def second_route(task: Task, known: list[Pair]) -> bool:
    """Both routes agree within the tolerance of the second."""
    return all(abs(truth.value - value) <= room for _, truth, value, room in known)


def rises_with_p(task: Task, known: list[Pair]) -> bool:
    """W_p <= W_q for p <= q and one distance (Jensen)."""
    groups: dict[Cost, list[tuple[float, Truth]]] = {}
    for cost, truth, _, _ in known:
        groups.setdefault(cost.to(1), []).append((cost.p, truth))
    return all(
        low.value <= high.value + _room(low, high)
        for group in groups.values()
        for (_, low), (_, high) in pairwise(sorted(group, key=lambda pair: pair[0]))
    )


def norms_in_order(task: Task, known: list[Pair]) -> bool:
    """linf <= l2 <= l1 <= sqrt(d) l2 <= d linf, as the norms themselves."""
    by = {(cost.norm, cost.p): truth for cost, truth, _, _ in known if cost.minkowski}
    root = math.sqrt(task.dim)
    pairs = (("linf", "l2", 1.0), ("l2", "l1", 1.0), ("l1", "l2", root), ("l2", "linf", root))
    return all(
        by[low, p].value <= factor * by[high, p].value + factor * _room(by[low, p], by[high, p])
        for p in {p for _, p in by}
        for low, high, factor in pairs
        if (low, p) in by and (high, p) in by
    )


def batches_above(task: Task, known: list[Pair]) -> bool:
    """E W_p^p(batch) >= W_p^p, by the simplex on 20 batches of 100 fresh rows, at p <= 2."""
    drawn = [task.sample(key, _ROWS) for key in jax.random.split(jax.random.key(1), _BATCHES)]
    rows = [(np.asarray(x, np.float64), np.asarray(y, np.float64)) for x, y in drawn]
    for cost, truth, _, _ in known:
        if cost.p > 2:
            continue
        paid = np.array([simplex(x, y, cost) ** cost.p for x, y in rows])
        high = paid.mean() + _SIGMAS * paid.std(ddof=1) / math.sqrt(_BATCHES)
        if (truth.value - _SIGMAS * truth.stderr) ** cost.p > high * (1 + _ROUNDING):
            return False
    return True


def _room(*truths: Truth) -> float:
    return sum(_SIGMAS * truth.stderr + _ROUNDING * truth.value for truth in truths)


CHECKS: dict[str, Callable[[Task, list[Pair]], bool]] = {
    "second route": second_route,
    "rises with p": rises_with_p,
    "norms in order": norms_in_order,
    "batches above": batches_above,
}
"""Every check by its name."""
