"""The upper end: the exact distance of the rows and how far it may lie below the populations'."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimate
from wdist_bench.estimators import along_arcs
from wdist_bench.estimators.bracket import Bracket
from wdist_bench.estimators.exact import Exact
from wdist_bench.inputs.distinct import distinct
from wdist_bench.population.limits import MeanLimits, Side, tail_index
from wdist_bench.population.lower import Below
from wdist_bench.population.support import diameter
from wdist_bench.problem import Samples
from wdist_bench.protocol.tails import MIN_INDEX
from wdist_bench.solvers.bracket import HELD_ENTRIES

# Pairs of rows up to which the linear programme is solved: 6,000 rows a side take 20 seconds and
# 1.8 GB. Beyond, `bracket` certifies both ends within 1e-3 in linear memory, in minutes.
_LARGEST_MATRIX = 6000**2
_LARGEST_HALF = 1000  # rows of a side of a half that the corrections are computed of
# Of K equally likely points, exp(-n / K) of n rows are met once, and of n / 2 the root of that: .6
# of it is where a third of the rows are. What comes once in a law with a density stays.
_LEAST_FALL = 0.6
# At an index of 1 there is no mean. With ten spacings, whose standard error is a third, 1.2 tells
# such tails apart from exponential and log-normal ones.
_LEAST_INDEX = 1.2


@dataclass(frozen=True)
class Halves:
    """Exact W_p^p between halves of the rows.

    Attributes:
        across: mean over the four pairs of a half of x and a half of y; 0 where a side is one row.
        within_x: of the two halves of x, less the difference of the means over them of phi, the
            potential of all rows; at least 0.
        within_y: of the two halves of y, less that of psi.
        variance: the largest over the four pairs of the variance of the mean of their potentials,
            for as many rows as there are in all.
        share: rows of a half over all rows, of the side where that is more.
        tied: whether the rows are of so few points that most are met again: fewer rows are met
            once among all than among those of a half.
    """

    across: float
    within_x: float
    within_y: float
    variance: float
    share: float = 0.5
    tied: bool = False


@dataclass(frozen=True, eq=False)
class Above:
    """An upper end.

    Attributes:
        route: "exact" or "bracket".
        cost: W_p^p of all rows, from above.
        limits: of the mean of its potentials.
        index: tail index of these potentials or of the rows' costs to their median, whichever is
            larger, for the side with the smaller one.
        halves: the distances between halves.
        failure: the estimate that gave no number, where there is none.
    """

    route: str
    cost: float
    limits: MeanLimits
    index: float
    halves: Halves
    failure: Estimate | None = None

    def end(self, error: float, low: Below | None, cost: Cost) -> float:
        """The limit in units of W_p: the cost of all rows and the margin of a mean.

        The spread is the largest of those of the rows' potentials, of their halves' and at p = 1
        of the critic below, which may be the only one that does not follow the noise.
        """
        spreads = [self.limits]
        if low is not None and cost.p == 1:
            spreads.append(low.everywhere)
        widest = replace(
            self.limits,
            stderr=max(math.sqrt(self.halves.variance), *(one.stderr for one in spreads), 0.0),
            unseen=max(one.unseen for one in spreads),
        )
        # How far Student's limit is off, no sample without a third moment tells, and none that
        # coincides with the other.
        heavy = self.index < MIN_INDEX or self.cost == 0
        return cost.root(self.cost + widest.margin(error, self.limits.skewness, heavy))

    def problem(self, cost: Cost) -> str:
        """Why there is no limit; empty where there is one."""
        if self.index < _LEAST_INDEX:
            lighter = "take p = 1, " if cost.p > 1 else ""
            return (
                f"the costs have a tail index of about {self.index:.2g}, so that their mean may "
                "be infinite, and no upper end can be given; cut or transform the tails, "
                f"{lighter}or give support="
            )
        return ""


def above(rows: Samples, cost: Cost, generator: np.random.Generator) -> Above:
    """E W_p^p(rows) >= W_p^p of the populations, and more: for an optimal pair (phi, psi) of the
    *populations*, W_p^p(rows) >= mean phi(x) + mean psi(y), whose expectation is W_p^p.

    So W_p^p(rows) falls short of W_p^p by no more than a mean of independent terms does, at every
    n, for p = 1, with ties and at mu = nu too. What is needed of (phi, psi) is the variance. It is
    taken from the potentials of all rows and of their halves, the largest: a potential of samples
    that are close by chance may be too flat. That of samples that coincide says nothing at all,
    see `_of_any_potentials`.
    """
    solver = Exact() if len(rows.x) * len(rows.y) <= _LARGEST_MATRIX else Bracket()
    route = solver.name
    answer = solver.estimate(rows, cost)
    try:
        phi, psi = _potentials(answer)
        parts = _halves(rows, cost, phi, psi, generator)
    except _FailedError as failure:
        return Above(route, math.nan, _NOTHING, math.inf, _NO_HALVES, failure.answer)
    if answer.cost == 0:
        limits = _of_any_potentials(rows, cost)
    else:
        limits = MeanLimits.of(Side(phi, rows.a), Side(psi, rows.b))
    index = min(
        max(tail_index(values), tail_index(cost.matched(points, np.median(points, axis=0))))
        for values, points in ((phi, rows.x), (psi, rows.y))
    )
    return Above(route, answer.cost, limits, index, parts)


def left_out(rows: Samples, cost: Cost) -> Above | None:
    """No upper end, where only the lower one was asked for and this one would take hours: of more
    pairs than `bracket` holds, in more columns than arcs prune. None elsewhere.
    """
    n, m = len(rows.x), len(rows.y)
    if n * m <= HELD_ENTRIES or along_arcs.prunes(rows, cost, 0):
        return None
    said = f"that of {n} x {m} rows was not computed, which the lower end does not need"
    skipped = Estimate.failed("skipped", said, target="batch", bound="none")
    return Above("none", math.nan, _NOTHING, math.inf, _NO_HALVES, skipped)


def _of_any_potentials(rows: Samples, cost: Cost) -> MeanLimits:
    """The widest limits of a pair (phi, psi), for samples that coincide.

    Where a plan leaves mass at x and x', |phi(x) - phi(x')| <= c(x, x') <= D^(p-1) d(x, x'), D
    being the diameter of the rows. So the range of phi is at most D^p and its variance at most
    D^(2p-2) times the mean of d(x, m)^2, for any m; for two points, with m their mean, both are
    those of their potentials.
    """
    distance = Cost(1, cost.norm)
    reach = diameter(distinct(rows.x)[0], distance)
    away = distance.matched(rows.x, rows.a @ rows.x)
    spread = reach ** (cost.p - 1) * math.sqrt(float(rows.a @ away**2))
    squares = [float(weights @ weights) for weights in (rows.a, rows.b)]
    count = 1 / max(squares)
    return MeanLimits(
        mean=0.0,
        stderr=spread * math.sqrt(sum(share / (1 - share) for share in squares if share < 1)),
        skewness=0.0,
        freedom=count - 1,
        unseen=reach**cost.p / count,
    )


class _FailedError(Exception):
    """An estimate that gave no number."""

    def __init__(self, answer: Estimate) -> None:
        super().__init__(answer.message)
        self.answer = answer


_NOTHING = MeanLimits(math.nan, math.nan, 0.0, 1.0, 0.0)
_NO_HALVES = Halves(math.nan, math.nan, math.nan, math.nan)


def _potentials(answer: Estimate) -> tuple[np.ndarray, np.ndarray]:
    if answer.status != "ok" or answer.potentials is None:
        raise _FailedError(answer)
    return answer.potentials.phi, answer.potentials.psi


def _halves(
    rows: Samples, cost: Cost, phi: np.ndarray, psi: np.ndarray, generator: np.random.Generator
) -> Halves:
    """Distances between two random halves, `_LARGEST_HALF` rows of each at most."""
    if min(len(rows.x), len(rows.y)) < 2:
        return Halves(0.0, 0.0, 0.0, 0.0)

    def distance(first: _Part, second: _Part) -> Estimate:
        return Exact().estimate(Samples(first.points, second.points, first.a, second.a), cost)

    def within(first: _Part, second: _Part) -> float:
        answer = distance(first, second)
        _potentials(answer)
        return max(answer.cost - abs(first.mean - second.mean), 0.0)

    x = _Part.two(rows.x, rows.a, phi, generator)
    y = _Part.two(rows.y, rows.b, psi, generator)
    pairs = [distance(one, other) for one in x for other in y]
    counts = 1 / float(rows.a @ rows.a), 1 / float(rows.b @ rows.b)
    variances = []
    for (one, other), answer in zip(product(x, y), pairs, strict=True):
        found = _potentials(answer)
        sides = Side(found[0], one.a), Side(found[1], other.a)
        variances.append(
            sum(side.variance * side.rows / n for side, n in zip(sides, counts, strict=True))
        )
    across = float(np.mean([answer.cost for answer in pairs]))
    share = max(len(x[0].points) / len(rows.x), len(y[0].points) / len(rows.y))
    among_halves = np.mean([_met_once(part.points) for part in (*x, *y)])
    once = (_met_once(rows.x) + _met_once(rows.y)) / 2
    tied = bool(once <= _LEAST_FALL * among_halves)
    return Halves(across, within(*x), within(*y), max(variances), share, tied)


def _met_once(points: np.ndarray) -> float:
    """Share of the rows that no other row equals."""
    counts = distinct(points)[2]
    return float(np.mean(counts == 1) * len(counts) / len(points))


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows of one side, their weights, and the mean over them of a potential of all rows."""

    points: np.ndarray
    a: np.ndarray
    mean: float

    @classmethod
    def two(
        cls, points: np.ndarray, weights: np.ndarray, potential: np.ndarray,
        generator: np.random.Generator,
    ) -> tuple[_Part, _Part]:  # fmt: skip
        order = generator.permutation(len(points))
        size = min(len(points) // 2, _LARGEST_HALF)
        first, second = order[:size], order[-size:]
        return cls.of(first, points, weights, potential), cls.of(second, points, weights, potential)

    @classmethod
    def of(
        cls, kept: np.ndarray, points: np.ndarray, weights: np.ndarray, potential: np.ndarray
    ) -> _Part:
        a = weights[kept] / weights[kept].sum()
        return cls(points[kept], a, float(a @ potential[kept]))
