"""Routes by a solver: POT's network simplex, or HiGHS, on points that are drawn here."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np
from scipy.ndimage import correlate1d

from wdist_bench import datasets
from wdist_bench.cards.routes.distances import distances
from wdist_bench.cards.routes.programmes import transport_cost
from wdist_bench.costs import Cost
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.tasks.circle_laws import Law

_POINTS = 250


def simplex(x: Any, y: Any, cost: Cost, a: Any = None, b: Any = None) -> float:
    """W_p of weighted points by POT's network simplex."""
    solution = solve_exact(distances(np.asarray(x), np.asarray(y), cost) ** cost.p, a, b)
    if not solution.converged:
        raise ArithmeticError(f"network simplex: expected an optimum, got {solution.message}")
    return float(max(solution.cost, 0.0) ** (1 / cost.p))


def highs(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, cost: Cost) -> float:
    """W_p of a few weighted points by HiGHS."""
    return float(transport_cost(distances(x, y, cost) ** cost.p, a, b) ** (1 / cost.p))


# Points and their images, in another order: where the map is optimal nothing is cheaper.


def shuffled_translation(task: Any, cost: Cost) -> tuple[float, float]:
    """The simplex on 250 points and their translates, in another order."""
    generator = np.random.default_rng(23)
    v = np.broadcast_to(np.asarray(task.shift, float), (task.dim,))
    points = task.scale * generator.standard_normal((_POINTS, task.dim))
    return simplex(points + v / 2, generator.permutation(points) - v / 2, cost), 1e-9


def length_of_shift(task: Any, cost: Cost) -> tuple[float, float]:
    """The simplex on 250 points of the first Gaussian and their translates, in another order."""
    generator = np.random.default_rng(25)
    points = generator.multivariate_normal(task.mean_x, task.cov_x, _POINTS)
    moved = points + np.subtract(task.mean_y, task.mean_x)
    return simplex(points, generator.permutation(moved), cost), 1e-9


def shuffled_spheres(task: Any, cost: Cost) -> tuple[float, float]:
    """The simplex on 250 directions at both radii, in another order; l2 only."""
    generator = np.random.default_rng(26)
    rays = generator.standard_normal((_POINTS, task.dim))
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    x, y = task.radius_x * rays, task.radius_y * generator.permutation(rays)
    return simplex(x, y, cost), 1e-9


def shuffled_segments(task: Any, cost: Cost) -> tuple[float, float]:
    """The simplex on 250 heights on both segments, in another order."""
    generator = np.random.default_rng(27)
    x = np.zeros((_POINTS, task.dim))
    x[:, 1] = generator.uniform(size=_POINTS)
    y = generator.permutation(x)
    y[:, 0] += task.theta
    return simplex(x, y, cost), 1e-9


def plan_of_pairs(task: Any, cost: Cost) -> tuple[float, float]:
    """The simplex on 300 points and their images; the displacement is the same for every point."""
    x, y = task.pairs(jax.random.key(12), 300, cost.p)
    return simplex(x, y, cost), 1e-4


def all_rows(task: Any, cost: Cost) -> tuple[float, float]:
    """The simplex on all rows and all of their images, in another order."""
    rows = task.rows.values
    if task.transform == "translate":
        image = rows + np.array(task.shift)
    elif task.transform == "dilate":
        center = rows.mean(0) if task.center is None else np.array(task.center)
        image = center + task.factor * (rows - center)
    else:
        image = np.asarray(task.sampler().resampler.samples.y)
    order = np.random.default_rng(15).permutation(len(rows))
    return simplex(rows, image[order], cost), 1e-8


def blurred_by_scipy(task: Any, cost: Cost) -> tuple[float, float]:
    """The simplex on all images of the set and their blur by SciPy, in another order."""
    images = task.images()
    rows = images.pixels * (2 / images.maximum) - 1
    blurred = rows.reshape(-1, *images.shape)
    for _ in range(task.passes):
        for axis in (1, 2):
            blurred = correlate1d(blurred, [0.25, 0.5, 0.25], axis, mode="reflect")
    order = np.random.default_rng(16).permutation(len(rows))
    return simplex(rows, blurred.reshape(rows.shape)[order], cost), 1e-8


