"""How strong a map has to be: the exact distance of its samples equals that of the pair's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.recommend.resemblance import merged
from wdist_bench.recommend.task_maps import Family, Pair
from wdist_bench.solvers.exact import solve_exact

_SPLITS = 2  # samples a pair is looked at by, the same for all strengths
_STEPS = 3  # interpolations: the strength is right to a few per cent


def exact_value(x: np.ndarray, y: np.ndarray, cost: Cost) -> float:
    """W_p of two samples by linear programming; NaN where the solver could not prove it."""
    (x, a), (y, b) = merged(x), merged(y)
    solution = solve_exact(cost.matrix(x, y), a, b)
    return cost.root(solution.cost) if solution.converged else float("nan")


@dataclass(frozen=True)
class Goal:
    """What a task is to have.

    Attributes:
        what: "batch": the exact W_p of samples; "population": the truth.
        value: how much.
    """

    what: str
    value: float


@dataclass(frozen=True, eq=False)
class Strengths:
    """Finds the pair of a family that reaches a goal.

    Attributes:
        cost: ground cost.
        n: rows of a sample of mu.
        m: rows of a sample of nu.
        seed: of the samples, the same at every strength.
    """

    cost: Cost
    n: int
    m: int
    seed: list[int]
    _known: dict[tuple[str, int, str, float], float] = field(default_factory=dict)

    def pair(self, family: Family, goal: Goal) -> tuple[Pair, float] | None:
        """The pair and its true distance; None where no strength reaches the goal."""
        for number, way in enumerate(family.ways):

            def reached(t: float, number: int = number) -> float:
                key = family.name, number, goal.what, t
                if key not in self._known:
                    self._known[key] = self._reached(family.ways[number].build(t), goal.what)
                return self._known[key]

            strength = first_passed(reached, goal.value, way.strengths)
            if strength is not None:
                pair = way.build(strength)
                truth = pair.truth(self.cost.p)
                if truth:  # otherwise nothing moved: no relative error
                    return pair, truth
        return None

    def _reached(self, pair: Pair, what: str) -> float:
        if what == "population":
            return pair.truth(self.cost.p)
        generator = np.random.default_rng(self.seed)
        draws = [pair.draw(generator, self.n, self.m) for _ in range(_SPLITS)]
        return float(np.mean([exact_value(x, y, self.cost) for x, y in draws]))


def first_passed(
    reached: Callable[[float], float], wanted: float, strengths: tuple[float, ...]
) -> float | None:
    """The first strength at which a function passes a value, by interpolation between two of
    `strengths` (the Illinois rule); None where it never does between 0 and the last of them.
    """
    low, below = 0.0, reached(0.0) < wanted
    for high in strengths:
        if (reached(high) < wanted) != below:
            break
        low = high
    else:
        return None
    left, right = reached(low) - wanted, reached(high) - wanted
    for step in range(_STEPS + 1):
        middle = low - left * (high - low) / (right - left) if right != left else (low + high) / 2
        if step == _STEPS:
            break
        gap = reached(middle) - wanted
        if (gap < 0) == below:
            low, left, right = middle, gap, right / 2
        else:
            high, right, left = middle, gap, left / 2
    return middle
