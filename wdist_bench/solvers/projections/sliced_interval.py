"""A confidence interval for the trimmed sliced distance, at every number of rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from wdist_bench.costs.powers import power
from wdist_bench.solvers.sliced import _BLOCK_ENTRIES


@dataclass(frozen=True)
class TrimmedInterval:
    """Of W_{p,trim}^p, the mean over directions.

    Attributes:
        value: that of the samples.
        lower: end.
        upper: end, inf where the band of a quantile leaves the sample.
        needed: rows of each side from which on the upper end is finite.
    """

    value: float
    lower: float
    upper: float
    needed: int


def trimmed_interval(
    x: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, "m d"],
    p: int | float,
    theta: Float[np.ndarray, "d k"],
    trim: float,
    level: float,
) -> TrimmedInterval:
    """Mean over the k directions of 1 / (1 - 2 t) int_t^(1 - t) |F^-1 - G^-1|^p, t = trim.

    For each direction the quantile function of a law lies between those of its sample at u - e and
    u + e, for all u at once, e^2 = log(2 / error) / (2 n) (Dvoretzky, Kiefer, Wolfowitz; Massart's
    constant); error = (1 - level) / (2 k) for each side and direction. So the interval holds the
    number of *these* directions with at least that confidence for all laws and at every n.

    Args:
        x: (n, d) independent rows of mu.
        y: (m, d) independent rows of nu.
        p: exponent.
        theta: (d, k) unit vectors, drawn independently of the rows.
        trim: 0 <= t < 1/2.
        level: confidence.

    Source: Manole, Balakrishnan, Wasserman 2022, Minimax confidence intervals for the sliced
    Wasserstein distance (arXiv 1909.07862), section 4.
    """
    error = (1 - level) / (2 * theta.shape[1])
    wide = math.log(2 / error) / 2
    e, f = math.sqrt(wide / len(x)), math.sqrt(wide / len(y))
    levels, mass = _pieces(len(x), len(y), e, f, trim)
    found = np.zeros(3)
    block = max(1, _BLOCK_ENTRIES // len(levels))
    for first in range(0, theta.shape[1], block):
        part = theta[:, first : first + block]
        u, v = np.sort(x @ part, axis=0), np.sort(y @ part, axis=0)
        low = np.maximum(
            _quantile(u, levels - e) - _quantile(v, levels + f),
            _quantile(v, levels - f) - _quantile(u, levels + e),
        )
        high = np.maximum(
            _quantile(u, levels + e) - _quantile(v, levels - f),
            _quantile(v, levels + f) - _quantile(u, levels - e),
        )
        gaps = np.abs(_quantile(u, levels) - _quantile(v, levels)), np.maximum(low, 0.0), high
        for k, gap in enumerate(gaps):
            found[k] += float((mass @ power(gap, p)).sum())
    needed = math.floor(wide / trim**2) + 1 if trim > 0 else 0
    middle, lower, upper = (found / theta.shape[1]).tolist()
    return TrimmedInterval(middle, lower, upper, needed)


def _pieces(
    n: int, m: int, e: float, f: float, trim: float
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Middles and shares of the pieces of [trim, 1 - trim] on which all quantiles are constant."""
    jumps = [
        np.arange(count + 1) / count + move
        for count, wide in ((n, e), (m, f))
        for move in (0.0, wide, -wide)
    ]
    inside = np.clip(np.concatenate(jumps), trim, 1 - trim)
    ends = np.unique(np.concatenate([inside, [trim, 1 - trim]]))
    mass = np.diff(ends)
    return ends[:-1] + mass / 2, mass / (1 - 2 * trim)


def _quantile(ordered: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Rows of sorted columns at levels; -inf below 0 and inf above 1."""
    n = len(ordered)
    found = ordered[np.clip(np.ceil(n * levels).astype(int) - 1, 0, n - 1)]
    found[levels <= 0] = -np.inf
    found[levels >= 1] = np.inf
    return np.asarray(found)
