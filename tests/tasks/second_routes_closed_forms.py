"""Other ways to the truths of tasks that have a formula; `closed_form_checks` says whose."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import jax
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.tasks.base import Task

# Shared by several tasks.


def simplex(x: np.ndarray, y: np.ndarray, p: int, norm: str, a: Any = None, b: Any = None) -> float:
    """W_p of weighted points by POT's network simplex."""
    cost = Cost(p, norm)
    solution = solve_exact(cost.matrix(x, y), a, b)
    assert solution.converged, solution.message
    return cost.root(solution.cost)


def mean_displacement(task: Task, p: int, norm: str) -> tuple[float, float]:
    """(mean ||x - y||^p)^(1/p) over many points of the optimal coupling, 5 standard errors."""
    x, y = task.pairs(jax.random.key(21), _many(task), p)
    gaps = np.asarray(x, np.float64) - np.asarray(y, np.float64)
    cost = np.linalg.norm(gaps, 1 if norm == "l1" else 2, axis=1) ** p
    stderr = cost.std() / math.sqrt(len(cost))
    value = float(cost.mean()) ** (1 / p)
    own = task.truth(p, norm).stderr
    return value, 5 * math.hypot(stderr / (p * value ** (p - 1)), own) + 1e-5 * value


def _many(task: Task) -> int:
    """A million points, fewer in high dimensions, where distances hardly vary."""
    return min(1_000_000, 4_000_000 // task.dim)


def dual_on_samples(task: Task, p: int, norm: str) -> tuple[float, float]:
    """E_mu[phi] - E_nu[phi] of the 1-Lipschitz potential, p = 1, on independent samples of both."""
    x, y = task.sample(jax.random.key(22), _many(task))
    phi, psi = (np.asarray(task.potential(points, 1), np.float64) for points in (x, y))
    value = float(phi.mean() - psi.mean())
    return value, 5 * math.sqrt((phi.var() + psi.var()) / len(phi)) + 1e-5 * value


def between_cdfs(f: Any, g: Any, edges: Any, tolerance: float = 1e-9) -> tuple[float, float]:
    """The integral of |F - G| by adaptive Gauss-Kronrod, piece by piece: W_1 on the line."""
    from scipy.integrate import quad

    pieces = [
        quad(lambda t: abs(f(t) - g(t)), low, high, limit=400, epsabs=1e-12, epsrel=1e-11)[0]
        for low, high in pairwise(edges)
    ]
    return sum(pieces), tolerance * sum(pieces) + 1e-11


_WHOLE_LINE = (-np.inf, -30, -10, -3, -1, 0, 1, 3, 10, 30, np.inf)


# Translated Gaussians.


def shuffled_translation(task: Any, p: int, norm: str) -> tuple[float, float]:
    """The simplex on 250 points and their translates, in another order."""
    generator = np.random.default_rng(23)
    v = np.broadcast_to(np.asarray(task.shift, float), (task.dim,))
    points = task.scale * generator.standard_normal((250, task.dim))
    return simplex(points + v / 2, generator.permutation(points) - v / 2, p, norm), 1e-9


def difference_of_means(task: Any, p: int, norm: str) -> tuple[float, float]:
    """The lower bound ||E X - E Y|| on samples; Jensen's inequality makes it one for every p."""
    x, y = (np.asarray(v, np.float64) for v in task.sample(jax.random.key(24), 400_000))
    order = 1 if norm == "l1" else 2
    gap = np.linalg.norm(x.mean(0) - y.mean(0), order)
    return float(gap), 5 * math.sqrt((x.var(0) + y.var(0)).max() / len(x)) * task.dim ** (1 / order)


# Gaussians.


def trace_formula(task: Any, p: int, norm: str) -> tuple[float, float]:
    """tr(C_x + C_y - 2 (C_x C_y)^(1/2)), whose eigenvalues are those of the symmetric form."""
    x, y = np.array(task.cov_x, float), np.array(task.cov_y, float)
    shift = np.subtract(task.mean_x, task.mean_y)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(x @ y).real, 0))
    cost = shift @ shift + np.trace(x) + np.trace(y) - 2 * roots.sum()
    return math.sqrt(cost), 1e-7


