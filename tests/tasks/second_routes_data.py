"""Another way to the truth of every discrete, noisy, funnel, image and own-data task."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np
from second_route import Check

from wdist_bench.costs import Cost
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.tasks.base import Task


def simplex(x: Any, y: Any, p: int, norm: str, a: Any = None, b: Any = None) -> float:
    """W_p by POT's network simplex."""
    cost = Cost(p, norm)
    solution = solve_exact(cost.matrix(np.asarray(x), np.asarray(y)), a, b)
    assert solution.converged, solution.message
    return cost.root(solution.cost)


def highs(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, p: int, norm: str) -> float:
    """W_p by SciPy's linear programme (HiGHS), which shares no code with POT; plain distances."""
    from scipy.optimize import linprog

    gaps = x[:, None] - y[None]
    distance = np.abs(gaps).sum(-1) if norm == "l1" else np.sqrt((gaps**2).sum(-1))
    n, m = distance.shape
    marginals = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    answer = linprog((distance**p).ravel(), A_eq=marginals, b_eq=np.concatenate([a, b]))
    assert answer.status == 0, answer.message
    return float(answer.fun) ** (1 / p)


# Image batches: the energy distance is 0 exactly where the laws are equal.


def energy_distance(task: Task, p: int, norm: str) -> tuple[float, float]:
    """2 E|x - y| - E|x - x'| - E|y - y'|, unbiased, over fresh draws; 5 standard errors."""
    from scipy.spatial.distance import cdist, pdist

    values = []
    for key in jax.random.split(jax.random.key(11), 100):
        x, y = (np.asarray(v, np.float64) for v in task.sample(key, 100))
        values.append(2 * cdist(x, y).mean() - pdist(x).mean() - pdist(y).mean())
    return float(np.mean(values)), 5 * float(np.std(values) / math.sqrt(len(values)))


# Wherever the optimal map is known, the simplex may not find anything better than it.


def plan_of_pairs(task: Task, p: int, norm: str) -> tuple[float, float]:
    """The simplex on 300 points and their images; the displacement is the same for every point."""
    x, y = task.pairs(jax.random.key(12), 300, p)
    return simplex(x, y, p, norm), 1e-4


def weighted_balls(task: Any, p: int, norm: str) -> tuple[float, float]:
    """The simplex on 60 points of every ball, drawn here, each ball with its exact weight."""
    generator = np.random.default_rng(13)
    centers, moves = np.array(task.centers), np.array(task.moves)
    count, (clusters, dim) = 60, centers.shape
    direction = generator.standard_normal((clusters, count, dim))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    # A third of the points on the surface, where exchanges are cheapest.
    share = np.minimum(generator.uniform(0, 1.5, (clusters, count, 1)), 1)
    x = centers[:, None] + task.radius * share * direction
    weights = np.full(clusters, 1 / clusters) if task.weights is None else np.array(task.weights)
    mass = np.repeat(weights / count, count)
    y = (x + moves[:, None]).reshape(-1, dim)
    return simplex(x.reshape(-1, dim), y, p, norm, mass, mass), 1e-8


# Discrete measures.


def histogram_programme(task: Any, p: int, norm: str) -> tuple[float, float]:
    points = np.array(task.positions)[:, None]
    x, y = np.array(task.weights_x), np.array(task.weights_y)
    return highs(points, points, x / x.sum(), y / y.sum(), p, norm), 1e-9


def histogram_scipy(task: Any, p: int, norm: str) -> tuple[float, float]:
    from scipy.stats import wasserstein_distance

    value = wasserstein_distance(task.positions, task.positions, task.weights_x, task.weights_y)
    return float(value), 1e-12


def points_programme(task: Any, p: int, norm: str) -> tuple[float, float]:
    x, y = np.array(task.x, float), np.array(task.y, float)
    a = np.full(len(x), 1 / len(x)) if task.a is None else np.array(task.a)
    b = np.full(len(y), 1 / len(y)) if task.b is None else np.array(task.b)
    return highs(x, y, a / a.sum(), b / b.sum(), p, norm), 1e-8


