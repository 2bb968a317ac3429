"""Families of pairs on the same few points with other frequencies, at a distance known by LP.

Coins, one-hot columns, survey answers, grid cells: maps would move rows to places where no row of
such data can be. Here both populations live on the distinct rows of the data, samples are
independent draws from them, and their distance is the linear programme of the two populations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.inputs.distinct import distinct
from wdist_bench.recommend.task_maps import Family
from wdist_bench.solvers.exact import solve_exact

_MOST_POINTS = 1000  # distinct rows; the LP of two populations on more is slow
_REPEATS = 2  # rows for each distinct one, on average, from which on data "have few points"
_SHARES = tuple(k / 5 for k in range(1, 6))
_TILTS = tuple(0.25 * 2**k for k in range(5))


@dataclass(frozen=True, eq=False)
class Frequencies:
    """Two populations on the same points.

    Attributes:
        points: (count, dim) the points.
        first: (count,) weights of mu.
        second: (count,) weights of nu.
    """

    points: np.ndarray
    first: np.ndarray
    second: np.ndarray

    def truth(self, p: float) -> float:
        """The exact W_p of the two populations; 0 where the solver could not prove it."""
        if np.array_equal(self.first, self.second):
            return 0.0
        cost = Cost(p)
        solution = solve_exact(cost.matrix(self.points, self.points), self.first, self.second)
        return cost.root(solution.cost) if solution.converged else 0.0

    def draw(self, generator: np.random.Generator, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
        """n independent points of mu and m of nu, shapes (n, dim) and (m, dim)."""
        count = len(self.points)
        first = generator.choice(count, n, p=self.first)
        second = generator.choice(count, m, p=self.second)
        return self.points[first], self.points[second]


@dataclass(frozen=True, eq=False)
class FewPoints:
    """The distinct rows of data that repeat themselves.

    Attributes:
        points: (count, dim) the distinct rows of all samples.
        weights: frequencies of each sample's rows on them, by its name.
    """

    points: np.ndarray
    weights: dict[str, np.ndarray]

    @classmethod
    def of(cls, given: dict[str, np.ndarray]) -> FewPoints | None:
        """The distinct rows with their frequencies; None where rows hardly repeat themselves."""
        some = [rows[:: max(1, len(rows) // (2 * _MOST_POINTS))] for rows in given.values()]
        if len(distinct(np.concatenate(some))[0]) > _MOST_POINTS:
            return None  # without a look at all rows, of which there may be millions
        rows = np.concatenate(list(given.values()))
        points, places, _ = distinct(rows)
        if len(points) > min(_MOST_POINTS, len(rows) / _REPEATS):
            return None
        ends = np.cumsum([len(sample) for sample in given.values()])[:-1]
        parts = np.split(places, ends)
        counts = (np.bincount(part, minlength=len(points)) for part in parts)
        weights = (count / count.sum() for count in counts)
        return cls(points, dict(zip(given, weights, strict=True)))

    def families(self, name: str, generator: np.random.Generator) -> list[Family]:
        """From the frequencies of one sample: part of the way to those of the other one, and
        weights times exp(t z) with normal z, one for each point.
        """
        own = self.weights[name]
        tilt = generator.normal(size=len(own))

        def tilted(t: float) -> Frequencies:
            weights = own * np.exp(t * tilt)
            return Frequencies(self.points, own, weights / weights.sum())

        found = [Family("tilt", ((tilted, _TILTS),))]
        others = [weights for other, weights in self.weights.items() if other != name]
        if not others:
            return found

        def mixed(t: float) -> Frequencies:
            return Frequencies(self.points, own, (1 - t) * own + t * others[0])

        return [Family("reweight", ((mixed, _SHARES),)), *found]
