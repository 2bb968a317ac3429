"""E ||X - a||^p of simple laws for every real p >= 1, by quadrature to about 1e-12 relative; None
where float64 does not hold it.

`distances` has the closed forms of p = 1 and 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from wdist_bench.costs import Cost

_STEP = 0.2  # of the trapezoid rule in log t: error about exp(-pi^2 / 0.2)
_REACH = 90.0  # it begins and ends where the integrand is below exp(-90) of its peak
_RULE = np.polynomial.legendre.leggauss(16)  # points and weights on [-1, 1]
_HALVINGS = 60  # of panels towards a point: down to 1e-18 of the first
# Standard deviations of a normal law beyond which 1e-43 of it lies; and past the peak of |x|^p.
_TAIL, _PAST_PEAK = 14.0, 9.0
_LEAST = 2.0**-1000  # of moments that keep their digits


class Coordinate(NamedTuple):
    """A law on the line that is symmetric about 0.

    Attributes:
        density: at points.
        beyond: (a, r) -> P(|X - a| > r) for a, r >= 0.
        reach: X lies in [-reach, reach].
        kinks: whether the density jumps at its ends.
    """

    density: Callable[[np.ndarray], np.ndarray]
    beyond: Callable[[float, np.ndarray], np.ndarray]
    reach: float
    kinks: bool


def normal(std: float, p: float = 1) -> Coordinate:
    """The normal law N(0, std^2) on the line, for moments up to the p-th."""
    from scipy.special import ndtr

    def density(x: np.ndarray) -> np.ndarray:
        return np.exp(-((x / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))

    def beyond(a: float, r: np.ndarray) -> np.ndarray:
        return ndtr(-(a + r) / std) + ndtr((a - r) / std)

    return Coordinate(density, beyond, max(_TAIL, _PAST_PEAK + math.sqrt(p)) * std, False)


def uniform() -> Coordinate:
    """Uniform on [-1, 1]."""

    def beyond(a: float, r: np.ndarray) -> np.ndarray:
        return (np.clip(1 - a - r, 0, 2) + np.clip(1 + a - r, 0, 2)) / 2

    return Coordinate(lambda x: np.full_like(x, 0.5), beyond, 1.0, True)


def product_moment(law: Coordinate, a: np.ndarray, cost: Cost) -> float | None:
    """E ||X - a||^p for independent coordinates of one law; None in other norms than l2, l1, linf,
    and where float64 does not hold it.

    l2 and l1 are sums of the coordinates' |X_i - a_i|^2 and |X_i - a_i|: `_sum_moment`. For linf
    it is int p r^(p - 1) P(||X - a|| > r) dr.
    """
    if not cost.minkowski:
        return None
    centers, counts = np.unique(np.abs(a), return_counts=True)
    with np.errstate(all="ignore"):
        if cost.minkowski == math.inf:
            found = _largest_moment(law, centers, counts, cost.p)
        else:
            parts = [_gaps(law, center) for center in centers]
            powers = [(gap**cost.minkowski, weight) for gap, weight in parts]
            found = _sum_moment(powers, counts, cost.p / cost.minkowski)
    return found if _LEAST < found < math.inf else None


def _gaps(law: Coordinate, center: float) -> tuple[np.ndarray, np.ndarray]:
    """|x - center| at quadrature points x, which are dense at the center, and their weights."""
    near = min(center, law.reach)
    steps = 2 * law.reach * 2.0 ** -np.arange(_HALVINGS)
    edges = np.concatenate([near - steps, [near], near + steps, np.linspace(-1, 1, 57) * law.reach])
    x, weight = panels(np.unique(np.clip(edges, -law.reach, law.reach)))
    return np.abs(x - center), weight * law.density(x)


def panels(
    edges: np.ndarray, rule: tuple[np.ndarray, np.ndarray] = _RULE
) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre points and weights on the panels between sorted edges."""
    half, middle = np.diff(edges)[:, None] / 2, (edges[:-1] + edges[1:])[:, None] / 2
    return (middle + half * rule[0]).ravel(), (half * rule[1]).ravel()


def _sum_moment(parts: list[tuple[np.ndarray, np.ndarray]], counts: np.ndarray, q: float) -> float:
    """E S^q for S = sum_i s_i of independent s_i >= 0, given at quadrature points with weights.

    E S^q = k! / Gamma(k - q) int_0^inf t^(k - q - 1) E[S^k exp(-t S)] / k! dt for every whole
    k > q, by the trapezoid rule in log t, with S in units of its mean; the expectation is that of
    z^k among the coefficients, each over t^k, of the product over i of E exp(t s_i (z - 1)).
    """
    order = math.floor(q) + 2
    mean = np.float64(sum(n * float(w @ s) for (s, w), n in zip(parts, counts, strict=True)))
    t = np.exp(np.arange(-_REACH, _REACH, _STEP))
    series = np.zeros((len(t), order + 1))
    series[:, 0] = 1
    for (s, weight), count in zip(parts, counts, strict=True):
        term, left = _series(t, s / mean, weight, order), int(count)
        while left:
            series = _times(series, term) if left % 2 else series
            term, left = _times(term, term), left // 2
    total = (t ** (order - q) * series[:, order]).sum() * _STEP
    share = np.exp(np.log(total) + math.lgamma(order + 1) - math.lgamma(order - q))
    return float(share * mean**q)