def bures_of_pot(task: Any, p: int, norm: str) -> tuple[float, float]:
    import ot

    means = np.array(task.mean_x, float), np.array(task.mean_y, float)
    covs = np.array(task.cov_x, float), np.array(task.cov_y, float)
    return float(ot.gaussian.bures_wasserstein_distance(*means, *covs)), 1e-9


def normal_cdfs(task: Any, p: int, norm: str) -> tuple[float, float]:
    from scipy.stats import norm as normal

    x = normal(task.mean_x[0], math.sqrt(task.cov_x[0][0]))
    y = normal(task.mean_y[0], math.sqrt(task.cov_y[0][0]))
    return between_cdfs(x.cdf, y.cdf, _WHOLE_LINE)


def length_of_shift(task: Any, p: int, norm: str) -> tuple[float, float]:
    """The simplex on 250 points of the first Gaussian and their translates, in another order."""
    generator = np.random.default_rng(25)
    points = generator.multivariate_normal(task.mean_x, task.cov_x, 250)
    moved = points + np.subtract(task.mean_y, task.mean_x)
    return simplex(points, generator.permutation(moved), p, norm), 1e-9


# The line.


def scipy_cdfs(task: Any, p: int, norm: str) -> tuple[float, float]:
    from scipy import stats

    laws = (
        getattr(stats, task.x)(**dict(task.x_params)),
        getattr(stats, task.y)(**dict(task.y_params)),
    )
    middle = sorted({float(law.ppf(u)) for law in laws for u in (0.01, 0.1, 0.5, 0.9, 0.99)})
    ends = [law.support() for law in laws]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    edges = sorted({low, *middle, *(e for end in ends for e in end if np.isfinite(e)), high})
    return between_cdfs(laws[0].cdf, laws[1].cdf, edges, 1e-8)


def gaussian_levels(task: Any, p: int, norm: str) -> tuple[float, float]:
    """The trapezoid rule over z with u = Phi(z), another variable than the truth's."""
    from scipy import stats

    x = getattr(stats, task.x)(**dict(task.x_params))
    y = getattr(stats, task.y)(**dict(task.y_params))
    z = np.arange(0, 8.5, 0.002)
    tail, weight = stats.norm.sf(z), stats.norm.pdf(z) * 0.002
    weight[0] /= 2
    low, high = np.abs(x.ppf(tail) - y.ppf(tail)), np.abs(x.isf(tail) - y.isf(tail))
    value = float(((low**p + high**p) * weight).sum()) ** (1 / p)
    return value, 1e-5 * value


def moment_of_scale(task: Any, p: int, norm: str) -> tuple[float, float]:
    """X against s X: |s - 1| (E |X|^p)^(1/p), the absolute moment from scipy.stats."""
    from scipy import stats

    factor = dict(task.y_params).get("scale", 1.0)
    params = {k: v for k, v in task.x_params if k != "scale"}
    law = getattr(stats, task.x)(**params)
    return abs(factor - 1) * float(law.expect(lambda t: abs(t) ** p)) ** (1 / p), 1e-6


# Isotropic laws.


def _radius_law(pairs: Any, dim: int) -> tuple[Any, float]:
    """A scipy law of the radius (None for a sphere), and the size."""
    from scipy import stats

    given = dict(pairs)
    size = given.get("std", given.get("radius", 1.0))
    laws = {"gaussian": stats.chi(dim, scale=size), "ball": stats.powerlaw(dim, scale=size)}
    return laws.get(given["law"]), size


def radius_cdfs(task: Any, p: int, norm: str) -> tuple[float, float]:
    """For p = 1: int |F - G| of the radii."""
    cdfs, sizes = [], []
    for pairs in (task.x, task.y):
        law, size = _radius_law(pairs, task.dim)
        cdfs.append(law.cdf if law else lambda r, size=size: float(r >= size))
        sizes += [size] if law is None else [size, law.median(), law.ppf(0.999)]
    return between_cdfs(*cdfs, sorted({0.0, *sizes, 10 * max(sizes)}), 1e-7)


