"""How far the map of an estimator is from the optimal one of a task, where both are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from wdist_bench import metrics
from wdist_bench.costs import L2, Cost
from wdist_bench.estimate import Estimate, Fitted, TracedFitted
from wdist_bench.protocol.agreement import points_to_compare
from wdist_bench.tasks import Task
from wdist_bench.tasks.origin import from_origin

NAMES = ("l2_uvp", "map_cosine", "inverse_l2_uvp", "inverse_map_cosine")
"""Numbers of a run, see `wdist_bench.results.columns`."""

_KEY = 2**32 - 1
"""Folded into the key of the data, as the numbers of runs are, which are far below it."""

Images = tuple[Any, Any]
"""T(x) and the inverse map at y, each (n, dim), or None where there is none."""


@dataclass(frozen=True)
class MapProbe:
    """Pairs (x, T x) of the optimal plan for p = 2 in l2, drawn apart from all samples.

    Every estimator and run of a seed meets the same ones.

    Attributes:
        x: (n, dim) points of mu in the coordinates of the task's draws, float64.
        y: (n, dim) their images, points of nu.
        forward: whether y is a function of x.
        inverse: whether x is a function of y.
    """

    x: np.ndarray
    y: np.ndarray
    forward: bool
    inverse: bool

    def agreement(self, images: Images) -> dict[str, float]:
        """The numbers of `NAMES` that these images have; none without images."""
        found: dict[str, float] = {}
        at_x, at_y = images
        if at_x is not None and self.forward:
            found["l2_uvp"] = metrics.unexplained_variance(at_x, self.y)
            found["map_cosine"] = metrics.map_cosine(at_x, self.y, self.x)
        if at_y is not None and self.inverse:
            found["inverse_l2_uvp"] = metrics.unexplained_variance(at_y, self.x)
            found["inverse_map_cosine"] = metrics.map_cosine(at_y, self.x, self.y)
        return {name: value for name, value in found.items() if math.isfinite(value)}


def map_probe(task: Task, cost: Cost, seed: int) -> MapProbe | None:
    """4,096 optimal pairs of a task, or as many as it can draw; None where no map is known, and
    for other costs.
    """
    if cost != L2(2):
        return None
    key = jax.random.fold_in(jax.random.key(seed), np.uint32(_KEY))
    pairs = task.pairs(key, points_to_compare(task.sampler()), 2)
    if pairs is None:
        return None
    forward = task.map(pairs[0][:1], 2) is not None
    inverse = task.inverse_map(pairs[1][:1], 2) is not None
    if not (forward or inverse):
        return None
    origin = np.zeros(task.dim) if task.origin is None else task.origin
    x, y = (np.asarray(from_origin(points, origin), np.float64) for points in pairs)
    return MapProbe(x, y, forward, inverse)


def images_of_fitted(fitted: Fitted, x: Any, y: Any) -> Images:
    """Of what was fitted for p = 2 in l2, in the coordinates of the draws; traceable.

    Matrix products have the highest precision, as in `metrics.gradients`.
    """
    if not isinstance(fitted, TracedFitted):
        return None, None
    with jax.default_matmul_precision("highest"):
        return fitted.transport(x), fitted.inverse_transport(y)


def images_of_answer(answer: Estimate, probe: MapProbe) -> Images:
    """Of an answer on samples in the coordinates of the draws."""
    maps = (answer.map, probe.x), (answer.inverse_map, probe.y)
    at_x, at_y = (None if carry is None else carry(points) for carry, points in maps)
    return at_x, at_y


def over_runs(found: list[dict[str, float]]) -> dict[str, np.ndarray]:
    """(runs,) of each number that a run has, NaN for those without it."""
    names = dict.fromkeys(name for one in found for name in one)
    return {name: np.array([one.get(name, math.nan) for one in found]) for name in names}