def weighted_balls(task: Any, cost: Cost) -> tuple[float, float]:
    """The simplex on 60 points of every ball, each ball with its weight; a third of the points on
    the surface, where exchanges are cheapest.
    """
    generator = np.random.default_rng(13)
    centers, moves = np.array(task.centers), np.array(task.moves)
    count, (clusters, dim) = 60, centers.shape
    direction = generator.standard_normal((clusters, count, dim))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    share = np.minimum(generator.uniform(0, 1.5, (clusters, count, 1)), 1)
    x = centers[:, None] + task.radius * share * direction
    weights = np.full(clusters, 1 / clusters) if task.weights is None else np.array(task.weights)
    mass = np.repeat(weights / count, count)
    y = (x + moves[:, None]).reshape(-1, dim)
    return simplex(x.reshape(-1, dim), y, cost, mass, mass), 1e-8


def two_points(task: Any, cost: Cost) -> tuple[float, float]:
    """The simplex on the two places that a mixture without spread has."""
    points = np.array([[0.0], [task.separation]])
    weights = np.array(task.weights_x, float), np.array(task.weights_y, float)
    return simplex(points, points, cost, *weights), 1e-9


# Finite populations.


def histogram_programme(task: Any, cost: Cost) -> tuple[float, float]:
    """HiGHS on all positions, along the line or the shorter way round."""
    points = np.array(task.positions)[:, None]
    x, y = np.array(task.weights_x), np.array(task.weights_y)
    reach = float(np.ptp(points)) + 1.0
    return highs(points, points, x / x.sum(), y / y.sum(), cost), 1e-7 * reach


def points_programme(task: Any, cost: Cost) -> tuple[float, float]:
    """HiGHS on all points."""
    x, y = np.array(task.x, float), np.array(task.y, float)
    a = np.full(len(x), 1 / len(x)) if task.a is None else np.array(task.a)
    b = np.full(len(y), 1 / len(y)) if task.b is None else np.array(task.b)
    return highs(x, y, a / a.sum(), b / b.sum(), cost), 1e-7


# Laws on a circle, and on a great circle.


def quantile_points(law: Law, count: int, p: float) -> tuple[np.ndarray, float]:
    """Places (count,) at the middles of equal shares of a law, and at most what W_p this costs."""
    places = law.place((np.arange(count) + 0.5) / count)
    edges = law.place(np.arange(count + 1) / count)
    away = np.maximum(places - edges[:-1], edges[1:] - places)
    return places, float(np.mean(away**p) ** (1 / p))


def great_circle_programme(task: Any, cost: Cost) -> tuple[float, float]:
    """The simplex on 600 equal shares of each law as points of space, arcs by cross products."""
    (x, off_x), (y, off_y) = (quantile_points(law, 600, cost.p) for law in task.laws())
    turn = 2 * math.pi * getattr(cost, "radius", 1.0)
    value = simplex(task.on_circle(x), task.on_circle(y), cost)
    return value, turn * (off_x + off_y) + 1e-9


def torus_programme(task: Any, cost: Cost) -> tuple[float, float]:
    """The simplex on 600 points of the box and their translates by the gap of the centres."""
    generator = np.random.default_rng(31)
    width = dict(task.x)["width"] * task.period
    gap = (dict(task.y)["center"] - dict(task.x)["center"]) * task.period
    x = width * generator.uniform(size=(600, task.dim))
    return simplex(x, generator.permutation(x) + gap, cost), 1e-8


def all_images(task: Any, cost: Cost) -> tuple[float, float]:
    """The simplex on all images and all of theirs under the map, in another order."""
    images = datasets.load(task.dataset, task.split)
    rows = images.pixels.astype(np.float32) * np.float32(2 / images.maximum) - 1
    points = rows.astype(np.float64)
    moved = task.optimal_map().move(points)
    order = np.random.default_rng(16).permutation(len(points))
    return simplex(points, moved[order], cost), 1e-6
