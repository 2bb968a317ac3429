"""Whether a mean of costs has a normal limit in sight, judged from a large sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.problem import Sampler
from wdist_bench.protocol.stream import Stream, evaluation_batches

# Draws of each population: what has a probability below 3e-6 is not seen in 5 % of samples of this
# size.
DRAWS = 2**20
_ENTRIES = 2**27  # coordinates drawn of each population at most, a minute of image data
_CHUNK_ENTRIES = 2**22  # and held at once
_TAIL = 200  # largest values that Hill's estimator reads: its standard error is 7 %
MIN_INDEX = 3.0
"""Below a tail index of 3 the third moment is infinite: the error of the normal limit no longer
falls like 1 / sqrt(n) and no sample tells how large it is."""
MAX_SKEWNESS = 0.2
"""Of the mean. A one-sided Student limit at 2.5 % misses by (1 + 2 z^2) phi(z) / 6 = 0.085 times
this more (Hall 1987), 1.7 %, before the correction below takes its larger part away. For a rare
point of probability e the skewness of a mean of n is (e n)^(-1/2): 25 of them must be expected."""


@dataclass(frozen=True)
class Tails:
    """What `DRAWS` points of each population say about means of costs.

    Attributes:
        draws: points drawn of each population.
        index: Hill's tail index of d(x, median)^p, the smaller of the two populations; inf where
            bounded.
        skewness: largest skewness of d(x, a)^p, over both populations x and both medians a.
        size: largest coordinate in absolute value.
    """

    draws: int
    index: float
    skewness: float
    size: float

    def mean_skewness(self, count: int) -> float:
        """Skewness of the mean over `count` points of each population."""
        return self.skewness / math.sqrt(count)

    def problem(self, count: int, what: str, p: float = 1) -> str:
        """Why a mean over `count` points of costs d^p has no normal limit in sight; empty where
        it has.
        """
        if self.index == 0:
            return (
                f"fewer than {_TAIL} of {self.draws:,} draws are away from the median, too rare "
                "for a mean to have a normal limit in sight, so no interval can be given; leave "
                "the rare points out"
            )
        if self.index < MIN_INDEX:
            lighter = ", or take p = 1" if p > 1 else ""
            return (
                f"the costs have a tail index of {self.index:.2g} in {self.draws:,} draws, and a "
                f"mean has a normal limit in sight from {MIN_INDEX:g} on, so no interval can be "
                f"given; cut or transform the tails{lighter}"
            )
        if self.mean_skewness(count) > MAX_SKEWNESS:
            needed = math.ceil((self.skewness / MAX_SKEWNESS) ** 2)
            return (
                f"few of {self.draws:,} draws carry most of the spread (skewness "
                f"{self.skewness:.3g}), too rare for {what}, so no interval can be given; "
                f"raise n times eval_batches to {needed:,}, or leave the rare points out"
            )
        return ""


def tails(
    sampler: Sampler, cost: Cost, key: jax.Array, least: int = 1, draws: int = DRAWS
) -> Tails:
    """Draw about `draws` points of each population (fewer above dimension 128, never below
    `least`).

    Hill's estimator is k / sum_i log(z_i / z_k+1) over the k = 200 largest z = d(x, median)^p.
    Distances are taken from a population's own median, since a tail far from the origin of the
    distances looks light.

    Source: Hill 1975, Annals of Statistics 3, 1163-1174.
    """
    wanted = max(min(draws, _ENTRIES // sampler.dim), least)
    chunk = min(wanted, max(_CHUNK_ENTRIES // sampler.dim, 1), sampler.limit or wanted)
    stream = Stream(chunk, 1, -(-wanted // chunk))
    medians: list[np.ndarray] = []
    costs: dict[tuple[int, int], list[np.ndarray]] = {(i, j): [] for i in (0, 1) for j in (0, 1)}
    size = 0.0
    for samples in evaluation_batches(sampler, key, stream):
        laws = samples.x, samples.y
        medians = medians or [np.median(law, axis=0) for law in laws]
        size = max(size, *(float(np.abs(law).max()) for law in laws))
        for (i, j), found in costs.items():
            found.append(cost.matched(laws[i], medians[j]))
    every = {pair: np.concatenate(found) for pair, found in costs.items()}
    return Tails(
        draws=chunk * stream.eval_batches,
        index=min(hill_index(every[i, i]) for i in (0, 1)),
        skewness=max(skewness(values) for values in every.values()),
        size=size,
    )


def hill_index(values: Any) -> float:
    """Tail index of positive values from the `_TAIL` largest; inf where those are equal.

    0 where fewer than that are above 0 but some are: too few to tell.
    """
    values = np.asarray(values, np.float64)
    k = max(min(_TAIL, values.size // 10), 1)
    top = np.partition(values, values.size - k - 1)[-k - 1 :]
    smallest, largest = float(top[0]), float(top.max())
    if largest == 0:
        return math.inf
    if smallest == 0:
        return 0.0
    excess = float(np.log(top[1:] / smallest).mean())
    return 1 / excess if excess > 0 else math.inf


def skewness(values: Any) -> float:
    """E z^3 / (E z^2)^(3/2) of the centred values in absolute value; 0 for equal values."""
    values = np.asarray(values, np.float64)
    gaps = values - values.mean()
    scale = float(np.abs(gaps).max())
    if scale <= 1e-12 * float(np.abs(values).max()):  # rounding of the mean
        return 0.0
    gaps = gaps / scale
    return abs(float((gaps**3).mean())) / float((gaps**2).mean()) ** 1.5


def skewness_correction(of_mean: float, quantile: float) -> float:
    """How much a one-sided limit mean + t stderr moves outwards, in standard errors.

    g (1 + 2 t^2) / 6 for a mean of skewness g, the first term of the Cornish-Fisher expansion of
    Student's statistic. Source: Hall 1983, Annals of Statistics 11, 569-576.
    """
    return of_mean * (1 + 2 * quantile**2) / 6
