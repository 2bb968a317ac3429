"""Problems for every ground cost, and its distances by routes that share no code with ours."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

import wdist_bench as wb
from wdist_bench import costs

POWERS = (1, 1.5, 2, 3, 7)
PRECISION = np.array([[2.0, 0.6], [0.6, 0.5]])
NAMES = ("l2", "l1", "linf", "mahalanobis", "cosine", "torus", "sphere", "unit_vectors")
NORMS = NAMES[:4]


def cost_of(name, p):
    """The cost under test at exponent p."""
    return {
        "mahalanobis": lambda: costs.Mahalanobis(PRECISION, p),
        "torus": lambda: costs.Torus((2.0, 5.0), p),
        "unit_vectors": lambda: costs.Sphere(p),
    }.get(name, lambda: wb.Cost(p, name))()


def points_of(name, rng, n):
    """n random points that the cost is meant for."""
    if name == "sphere":
        return np.stack([rng.uniform(-90, 90, n), rng.uniform(-180, 360, n)], axis=1)
    if name == "unit_vectors":
        return unit_vectors(rng.normal(size=(n, 3)))
    return rng.normal(size=(n, 2)) * rng.uniform(0.1, 3)


def unit_vectors(points):
    """Rows over their lengths."""
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def on_the_sphere(places):
    """Latitudes and longitudes in degrees as unit vectors."""
    latitude, longitude = np.radians(places).T
    return np.stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ],
        axis=1,
    )


def distances_of(name, x, y):
    """The (n, m) distances by another route: scipy's, explicit images, angles by cross products."""
    if name in ("l2", "l1", "linf"):
        return cdist(x, y, {"l2": "euclidean", "l1": "cityblock", "linf": "chebyshev"}[name])
    if name == "mahalanobis":
        return cdist(x, y, "mahalanobis", VI=PRECISION)
    if name == "torus":
        periods = np.array([2.0, 5.0])
        images = [np.array([i, j]) for i in range(-8, 9) for j in range(-4, 5)]
        return np.min([cdist(x, y + k * periods) for k in images], axis=0)
    if name == "cosine":
        return np.abs(np.angle((x @ [1, 1j])[:, None] / (y @ [1, 1j])[None, :]))
    u, v = (on_the_sphere(z) if name == "sphere" else z for z in (x, y))
    cross = np.linalg.norm(np.cross(u[:, None], v[None, :]), axis=-1)
    return np.arctan2(cross, u @ v.T)


def weighted_problem(name, seed):
    """Points and weights of a small problem."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 9, 2)
    x, y = points_of(name, rng, n), points_of(name, rng, m)
    a, b = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    return x, y, a, b
