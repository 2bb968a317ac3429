"""Routes by draws: means over samples and pairs, each good to five standard errors."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from wdist_bench.cards.routes.distances import lengths
from wdist_bench.costs import Cost


def mean_displacement(task: Any, cost: Cost) -> tuple[float, float]:
    """(mean ||x - y||^p)^(1/p) over many points of the optimal coupling, 5 standard errors."""
    # a million points, fewer in high dimensions, where distances hardly vary
    x, y = task.pairs(jax.random.key(21), min(1_000_000, 4_000_000 // task.dim), cost.p)
    paid = lengths(np.asarray(x, np.float64) - np.asarray(y, np.float64), cost) ** cost.p
    stderr = paid.std() / math.sqrt(len(paid))
    value = float(paid.mean()) ** (1 / cost.p)
    own = task.truth(cost).stderr
    slope = cost.p * value ** (cost.p - 1)
    return value, 5 * math.hypot(stderr / slope, own) + 1e-5 * value


def energy_distance(task: Any, cost: Cost) -> tuple[float, float]:
    """2 E|x - y| - E|x - x'| - E|y - y'|, which is 0 for equal laws alone, over fresh draws."""
    from scipy.spatial.distance import cdist, pdist

    values = []
    for key in jax.random.split(jax.random.key(11), 100):
        x, y = (np.asarray(v, np.float64) for v in task.sample(key, 100))
        values.append(2 * cdist(x, y).mean() - pdist(x).mean() - pdist(y).mean())
    return float(np.mean(values)), 5 * float(np.std(values) / math.sqrt(len(values)))


def followed_rays(task: Any, cost: Cost) -> tuple[float, float]:
    """Mean displacement of 40,000 points, with the end of each ray found by bisection on u."""
    rays, generator = task.rays, np.random.default_rng(14)

    def u(points: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.linalg.norm(points[:, None] - rays.centers, axis=-1) + rays.bias
        return found

    half = float(rays.semi_length)
    x = generator.uniform(-half, half, (40_000, rays.centers.shape[1]))
    values = u(x)
    anchor, level = rays.centers[values.argmin(1)], values.min(1)
    radius = np.linalg.norm(x - anchor, axis=1)
    v = (x - anchor) / radius[:, None]
    low, high = np.zeros(len(x)), np.full(len(x), 4 * half * math.sqrt(x.shape[1]))
    for _ in range(50):
        middle = (low + high) / 2
        there = x + middle[:, None] * v
        inside = np.abs(there).max(1) <= half
        own = u(there).min(1) >= level + middle - 1e-11
        low, high = np.where(inside & own, middle, low), np.where(inside & own, high, middle)
    length = radius + low
    moved = radius - length * (radius / length) ** float(rays.power)
    stderr = moved.std() / math.sqrt(len(x))
    return float(moved.mean()), 4 * math.hypot(stderr, task.truth(cost).stderr)


def drawn_to_places(task: Any, cost: Cost) -> tuple[float, float]:
    """Root mean square move of 400,000 points of a drawn convex pair, by the map written out."""
    pair, generator = task.pair, np.random.default_rng(29)
    u, n = pair.function, min(400_000, 8_000_000 // task.dim)
    noise = generator.standard_normal((n, task.dim))
    component = generator.integers(len(pair.centers), size=n)
    x = pair.centers[component]
    for k, matrix in enumerate(pair.maps):
        x[component == k] += noise[component == k] @ matrix.T
    heights = (x @ u.places.T - u.bias) / u.temperature
    weights = np.exp(heights - heights.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    paid = ((weights @ u.places + (u.strength - 1) * x) ** 2).sum(1)
    value = math.sqrt(paid.mean())
    stderr = paid.std() / math.sqrt(n) / (2 * value)
    return value, 4 * math.hypot(stderr, task.truth(cost).stderr)
