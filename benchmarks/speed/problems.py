"""The problems that solvers are timed on, and bare POT on them."""

from __future__ import annotations

import numpy as np


def gaussians(n: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Two batches of normals, one shifted by a vector of norm 2 sqrt(2)."""
    rng = np.random.default_rng(n + dim)
    return rng.normal(size=(n, dim)), rng.normal(size=(n, dim)) + 8**0.5 / dim**0.5


def pot(x: np.ndarray, y: np.ndarray) -> float:
    """The exact value, from `ot.dist` and bare `ot.emd2`."""
    import ot

    weights = np.full(len(x), 1 / len(x))
    return float(ot.emd2(weights, weights, ot.dist(x, y, "euclidean"), numItermax=10**7))
