"""Tasks with known truth made from a user's own rows, at the distance and the size at hand.

mu and nu = populations that the rows come from, moved by maps at a known distance, or other
frequencies of the same points. A sample of mu and one of nu are made of *disjoint* random rows: A
and T(B). If the rows are independent draws of some law P, then A and T(B) are independent samples
of P and T(P), with the finite-sample error that real data have. Rows drawn with replacement would
not do: at n of n rows two such samples share about two rows in five, and in high dimension their
distance is far too small. The price is that a side has at most half of the rows. (Only where the
data themselves have few distinct rows are samples drawn from frequencies.)

A family has one strength. It is set so that the *exact distance of samples* equals that of samples
of the user's pair at one size: the tasks then agree with the pair in what can be seen, and their
population distance, which cannot, is known. That of samples mostly rises with the strength; where
a map contracts, it falls at first in high dimension, from the distance of two samples of one
population. Tasks whose samples do not look like the pair's all the same are left out
(`resemblance.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.recommend.resemblance import Look, alike, look
from wdist_bench.recommend.task_maps import Family, Pair, disjoint, map_families, spread
from wdist_bench.recommend.task_strengths import Goal, Strengths, exact_value
from wdist_bench.recommend.task_weights import FewPoints

MIN_ROWS = 8
MATCH_ROWS = 256  # a side, at most, where strengths are set
_PAIR_SUBSETS = 12  # random subsets of the pair that its distance is the mean of
_TASK_LOOKS = 2  # samples of a task that are compared with those of the pair
# Half width of the 95 % interval for the pair's distance, in standard deviations of one sample's:
# subsets of half of the rows share rows, so their mean has 0.7 of it, and twice that is 1.4.
_DOUBT = 1.4
_NULL_SPLITS = 8  # splits of the rows of one sample that show how far chance alone goes
SPREAD_SHARES = (0.25, 1.0)
"""Sizes of the tasks, as shares of the rows' spread, where there is no pair to take them from."""


