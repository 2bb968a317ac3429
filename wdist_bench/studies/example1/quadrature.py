"""Divergences of densities on a line by Gauss-Legendre quadrature, in float64 on the host."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from wdist_bench.tasks.moments import panels as gauss_legendre

Density = Callable[[np.ndarray], np.ndarray]
"""Log-density at points, -inf outside the support."""

_NODES = 32
_PANELS = 160


def rule(edges: list[float], panels: int = _PANELS) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights on equal panels between consecutive edges: smooth pieces go between."""
    places = np.array(sorted(set(edges)), np.float64)
    cuts = np.concatenate(
        [np.linspace(a, b, panels + 1)[:-1] for a, b in pairwise(places)] + [places[-1:]]
    )
    return gauss_legendre(cuts, np.polynomial.legendre.leggauss(_NODES))


def kullback_leibler(p: Density, q: Density, edges: list[float]) -> float:
    """int p log(p / q), in nats; infinite where p has mass outside the support of q."""
    points, weights = rule(edges)
    log_p, log_q = p(points), q(points)
    inside = log_p > -np.inf
    if (np.isneginf(log_q) & inside).any():
        return math.inf
    terms = np.exp(log_p[inside]) * (log_p[inside] - log_q[inside])
    return float(weights[inside] @ terms)


def jensen_shannon(p: Density, q: Density, edges: list[float]) -> float:
    """KL(p || m) / 2 + KL(q || m) / 2 with m = (p + q) / 2, in nats, at most log 2."""

    def middle(points: np.ndarray) -> np.ndarray:
        return np.logaddexp(p(points), q(points)) - math.log(2)

    return (kullback_leibler(p, middle, edges) + kullback_leibler(q, middle, edges)) / 2


def normal(mean: float, std: float) -> Density:
    """Log-density of N(mean, std^2) at z, elementwise."""
    constant = math.log(std) + math.log(2 * math.pi) / 2

    def log_density(points: np.ndarray) -> np.ndarray:
        return np.asarray(-(((points - mean) / std) ** 2) / 2 - constant)

    return log_density


def uniform(middle: float, half_width: float) -> Density:
    """Log-density of the uniform law on [middle - half_width, middle + half_width]."""

    def log_density(points: np.ndarray) -> np.ndarray:
        inside = np.abs(points - middle) <= half_width
        return np.where(inside, -math.log(2 * half_width), -np.inf)

    return log_density


def normal_edges(*laws: tuple[float, float]) -> list[float]:
    """Edges that cover normal laws (mean, std): 12 standard deviations to either side of each.

    Means are edges as well; 160 panels between edges resolve laws up to some hundred of their
    standard deviations apart.
    """
    edges = [mean + k * std for mean, std in laws for k in (-12, -4, 0, 4, 12)]
    return sorted(edges)


STEP = 1e-3
"""Of differences."""


def derivative(function: Callable[[float], float], at: float, step: float = STEP) -> float:
    """Central difference of fourth order: error O(step^4)."""
    near = function(at + step) - function(at - step)
    far = function(at + 2 * step) - function(at - 2 * step)
    return (8 * near - far) / (12 * step)