def radius_moments(task: Any, p: int, norm: str) -> tuple[float, float]:
    """For p = 2: E R^2 + E S^2 - 2 E R S, with E R S = s E R for a sphere of radius s."""
    from scipy.special import gammaln

    def moments(pairs: Any) -> tuple[float, float]:
        given, d = dict(pairs), task.dim
        if given["law"] == "gaussian":
            mean = math.sqrt(2) * math.exp(gammaln((d + 1) / 2) - gammaln(d / 2))
            return given["std"] * mean, given["std"] ** 2 * d
        if given["law"] == "ball":
            return given["radius"] * d / (d + 1), given["radius"] ** 2 * d / (d + 2)
        return given["radius"], given["radius"] ** 2

    (mean_x, square_x), (mean_y, square_y) = moments(task.x), moments(task.y)
    # E R S = E R E S holds as one of the two is a sphere.
    return math.sqrt(square_x + square_y - 2 * mean_x * mean_y), 1e-7


def monotone_radius(task: Any, p: int, norm: str) -> tuple[float, float]:
    """The cost int |r - G^-1(F(r))|^p f(r) dr of a Gaussian against a ball."""
    from scipy.integrate import quad

    (x, _), (y, _) = _radius_law(task.x, task.dim), _radius_law(task.y, task.dim)

    def cost(r: float) -> float:
        return abs(r - y.ppf(x.cdf(r))) ** p * x.pdf(r)

    cuts = [0.0, *x.ppf([0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1 - 1e-9])]
    total = sum(quad(cost, a, b, limit=200)[0] for a, b in pairwise(cuts))
    return total ** (1 / p), 1e-6


def signed_cdfs(task: Any, p: int, norm: str) -> tuple[float, float]:
    """Dim 1: int |F - G| of N(0, s^2) and the uniform law on [-r, r] themselves."""
    from scipy import stats

    std, radius = dict(task.x)["std"], dict(task.y)["radius"]
    uniform = stats.uniform(-radius, 2 * radius)
    edges = sorted({*_WHOLE_LINE, -radius, radius})
    return between_cdfs(stats.norm(scale=std).cdf, uniform.cdf, edges)


# Dilations and point masses: mean distances from a point.


def mean_distance_gaussian(task: Any, p: int, norm: str) -> tuple[float, float]:
    """Mean of the noncentral chi law as a generalised Laguerre function L_(1/2)^(d/2 - 1)."""
    from scipy.special import eval_genlaguerre

    a = np.broadcast_to(np.asarray(task.center, float), (task.dim,))
    mean = math.sqrt(math.pi / 2) * eval_genlaguerre(0.5, task.dim / 2 - 1, -(a @ a) / 2)
    return abs(1 - task.factor) * float(mean), 1e-9


