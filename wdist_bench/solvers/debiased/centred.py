"""Plug-in distances less those between two parts of one sample."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wdist_bench.solvers.debiased.influence import Part, Rows, Statistic, mean


@dataclass(frozen=True, eq=False)
class Centred:
    """What is known of W_p^p(mu, nu) when the noise of one of both is taken off.

    Attributes:
        across: mean of W_p^p(mu', nu_k), mu' and nu_k of disjoint rows.
        within: mean of W_p^p(mu', mu_k), mu_k of as many rows as nu_k and disjoint from mu'.
    """

    across: Statistic
    within: Statistic

    @property
    def difference(self) -> Statistic:
        """U = across - within, without bias at mu = nu."""
        return self.across - self.within

    @property
    def square(self) -> Statistic:
        """L = sign(l) l^2 with l = across^(1/2) - within^(1/2), l a difference of distances."""
        length = self.across.root - self.within.root
        return length.mapped(math.copysign(length.value**2, length.value), 2 * abs(length.value))


def centred(rows: Rows, splits: int, generator: np.random.Generator) -> tuple[Centred, Centred]:
    """Centred at mu and at nu, means over random splits of the rows.

    Of N rows of the centre and M of the other, k = min(N // 2, M) are compared with the N - k
    left: with all of these but for an odd one where N = 2 k + 1, with both halves where N = 2 k,
    and with as many disjoint parts of k rows of the other as there are, two at most.

    Source: Papp and Sherlock 2022 (arXiv 2203.11627); parts and means over them are ours.
    """
    found = [_split(rows, *rows.shuffled(generator)) for _ in range(splits)]
    at_x, at_y = zip(*found, strict=True)
    return _averaged(at_x), _averaged(at_y)


def _averaged(found: tuple[Centred, ...]) -> Centred:
    return Centred(mean([one.across for one in found]), mean([one.within for one in found]))


def _split(rows: Rows, x: Part, y: Part) -> tuple[Centred, Centred]:
    """Both centres from one order of the rows, whose common programmes are solved once."""
    solved: dict[tuple[bytes, bytes], Statistic] = {}

    def distance(one: Part, other: Part) -> Statistic:
        first, second = (one, other) if one.of_x else (other, one)
        key = first.places.tobytes(), second.places.tobytes()
        if key not in solved:
            solved[key] = rows.distance(first, second)
        return solved[key]

    def centre(own: Part, other: Part) -> Centred:
        k = min(len(own) // 2, len(other))
        few, rest = _taken(own, 0, k), _taken(own, k, len(own) - k)
        if len(rest) == k + 1:
            rest = _taken(own, k, k)
        references = [rest, few] if len(rest) == k else [rest]
        others = [_taken(other, k * j, k) for j in range(min(len(other) // k, 2))]
        across = [distance(one, part) for one in references for part in others]
        return Centred(mean(across), rows.distance(few, rest))

    return centre(x, y), centre(y, x)


def _taken(part: Part, start: int, count: int) -> Part:
    return Part(part.of_x, part.places[start : start + count])
