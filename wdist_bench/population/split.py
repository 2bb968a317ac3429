"""Rows parted at random, for what must be averaged over other rows than those it is fitted to."""

from __future__ import annotations

import numpy as np

from wdist_bench.costs.l2 import power_of_two
from wdist_bench.inputs.distinct import distinct
from wdist_bench.problem import Samples

# Squared variances of squared distances, sums of many, are the highest powers that limits take.
_EIGHTH_POWERS_HOLD = 64


def parted(rows: Samples, share: float, generator: np.random.Generator) -> tuple[Samples, Samples]:
    """Two parts, the first with that share of the rows of each population, at random; weights are
    normalised in each.
    """
    parts = []
    for points, weights in ((rows.x, rows.a), (rows.y, rows.b)):
        order = generator.permutation(len(points))
        count = int(share * len(points))
        parts.append([(points[kept], weights[kept]) for kept in (order[:count], order[count:])])
    (x, y) = parts
    return _samples(x[0], y[0]), _samples(x[1], y[1])


def near_one(rows: Samples) -> tuple[Samples, int]:
    """The rows about the middle of both means, over 2^k, and k: far from the origin projections
    lose digits, and far from one the powers that limits take leave float64's range. k is 0 where
    they do not, and scaling by a power of two rounds nothing.
    """
    center = rows.a @ rows.x / 2 + rows.b @ rows.y / 2
    x, y = rows.x - center, rows.y - center
    power = power_of_two(x, y, within=_EIGHTH_POWERS_HOLD)
    return Samples(np.ldexp(x, -power), np.ldexp(y, -power), rows.a, rows.b), power


def ties(rows: Samples) -> float:
    """Share of the rows that repeat another row of their own side."""
    different = sum(len(distinct(points)[0]) for points in (rows.x, rows.y))
    return 1 - different / (len(rows.x) + len(rows.y))


def _samples(x: tuple[np.ndarray, np.ndarray], y: tuple[np.ndarray, np.ndarray]) -> Samples:
    return Samples(x[0], y[0], x[1] / x[1].sum(), y[1] / y[1].sum())