# Noise.


def radii(task: Any, p: int, norm: str) -> tuple[float, float]:
    """W_p of the lengths of the vectors, by their cdfs (p = 1) or quantiles (p = 2)."""
    from scipy.integrate import quad
    from scipy.stats import chi

    small = chi(task.dim, scale=task.base_std)
    large = chi(task.dim, scale=math.hypot(task.base_std, task.noise_std))
    if p == 1:
        return quad(lambda r: abs(small.cdf(r) - large.cdf(r)), 0, 20 * large.std())[0], 1e-7
    cost = quad(lambda u: (small.ppf(u) - large.ppf(u)) ** 2, 0, 1, limit=200)[0]
    return math.sqrt(cost), 1e-5


def gaussian_coordinates(task: Any, p: int, norm: str) -> tuple[float, float]:
    """l1 norm, p = 1: d times int |F - G| of one coordinate."""
    from scipy.integrate import quad
    from scipy.stats import norm as normal

    large = math.hypot(task.base_std, task.noise_std)

    def gap(t: float) -> float:
        return abs(normal.cdf(t, scale=task.base_std) - normal.cdf(t, scale=large))

    return 2 * task.dim * quad(gap, 0, 12 * large)[0], 1e-7


def uniform_coordinates(task: Any, p: int, norm: str) -> tuple[float, float]:
    """One coordinate by midpoint sums: the cdf of X + e as the mean of shifted cdfs of X."""
    a, b = math.sqrt(3) * task.base_std, math.sqrt(3) * task.noise_std
    noise = b * (2 * (np.arange(4000) + 0.5) / 4000 - 1)
    t = np.linspace(-a - b, a + b, 4001)
    base = np.clip((t + a) / (2 * a), 0, 1)
    blurred = np.array([np.clip((s - noise + a) / (2 * a), 0, 1).mean() for s in t])
    if p == 1:
        return task.dim * float(np.trapezoid(np.abs(base - blurred), t)), 1e-5 * task.dim
    levels = (np.arange(200_000) + 0.5) / 200_000
    gap = np.interp(levels, blurred, t) - a * (2 * levels - 1)
    return math.sqrt(task.dim * float(np.mean(gap**2))), 1e-4 * task.dim


# Funnels: rays followed by bisection, in NumPy, from other points than the truth's.


def followed_rays(task: Any, p: int, norm: str) -> tuple[float, float]:
    """Mean displacement of 4,000 points, with the end of each ray found by bisection on u."""
    rays, generator = task.rays, np.random.default_rng(14)

    def u(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points[:, None] - rays.centers, axis=-1) + rays.bias

    half = float(rays.semi_length)
    x = generator.uniform(-half, half, (4000, rays.centers.shape[1]))
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
    return float(moved.mean()), 4 * math.hypot(stderr, task.truth(p, norm).stderr)


# Own data: the simplex on all rows and all of their images.


def all_rows(task: Any, p: int, norm: str) -> tuple[float, float]:
    rows = task.rows.values
    if task.transform == "translate":
        image = rows + np.array(task.shift)
    elif task.transform == "dilate":
        center = rows.mean(0) if task.center is None else np.array(task.center)
        image = center + task.factor * (rows - center)
    else:
        image = np.asarray(task.sampler().resampler.samples.y)
    # In another order, so that the identity is nothing special to the solver.
    order = np.random.default_rng(15).permutation(len(rows))
    return simplex(rows, image[order], p, norm), 1e-8


def _blob(count: int, dim: int) -> tuple[tuple[float, ...], ...]:
    blob = np.random.default_rng(16).standard_normal((count, dim)) ** 3
    return tuple(map(tuple, blob.tolist()))


