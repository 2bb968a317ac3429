"""Tasks with known truth made from a user's own rows, at the distance of the user's pair.

mu and nu = populations that the rows come from, moved by maps at a known distance, or other
frequencies of the same points. A sample of mu and one of nu are made of *disjoint* random rows: A
and T(B). If the rows are independent draws of some law P, then A and T(B) are independent samples
of P and T(P), with the finite-sample error that real data have. Rows drawn with replacement would
not do: at n of n rows two such samples share about two rows in five, and in high dimension their
distance is far too small. The price is that a side has at most half of the rows. (Only where the
data themselves have few distinct rows are samples drawn from frequencies.)

A map is as strong as makes the distance of the two populations the one that is wanted: the point
estimate of `population_interval`. Tasks whose samples do not look like the pair's all the same are
left out (`likeness.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.recommend.likeness import Look, alike, look
from wdist_bench.recommend.task_maps import Family, Pair, map_families, spread
from wdist_bench.recommend.task_weights import FewPoints

MIN_ROWS = 8
_LOOK_ROWS = 128  # rows of a side, at most, of what is compared with the pair
_PAIR_LOOKS, _TASK_LOOKS = 8, 2  # samples of the pair and of a task that are compared
SPREAD_SHARES = (0.25, 1.0)
"""Distances of the tasks, as shares of the rows' spread, where there is no pair."""
_STEPS, _CLOSE = 6, 0.01  # interpolations at most, and the relative gap that is small enough
_NEARLY = 0.1  # the relative gap that is, at the end of what a family can do


@dataclass(frozen=True, eq=False)
class SimilarTask:
    """One base and one pair of populations.

    Attributes:
        base: "x" or "y": whose rows.
        family: "translate", "dilate", "contaminate", "weights", "funnels", "split", "reweight" or
            "tilt".
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


@dataclass(frozen=True, eq=False)
class Similar:
    """The tasks, and what there is none of.

    Attributes:
        tasks: families in turn, so that the first few runs see all of them.
        n: rows of a sample of mu in a run.
        m: rows of a sample of nu.
        unlike: families whose samples do not look like the pair's, or that cannot be brought to
            its distance; "maps of x" where the rows of x that were drawn do not differ.
        late: families that there was no time for.
    """

    tasks: list[SimilarTask]
    n: int
    m: int
    unlike: tuple[str, ...]
    late: tuple[str, ...]


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
    distance: float | None = None,
    late: Callable[[], bool] = lambda: False,
) -> Similar:
    """Tasks made of the rows.

    Args:
        x: (n, d) rows.
        y: (m, d) rows of the other sample, or None.
        cost: ground cost, l2.
        rows: the most rows of a side.
        seed: of everything drawn.
        distance: W_p of the tasks' populations; None for shares of the spread of x.
        late: whether no further family is begun.
    """
    given = {"x": x} if y is None else {"x": x, "y": y}
    size_n, size_m, names = task_sizes(len(x), len(x) if y is None else len(y), rows)
    generator = np.random.default_rng([seed, 0])
    bases = {
        name: _subset(generator, given[name], 2 * (size_n + size_m))
        for name in names
        if name in given
    }
    size = min(size_n, _LOOK_ROWS), min(size_m, _LOOK_ROWS)

    looks = (
        []
        if y is None
        else [
            look(_subset(generator, x, size[0]), _subset(generator, y, size[1]), cost)
            for _ in range(_PAIR_LOOKS)
        ]
    )
    goals = [share * spread(x) for share in SPREAD_SHARES] if distance is None else [distance]
    found: list[SimilarTask] = []
    unlike, skipped = [f"maps of {name}" for name in bases if not _varies(bases[name])], []
    for name, family in _families(bases, given, cost, generator):
        if late():
            skipped.append(f"{family.name} of {name}")
            continue
        made = [_task(name, family, goal, cost, looks, size, generator) for goal in goals]
        found += [task for task in made if task is not None]
        if None in made:
            unlike.append(f"{family.name} of {name}")
    return Similar(_in_turn(found), size_n, size_m, tuple(unlike), tuple(skipped))


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


def _varies(base: np.ndarray) -> bool:
    """Whether rows have a spread: of events that are rare, the drawn rows may have none."""
    return spread(base) > 0


def _subset(generator: np.random.Generator, rows: np.ndarray, count: int) -> np.ndarray:
    if len(rows) <= count:
        return rows
    return rows[generator.choice(len(rows), count, replace=False)]


def _families(
    bases: dict[str, np.ndarray],
    given: dict[str, np.ndarray],
    cost: Cost,
    generator: np.random.Generator,
) -> list[tuple[str, Family]]:
    """Families with the base that they are of, those of both bases in turn."""
    few_points = FewPoints.of(given)
    queue: list[tuple[int, str, Family]] = []
    for name, base in bases.items():
        other = given.get("y" if name == "x" else "x")
        families = map_families(base, other, cost.p, generator) if _varies(base) else []
        if few_points:
            maps = families if other is not None else []  # nothing tells whether they look alike
            families = few_points.families(name, generator) + maps
        queue += [(place, name, family) for place, family in enumerate(families)]
    return [(name, family) for _, name, family in sorted(queue, key=lambda entry: entry[0])]


def _task(
    base: str,
    family: Family,
    distance: float,
    cost: Cost,
    looks: list[Look],
    size: tuple[int, int],
    generator: np.random.Generator,
) -> SimilarTask | None:
    """The first of a family's ways that leads to the distance and looks like the pair."""
    for build, strengths in family.ways:
        strength = first_passed(lambda t: build(t).truth(cost.p), distance, strengths)  # noqa: B023
        if strength is None:
            continue
        pair = build(strength)
        if not (truth := pair.truth(cost.p)) > 0:
            continue
        draws = [pair.draw(generator, *size) for _ in range(_TASK_LOOKS)] if looks else []
        if not looks or alike(looks, [look(*samples, cost) for samples in draws]):
            return SimilarTask(base, family.name, pair, truth)
    return None


def first_passed(
    reached: Callable[[float], float], wanted: float, strengths: tuple[float, ...]
) -> float | None:
    """The first strength at which a growing distance passes a value, by interpolation between two
    of `strengths`, to a few per cent; the last where that nearly reaches it; else None.
    """
    low, left = 0.0, reached(0.0) - wanted
    for high in strengths:
        if (right := reached(high) - wanted) >= 0:
            break
        low, left = high, right
    else:
        return strengths[-1] if -right <= _NEARLY * wanted else None
    if left >= 0:
        return None
    for _ in range(_STEPS):
        middle = low - left * (high - low) / (right - left)
        gap = reached(middle) - wanted
        if abs(gap) <= _CLOSE * wanted:
            break
        if gap < 0:
            low, left = middle, gap
        else:
            high, right = middle, gap
    return middle


def _in_turn(tasks: list[SimilarTask]) -> list[SimilarTask]:
    """Families in turn, so that the first few runs see all of them."""
    names = list(dict.fromkeys(task.family for task in tasks))
    queues = {name: [task for task in tasks if task.family == name] for name in names}
    longest = max((len(queue) for queue in queues.values()), default=0)
    return [queues[name][i] for i in range(longest) for name in names if i < len(queues[name])]
