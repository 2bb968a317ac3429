"""Second routes that no truth card takes: by samples, and for a few parameters alone."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from wdist_bench.cards.routes.distances import lengths
from wdist_bench.cards.routes.line import between_cdfs
from wdist_bench.costs import Cost


def dual_on_samples(task: Any, cost: Cost) -> tuple[float, float]:
    """E_mu[phi] - E_nu[phi] of the 1-Lipschitz potential, p = 1, on independent samples of both."""
    x, y = task.sample(jax.random.key(22), min(1_000_000, 4_000_000 // task.dim))
    phi, psi = (np.asarray(task.potential(points, 1), np.float64) for points in (x, y))
    value = float(phi.mean() - psi.mean())
    return value, 5 * math.sqrt((phi.var() + psi.var()) / len(phi)) + 1e-5 * value


def projected_quantiles(task: Any, cost: Cost) -> tuple[float, float]:
    """W_p of 2 million projections on w: a lower bound, here the value; sorted, within 0.3 %."""
    w = np.asarray(task.direction, np.float64)
    x, y = task.sample(jax.random.key(28), 2_000_000 // task.dim)
    first, second = (np.sort(np.asarray(v, np.float64) @ (w / np.linalg.norm(w))) for v in (x, y))
    value = float(np.mean(np.abs(first - second) ** cost.p)) ** (1 / cost.p)
    return value, 0.003 * value


def signed_cdfs(task: Any, cost: Cost) -> tuple[float, float]:
    """Dim 1, p = 1: int |F - G| of N(0, s^2) and the uniform law on [-r, r] themselves."""
    from scipy import stats

    std, radius = dict(task.x)["std"], dict(task.y)["radius"]
    uniform = stats.uniform(-radius, 2 * radius)
    edges = sorted({-np.inf, -30, -10, -3, -1, 0, 1, 3, 10, 30, np.inf, -radius, radius})
    return between_cdfs(stats.norm(scale=std).cdf, uniform.cdf, edges)


def cube_by_tensor_rule(task: Any, cost: Cost) -> tuple[float, float]:
    """Gauss-Legendre in every coordinate; exact to rounding for a centre well outside the cube."""
    points, weights = np.polynomial.legendre.leggauss(24)
    grid = np.stack(np.meshgrid(*[points] * task.dim, indexing="ij"), -1).reshape(-1, task.dim)
    mass = np.prod(np.stack(np.meshgrid(*[weights / 2] * task.dim, indexing="ij"), -1), -1).ravel()
    gaps = grid - np.broadcast_to(np.asarray(task.center, float), (task.dim,))
    moment = float(mass @ lengths(gaps, cost) ** cost.p)
    return abs(1 - task.factor) * moment ** (1 / cost.p), 1e-8


def box_integral(task: Any, cost: Cost) -> tuple[float, float]:
    """Mean distance from the centre of a square or cube of side 2, p = 1 and l2.

    Source: Bailey, Borwein, Crandall, Box integrals, J. Comput. Appl. Math. 206, 2007: B_2(1)
    and B_3(1).
    """
    known = {
        2: (math.sqrt(2) + math.asinh(1)) / 3,
        3: math.sqrt(3) / 4 - math.pi / 24 + math.log(2 + math.sqrt(3)) / 2,
    }
    return abs(1 - task.factor) * known[task.dim], 1e-9


def folded_coordinates(task: Any, cost: Cost) -> tuple[float, float]:
    """l1, p = 1: the coordinates one by one, by scipy's folded normal law."""
    from scipy.stats import foldnorm

    a = np.abs(np.asarray(task.at, float))
    return float(sum(foldnorm.mean(c / task.std, scale=task.std) for c in a)), 1e-9
