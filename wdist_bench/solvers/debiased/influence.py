"""Distances between parts of two samples, with what every row adds to them to first order."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from wdist_bench.costs import Cost
from wdist_bench.costs.l2 import power_of_two
from wdist_bench.problem import Samples
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.solvers.machine.memory import EXACT_BYTES, require_matrix

# Costs beyond these powers of two are brought near one before they are squared.
_SQUARES_HOLD = 400


class NoOptimumError(ArithmeticError):
    """The linear programme of a part was not solved; the message says why."""


@dataclass(frozen=True, eq=False)
class Statistic:
    """A number computed from rows, and its linear part.

    Attributes:
        value: the number.
        of_x: (n,) what each row of x adds to it to first order; the sum is about 0.
        of_y: (m,) the same of y.
    """

    value: float
    of_x: Float[np.ndarray, " n"]
    of_y: Float[np.ndarray, " m"]

    def __add__(self, other: Statistic) -> Statistic:
        return Statistic(self.value + other.value, self.of_x + other.of_x, self.of_y + other.of_y)

    def __sub__(self, other: Statistic) -> Statistic:
        return self + -1.0 * other

    def __rmul__(self, factor: float) -> Statistic:
        return Statistic(factor * self.value, factor * self.of_x, factor * self.of_y)

    def mapped(self, value: float, slope: float) -> Statistic:
        """f of this number: its value and the slope of f there."""
        return Statistic(value, slope * self.of_x, slope * self.of_y)

    @property
    def root(self) -> Statistic:
        """The square root; a slope of 0 at 0, where there is none."""
        value = math.sqrt(max(self.value, 0.0))
        return self.mapped(value, 0.5 / value if value > 0 else 0.0)

    @property
    def stderr(self) -> float:
        """Root of the sum of squares over the rows, as of a mean of independent terms."""
        power = power_of_two(self.of_x, self.of_y)
        parts = (np.ldexp(part, -power) for part in (self.of_x, self.of_y))
        return math.ldexp(math.sqrt(sum(_variance(part) for part in parts)), power)


def mean(found: list[Statistic]) -> Statistic:
    """The mean of statistics of the same rows."""
    total = found[0]
    for one in found[1:]:
        total = total + one
    return (1 / len(found)) * total


def _variance(part: np.ndarray) -> float:
    count = int(np.count_nonzero(part))
    return float(part @ part) * count / (count - 1) if count > 1 else 0.0


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of one sample.

    Attributes:
        of_x: whether they are of x, else of y.
        places: (k,) their places.
    """

    of_x: bool
    places: Int[np.ndarray, " k"]

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of both samples that carry mass, with explicit weights.

    Attributes:
        x: (n, d) points.
        y: (m, d) points.
        a: (n,) positive weights summing to one.
        b: (m,) positive weights summing to one.
        cost: ground cost.
    """

    x: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, "m d"]
    a: Float[np.ndarray, " n"]
    b: Float[np.ndarray, " m"]
    cost: Cost

    @classmethod
    def of(cls, samples: Samples, cost: Cost) -> Rows:
        """The rows of samples whose weights may be left out."""
        kept = samples.weighted()
        return cls(kept.x, kept.y, kept.a, kept.b, cost)

    def near_one(self) -> tuple[Rows, int]:
        """Rows over 2^k, and k: 0 where W_p^p and W_p^2 have squares in float64 as they are.

        Where the cost is a norm, W_p is 2^k times that of the rows over 2^k.
        """
        origin = self.x[0]
        within = int(_SQUARES_HOLD / max(self.cost.p, 2))
        power = power_of_two(self.x - origin, self.y - origin, within=within)
        power -= power > 0  # towards one, so that 2^(k p) is held where W_p^p is
        x, y = np.ldexp(self.x, -power), np.ldexp(self.y, -power)
        return replace(self, x=x, y=y), power

    def shuffled(self, generator: np.random.Generator) -> tuple[Part, Part]:
        """All rows of x and all of y, each in random order."""
        return (
            Part(True, generator.permutation(len(self.x))),
            Part(False, generator.permutation(len(self.y))),
        )

    def distance(self, one: Part, other: Part) -> Statistic:
        """Exact W_p^p between two parts with their weights scaled to sum to one.

        Its linear part is that of the optimal potentials, sum_i w_i (phi_i - mean phi): the limit
        of W_p^p about its expectation where they are unique (del Barrio and Loubes 2019).

        Raises:
            NoOptimumError: the simplex did not prove optimality.
            MemoryError: their pairs do not fit.
        """
        first, w = self._part(one)
        second, v = self._part(other)
        require_matrix(len(w), len(v), first.shape[1], EXACT_BYTES)
        solution = solve_exact(self.cost.matrix(first, second), w, v)
        if not solution.converged:
            raise NoOptimumError(solution.message)
        return self.statistic(solution.cost, (one, w, solution.phi), (other, v, solution.psi))

    def statistic(self, value: float, *sides: tuple[Part, np.ndarray, np.ndarray]) -> Statistic:
        """A number with the linear part of means over parts: (part, weights, values) of each."""
        linear = {True: np.zeros(len(self.x)), False: np.zeros(len(self.y))}
        for part, weights, values in sides:
            linear[part.of_x][part.places] += weights * (values - weights @ values)
        return Statistic(value, linear[True], linear[False])

    def linear(
        self, value: float, phi: Float[np.ndarray, " n"], psi: Float[np.ndarray, " m"]
    ) -> Statistic:
        """A number with the linear part of the means of phi and of psi over all rows."""
        of_x, of_y = self.a * (phi - self.a @ phi), self.b * (psi - self.b @ psi)
        return Statistic(value, of_x, of_y)

    def _part(self, part: Part) -> tuple[np.ndarray, np.ndarray]:
        points, weights = (self.x, self.a) if part.of_x else (self.y, self.b)
        kept = weights[part.places]
        return points[part.places], kept / kept.sum()
