"""Moments E ||X - a||^p of simple laws: closed forms, and one quadrature for E ||X - a||_2; and
p-means of given vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.costs.l2 import power_of_two
from wdist_bench.costs.powers import power

_STEP = 0.2  # of the trapezoid rule: error about exp(-pi^2 / 0.2) = 4e-22
_REACH = 90.0  # cuts the integrand at exp(-45) of its peak
_POWERS_HOLD = 900  # powers of two between which d^p keeps its digits, and sums of it too


def unit_of_powers(p: float, *arrays: np.ndarray) -> int:
    """k such that d^p of distances of this size, over 2^k, lie in float64's range; 0 where they do
    as they are. The largest is then one half at least: p is 1,000 at most.
    """
    return power_of_two(*arrays, within=round(_POWERS_HOLD / p))


def p_mean(vectors: np.ndarray, cost: Cost, weights: np.ndarray | None = None) -> float:
    """(sum_i w_i ||v_i||^p)^(1/p) for vectors (n, dim) in a norm; equal weights where None."""
    zeros = np.zeros_like(vectors)
    lengths = cost.to(1).matched(vectors, zeros)
    unit = unit_of_powers(cost.p, lengths)
    costs = power(np.ldexp(lengths, -unit), cost.p) if unit else cost.matched(vectors, zeros)
    moment = costs.mean() if weights is None else weights @ costs
    return float(np.ldexp(cost.root(moment), unit))


def mean_root(log_laplace: Callable[[np.ndarray], np.ndarray], mean: float) -> float:
    """E sqrt(S) of a variable S >= 0 from log E exp(-t S) and its mean, to about 1e-14 relative.

    E sqrt(S) = 1 / (2 sqrt(pi)) int_0^inf (1 - E exp(-t S)) t^(-3/2) dt, by the trapezoid rule in
    log t. The Laplace transform is analytic and at most 1 in modulus where Re t > 0, a strip of
    half-width pi / 2 in log t, so the rule converges as exp(-pi^2 / step) for every population.

    Source: Trefethen and Weideman, SIAM Review 56(3), 2014, Theorem 5.1.
    """
    if mean == 0:
        return 0.0
    t = np.exp(np.arange(-_REACH, _REACH, _STEP)) / mean
    with np.errstate(divide="ignore", under="ignore"):
        share = -np.expm1(log_laplace(t))
    return float((share / np.sqrt(t)).sum() * _STEP / (2 * math.sqrt(math.pi)))


def gaussian_mean_l2(a: np.ndarray, std: float) -> float:
    """E ||X - a||_2 for X ~ N(0, std^2 I): the mean of a scaled noncentral chi variable."""
    dim, offset = len(a), float(a @ a)

    def log_laplace(t: np.ndarray) -> np.ndarray:
        widened = 2 * t * std**2
        return -dim / 2 * np.log1p(widened) - t * offset / (1 + widened)

    return mean_root(log_laplace, dim * std**2 + offset)


def gaussian_mean_abs(a: np.ndarray, std: float) -> np.ndarray:
    """E |X_i - a_i| for X_i ~ N(0, std^2), shape of a: the mean of the folded normal law."""
    from scipy.special import erf

    a = np.abs(a)
    if std == 0:
        return a
    z = a / std
    return std * math.sqrt(2 / math.pi) * np.exp(-(z**2) / 2) + a * erf(z / math.sqrt(2))


def cube_mean_l2(a: np.ndarray) -> float:
    """E ||X - a||_2 for X uniform on [-1, 1]^d."""
    centers, counts = np.unique(np.abs(a), return_counts=True)

    def log_laplace(t: np.ndarray) -> np.ndarray:
        return sum(n * _side_log_laplace(t, c) for c, n in zip(centers, counts, strict=True))

    return mean_root(log_laplace, len(a) / 3 + float(a @ a))


def _side_log_laplace(t: np.ndarray, a: float) -> np.ndarray:
    """log E exp(-t (U - a)^2) for U uniform on [-1, 1] and a >= 0, exact also as t -> 0."""
    from scipy.special import erfc

    nodes, weights = np.polynomial.legendre.leggauss(64)
    wide = t < 30
    answer = np.empty_like(t)
    excess = np.expm1(-t[wide, None] * (nodes - a) ** 2) @ (weights / 2)
    answer[wide] = np.log1p(np.maximum(excess, -1))
    root = np.sqrt(t[~wide])
    mass = erfc(root * (a - 1)) - erfc(root * (a + 1))
    answer[~wide] = np.log(np.sqrt(np.pi) / (4 * root) * mass)
    return answer


def cube_mean_abs(a: np.ndarray) -> np.ndarray:
    """E |U_i - a_i| for U_i uniform on [-1, 1], shape of a."""
    a = np.abs(a)
    return np.where(a <= 1, (1 + a**2) / 2, a)


def ball_mean_l2(a: np.ndarray) -> float:
    """E ||X - a||_2 for X uniform in the unit ball of dimension d.

    With F the Gauss hypergeometric function and r = ||a||:
    d / (d + 1) F(-1/2, -(d + 1)/2; d/2; r^2) inside, r F(-1/2, -(d - 1)/2; d/2 + 1; 1/r^2)
    outside: integrals over spheres of the mean distance max F(-1/2, (1 - d)/2; d/2; (min/max)^2).
    """
    dim, r = len(a), float(np.linalg.norm(a))
    if r < 1:
        return dim / (dim + 1) * _hypergeometric(-(dim + 1) / 2, dim / 2, r**2)
    return r * _hypergeometric(-(dim - 1) / 2, dim / 2 + 1, r**-2)


def _hypergeometric(b: float, c: float, z: float) -> float:
    from scipy.special import hyp2f1

    return float(hyp2f1(-0.5, b, c, z))


def ball_mean_abs(a: np.ndarray) -> np.ndarray:
    """E |X_i - a_i| for X uniform in the unit ball, shape of a.

    One coordinate has density c (1 - x^2)^((d - 1)/2), that is (1 + X_i)/2 ~ Beta with both
    parameters (d + 1)/2.
    """
    from scipy.special import betainc, gammaln

    dim, a = len(a), np.abs(a)
    inside = np.minimum(a, 1)
    shape = (dim + 1) / 2
    log_c = gammaln(dim / 2 + 1) - gammaln(shape) - math.log(math.pi) / 2
    # 2 F(a) - 1 = I_{a^2}(1/2, shape), which keeps its digits near a = 0.
    middle = betainc(0.5, shape, inside**2)
    tails = 2 * math.exp(log_c) * (1 - inside**2) ** shape / (dim + 1)
    return np.where(a < 1, a * middle + tails, a)


def independent_mean_square_l1(first: np.ndarray, second: np.ndarray) -> float:
    """E (sum_i |X_i|)^2 of independent X_i from their E |X_i| and E X_i^2."""
    return float(second.sum() + first.sum() ** 2 - (first**2).sum())