@dataclass(frozen=True, eq=False)
class SimilarTask:
    """One base and one pair of populations.

    Attributes:
        base: "x" or "y": whose rows.
        family: "translate", "dilate", "funnels", "split", "tear", "weights", "reweight" or "tilt".
        pair: the two populations.
        truth: their W_p.
    """

    base: str
    family: str
    pair: Pair
    truth: float

    @property
    def name(self) -> str:
        """The family and whose rows, as in "dilate x"."""
        return f"{self.family} {self.base}"

    def draw(self, generator: np.random.Generator, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
        """n independent rows of mu and m of nu, shapes (n, dim) and (m, dim)."""
        return self.pair.draw(generator, n, m)


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
        unlike: those that can, but whose samples do not look like the pair's.
    """

    pair: float | None
    null: float
    floor: float
    told_apart: bool
    spread: float
    n: int
    m: int
    left_out: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()


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
    x: np.ndarray,
    y: np.ndarray | None,
    cost: Cost,
    rows: int,
    seed: int,
    match_rows: int = MATCH_ROWS,
    late: Callable[[], bool] = lambda: False,
) -> tuple[list[SimilarTask], Scale, tuple[int, int]]:
    """The tasks, the distance they were made for, and the sizes of their samples.

    Args:
        x: (n, d) rows.
        y: (m, d) rows of the other sample, or None.
        cost: ground cost, l2.
        rows: the most rows of a side.
        seed: of everything drawn.
        match_rows: the most rows of a side where strengths are set.
        late: whether no further family is begun.

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
    match = min(size_n, match_rows), min(size_m, match_rows)
    floors = _floors(bases, cost, match, generator)
    scale, looks = _scale(bases, given, floors, cost, match, generator)
    few_points = FewPoints.of(given)
    tasks: list[tuple[int, SimilarTask]] = []
    left_out, unlike = [], []
    strengths = {name: Strengths(cost, *match, [seed, 2]) for name in bases}
    queue: list[tuple[int, str, Family]] = []
    goals = {name: _goals(scale, base, *floors[name]) for name, base in bases.items()}
    for name, base in bases.items():
        if not goals[name]:
            left_out.append(f"all of {name}")
            continue
        other = given.get("y" if name == "x" else "x")
        families = map_families(base, other, cost.p, generator)
        if few_points:
            maps = families if looks else []  # nothing tells whether they look like such data
            families = few_points.families(name, generator) + maps
        queue += [(place, name, family) for place, family in enumerate(families)]
    for _, name, family in sorted(queue, key=lambda entry: entry[0]):
        if late():
            left_out.append(f"{family.name} of {name} (no time)")
            continue
        pairs = [strengths[name].pair(family, goal) for goal in goals[name]]
        made = [pair and SimilarTask(name, family.name, *pair) for pair in pairs]
        seen = [t is not None and _resembles(t, looks, cost, match, generator) for t in made]
        tasks += [(i, task) for i, task in enumerate(made) if task is not None and seen[i]]
        if not any(made):
            left_out.append(f"{family.name} of {name}")
        elif not any(seen):
            unlike.append(f"{family.name} of {name}")
    tasks.sort(key=lambda entry: entry[0])  # the middle sizes of all bases first
    return (
        _in_turn([task for _, task in tasks]),
        replace(scale, left_out=tuple(left_out), unlike=tuple(unlike)),
        (size_n, size_m),
    )


def check_bases(bases: dict[str, np.ndarray]) -> None:
    """Raise ValueError where a sample has too few rows, or rows that are all equal."""
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


def _subset(generator: np.random.Generator, rows: np.ndarray, count: int) -> np.ndarray:
    if len(rows) <= count:
        return rows
    return rows[generator.choice(len(rows), count, replace=False)]


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
) -> tuple[Scale, list[Look]]:
    """The scale, and what samples of the pair look like."""
    null, floor = np.mean(list(floors.values()), axis=0).tolist()
    size = float(np.mean([spread(base) for base in bases.values()]))
    if "y" not in given:
        return Scale(None, null, floor, True, size, *match), []
    looks = [
        look(
            _subset(generator, given["x"], match[0]), _subset(generator, given["y"], match[1]), cost
        )
        for _ in range(_PAIR_SUBSETS)
    ]
    pair = float(np.mean([one.value for one in looks]))
    return Scale(pair, null, floor, pair > floor, size, *match), looks


def _goals(scale: Scale, base: np.ndarray, null: float, floor: float) -> list[Goal]:
    """What to bring to what value: the exact distance of samples, or without a pair the truth.

    The pair's value has an error itself. So there are tasks for it and for both ends of its 95 %
    interval, but for none that two samples of one population often have.

    None for a base whose own samples are as far apart as those of the pair, within chance, while
    the other base shows that these differ: its tasks would have no distance to speak of.
    """
    if scale.pair is None:
        return [Goal("population", share * spread(base)) for share in SPREAD_SHARES]
    if not scale.told_apart:
        return [Goal("batch", floor)]
    sd, side = (floor - null) / 2, 1 if scale.pair > null else -1
    if abs(scale.pair - null) < 2 * sd:
        return []
    wanted = (scale.pair + doubt * sd for doubt in (0, -_DOUBT, _DOUBT))
    return [Goal("batch", null + side * max(side * (value - null), sd)) for value in wanted]


def _resembles(
    task: SimilarTask,
    looks: list[Look],
    cost: Cost,
    match: tuple[int, int],
    generator: np.random.Generator,
) -> bool:
    """Whether samples of the task look like those of the pair; any do where there is none."""
    if not looks:
        return True
    draws = [task.draw(generator, *match) for _ in range(_TASK_LOOKS)]
    return alike(looks, [look(x, y, cost) for x, y in draws])


def _in_turn(tasks: list[SimilarTask]) -> list[SimilarTask]:
    """Families in turn, so that the first few runs see all of them."""
    names = list(dict.fromkeys(task.family for task in tasks))
    queues = {name: [task for task in tasks if task.family == name] for name in names}
    longest = max((len(queue) for queue in queues.values()), default=0)
    return [queues[name][i] for i in range(longest) for name in names if i < len(queues[name])]