def _tensor(nodes: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    points, weights = np.polynomial.legendre.leggauss(nodes)
    grid = np.stack(np.meshgrid(*[points] * dim, indexing="ij"), -1).reshape(-1, dim)
    mass = np.prod(np.stack(np.meshgrid(*[weights / 2] * dim, indexing="ij"), -1), -1)
    return grid, mass.ravel()


def cube_by_tensor_rule(task: Any, p: int, norm: str) -> tuple[float, float]:
    """Gauss-Legendre in every coordinate; exact to rounding for a centre well outside the cube."""
    grid, mass = _tensor(24, task.dim)
    gaps = grid - np.broadcast_to(np.asarray(task.center, float), (task.dim,))
    cost = mass @ np.linalg.norm(gaps, 1 if norm == "l1" else 2, axis=1) ** p
    return abs(1 - task.factor) * float(cost) ** (1 / p), 1e-8


def box_integral(task: Any, p: int, norm: str) -> tuple[float, float]:
    """Mean distance from the centre of a square or cube of side 2.

    Source: Bailey, Borwein, Crandall, Box integrals, J. Comput. Appl. Math. 206, 2007: B_2(1)
    and B_3(1).
    """
    known = {
        2: (math.sqrt(2) + math.asinh(1)) / 3,
        3: math.sqrt(3) / 4 - math.pi / 24 + math.log(2 + math.sqrt(3)) / 2,
    }
    return abs(1 - task.factor) * known[task.dim], 1e-9


def ball_in_polar_coordinates(task: Any, p: int, norm: str) -> tuple[float, float]:
    """Gauss-Legendre in radius and angle, the radius split where the centre lies."""
    a = np.broadcast_to(np.asarray(task.center, float), (task.dim,))
    rho, dim = float(np.linalg.norm(a)), task.dim
    nodes, weights = np.polynomial.legendre.leggauss(300)
    angle, mass = math.pi * (nodes + 1) / 2, weights * math.pi / 2
    mass = mass * np.sin(angle) ** (dim - 2)
    mass /= mass.sum()
    total, split = 0.0, min(rho, 1.0)
    for low, high in ((0.0, split), (split, 1.0)):
        r = (low + high + (high - low) * nodes) / 2
        across = np.sqrt(r[:, None] ** 2 + rho**2 - 2 * r[:, None] * rho * np.cos(angle)) @ mass
        total += float((across * dim * r ** (dim - 1)) @ weights) * (high - low) / 2
    return abs(1 - task.factor) * total, 1e-6


def noncentral_chi(task: Any, p: int, norm: str) -> tuple[float, float]:
    """Mean over the density of the noncentral chi law."""
    from scipy.integrate import quad
    from scipy.stats import ncx2

    dim, square = task.dim, float(np.dot(task.at, task.at)) / task.std**2
    law, mean = ncx2(dim, square), dim + square
    spread = math.sqrt(2 * (dim + 2 * square))
    low, high = math.sqrt(max(mean - 12 * spread, 0)), math.sqrt(mean + 14 * spread)
    value = quad(lambda c: 2 * c * c * law.pdf(c * c), low, high, limit=300, epsrel=1e-11)[0]
    return task.std * value, 1e-8 * task.std * value


def folded_coordinates(task: Any, p: int, norm: str) -> tuple[float, float]:
    """l1, p = 1: the coordinates one by one, by scipy's folded normal law."""
    from scipy.stats import foldnorm

    a = np.abs(np.asarray(task.at, float))
    return float(sum(foldnorm.mean(c / task.std, scale=task.std) for c in a)), 1e-9


def chi_mean(task: Any, p: int, norm: str) -> tuple[float, float]:
    """A point mass at the centre: the mean of a chi law, by gamma functions."""
    from scipy.special import gammaln

    mean = math.exp(gammaln((task.dim + 1) / 2) - gammaln(task.dim / 2))
    return task.std * math.sqrt(2) * mean, 1e-8 * mean


# Spheres, segments, spikes, gradients, mixtures.


def shuffled_spheres(task: Any, p: int, norm: str) -> tuple[float, float]:
    """The simplex on 250 directions at both radii, in another order."""
    generator = np.random.default_rng(26)
    rays = generator.standard_normal((250, task.dim))
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    return simplex(task.radius_x * rays, task.radius_y * generator.permutation(rays), p, norm), 1e-9


def round_the_circle(task: Any, p: int, norm: str) -> tuple[float, float]:
    """Dim 2, l1: the mean of (|cos| + |sin|)^p over a quarter of the circle."""
    angle = (np.arange(100_000) + 0.5) / 100_000 * math.pi / 2
    mean = float(np.mean((np.cos(angle) + np.sin(angle)) ** p))
    return abs(task.radius_x - task.radius_y) * mean ** (1 / p), 1e-8


def shuffled_segments(task: Any, p: int, norm: str) -> tuple[float, float]:
    """The simplex on 250 heights on both segments, in another order."""
    generator = np.random.default_rng(27)
    x = np.zeros((250, task.dim))
    x[:, 1] = generator.uniform(size=250)
    y = generator.permutation(x)
    y[:, 0] += task.theta
    return simplex(x, y, p, norm), 1e-9


def spike_trace_formula(task: Any, p: int, norm: str) -> tuple[float, float]:
    """Bures with diagonal covariances, the trace formula term by term."""
    x = np.ones(task.dim)
    x[0] = task.spike
    return math.sqrt(float((x + 1 - 2 * np.sqrt(x)).sum())), 1e-7


def spike_cdfs(task: Any, p: int, norm: str) -> tuple[float, float]:
    from scipy.stats import norm as normal

    edges = [math.sqrt(task.spike + 1) * t for t in _WHOLE_LINE]
    return between_cdfs(normal(scale=math.sqrt(task.spike)).cdf, normal.cdf, edges)


def sigmoid_integral(task: Any, p: int, norm: str) -> tuple[float, float]:
    """2 s |w| (int sigmoid(|w| z)^p dPhi(z))^(1/p), by adaptive Gauss-Kronrod, unsimplified."""
    from scipy.integrate import quad
    from scipy.special import expit
    from scipy.stats import norm as normal

    size = float(np.linalg.norm(task.direction))
    pieces = [(-12, -1), (-1, 0), (0, 1), (1, 12)]
    mean = sum(
        quad(lambda z: expit(size * z) ** p * normal.pdf(z), a, b, limit=200)[0] for a, b in pieces
    )
    return 2 * task.strength * size * mean ** (1 / p), 1e-8


def projected_quantiles(task: Any, p: int, norm: str) -> tuple[float, float]:
    """W_p of 2 million projections on w: a lower bound, here the value; sorted, within 0.3 %."""
    w = np.asarray(task.direction, np.float64)
    x, y = task.sample(jax.random.key(28), 2_000_000 // task.dim)
    lines = [np.sort(np.asarray(v, np.float64) @ (w / np.linalg.norm(w))) for v in (x, y)]
    value = float(np.mean(np.abs(lines[0] - lines[1]) ** p)) ** (1 / p)
    return value, 0.003 * value


def mixture_cdfs(task: Any, p: int, norm: str) -> tuple[float, float]:
    from scipy.stats import norm as normal

    def cdf(weights: Any) -> Any:
        first, second = normal(0, task.std), normal(task.separation, task.std)
        return lambda t: weights[0] * first.cdf(t) + weights[1] * second.cdf(t)

    reach = 12 * task.std
    edges = np.linspace(-reach, task.separation + reach, 9)
    return between_cdfs(cdf(task.weights_x), cdf(task.weights_y), edges)


def two_points(task: Any, p: int, norm: str) -> tuple[float, float]:
    points = np.array([[0.0], [task.separation]])
    weights = np.array(task.weights_x, float), np.array(task.weights_y, float)
    return simplex(points, points, p, norm, *weights), 1e-9


def bins(task: Any, count: int = 20_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middles of bins of the circle and their masses under both laws, by the cdfs of scipy."""
    from scipy import stats

    edges = np.linspace(0, 1, count + 1)
    masses = []
    for pairs in (task.x, task.y):
        law = {"center": 0.0, "width": 0.25, "concentration": 1.0} | dict(pairs)
        if law["law"] == "arc":
            law = stats.uniform(law["center"] - law["width"] / 2, law["width"])
        else:
            law = stats.vonmises(law["concentration"], loc=law["center"], scale=0.5 / math.pi)
        whole = sum(law.cdf(edges + turn) - law.cdf(edges[0] + turn) for turn in (-1, 0, 1))
        mass = np.diff(whole)
        masses.append(np.maximum(mass, 0) / np.maximum(mass, 0).sum())
    return (edges[1:] + edges[:-1]) / 2 * task.period, *masses


def binned_on_the_line(task: Any, p: int, norm: str) -> tuple[float, float]:
    """POT's one-dimensional solver on the bins; mass lies within half a bin."""
    import ot

    places, a, b = bins(task)
    cost = ot.emd2_1d(places, places, a, b, metric="minkowski" if p == 1 else "sqeuclidean", p=1)
    size = task.dim if norm == "l1" else task.dim ** (1 / p)
    return size * cost ** (1 / p), size * task.period / len(places)
