"""How well a critic's gradient agrees with that of the optimal potential, where it is known."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench import metrics
from wdist_bench.costs import Cost
from wdist_bench.estimate import Fitted
from wdist_bench.estimators.potential import FittedPotential
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import jit_by_class
from wdist_bench.tasks import Task

POINTS = 4096
_ENTRIES = 2**22  # of the gradients that one run brings back: fewer points in high dimension


def gradient_points(task: Task, sampler: Sampler, cost: Cost) -> int:
    """Number of points to compare gradients at; 0 where the optimal gradient is not known."""
    if cost.norm != "l2":
        return 0
    with jax.enable_x64(sampler.x64):
        probe = sampler.draw(jax.random.key(0), 1)[0]
    if task.potential_gradient(probe, cost.p) is None:
        return 0
    return points_to_compare(sampler)


def points_to_compare(sampler: Sampler) -> int:
    """4,096; fewer in high dimension, and where a draw gives fewer."""
    return min(POINTS, max(_ENTRIES // sampler.dim, 64), sampler.limit or POINTS)


def critic_gradients(
    fitted: FittedPotential, sampler: Sampler, cost: Cost, key: jax.Array, count: int
) -> tuple[jax.Array, jax.Array]:
    """Fresh points and grad f there, both (count, dim) float32; traceable.

    For p = 1 at points of nu, as in the literature; for p = 2, where phi lives on mu alone, there.
    """
    x, y = sampler.draw(key, count)
    points = (y if cost.p == 1 else x).astype(jnp.float32)
    return points, metrics.gradients(fitted.critic, points)


_critic_gradients = jit_by_class("cost", "count")(critic_gradients)


def agreement_of(
    task: Task, fitted: Fitted, sampler: Sampler, cost: Cost, key: jax.Array
) -> dict[str, float]:
    """How the gradient of what was fitted agrees with the optimal potential's; empty where one of
    them is not known.
    """
    if not isinstance(fitted, FittedPotential):
        return {}
    count = gradient_points(task, sampler, cost)
    if not count:
        return {}
    with jax.enable_x64(sampler.x64):
        found = _critic_gradients(fitted, sampler, cost, key, count)
    return agreement(task, cost, *found)


def agreement(task: Task, cost: Cost, points: Any, gradients: Any) -> dict[str, float]:
    """`gradient_cosine` and `gradient_l2` against the task's potential, at points (n, dim) in the
    coordinates of its draws.
    """
    if (origin := task.origin) is not None and origin.any():
        points = np.asarray(points, np.float64) + origin
    reference = jnp.asarray(task.potential_gradient(points, cost.p), jnp.float32)
    found = jnp.asarray(gradients, jnp.float32)
    return {
        "gradient_cosine": float(metrics.gradient_cosine(found, reference)),
        "gradient_l2": float(metrics.gradient_l2(found, reference)),
    }
