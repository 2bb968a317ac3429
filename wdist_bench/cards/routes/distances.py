"""Distances by SciPy and by plain geometry: none of it is the code of `wdist_bench.costs`."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from wdist_bench.costs import Cost, Mahalanobis, Sphere, Torus

ORDER = {"l2": 2, "l1": 1, "linf": math.inf}
"""What NumPy calls the norms."""
_METRIC = {"l2": "euclidean", "l1": "cityblock", "linf": "chebyshev"}


def lengths(vectors: np.ndarray, cost: Cost) -> np.ndarray:
    """||v|| over the last axis, for l2, l1 and linf."""
    return np.linalg.norm(vectors, ORDER[cost.norm], axis=-1)


def distances(x: np.ndarray, y: np.ndarray, cost: Cost) -> Any:
    """The (n, m) distances d(x_i, y_j), not to the power p."""
    from scipy.spatial.distance import cdist

    if isinstance(cost, Torus):
        return _around(x, y, np.broadcast_to(np.asarray(cost.period, float), x.shape[1:]))
    if cost.norm in ("sphere", "cosine"):
        radius = cost.radius if isinstance(cost, Sphere) else 1.0
        u, v = (z if z.shape[1] == 3 else _unit_vectors(z) for z in (x, y))
        across = np.linalg.norm(np.cross(u[:, None], v[None, :]), axis=-1)
        return radius * np.arctan2(across, u @ v.T)
    if isinstance(cost, Mahalanobis):
        return cdist(x, y, "mahalanobis", VI=np.asarray(cost.precision))
    return cdist(x, y, _METRIC[cost.norm])


def _around(x: np.ndarray, y: np.ndarray, period: np.ndarray) -> np.ndarray:
    """The nearest of the images of y in the boxes around that of x."""
    from scipy.spatial.distance import cdist

    x, y = np.mod(x, period), np.mod(y, period)
    steps = product((-1, 0, 1), repeat=len(period))
    return np.min([cdist(x, y + np.array(step) * period) for step in steps], axis=0)


def _unit_vectors(places: np.ndarray) -> np.ndarray:
    """Latitudes and longitudes in degrees as unit vectors."""
    latitude, longitude = np.radians(places).T
    flat = np.cos(latitude)
    return np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=1)
