"""Routes on the line and on the circle: cdfs, quantiles and bins, of laws as SciPy knows them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from wdist_bench.cards.routes.distances import ORDER
from wdist_bench.costs import Cost

_WHOLE_LINE = (-np.inf, -30, -10, -3, -1, 0, 1, 3, 10, 30, np.inf)


def _only(cost: Cost, p: float) -> None:
    if cost.p != p:
        raise ValueError(f"route: expected p = {p}, got {cost.p:g}; it holds for no other")


def between_cdfs(
    f: Callable[[float], float],
    g: Callable[[float], float],
    edges: Iterable[float],
    tolerance: float = 1e-9,
) -> tuple[float, float]:
    """The integral of |F - G| by adaptive Gauss-Kronrod, piece by piece: W_1 on the line."""
    from scipy.integrate import quad

    pieces = [
        quad(lambda t: abs(f(t) - g(t)), low, high, limit=400, epsabs=1e-12, epsrel=1e-11)[0]
        for low, high in pairwise(edges)
    ]
    return sum(pieces), tolerance * sum(pieces) + 1e-11


def _mean(height: Callable[[float], float], edges: Iterable[float]) -> float:
    """The integral of a height, piece by piece."""
    from scipy.integrate import quad

    return sum(
        quad(height, low, high, limit=400, epsrel=1e-11, epsabs=1e-14)[0]
        for low, high in pairwise(edges)
    )


# Gaussians.


def normal_cdfs(task: Any, cost: Cost) -> tuple[float, float]:
    """For p = 1: int |F - G| of two normal laws."""
    from scipy.stats import norm as normal

    _only(cost, 1)
    x = normal(task.mean_x[0], math.sqrt(task.cov_x[0][0]))
    y = normal(task.mean_y[0], math.sqrt(task.cov_y[0][0]))
    return between_cdfs(x.cdf, y.cdf, _WHOLE_LINE)


def normal_quantiles(task: Any, cost: Cost) -> tuple[float, float]:
    """int |m + s z|^p phi(z) dz, m and s the differences of means and deviations, split at 0."""
    gap = task.mean_y[0] - task.mean_x[0]
    change = math.sqrt(task.cov_y[0][0]) - math.sqrt(task.cov_x[0][0])

    def height(z: float) -> float:
        return abs(gap + change * z) ** cost.p * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    kink = [-gap / change] if change and abs(gap / change) < 12 else []
    value = _mean(height, sorted([-14, -3, 0, 3, 14, *kink])) ** (1 / cost.p)
    return value, 1e-8 * value + 1e-11


def spike_cdfs(task: Any, cost: Cost) -> tuple[float, float]:
    """For p = 1: int |F - G| of the first coordinate."""
    from scipy.stats import norm as normal

    _only(cost, 1)
    edges = [math.sqrt(task.spike + 1) * t for t in _WHOLE_LINE]
    return between_cdfs(normal(scale=math.sqrt(task.spike)).cdf, normal.cdf, edges)


def spike_quantiles(task: Any, cost: Cost) -> tuple[float, float]:
    """|s - 1| (int |z|^p phi(z) dz)^(1/p) of the first coordinate, by Gauss-Kronrod."""

    def height(z: float) -> float:
        return 2 * z**cost.p * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    value = abs(math.sqrt(task.spike) - 1) * _mean(height, (0, 1, 3, 16)) ** (1 / cost.p)
    return value, 1e-9 * value


def mixture_cdfs(task: Any, cost: Cost) -> tuple[float, float]:
    """For p = 1: int |F - G| of the first coordinate of two mixtures."""
    from scipy.stats import norm as normal

    _only(cost, 1)

    def cdf(weights: Any) -> Callable[[float], float]:
        first, second = normal(0, task.std), normal(task.separation, task.std)
        return lambda t: weights[0] * first.cdf(t) + weights[1] * second.cdf(t)

    reach = 12 * task.std
    edges = np.linspace(-reach, task.separation + reach, 9)
    return between_cdfs(cdf(task.weights_x), cdf(task.weights_y), edges)


# Any laws of SciPy.


def scipy_cdfs(task: Any, cost: Cost) -> tuple[float, float]:
    """For p = 1: int |F - G| by the cdfs of scipy.stats."""
    from scipy import stats

    _only(cost, 1)
    laws = (
        getattr(stats, task.x)(**dict(task.x_params)),
        getattr(stats, task.y)(**dict(task.y_params)),
    )
    middle = sorted({float(law.ppf(u)) for law in laws for u in (0.01, 0.1, 0.5, 0.9, 0.99)})
    ends = [law.support() for law in laws]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    edges = sorted({low, *middle, *(e for end in ends for e in end if np.isfinite(e)), high})
    return between_cdfs(laws[0].cdf, laws[1].cdf, edges, 1e-8)


def gaussian_levels(task: Any, cost: Cost) -> tuple[float, float]:
    """The trapezoid rule over z with u = Phi(z), another variable than the truth's; what lies
    beyond |z| = 8.5, judged by the height there, adds to the tolerance.
    """
    from scipy import stats

    x = getattr(stats, task.x)(**dict(task.x_params))
    y = getattr(stats, task.y)(**dict(task.y_params))
    z = np.arange(0, 8.5, 0.002)
    tail, weight = stats.norm.sf(z), stats.norm.pdf(z) * 0.002
    weight[0] /= 2
    low, high = np.abs(x.ppf(tail) - y.ppf(tail)), np.abs(x.isf(tail) - y.isf(tail))
    paid = (low**cost.p + high**cost.p) * weight
    total = float(paid.sum())
    value, beyond = total ** (1 / cost.p), float(paid[-1]) / 0.002
    return value, (1e-5 + beyond / (total * cost.p)) * value


# Isotropic laws.


def _radius_law(pairs: Any, dim: int) -> tuple[Any, float]:
    """A scipy law of the radius (None for a sphere), and the size."""
    from scipy import stats

    given = dict(pairs)
    size: Any = given.get("std", given.get("radius", 1.0))
    laws = {"gaussian": stats.chi(dim, scale=size), "ball": stats.powerlaw(dim, scale=size)}
    return laws.get(given["law"]), float(size)


def monotone_radius(task: Any, cost: Cost) -> tuple[float, float]:
    """int |r - G^-1(F(r))|^p f(r) dr, F the law of a radius that has a density f."""
    (x, _), (y, size) = _radius_law(task.x, task.dim), _radius_law(task.y, task.dim)
    if x is None:
        (x, y), size = (y, x), _radius_law(task.x, task.dim)[1]

    def height(r: float) -> float:
        other = size if y is None else y.ppf(x.cdf(r))
        return float(abs(r - other) ** cost.p * x.pdf(r))

    ends = {*x.support(), *x.ppf([0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1 - 1e-9, 1 - 1e-15])}
    low, high = x.support()
    kink = [size] if y is None and low < size < high else []
    value = _mean(height, sorted({float(e) for e in (*ends, *kink) if np.isfinite(e)}))
    return float(value ** (1 / cost.p)), 1e-6


# Noise.


def noise_radii(task: Any, cost: Cost) -> tuple[float, float]:
    """W_p of the lengths of normal vectors, by their cdfs (p = 1) or quantiles."""
    from scipy.stats import chi

    small = chi(task.dim, scale=task.base_std)
    large = chi(task.dim, scale=math.hypot(task.base_std, task.noise_std))
    if cost.p == 1:
        return _mean(lambda r: abs(small.cdf(r) - large.cdf(r)), (0, 20 * large.std())), 1e-7
    levels = (0, 1e-6, 0.01, 0.3, 0.7, 0.99, 1 - 1e-6, 1 - 1e-12)
    total = _mean(lambda u: abs(small.ppf(u) - large.ppf(u)) ** cost.p, levels)
    return total ** (1 / cost.p), 1e-5


def noise_coordinates(task: Any, cost: Cost) -> tuple[float, float]:
    """l1 norm, p = 1: d times int |F - G| of one coordinate."""
    from scipy.stats import norm as normal

    _only(cost, 1)
    large = math.hypot(task.base_std, task.noise_std)

    def gap(t: float) -> float:
        return float(abs(normal.cdf(t, scale=task.base_std) - normal.cdf(t, scale=large)))

    return 2 * task.dim * _mean(gap, (0, large, 12 * large)), 1e-7


def uniform_coordinates(task: Any, cost: Cost) -> tuple[float, float]:
    """One coordinate by midpoint sums: the cdf of X + e as the mean of shifted cdfs of X."""
    a, b = math.sqrt(3) * task.base_std, math.sqrt(3) * task.noise_std
    noise = b * (2 * (np.arange(4000) + 0.5) / 4000 - 1)
    t = np.linspace(-a - b, a + b, 4001)
    base = np.clip((t + a) / (2 * a), 0, 1)
    blurred = np.array([np.clip((s - noise + a) / (2 * a), 0, 1).mean() for s in t])
    if cost.p == 1:
        return task.dim * float(np.trapezoid(np.abs(base - blurred), t)), 1e-5 * task.dim
    levels = (np.arange(200_000) + 0.5) / 200_000
    gap = np.abs(np.interp(levels, blurred, t) - a * (2 * levels - 1))
    return (task.dim * float(np.mean(gap**cost.p))) ** (1 / cost.p), 1e-4 * task.dim


# The line and the circle in bins.


def histogram_scipy(task: Any, cost: Cost) -> tuple[float, float]:
    """p = 1, by scipy.stats.wasserstein_distance."""
    from scipy.stats import wasserstein_distance

    _only(cost, 1)
    value = wasserstein_distance(task.positions, task.positions, task.weights_x, task.weights_y)
    return float(value), 1e-12


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
    x, y = masses
    return (edges[1:] + edges[:-1]) / 2 * task.period, x, y


def binned_on_the_line(task: Any, cost: Cost) -> tuple[float, float]:
    """POT's one-dimensional solver on 20,000 bins; mass lies within half a bin."""
    import ot

    places, a, b = bins(task)
    paid = ot.emd2_1d(places, places, a, b, metric="minkowski", p=cost.p)
    size = task.dim ** (1 / ORDER[cost.norm])
    return size * paid ** (1 / cost.p), size * task.period / len(places)


def binned_on_the_circle(task: Any, cost: Cost) -> tuple[float, float]:
    """POT's solver on the circle, on 20,000 bins; mass lies within half a bin. Coordinates add up
    for p = 2.
    """
    import ot

    places, a, b = bins(task)
    paid = ot.wasserstein_circle(
        places / task.period, places / task.period, a, b, p=cost.p, eps=1e-12
    )
    size = task.dim ** (1 / cost.p) if task.dim > 1 else 1.0
    found = float(np.ravel(paid)[0]) ** (1 / cost.p)
    return size * task.period * found, size * task.period / len(places) + 1e-6 * task.period
