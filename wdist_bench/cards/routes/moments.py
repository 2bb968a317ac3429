"""Routes by moments and matrices: formulas and quadratures that the truths do not use."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wdist_bench.cards.routes.distances import lengths
from wdist_bench.costs import Cost

# Gaussians.


def trace_formula(task: Any, cost: Cost) -> tuple[float, float]:
    """tr(C_x + C_y - 2 (C_x C_y)^(1/2)), whose eigenvalues are those of the symmetric form."""
    x, y = np.array(task.cov_x, float), np.array(task.cov_y, float)
    shift = np.subtract(task.mean_x, task.mean_y)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(x @ y).real, 0))
    total = shift @ shift + np.trace(x) + np.trace(y) - 2 * roots.sum()
    return math.sqrt(total), 1e-7


def spike_trace_formula(task: Any, cost: Cost) -> tuple[float, float]:
    """Bures with diagonal covariances, the trace formula term by term."""
    x = np.ones(task.dim)
    x[0] = task.spike
    return math.sqrt(float((x + 1 - 2 * np.sqrt(x)).sum())), 1e-7


# Mean distances from a point.


def _normal_moment(square: float, dim: int, p: float) -> float:
    """E |Z - a|^p of a standard normal vector, |a|^2 = square: 2^(p/2) G((d + p)/2) / G(d/2)
    1F1(-p/2; d/2; -square / 2).
    """
    from scipy.special import hyp1f1

    gamma = math.exp(math.lgamma((dim + p) / 2) - math.lgamma(dim / 2))
    return float(2 ** (p / 2) * gamma * hyp1f1(-p / 2, dim / 2, -square / 2))


def confluent_dilation(task: Any, cost: Cost) -> tuple[float, float]:
    """A Gaussian dilated, l2: |1 - s| (E |X - a|^p)^(1/p) by the confluent hypergeometric 1F1."""
    a = np.broadcast_to(np.asarray(task.center, float), (task.dim,))
    moment = _normal_moment(float(a @ a), task.dim, cost.p)
    value = abs(1 - task.factor) * moment ** (1 / cost.p)
    return value, 1e-9 * value


def confluent_point(task: Any, cost: Cost) -> tuple[float, float]:
    """A point against a Gaussian, l2: (E |a - Y|^p)^(1/p) by the confluent hypergeometric 1F1."""
    square = float(np.dot(task.at, task.at)) / task.std**2
    value = task.std * _normal_moment(square, task.dim, cost.p) ** (1 / cost.p)
    return value, 1e-9 * value


def _plane_moment(normal: bool, a: np.ndarray, cost: Cost) -> float:
    """E ||X - a||^p in the plane for independent coordinates, normal or uniform on [-1, 1]: 96
    panels of 8 points in each, cut where a coordinate changes sign.
    """
    unit, weight = np.polynomial.legendre.leggauss(8)
    reach = 9.0 if normal else 1.0
    axes = []
    for center in a:
        edges = np.unique([*np.linspace(-reach, reach, 97), np.clip(center, -reach, reach)])
        half, middle = np.diff(edges)[:, None] / 2, (edges[:-1] + edges[1:])[:, None] / 2
        t, mass = (middle + half * unit).ravel(), (half * weight).ravel()
        density = np.exp(-(t**2) / 2) / math.sqrt(2 * math.pi) if normal else np.full_like(t, 0.5)
        axes.append((t - center, mass * density))
    (u, of_u), (v, of_v) = axes
    gaps = np.stack(np.meshgrid(u, v, indexing="ij"), axis=-1)
    return float(of_u @ lengths(gaps, cost) ** cost.p @ of_v)


def plane_dilation(task: Any, cost: Cost) -> tuple[float, float]:
    """A square or a Gaussian in the plane: E ||X - a||^p by a product rule of 96 panels a side."""
    a = np.broadcast_to(np.asarray(task.center, float), (2,))
    moment = _plane_moment(task.base == "gaussian", a, cost)
    value = abs(1 - task.factor) * moment ** (1 / cost.p)
    return value, 1e-4 * value


def plane_point(task: Any, cost: Cost) -> tuple[float, float]:
    """A point against a Gaussian in the plane: E ||a - Y||^p by a product rule of 96 panels."""
    a = np.asarray(task.at, float) / task.std
    value = task.std * _plane_moment(True, a, cost) ** (1 / cost.p)
    return value, 1e-4 * value


def ball_in_polar_coordinates(task: Any, cost: Cost) -> tuple[float, float]:
    """Gauss-Legendre in radius and angle, the radius split where the centre lies; l2."""
    a = np.broadcast_to(np.asarray(task.center, float), (task.dim,))
    rho, dim = float(np.linalg.norm(a)), task.dim
    nodes, weights = np.polynomial.legendre.leggauss(300)
    angle, mass = math.pi * (nodes + 1) / 2, weights * math.pi / 2
    mass = mass * np.sin(angle) ** (dim - 2)
    mass /= mass.sum()
    total, split = 0.0, min(rho, 1.0)
    for low, high in ((0.0, split), (split, 1.0)):
        r = (low + high + (high - low) * nodes) / 2
        squares = r[:, None] ** 2 + rho**2 - 2 * r[:, None] * rho * np.cos(angle)
        across = np.maximum(squares, 0) ** (cost.p / 2) @ mass
        total += float((across * dim * r ** (dim - 1)) @ weights) * (high - low) / 2
    return abs(1 - task.factor) * total ** (1 / cost.p), 1e-6


# Spheres and gradients.


def round_the_circle(task: Any, cost: Cost) -> tuple[float, float]:
    """Dim 2: the mean of ||(cos, sin)||^p over an eighth of the circle, by 100,000 midpoints."""
    angle = (np.arange(100_000) + 0.5) / 100_000 * math.pi / 4
    around = lengths(np.stack([np.cos(angle), np.sin(angle)], axis=-1), cost)
    mean = float(np.mean(around**cost.p))
    return abs(task.radius_x - task.radius_y) * mean ** (1 / cost.p), 1e-8


def sigmoid_integral(task: Any, cost: Cost) -> tuple[float, float]:
    """2 s |w| (int sigmoid(|w| z)^p dPhi(z))^(1/p), by adaptive Gauss-Kronrod, unsimplified."""
    from scipy.integrate import quad
    from scipy.special import expit
    from scipy.stats import norm as normal

    size = float(np.linalg.norm(task.direction))
    pieces = [(-12, -1), (-1, 0), (0, 1), (1, 12)]
    mean = sum(
        quad(lambda z: expit(size * z) ** cost.p * normal.pdf(z), a, b, limit=200)[0]
        for a, b in pieces
    )
    return 2 * task.strength * size * mean ** (1 / cost.p), 1e-8