def _series(t: np.ndarray, s: np.ndarray, weight: np.ndarray, order: int) -> np.ndarray:
    """Coefficients of E exp(t s (z - 1)) up to z^order, each over t^j: E[s^j exp(-t s)] / j!."""
    found = np.empty((len(t), order + 1))
    for row, at in zip(found, t, strict=True):
        term = weight * np.exp(-at * s)
        for j in range(order + 1):
            row[j] = term.sum()
            term = term * (s / (j + 1))
    return found


def _times(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Products of power series, row by row, up to the order that both have."""
    product = np.zeros_like(one)
    for j in range(one.shape[1]):
        product[:, j:] += one[:, j : j + 1] * other[:, : one.shape[1] - j]
    return product


def _largest_moment(law: Coordinate, centers: np.ndarray, counts: np.ndarray, p: float) -> float:
    sure = max(0.0, float(centers.max()) - law.reach)  # the maximum is never below
    ends = np.concatenate([np.abs(centers - law.reach), centers + law.reach])
    high = float(ends.max())
    steps = (high - sure) * 2.0 ** -np.arange(_HALVINGS)
    edges = np.concatenate([np.linspace(sure, high, 257), sure + steps, ends if law.kinks else []])
    r, weight = panels(np.unique(np.clip(edges, sure, high)))
    # Of P(max <= r), which is a product, the log: 1 minus it has no digits far out.
    each = zip(centers, counts, strict=True)
    log_within = np.sum([n * np.log1p(-np.minimum(law.beyond(c, r), 1)) for c, n in each], axis=0)
    return float(np.float64(sure) ** p - weight @ (p * r ** (p - 1) * np.expm1(log_within)))


def normal_length_mean(dim: int, p: float) -> float:
    """(E |Z|_2^p)^(1/p) of a standard normal vector: the moment itself is 2^(p/2)
    Gamma((dim + p)/2) / Gamma(dim/2).
    """
    return math.sqrt(2) * math.exp((math.lgamma((dim + p) / 2) - math.lgamma(dim / 2)) / p)


def direction_moment(dim: int, cost: Cost) -> float | None:
    """E ||t||^p for t uniform on the unit sphere, by that of a normal vector |Z| t, whose length
    and direction are independent; None in other norms than l2, l1, linf.
    """
    p = cost.p
    moment = product_moment(normal(1.0, p), np.zeros(dim), cost)
    return None if moment is None else (moment ** (1 / p) / normal_length_mean(dim, p)) ** p


def ball_moment(a: np.ndarray, cost: Cost) -> float | None:
    """E ||X - a||^p for X uniform in the unit ball of l2; None where a is not 0 but in l2.

    The mean over a sphere of radius r is max^p F(-p/2, 1 - (d + p)/2; d/2; (min / max)^2), F the
    Gauss hypergeometric function, max and min the larger and the smaller of r and |a|; in many
    dimensions, where scipy has no F, it is a mean over angles.
    """
    dim, p = len(a), cost.p
    if not a.any():
        size = direction_moment(dim, cost)
        return None if size is None else size * dim / (dim + p)
    if cost.minkowski != 2:
        return None
    from scipy.special import hyp2f1

    away = float(np.linalg.norm(a))
    steps = 2.0 ** -np.arange(_HALVINGS)
    near = min(away, 1.0)
    edges = np.concatenate([near - steps, near + steps, 1 - steps, [0.0, near, 1.0]])
    r, weight = panels(np.unique(np.clip(edges, 0, 1)))
    low, high = np.minimum(r, away), np.maximum(r, away)
    with np.errstate(all="ignore"):
        mean = hyp2f1(-p / 2, 1 - (dim + p) / 2, dim / 2, (low / high) ** 2)
        if not np.isfinite(mean).all():
            mean = _mean_over_angles(low / high, dim, p)
        found = float(weight @ (dim * r ** (dim - 1) * high**p * mean))
    return found if math.isfinite(found) else None


def _mean_over_angles(share: np.ndarray, dim: int, p: float) -> np.ndarray:
    """E |t - s e_1|^p for each s <= 1 and t uniform on the unit sphere of many dimensions, where
    t_1 has a density (1 - c^2)^((dim - 3)/2) that is nothing beyond 12 of its spreads.
    """
    c, weight = panels(np.linspace(-1, 1, 9) * min(1.0, 12 / math.sqrt(dim)))
    weight = weight * (1 - c**2) ** ((dim - 3) / 2)
    mean: np.ndarray = (1 + share[:, None] ** 2 - 2 * share[:, None] * c) ** (p / 2) @ weight
    return mean / weight.sum()
