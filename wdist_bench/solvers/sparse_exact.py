"""Exact transport of more points than a cost matrix has room for, along few pairs of them.

An optimal plan has at most n + m - 1 pairs with mass. The linear programme is solved along some
arcs (pairs of points), its potentials price all other pairs by c-transforms, those that break
phi_i + psi_j <= c_ij join, and so on (column generation):

    lower: phi = min_j c_ij - psi_j is admissible, so a . phi + b . psi <= W_p^p,
    upper: the plan along the arcs, whose marginals are made (a, b), costs >= W_p^p.

The same problem for a quarter of the points, the cells of a k-d tree, is solved the same way first.
Its plan, parted among the points of each cell, and its potentials are ends already, often 1e-3
apart. The first arcs are those of smallest reduced cost under these potentials, and all pairs of
points of cells that the plan joins. Potentials of a sparse programme are wild, so the pairs that
join are looked for half-way to the best admissible ones (Wentges 1997).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count as counted
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from wdist_bench.costs import Cost
from wdist_bench.solvers.arcs import smallest
from wdist_bench.solvers.flow import cheapest_flow
from wdist_bench.solvers.matrix_free.cells import Cells, members, parted
from wdist_bench.solvers.matrix_free.pruned_c_transform import pruned_c_transform
from wdist_bench.solvers.proofs.rounding import UNIT, above, below, dual_value

# Pairs that are all arcs.
_DENSE_PAIRS = 2**20
_COARSE_RTOL = 1e-3  # whose potentials are a guess
_COARSE_ROUNDS = 10  # where rounding leaves more open than that
_STUCK = 10  # rounds without a hundredth of the gap closed, after which rounding is what is left
_ARCS = 20  # that a point of either side adds at a time
_MOST_ARCS = 60  # for each point: of more, those of smallest reduced cost stay
_REACH = 10.0  # times what the whole gap could pay for the mass of an average point
# Weights become whole numbers of so many parts.
_PARTS = 2**52
# Where the programme gained less than this share of the gap, its own potentials are priced.
_SETTLED = 0.5

Report = Callable[[float, float], None]
"""Told lower and upper ends of W_p^p, round by round."""


@dataclass(frozen=True)
class SparseSolution:
    """A plan along arcs and admissible potentials.

    Attributes:
        lower: a . phi + b . psi <= W_p^p, less what rounding can have added.
        upper: cost of the plan, >= W_p^p.
        phi: (n,) admissible potential of the rows.
        psi: (m,) admissible potential of the columns.
        rows: (k,) of the pairs with mass.
        columns: (k,) of the pairs with mass.
        mass: (k,) of these pairs.
        rounds: linear programmes solved on all points, 0 where those of their cells sufficed.
        arcs: pairs that the last one had.
        converged: whether the gap reached its tolerance.
        interrupted: whether the user stopped it, after which the ends still hold.
    """

    lower: float
    upper: float
    phi: Float[np.ndarray, " n"]
    psi: Float[np.ndarray, " m"]
    rows: Int[np.ndarray, " k"]
    columns: Int[np.ndarray, " k"]
    mass: Float[np.ndarray, " k"]
    rounds: int
    arcs: int
    converged: bool
    interrupted: bool = False


class _Pair(NamedTuple):
    """Two weighted point sets; `supply` and `demand` are the weights in whole numbers."""

    x: np.ndarray
    y: np.ndarray
    supply: np.ndarray
    demand: np.ndarray

    @property
    def parts(self) -> int:
        return int(self.supply.sum())


class _Plan(NamedTuple):
    rows: np.ndarray
    columns: np.ndarray
    mass: np.ndarray  # whole numbers


class _Found(NamedTuple):
    plan: _Plan
    upper: float
    phi: np.ndarray
    psi: np.ndarray
    lower: float
    rounds: int
    arcs: int

    @property
    def gap(self) -> float:
        return (self.upper - self.lower) / self.upper if self.upper > 0 else 0.0


def solve_sparse(
    x: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, "m d"],
    a: Float[np.ndarray, " n"] | None,
    b: Float[np.ndarray, " m"] | None,
    cost: Cost,
    rtol: float = 1e-9,
    max_rounds: int = 100,
    report: Report | None = None,
) -> SparseSolution:
    """W_p^p of two weighted samples between certified ends, in memory linear in their points.

    Args:
        x: (n, d) points of mu, all with mass.
        y: (m, d) points of nu, all with mass.
        a: (n,) weights summing to one, None for equal weights.
        b: (m,) weights, likewise.
        cost: ground cost between points.
        rtol: gap to reach, relative to the upper end.
        max_rounds: linear programmes at most.
        report: told both ends before the first and after each of them.

    Raises:
        KeyboardInterrupt: the user stopped it before there were ends. Later the best plan and
            potentials so far are the answer.
    """
    pair = _Pair(x, y, *_whole(a, b, len(x), len(y)))
    found, interrupted = None, False
    try:
        for found in _rounds(pair, cost, rtol):
            if report:
                report(found.lower, found.upper)
            if found.gap <= rtol or found.rounds >= max_rounds:
                break
    except KeyboardInterrupt:
        interrupted = True
    if found is None:
        raise KeyboardInterrupt
    a = np.full(len(x), 1 / len(x)) if a is None else a
    b = np.full(len(y), 1 / len(y)) if b is None else b
    plan = _with_marginals(pair, found.plan, a, b)
    upper = float(np.sum(plan[2] * cost.matched(x[plan[0]], y[plan[1]])))
    total, rounding = dual_value(found.phi, found.psi, a, b)
    missed = _missed(plan[0], plan[2], a) + _missed(plan[1], plan[2], b)
    upper = above(upper, missed * _largest(x, y, cost))
    lower = min(max(below(total, rounding), 0.0), upper)
    return SparseSolution(
        lower, upper, found.phi, found.psi, *plan, found.rounds, found.arcs,
        upper - lower <= rtol * upper, interrupted,
    )  # fmt: skip


def _missed(names: np.ndarray, mass: np.ndarray, wanted: np.ndarray) -> float:
    """Mass by which the rows (or columns) of a plan may miss theirs, rounding of the sums included:
    none where each has one pair of just its mass. It costs at most as much as on the longest way.
    """
    entries = np.bincount(names, minlength=len(wanted))
    found = np.bincount(names, mass, len(wanted))
    return float((np.abs(found - wanted) + np.maximum(entries - 1, 0) * UNIT * found).sum())


def _largest(x: np.ndarray, y: np.ndarray, cost: Cost) -> float:
    """What no cost is above, for a distance: by way of the first points of both sides."""
    distance = cost.to(1)
    to_first = float(distance.matrix(x, y[:1]).max())
    from_first = float(distance.matrix(x[:1], y).max())
    way = to_first + float(distance.matrix(x[:1], y[:1])[0, 0]) + from_first
    return float(way**cost.p)


def _whole(
    a: np.ndarray | None, b: np.ndarray | None, n: int, m: int
) -> tuple[np.ndarray, np.ndarray]:
    """Weights as whole numbers of one sum, from 1 on; equal ones without error."""
    if a is None and b is None:
        common = np.lcm(n, m)
        return np.full(n, common // n), np.full(m, common // m)
    weights = []
    for given, count in ((a, n), (b, m)):
        mass = np.full(count, 1 / count) if given is None else given
        parts = np.maximum(np.rint(mass / mass.sum() * _PARTS).astype(np.int64), 1)
        parts[parts.argmax()] += _PARTS - parts.sum()
        weights.append(parts)
    return weights[0], weights[1]


class _Guess(NamedTuple):
    """What a coarser problem says of the points.

    Attributes:
        psi: (m,) potential of the columns.
        plan: its plan, parted among the points.
        arcs: numbers i m + j of the pairs whose cells the coarser plan joins.
    """

    psi: np.ndarray
    plan: _Plan
    arcs: np.ndarray


def _guess(pair: _Pair, cost: Cost, rtol: float) -> _Guess:
    """Potentials, plan and pairs of the problem of the cells of both sides; their programme is
    left out where their own cells bring them within half of the gap that is asked for.
    """
    left, right = Cells.of(pair.x), Cells.of(pair.y)
    coarse = _Pair(
        left.points(pair.x, pair.supply, cost.is_norm),
        right.points(pair.y, pair.demand, cost.is_norm),
        left.sums(pair.supply),
        right.sums(pair.demand),
    )
    for found in _rounds(coarse, cost, rtol / 2):
        near = found.gap <= (_COARSE_RTOL if found.rounds else rtol / 2)
        if near or found.rounds >= _COARSE_ROUNDS:
            break
    i, j, mass = found.plan
    psi = pruned_c_transform(found.phi, coarse.x, pair.y, cost)
    plan = _Plan(*parted(left, right, i, j, mass, pair.supply, pair.demand))
    rows, columns = members(left, right, i, j)
    return _Guess(psi, plan, rows * len(pair.y) + columns)


def _rounds(pair: _Pair, cost: Cost, rtol: float) -> Iterator[_Found]:
    """What the coarser problem and then each round of column generation find, to the optimum."""
    x, y, supply, demand = pair
    n, m = len(x), len(y)
    if n * m <= _DENSE_PAIRS:
        yield _all_pairs(pair, cost)
        return
    guess = _guess(pair, cost, rtol)
    phi = pruned_c_transform(guess.psi, y, x, cost.transposed)
    psi = pruned_c_transform(phi, x, y, cost)
    found = _Found(guess.plan, _paid(guess.plan, pair, cost), phi, psi, _dual(phi, psi, pair), 0, 0)
    yield found
    base_phi, base_psi, before, gaps = phi, psi, np.inf, [found.gap]
    arcs = _distinct(guess.arcs, _Priced.of(psi, pair, cost).arcs.ravel())
    for rounds in counted(1):
        reduced = _reduced(arcs, pair, cost, base_phi, base_psi)
        arcs, reduced = _within_reach(arcs, reduced, pair, found)
        rows, columns = arcs // m, arcs % m
        mass, *change = cheapest_flow(rows, columns, reduced, supply, demand)
        base_phi, base_psi = base_phi + change[0], base_psi + change[1]
        used = mass > 0
        plan = _Plan(rows[used], columns[used], mass[used])
        upper = _paid(plan, pair, cost)
        settled = before - upper < _SETTLED * (upper - found.lower)
        mixed = base_psi if settled else (found.psi + base_psi) / 2
        priced = _Priced.of(mixed, pair, cost)
        best = priced if priced.value > found.lower else found
        lower = max(priced.value, found.lower)
        found = _Found(plan, upper, best.phi, best.psi, lower, rounds, len(arcs))
        yield found
        gaps.append(found.gap)
        stuck = len(gaps) > _STUCK and gaps[-1] > 0.99 * gaps[-1 - _STUCK]
        broken = priced.arcs[priced.breaks(base_phi, base_psi)]
        if stuck or (settled and not len(broken)):
            return
        arcs, before = _distinct(arcs, broken), upper


def _reduced(
    arcs: np.ndarray, pair: _Pair, cost: Cost, phi: np.ndarray, psi: np.ndarray
) -> np.ndarray:
    """c - phi - psi of arcs."""
    rows, columns = arcs // len(pair.y), arcs % len(pair.y)
    return cost.matched(pair.x[rows], pair.y[columns]) - phi[rows] - psi[columns]


def _dual(phi: np.ndarray, psi: np.ndarray, pair: _Pair) -> float:
    """What potentials are worth."""
    return float(pair.supply @ phi + pair.demand @ psi) / pair.parts


def _all_pairs(pair: _Pair, cost: Cost) -> _Found:
    """The optimum of a small problem."""
    x, y, supply, demand = pair
    rows, columns = (index.ravel() for index in np.indices((len(x), len(y))))
    costs = cost.matrix(x, y).ravel()
    mass, _, psi = cheapest_flow(rows, columns, costs, supply, demand)
    used = mass > 0
    upper = float(mass @ costs) / pair.parts
    plan = _Plan(rows[used], columns[used], mass[used])
    admissible = _Priced.of(psi, pair, cost)
    return _Found(plan, upper, admissible.phi, admissible.psi, admissible.value, 1, len(rows))


def _paid(plan: _Plan, pair: _Pair, cost: Cost) -> float:
    """What a plan costs."""
    return float(plan.mass @ cost.matched(pair.x[plan.rows], pair.y[plan.columns])) / pair.parts


def _distinct(*arcs: np.ndarray) -> np.ndarray:
    """All that occur, ascending; `np.unique` hashes, in a hundred times the time of sorting."""
    ordered = np.sort(np.concatenate(arcs))
    return ordered[np.flatnonzero(np.diff(ordered, prepend=-1))]


def _within_reach(
    arcs: np.ndarray, reduced: np.ndarray, pair: _Pair, found: _Found
) -> tuple[np.ndarray, np.ndarray]:
    """The arcs, and their reduced costs, that may carry mass: those of the plan, and others whose
    reduced cost the gap could pay for the mass of a point, the smallest of them where there are
    many. What is left out wrongly comes back as a pair that breaks phi + psi <= c. Costs that are
    much larger than the gap would cost the solver its last digits.
    """
    n, m = len(pair.x), len(pair.y)
    limit = _REACH * max(n, m) * max(found.upper - found.lower, 0.0)
    most = (n + m) * _MOST_ARCS
    if len(arcs) > most:
        limit = min(limit, np.partition(reduced, most // 2)[most // 2])
    kept = reduced <= limit
    kept[np.searchsorted(arcs, found.plan.rows * m + found.plan.columns)] = True
    return arcs[kept], reduced[kept]


class _Priced(NamedTuple):
    """What a potential of the columns says of all pairs.

    Attributes:
        phi: (n,) its c-transform.
        psi: (m,) the c-transform of that: together they are admissible.
        value: their dual value.
        arcs: (n + m, k) numbers i m + j of the pairs of smallest reduced cost, of each point.
        costs: (n + m, k) of these pairs.
    """

    phi: np.ndarray
    psi: np.ndarray
    value: float
    arcs: np.ndarray
    costs: np.ndarray

    @classmethod
    def of(cls, psi: np.ndarray, pair: _Pair, cost: Cost) -> _Priced:
        x, y, *_ = pair
        n, m = len(x), len(y)
        j, out = smallest(psi, y, x, cost.transposed, _ARCS)
        phi = out[:, 0]
        i, into = smallest(phi, x, y, cost, _ARCS)
        arcs = np.concatenate([np.arange(n)[:, None] * m + j, i * m + np.arange(m)[:, None]])
        costs = np.concatenate([out + psi[j], into + phi[i]])
        return cls(phi, into[:, 0], _dual(phi, into[:, 0], pair), arcs, costs)

    def breaks(self, phi: np.ndarray, psi: np.ndarray) -> np.ndarray:
        """Which of the arcs cost less than phi + psi."""
        m = len(psi)
        gap: np.ndarray = self.costs - phi[self.arcs // m] - psi[self.arcs % m]
        return gap < 0


def _in_order(x: np.ndarray, y: np.ndarray, supply: np.ndarray, demand: np.ndarray) -> _Plan:
    """A feasible plan: both sides in the order of their projections on the difference of means."""
    along = y.mean(0) - x.mean(0)
    if not along.any():
        along = np.ones_like(along)
    i, j = np.argsort(x @ along, kind="stable"), np.argsort(y @ along, kind="stable")
    left, right = np.cumsum(supply[i]), np.cumsum(demand[j])
    ends = np.union1d(left, right)
    mass = np.diff(ends, prepend=0)
    ends, mass = ends[mass > 0], mass[mass > 0]
    last = len(left) - 1, len(right) - 1
    rows = i[np.minimum(np.searchsorted(left, ends), last[0])]
    columns = j[np.minimum(np.searchsorted(right, ends), last[1])]
    return _Plan(rows, columns, mass)


def _with_marginals(
    pair: _Pair, plan: _Plan, a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The plan with row sums a and column sums b, which whole numbers miss by a little."""
    rows, columns, parts = plan
    mass = parts / pair.parts
    for names, wanted in ((rows, a), (columns, b)):
        sums = np.bincount(names, mass, len(wanted))
        mass = mass * np.minimum(wanted / np.where(sums > 0, sums, 1), 1)[names]
    short = np.maximum(a - np.bincount(rows, mass, len(a)), 0)
    lacking = np.maximum(b - np.bincount(columns, mass, len(b)), 0)
    if short.sum() == 0 or lacking.sum() == 0:
        return rows, columns, mass
    more = _in_order(pair.x, pair.y, short, lacking * (short.sum() / lacking.sum()))
    return (
        np.concatenate([rows, more.rows]),
        np.concatenate([columns, more.columns]),
        np.concatenate([mass, more.mass]),
    )
