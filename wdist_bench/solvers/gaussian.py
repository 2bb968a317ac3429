"""Distances that only look at the means and covariances of two samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from wdist_bench.costs.l2 import power_of_two
from wdist_bench.solvers.proofs.rounding import UNIT


def mean_shift(
    x: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, "m d"],
    a: Float[np.ndarray, " n"] | None,
    b: Float[np.ndarray, " m"] | None,
) -> Float[np.ndarray, " d"]:
    """E_nu[y] - E_mu[x], shape (d,), from differences to a common origin."""
    origin = x[0]
    return _mean(y - origin, b) - _mean(x - origin, a)


def bures_cost(
    x: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, "m d"],
    a: Float[np.ndarray, " n"] | None,
    b: Float[np.ndarray, " m"] | None,
) -> float:
    """|m_x - m_y|^2 + tr A + tr B - 2 tr (A^1/2 B A^1/2)^1/2, with maximum-likelihood covariances.

    It is W_2^2 of the Gaussians with the moments of the samples, hence a lower bound on W_2^2 of
    the samples themselves. With A = X^T X and B = Y^T Y the covariance part is the Procrustes
    distance min |X - Q Y|_F^2 over isometries Q, the form computed here: it needs no root of a
    singular covariance and is exactly as accurate near 0. X and Y are at most (d, d), by QR.

    Args:
        x: (n, d) points of mu.
        y: (m, d) points of nu.
        a: (n,) weights summing to one, None for equal weights.
        b: (m,) weights summing to one, None for equal weights.

    Source: Gelbrich 1990, On a formula for the L2 Wasserstein metric; the Procrustes form,
    Bhatia, Jain, Lim 2019 (arXiv 1712.01504).
    """
    small, large = sorted((_factor(x, a), _factor(y, b)), key=len)
    # The factor with fewer rows is lifted, which keeps its length.
    u, _, v = np.linalg.svd(large @ small.T, full_matrices=False)
    spread = ((large - (u @ v) @ small) ** 2).sum()
    return float((mean_shift(x, y, a, b) ** 2).sum() + spread)


def moments_rounding(
    total: float,
    x: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, "m d"],
    a: Float[np.ndarray, " n"] | None,
    b: Float[np.ndarray, " m"] | None,
    p: int | float,
) -> float:
    """What rounding can have added to `total`: |mean_shift| for p = 1, bures_cost for p = 2.

    The unit of each coordinate is that in which its axis has length 1 in the norm of the cost.
    A sum of n terms is off by about sqrt(n) units of their root mean square, and one of equal
    terms, added one after the other, by up to n / 2 of their mean. The isometry Q is that of a
    product of both factors, whose rounding is of the size of the largest spread: beside a few
    points far off it is not the best one for the others.
    """
    terms, dim = max(len(x), len(y)), x.shape[1]
    lengths = [_length(points - x[0], weights) for points, weights in ((x, a), (y, b))]
    shift = UNIT * max(4 * (terms + dim) ** 0.5 * dim**0.5, terms / 2) * sum(lengths)
    if p == 1:
        return shift
    return float(shift * (2 * total**0.5 + shift) + 8 * UNIT * dim * lengths[0] * lengths[1])


def _length(points: np.ndarray, weights: np.ndarray | None) -> float:
    """sqrt(sum_i w_i ||x_i||^2) of points (n, d) with weights w (n,), or None for equal ones."""
    power = power_of_two(points)
    squares = (np.ldexp(points, -power) ** 2).sum(1)
    return float(np.ldexp(np.sqrt(_mean(squares, weights)), power))


def _mean(points: np.ndarray, weights: np.ndarray | None) -> Any:
    return points.mean(0) if weights is None else weights @ points


def _factor(points: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """R, at most (d, d), with R^T R the covariance."""
    points = points - points[0]
    points = points - _mean(points, weights)
    share = 1 / len(points) if weights is None else weights[:, None]
    rows = points * np.sqrt(share)
    return np.asarray(np.linalg.qr(rows, mode="r")) if len(rows) > rows.shape[1] else rows
