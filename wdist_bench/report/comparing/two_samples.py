"""Two samples of errors, paired by run or not: their gap, and tests of many such gaps at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from wdist_bench.results.rearrangements import FLIPS, least_of_flips, shuffles, sign_flips
from wdist_bench.results.statistics import Interval, finite, paired_difference, sd_of


@dataclass(frozen=True)
class Gap:
    """What second - first is, for normal errors; `tests` says whether it is noise.

    Attributes:
        difference: of the means; NaN where there was nothing to test.
        interval: 95 % interval of it.
        effect: difference / sd, of the differences of pairs or pooled: Cohen's d.
    """

    difference: float
    interval: Interval
    effect: float


NOTHING = Gap(math.nan, (math.nan, math.nan), math.nan)


def paired(first: np.ndarray, second: np.ndarray) -> Gap:
    """Mean of second - first with Student's interval, over the runs that both have.

    Run i sees the same samples however many runs follow.
    """
    common = min(first.size, second.size)
    first, second = first[:common], second[:common]
    found = paired_difference(second, first)
    gaps = second - first
    sd = sd_of(finite(gaps))
    return Gap(found.mean, found.interval, found.mean / sd if sd else math.nan)


def welch(first: np.ndarray, second: np.ndarray) -> Gap:
    """mean(second) - mean(first) with Welch's interval, by SciPy; NaN runs are left out.

    One run on a side has no interval.
    """
    from scipy.stats import ttest_ind

    first, second = finite(first), finite(second)
    if not (first.size and second.size):
        return NOTHING
    difference = float(second.mean() - first.mean())
    if min(first.size, second.size) < 2:
        return replace(NOTHING, difference=difference)
    pooled = math.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
    if pooled == 0:
        return Gap(difference, (difference, difference), math.nan)
    low, high = ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
    return Gap(difference, (float(low), float(high)), difference / pooled)


class Samples(NamedTuple):
    """Two cells: errors of the runs of each, and 1 for each run that failed, else 0."""

    first: np.ndarray
    second: np.ndarray
    first_failed: np.ndarray
    second_failed: np.ndarray


def tests(cells: list[Samples], paired: list[bool]) -> list[tuple[float, float, float]]:
    """P-values of each cell: of its errors, of its failures, and the least there could be.

    Run i of all cells has one seed, so runs are flipped (`paired`) or shuffled whole, over all
    cells; the largest statistic of all errors and failures adjusts each (max-T). Cells of other
    numbers of runs cannot be shuffled together: these families share the level equally. NaN for a
    cell that was not run on one side.
    """
    families: dict[tuple[int, ...], list[int]] = {}
    for i, (cell, same) in enumerate(zip(cells, paired, strict=True)):
        if not (len(cell.first_failed) and len(cell.second_failed)):
            continue
        shape: tuple[int, ...] = () if same else (len(cell.first_failed), len(cell.second_failed))
        families.setdefault(shape, []).append(i)
    answer = [(math.nan, math.nan, math.nan)] * len(cells)
    for shape, members in families.items():
        found = [cells[i] for i in members]
        before = columns([c.first for c in found] + [c.first_failed for c in found])
        after = columns([c.second for c in found] + [c.second_failed for c in found])
        if shape:
            test = shuffles(before, after)
        else:
            rows = min(len(before), len(after))
            test = sign_flips(after[:rows] - before[:rows])
        p_values = np.minimum(len(families) * test.adjusted, 1)
        for k, i in enumerate(members):
            floor = len(families) * least(found[k], bool(shape))
            answer[i] = (float(p_values[k]), float(p_values[k + len(found)]), floor)
    return answer


def least(cell: Samples, shuffled: bool) -> float:
    """The smallest p-value that the errors of a cell can get; 1 where there are none.

    No more than `FLIPS` signs or orders are looked at.
    """
    numbers = [int(np.isfinite(errors).sum()) for errors in cell[:2]]
    if not shuffled:
        common = min(len(cell.first), len(cell.second))
        gaps = cell.second[:common] - cell.first[:common]
        return least_of_flips(int(np.isfinite(gaps).sum()))
    ways = math.comb(sum(numbers), numbers[0])
    return min(1.0, max((2 if numbers[0] == numbers[1] else 1) / ways, 1 / FLIPS))


def columns(samples: list[np.ndarray]) -> np.ndarray:
    """(runs, samples), NaN below the end of the shorter ones."""
    table = np.full((max(map(len, samples), default=0), len(samples)), math.nan)
    for i, values in enumerate(samples):
        table[: len(values), i] = values
    return table
