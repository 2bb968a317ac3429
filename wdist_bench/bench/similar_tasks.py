"""Tasks with known truth made from a user's own rows, at the distance and the size at hand.

mu = the law that the rows come from, nu = its image under a map T with a known distance. A sample
of mu and one of nu are made of *disjoint* random rows: A and T(B). If the rows are independent
draws of some law P, then A and T(B) are independent samples of P and T(P), with the finite-sample
error that real data have. Rows drawn with replacement would not do: at n of n rows two such samples
share about two rows in five, and in high dimension their distance is far too small. The price is
that a side has at most half of the rows.

A map has one strength. It is set so that the *exact distance of samples* equals that of samples of
the user's pair at one size: the tasks then agree with the pair in what can be seen, and their
population distance, which cannot, is known. That of samples mostly rises with the strength; where
a map contracts, it falls at first in high dimension, from the distance of two samples of one law.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.tasks.own_data import BOX_MARGIN
from wdist_bench.tasks.rays import random_rays
from wdist_bench.tasks.transforms import AlongRays, Dilate, Translate

MIN_ROWS = 8
MATCH_ROWS = 256  # a side, at most, where strengths are set
_MATCH_SPLITS = 2
_PAIR_SUBSETS = 12
_DOUBT = 1.4  # sd of samples of the tasks' size: 2 sd of the mean over halves of the rows
_NULL_SPLITS = 8
_STEPS = 5  # bisections: the strength is right to a few per cent
_GROWING = tuple(0.25 * 2**k for k in range(13))
_SAME_SPREAD = 0.01
_CONTRACTING = tuple(k / 10 for k in range(1, 10))  # to a tenth of the size: then they are points
_FUNNEL_SEED = 0
_WIDTHS = (16, 4, 1)  # fewer funnels carry further
SPREAD_SHARES = (0.25, 1.0)
"""Sizes of the tasks, as shares of the rows' spread, where there is no pair to take them from."""


class Map(Protocol):
    """A map T that transports every law to its image at the least cost."""

    def move(self, points: np.ndarray) -> np.ndarray:
        """T at points (n, dim)."""

    def distance(self, points: np.ndarray, p: int, norm: str) -> float | None:
        """W_p(mu, T mu) of the law with equal weights on the points."""


@dataclass(frozen=True, eq=False)
class Split:
    """T(x) = x + c u where <u, x> >= b, else x - c u: two halves pushed apart; W_p = c.

    Optimal for every law and p >= 1 in the l2 norm. Projections on the unit vector u do not
    increase W_p, T moves every point by c along u, and on that line it is increasing, hence optimal
    there: c = W_p(<u, mu>, <u, T mu>) <= W_p(mu, T mu) <= c. Unlike a translation or a dilation it
    is no affine map, so the formula for Gaussians does not hold for it.
    """

    size: float
    direction: np.ndarray
    offset: float

    def move(self, points: np.ndarray) -> np.ndarray:
        """Both halves moved."""
        side = np.where(points @ self.direction >= self.offset, 1.0, -1.0)
        return points + self.size * side[:, None] * self.direction

    def distance(self, points: np.ndarray, p: int, norm: str) -> float | None:
        """C; l2 only."""
        return self.size if norm == "l2" else None


@dataclass(frozen=True, eq=False)
class Way:
    """A map by its strength, which moves nothing at 0, and the strengths to look between."""

    build: Callable[[float], Map]
    strengths: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Family:
    """Maps of one kind: the first of its ways that leads to the distance wanted is taken."""

    name: str
    ways: tuple[Way, ...]


