"""Tests by rearrangement: whether things differ, by the signs or the orders of whole units."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

FLIPS = 2**16
"""Signs or orders that a test looks at: all where there are no more, else so many at random."""


@dataclass(frozen=True)
class Randomized:
    """P-values of a randomization test of several columns at once, (tests,) each.

    Attributes:
        single: of each column by itself, two-sided.
        adjusted: the share of rearrangements whose largest statistic of all columns reaches that of
            this one (Westfall and Young's single-step max-T): at most 5 % of families have any
            column below .05 that is not different, whatever the columns have to do with each other.
    """

    single: np.ndarray
    adjusted: np.ndarray


def sign_flips(gaps: Any) -> Randomized:
    """Whether differences are centred at 0, by the signs of whole units.

    The units (runs, say) are independent; within one, the two things compared can be swapped where
    they are equal, which flips the signs of its row. The statistic is |sum| / sqrt(sum of squares)
    of a column, which orders the flips as |Student's t| does. Exact, whatever the law of the
    differences: no p-value is below 2^(1 - units). Source: Fisher 1935, The Design of Experiments,
    section 21; Westfall and Young 1993, Resampling-Based Multiple Testing, section 2.6.

    Args:
        gaps: (units, tests) differences; NaN where a unit says nothing, and p-values NaN for a
            column of such.
    """
    gaps = np.asarray(gaps, np.float64)
    units = len(gaps)
    if units <= _FEW:
        return _randomized([_signs(units)], gaps)
    return _randomized(_many_signs(units), gaps)


def least_of_flips(units: int) -> float:
    """The smallest p-value that the signs of so many units can give."""
    return max(2.0 ** (1 - max(units, 1)), 1 / FLIPS)


_FEW = 64
"""Units up to which all rearrangements are kept, 34 MB, for the next test."""


def _many_signs(units: int) -> Iterator[np.ndarray]:
    """Parts of (rearrangements, units) random signs, the first of all +1."""
    random = np.random.default_rng(0)
    rows = max(1, 2**21 // units)
    for start in range(0, FLIPS, rows):
        count = min(rows, FLIPS - start)
        bits = np.frombuffer(random.bytes(-(-count * units // 8)), np.uint8)
        signs = 1.0 - 2.0 * np.unpackbits(bits)[: count * units].reshape(count, units)
        if not start:
            signs[0] = 1
        yield signs


@lru_cache(maxsize=8)
def _signs(units: int) -> np.ndarray:
    """(rearrangements, units) signs, the first all +1; all of them, or so many at random."""
    if 2 ** max(units - 1, 0) <= FLIPS:  # one half: a flip of all signs changes no statistic
        patterns = np.arange(2 ** max(units - 1, 0))[:, None] >> np.arange(units)
        return 1.0 - 2.0 * (patterns & 1)
    signs = np.random.default_rng(0).choice((-1.0, 1.0), (FLIPS, units))
    signs[0] = 1
    return signs


def shuffles(first: Any, second: Any) -> Randomized:
    """Whether two sets of independent units have one mean, by the orders of whole units.

    Where both come from one law, which units are the second's is arbitrary. The statistic is
    |sum over the second's units of value - mean of both| / sqrt(sum of squares) of a column.
    Exact: no p-value is below 1 over the number of ways to choose the second's units.

    Args:
        first: (units, tests) values; NaN where a unit gave none.
        second: (other units, tests) values.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    values = np.vstack([first, second])
    known = np.isfinite(values)
    mean = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    found = _randomized([_orders(len(first), len(second))], values - mean)
    lacks = ~(known[: len(first)].any(axis=0) & known[len(first) :].any(axis=0))
    found.single[lacks] = found.adjusted[lacks] = math.nan
    return found


@lru_cache(maxsize=8)
def _orders(first: int, second: int) -> np.ndarray:
    """(rearrangements, first + second) 1 for the second's units, else 0; the first as it was."""
    if math.comb(first + second, second) <= FLIPS:
        choices = list(itertools.combinations(range(first + second), second))[::-1]
        orders = np.zeros((len(choices), first + second))
        places = np.array(choices, int).reshape(len(choices), second)
        np.put_along_axis(orders, places, 1, axis=1)
        return orders
    seen = np.repeat((0.0, 1.0), (first, second))
    orders = np.random.default_rng(0).permuted(np.tile(seen, (FLIPS, 1)), axis=1)
    orders[0] = seen
    return orders


_PRODUCT = 2**18
"""Multiplications at a time: what is made of them stays in a processor's cache, and BLAS starts no
threads, which would wait for each other longer than they work."""

_TESTS = 256
"""Tests at a time."""


def _randomized(parts: Iterable[np.ndarray], values: np.ndarray) -> Randomized:
    """Of |weights @ values|, by row of the weights, which come in parts; the first was seen."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    _, unit = np.frexp(np.abs(filled).max(axis=0, initial=0))
    filled = np.ldexp(filled, -unit)  # by a power of two, so that no square leaves the range
    length = np.sqrt((filled**2).sum(axis=0))
    varies = np.flatnonzero(length > 0)  # the others are 0 however they are arranged
    filled = filled[:, varies] / length[varies]
    counts, seen = np.zeros(varies.size), np.zeros(0)
    largest: list[np.ndarray] = []
    for rows in _rows(parts, varies.size):
        if not largest:  # sums of the same numbers in another order are equal
            seen = np.abs(rows[0] @ filled) - 1e-9
        top = np.zeros(len(rows))
        for start in range(0, varies.size, _TESTS):
            tests = slice(start, start + _TESTS)
            found = rows @ filled[:, tests]
            np.abs(found, out=found)
            np.maximum(top, found.max(axis=1), out=top)
            reached = (found >= seen[tests]).view(np.uint8)
            counts[tests] += np.add.reduce(reached, axis=0, dtype=np.uint16)
        largest.append(top)
    ordered = np.sort(np.concatenate(largest))
    single, adjusted = np.ones(values.shape[1]), np.ones(values.shape[1])
    single[varies] = counts / ordered.size
    adjusted[varies] = (ordered.size - np.searchsorted(ordered, seen)) / ordered.size
    empty = ~known.any(axis=0)
    single[empty] = adjusted[empty] = math.nan
    return Randomized(single, adjusted)


def _rows(parts: Iterable[np.ndarray], tests: int) -> Iterator[np.ndarray]:
    """The parts cut to so many rows that a product with the tests at a time is small."""
    for part in parts:
        size = max(1, part.shape[1] * min(max(tests, 1), _TESTS))
        step = max(1, min(4096, _PRODUCT // size))
        for start in range(0, len(part), step):
            yield part[start : start + step]