_LINE: dict[str, Any] = {
    "positions": (2.5, -1.0, 0.0, 7.0, 0.5),
    "weights_x": (0.2, 0.0, 0.3, 0.1, 0.4),
    "weights_y": (0.0, 0.5, 0.1, 0.4, 0.0),
}
_CLOUDS: dict[str, Any] = {"x": _blob(9, 3), "y": _blob(13, 3), "a": None, "b": None}
_SPARSE: dict[str, Any] = {
    "x": ((0.0,), (1.0,), (5.0,)),
    "y": ((0.5,), (4.0,)),
    "a": (0.0, 1e-9, 1 - 1e-9),
    "b": (1 / 3, 2 / 3),
}
_TIGHT: dict[str, Any] = {
    "centers": ((0.0,), (3.0,), (6.0,)),
    "radius": 0.25,
    "moves": ((0.9,), (0.9,), (-0.9,)),
    "weights": None,
}

SECOND_ROUTES: dict[str, list[Check]] = {
    "image_batches": [Check({}, p, "l2", energy_distance) for p in (1, 2)],
    "translated_images": [
        Check({}, 1, "l2", plan_of_pairs),
        Check({"shift": -0.25}, 2, "l2", plan_of_pairs),
        Check({"shift": tuple(np.linspace(-1, 1, 64).tolist())}, 1, "l1", plan_of_pairs),
    ],
    "clusters": [
        *(Check({}, p, "l2", weighted_balls) for p in (1, 2)),
        *(Check(_TIGHT, p, "l2", weighted_balls) for p in (1, 2)),
    ],
    "histogram": [
        Check({}, 1, "l2", histogram_scipy),
        Check({}, 2, "l2", histogram_programme),
        Check(_LINE, 1, "l1", histogram_scipy),
        Check(_LINE, 1, "l2", histogram_programme),
        Check(_LINE, 2, "l2", histogram_programme),
    ],
    "weighted_points": [
        Check(params, p, norm, points_programme)
        for params in ({}, _CLOUDS, _SPARSE)
        for p in (1, 2)
        for norm in ("l2", "l1")
    ],
    "noisy": [
        *(Check({}, p, "l2", radii) for p in (1, 2)),
        Check({"dim": 10, "base_std": 2.0, "noise_std": 0.5}, 1, "l2", radii),
        Check({"dim": 10, "base_std": 0.5, "noise_std": 2.0}, 2, "l2", radii),
        Check({"dim": 3}, 1, "l1", gaussian_coordinates),
        *(Check({"dim": 1, "noise": "uniform"}, p, "l2", uniform_coordinates) for p in (1, 2)),
        Check({"dim": 3, "noise": "uniform", "noise_std": 0.3}, 1, "l1", uniform_coordinates),
        Check({"dim": 5, "noise": "uniform", "noise_std": 2.5}, 2, "l2", uniform_coordinates),
    ],
    "funnels": [
        Check({}, 1, "l2", followed_rays),
        Check({"dim": 2, "width": 64, "seed": 3}, 1, "l2", followed_rays),
        Check({"dim": 8, "width": 4, "power": 3.0}, 1, "l2", followed_rays),
    ],
    "own_data": [
        Check({"samples": _blob(200, 5)}, 1, "l2", all_rows),
        Check({"samples": _blob(200, 2), "shift": (3.0, -4.0)}, 2, "l1", all_rows),
        *(
            Check({"samples": _blob(200, 3), "transform": "dilate"}, p, norm, all_rows)
            for p in (1, 2)
            for norm in ("l2", "l1")
        ),
        Check(
            {"samples": _blob(200, 2), "transform": "dilate", "factor": 3.0, "center": (1.0, 9.0)},
            1,
            "l2",
            all_rows,
        ),
        Check({"samples": _blob(300, 2), "transform": "funnels"}, 1, "l2", all_rows),
        Check({"transform": "funnels", "width": 4, "power": 2.0}, 1, "l2", all_rows),
    ],
}