@dataclass(frozen=True, eq=False)
class SimilarTask:
    """One base and one map.

    Attributes:
        base: "x" or "y": whose rows.
        family: "translate", "dilate", "funnels" or "split".
        rows: (count, dim) rows of the base.
        images: (count, dim) their images.
        truth: W_p of the two populations, the sum over all rows.
    """

    base: str
    family: str
    rows: np.ndarray
    images: np.ndarray
    truth: float

    @property
    def name(self) -> str:
        """Family and base."""
        return f"{self.family} {self.base}"

    def draw(self, generator: np.random.Generator, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
        """n rows, and the images of m other rows."""
        first, second = disjoint(generator, len(self.rows), n, m)
        return self.rows[first], self.images[second]


@dataclass(frozen=True)
class Scale:
    """The distance that the tasks were made for.

    Attributes:
        pair: exact W_p of samples of the user's pair, (`n`, `m`) rows, mean over random subsets;
            None without a pair.
        null: exact W_p of two samples of *one* population at that size, mean over splits and bases.
        floor: what samples of one population exceed in about 2.5 % of cases: null + 2 sd, mean
            over bases.
        told_apart: whether `pair` exceeds `floor`; otherwise the tasks of a base are made for its
            own null + 2 sd.
        spread: mean distance of the rows to their mean, over the bases.
        n: rows of a sample of mu where the strengths were set.
        m: rows of a sample of nu.
        left_out: bases and families that cannot be brought to the distance.
    """

    pair: float | None
    null: float
    floor: float
    told_apart: bool
    spread: float
    n: int
    m: int
    left_out: tuple[str, ...] = ()


def disjoint(
    generator: np.random.Generator, count: int, n: int, m: int
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of n and of m random rows out of count, none in both."""
    order = generator.permutation(count)
    return order[:n], order[n : n + m]


def task_sizes(n: int, m: int, rows: int) -> tuple[int, int, tuple[str, ...]]:
    """Rows of mu and of nu in a task, and the bases used: n and m, at most `rows` of each, times
    one share <= 1.

    A base of k rows gives at most k disjoint ones, so its share is at most k over the two sizes. A
    base with less than half of the share of the other is not used.
    """
    size_n, size_m = min(n, rows), min(m, rows)
    shares = {"x": min(1.0, n / (size_n + size_m)), "y": min(1.0, m / (size_n + size_m))}
    bases = tuple(name for name in shares if shares[name] >= max(shares.values()) / 2)
    share = min(shares[name] for name in bases)
    return max(2, math.floor(share * size_n)), max(2, math.floor(share * size_m)), bases


def similar_tasks(
    x: np.ndarray, y: np.ndarray | None, cost: Cost, rows: int, seed: int
) -> tuple[list[SimilarTask], Scale, tuple[int, int]]:
    """The tasks, the distance they were made for, and the sizes of their samples.

    Args:
        x: (n, d) rows.
        y: (m, d) rows of the other sample, or None.
        cost: ground cost, l2.
        rows: the most rows of a side.
        seed: of everything drawn.

    Raises:
        ValueError: too few rows, or rows that are all equal.
    """
    n, m = len(x), len(x) if y is None else len(y)
    size_n, size_m, names = task_sizes(n, m, rows)
    given = {"x": x} if y is None else {"x": x, "y": y}
    check_bases(given)
    generator = np.random.default_rng([seed, 0])
    bases = {
        name: _subset(generator, given[name], 2 * (size_n + size_m))
        for name in names
        if name in given
    }
    match = min(size_n, MATCH_ROWS), min(size_m, MATCH_ROWS)
    floors = _floors(bases, cost, match, generator)
    scale = _scale(bases, given, floors, cost, match, generator)
    tasks: list[tuple[int, SimilarTask]] = []
    left_out = []
    for name, base in bases.items():
        goals = _goals(scale, base, *floors[name])
        if not goals:
            left_out.append(f"all of {name}")
            continue
        other = given.get("y" if name == "x" else "x")
        splits = [disjoint(generator, len(base), *match) for _ in range(_MATCH_SPLITS)]
        for family in _families(base, other, cost.p, generator):
            made = [_task(name, base, family, cost, splits, goal) for goal in goals]
            tasks += [(size, task) for size, task in enumerate(made) if task is not None]
            if not any(made):
                left_out.append(f"{family.name} of {name}")
    tasks.sort(key=lambda entry: entry[0])  # the middle sizes of all bases first
    return (
        _in_turn([task for _, task in tasks]),
        replace(scale, left_out=tuple(left_out)),
        (size_n, size_m),
    )


def check_bases(bases: dict[str, np.ndarray]) -> None:
    """Enough rows, and rows that differ."""
    for name, base in bases.items():
        if len(base) < MIN_ROWS:
            raise ValueError(
                f"{name}: expected at least {MIN_ROWS} rows, got {len(base)}; halves of fewer say "
                "nothing about data like these, collect more"
            )
        if not np.ptp(base, axis=0).any():
            raise ValueError(
                f"{name}: expected rows that differ, got {len(base)} equal ones; check that the "
                "data loaded"
            )


def exact_value(x: np.ndarray, y: np.ndarray, cost: Cost) -> float:
    """W_p of two samples by linear programming; NaN where the solver could not prove it."""
    solution = solve_exact(cost.matrix(x, y))
    return cost.root(solution.cost) if solution.converged else math.nan


def _subset(generator: np.random.Generator, rows: np.ndarray, count: int) -> np.ndarray:
    if len(rows) <= count:
        return rows
    return rows[generator.choice(len(rows), count, replace=False)]


def _spread(rows: np.ndarray) -> float:
    return float(np.linalg.norm(rows - rows.mean(0), axis=1).mean())


def _floors(
    bases: dict[str, np.ndarray],
    cost: Cost,
    match: tuple[int, int],
    generator: np.random.Generator,
) -> dict[str, tuple[float, float]]:
    """Per base: mean exact W_p of two disjoint samples, and that plus 2 sd."""
    found = {}
    for name, base in bases.items():
        splits = [disjoint(generator, len(base), *match) for _ in range(_NULL_SPLITS)]
        values = np.array([exact_value(base[i], base[j], cost) for i, j in splits])
        found[name] = float(values.mean()), float(values.mean() + 2 * values.std(ddof=1))
    return found


def _scale(
    bases: dict[str, np.ndarray],
    given: dict[str, np.ndarray],
    floors: dict[str, tuple[float, float]],
    cost: Cost,
    match: tuple[int, int],
    generator: np.random.Generator,
) -> Scale:
    null, floor = np.mean(list(floors.values()), axis=0).tolist()
    spread = float(np.mean([_spread(base) for base in bases.values()]))
    if "y" not in given:
        return Scale(None, null, floor, True, spread, *match)
    values = [
        exact_value(
            _subset(generator, given["x"], match[0]), _subset(generator, given["y"], match[1]), cost
        )
        for _ in range(_PAIR_SUBSETS)
    ]
    pair = float(np.mean(values))
    return Scale(pair, null, floor, pair > floor, spread, *match)


def _goals(scale: Scale, base: np.ndarray, null: float, floor: float) -> list[tuple[str, float]]:
    """What to bring to what value: the exact distance of samples, or without a pair the truth.

    The pair's value has an error itself. So there are tasks for it and for both ends of its 95 %
    interval, but for none that two samples of one law often have.

    None for a base whose own samples are as far apart as those of the pair, within chance, while
    the other base shows that these differ: its tasks would have no distance to speak of.
    """
    if scale.pair is None:
        return [("population", share * _spread(base)) for share in SPREAD_SHARES]
    if not scale.told_apart:
        return [("batch", floor)]
    sd, side = (floor - null) / 2, 1 if scale.pair > null else -1
    if abs(scale.pair - null) < 2 * sd:
        return []
    wanted = (scale.pair + doubt * sd for doubt in (0, -_DOUBT, _DOUBT))
    return [("batch", null + side * max(side * (value - null), sd)) for value in wanted]


def _task(
    name: str,
    base: np.ndarray,
    family: Family,
    cost: Cost,
    splits: list[tuple[np.ndarray, np.ndarray]],
    goal: tuple[str, float],
) -> SimilarTask | None:
    """The family at the strength that reaches the goal; None where none does."""
    what, wanted = goal
    firsts = [first for first, _ in splits]
    seconds = np.concatenate([second for _, second in splits])

    def reached(transform: Map) -> float:
        if what == "population":
            return transform.distance(base, cost.p, cost.norm) or 0.0
        moved = np.split(transform.move(base[seconds]), len(splits))
        pairs = zip(firsts, moved, strict=True)
        return float(np.mean([exact_value(base[first], images, cost) for first, images in pairs]))

    for way in family.ways:
        strength = _solve(lambda t, way=way: reached(way.build(t)), wanted, way.strengths)  # type: ignore[misc]
        if strength is not None:
            transform = way.build(strength)
            truth = transform.distance(base, cost.p, cost.norm)
            if truth:  # otherwise nothing moved: no relative error
                return SimilarTask(name, family.name, base, transform.move(base), truth)
    return None


def _solve(
    reached: Callable[[float], float], wanted: float, strengths: tuple[float, ...]
) -> float | None:
    """The first strength at which a function passes a value, by bisection; None where it never
    does between 0 and the last of `strengths`.
    """
    low, below = 0.0, reached(0.0) < wanted
    for high in strengths:
        if (reached(high) < wanted) != below:
            break
        low = high
    else:
        return None
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if (reached(middle) < wanted) == below else (low, middle)
    return (low + high) / 2


def _families(
    base: np.ndarray, other: np.ndarray | None, p: int, generator: np.random.Generator
) -> list[Family]:
    """Translate, dilate and, for p = 1, funnels; for p = 2, where these have no known distance,
    `Split`: otherwise all maps would be affine, and the formula for Gaussians exact by design.
    """
    center, spread = base.mean(0), _spread(base)
    along = _between_rows(base, generator)
    toward = along if other is None else _unit(other.mean(0) - center, along)
    shrink = Way(lambda t: Dilate(1 - t, center), _CONTRACTING)
    expand = Way(lambda t: Dilate(1 + t, center), _GROWING)
    narrower = other is None or _spread(other) < spread
    families = [
        Family("translate", _translations(center, spread, toward, other)),
        Family("dilate", (shrink, expand) if narrower else (expand, shrink)),
    ]
    if p == 2:
        across = _between_rows(base, generator)
        offset = float(np.median(base @ across))
        split = Way(lambda t: Split(t * spread, across, offset), _GROWING)
        return [*families, Family("split", (split,))]
    low, high = base.min(0), base.max(0)
    half = BOX_MARGIN * float((high - low).max()) / 2

    def funnels(width: int, t: float) -> Map:
        return AlongRays(random_rays(_FUNNEL_SEED, width, (low + high) / 2, half, math.exp(t)))

    ways = tuple(Way(partial(funnels, width), _GROWING[:6]) for width in _WIDTHS)
    return [*families, Family("funnels", ways)]


def _translations(
    center: np.ndarray, spread: float, toward: np.ndarray, other: np.ndarray | None
) -> tuple[Way, ...]:
    """Towards the other sample, at best while taking on its spread.

    x -> center + s (x - center) + v is the dilation by s about center + v / (1 - s), so its
    distance is known. With s = 1 it is a translation.
    """

    def shift(t: float) -> np.ndarray:
        return t * spread * toward

    translate = Way(lambda t: Translate(shift(t)), _GROWING)
    factor = 1.0 if other is None else _spread(other) / spread
    if abs(factor - 1) < _SAME_SPREAD:
        return (translate,)
    both = Way(lambda t: Dilate(factor, center + shift(t) / (1 - factor)), _GROWING)
    return both, translate


def _between_rows(base: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Unit vector between two random rows that differ: a direction in which the data vary."""
    first = base[generator.integers(len(base))]
    others = base[(base != first).any(1)]
    return _unit(others[generator.integers(len(others))] - first, np.zeros_like(first))


def _unit(vector: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    return vector / length if length else otherwise


def _in_turn(tasks: list[SimilarTask]) -> list[SimilarTask]:
    """Families in turn, so that the first few runs see all of them."""
    names = list(dict.fromkeys(task.family for task in tasks))
    queues = {name: [task for task in tasks if task.family == name] for name in names}
    longest = max((len(queue) for queue in queues.values()), default=0)
    return [queues[name][i] for i in range(longest) for name in names if i < len(queues[name])]
