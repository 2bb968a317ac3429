"""Two histograms on a line, in counts or in weights."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import L2, Cost
from wdist_bench.problem import Sampler, draw_by_weight
from wdist_bench.registry import freeze
from wdist_bench.solvers.circle import circle_cost
from wdist_bench.tasks import register
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.distances import p_mean, unit_of_powers
from wdist_bench.tasks.origin import far_origin, from_origin
from wdist_bench.tasks.rows import Rows
from wdist_bench.truth import Truth
from wdist_bench.validation import WEIGHT_SUM_TOLERANCE, check_number

# A level is known to this many bits of itself, and of what is left to the whole.
_SLIVER = 50


@register
@dataclass(frozen=True)
class Histogram(Task):
    """mu and nu put masses on the same positions of a line; only here masses may be counts.

    W_p^p = integral over u in [0, 1] of |F_mu^-1(u) - F_nu^-1(u)|^p, of the normalised masses;
    for p = 1 also W_1 = integral over t of |F_mu(t) - F_nu(t)|.

    Attributes:
        positions: where the masses sit, in any order.
        weights_x: masses of mu: counts, or weights.
        weights_y: masses of nu, with the same total.

    The default is the textbook example P = (3, 2, 1, 4), Q = (1, 2, 4, 3) at 0, 1, 2, 3: moving P
    to Q takes 5 units of mass x distance (`work`), so W_1 = 5 / 10 = 0.5.

    Raises:
        ValueError: shapes that differ, negative or non-finite masses, totals that differ.
    """

    name: ClassVar[str] = "histogram"
    reference: ClassVar[str] = "monotone coupling on a line: W_p^p = int |F^-1 - G^-1|^p du"
    of_rows: ClassVar[bool] = True

    positions: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0)
    weights_x: tuple[float, ...] = (3.0, 2.0, 1.0, 4.0)
    weights_y: tuple[float, ...] = (1.0, 2.0, 4.0, 3.0)

    def __post_init__(self) -> None:
        for parameter in ("positions", "weights_x", "weights_y"):
            given = getattr(self, parameter)
            given = np.asarray(given).tolist() if hasattr(given, "__array__") else given
            object.__setattr__(self, parameter, freeze(given))
        _check_line(self.positions, "positions")
        totals = []
        for parameter in ("weights_x", "weights_y"):
            masses = _check_line(getattr(self, parameter), parameter, minimum=0)
            if len(masses) != len(self.positions):
                raise ValueError(
                    f"{parameter}: expected one mass per position, {len(self.positions)}, got "
                    f"{len(masses)}; use 0 where there is none"
                )
            totals.append(math.fsum(masses))
        if min(totals) <= 0 or abs(totals[0] - totals[1]) > WEIGHT_SUM_TOLERANCE * max(totals):
            raise ValueError(
                "weights_x and weights_y: expected equal positive totals, got "
                f"{totals[0]:.9g} and {totals[1]:.9g}; add or scale mass until they agree"
            )

    @property
    def total(self) -> float:
        """Total mass of mu: 10 counts in the default, 1 where the masses are weights."""
        return math.fsum(self.weights_x)

    @property
    def work(self) -> float:
        """Unnormalised W_1 in units of mass x distance: total mass times W_1, of counts by the
        cdfs, which they make exact.
        """
        counts = all(float(mass).is_integer() for mass in (*self.weights_x, *self.weights_y))
        if not counts or not self.total == math.fsum(self.weights_y) < 2**53:
            mass, start, end = self._coupling()
            return self.total * math.fsum(mass * np.abs(start - end))
        order = np.argsort(self.positions, kind="stable")
        x, y = (np.asarray(side, float)[order] for side in (self.weights_x, self.weights_y))
        carried = np.cumsum(x - y)[:-1]
        return math.fsum(np.abs(carried) * np.diff(np.asarray(self.positions)[order]))

    def sampler(self) -> Sampler:
        """n independent positions of each histogram a draw, by its weights, shape (n, 1)."""
        origin = self.origin
        points = from_origin(np.asarray(self.positions, np.float64)[:, None], origin)
        return Rows.of(points, points, *self._weights())

    @property
    def origin(self) -> np.ndarray:
        """What samples are drawn relative to; zeros near zero."""
        return far_origin(np.asarray(self.positions, np.float64)[:, None])

    def truth_for(self, cost: Cost) -> Truth | None:
        """Finite sums over the cdfs (p = 1) or the quantiles; on the line all norms are |.| times a
        factor. The torus makes the line a circle.
        """
        if cost.circumference:
            return self._on_circle(cost)
        if not cost.is_norm:
            return None
        unit = cost.length(np.ones(1))
        if cost.p == 1:
            value = unit * self.work / self.total
            amount = f"{self.work:g} units of mass x distance over a mass of {self.total:g}"
            reference = f"{self.reference}; {amount} = {value:g} normalised"
            return Truth(value, 0.0, "closed-form", reference)
        mass, x, y = self._coupling()
        value = unit * p_mean((x - y)[:, None], L2(cost.p), mass)
        return Truth(value, 0.0, "closed-form", self.reference)

    def _on_circle(self, cost: Cost) -> Truth:
        """By quantiles of the circle, cut open at the best place."""
        points = cost.on_line(np.asarray(self.positions, np.float64)[:, None])[:, 0]
        a, b = self._weights()
        unit = unit_of_powers(cost.p, np.asarray(cost.circumference))
        points, length = np.ldexp(points, -unit), float(np.ldexp(cost.circumference, -unit))
        x, y = points[a > 0], points[b > 0]
        found, _ = circle_cost(x, y, a[a > 0], b[b > 0], length, cost.p)
        reference = "quantiles on the circle (Delon, Salomon, Sobolevski 2010)"
        return Truth(float(np.ldexp(cost.root(found), unit)), 0.0, "quadrature", reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """Both quantiles at the same uniform level, in float64."""
        mass, x, y = self._coupling()
        chosen = np.asarray(draw_by_weight(key, jnp.asarray(mass, jnp.float32), n))
        with jax.enable_x64(True):
            return jnp.asarray(x[chosen, None]), jnp.asarray(y[chosen, None])

    def _weights(self) -> tuple[np.ndarray, np.ndarray]:
        a, b = np.asarray(self.weights_x, np.float64), np.asarray(self.weights_y, np.float64)
        return a / math.fsum(a), b / math.fsum(b)

    def _coupling(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Masses and their two ends in the monotone coupling.

        Levels are exact. A sliver of mass that rounding of given weights leaves between a level of
        mu and one of nu is left out: it would travel between other positions, which may be far.
        """
        order = np.argsort(self.positions, kind="stable")
        points = np.asarray(self.positions, np.float64)[order]
        x, y = _levels(self.weights_x, order), _levels(self.weights_y, order)
        whole = x[-1] * y[-1]
        x, y = [level * y[-1] for level in x], [level * x[-1] for level in y]
        of_x, of_y = set(x), set(y)

        def is_rounding(start: int, end: int) -> bool:
            swaps = all((start in levels) != (end in levels) for levels in (of_x, of_y))
            return swaps and end - start <= min(end, whole - start) >> _SLIVER

        ends = sorted({0} | of_x | of_y)
        pieces = [piece for piece in pairwise(ends) if not is_rounding(*piece)]
        mass = np.array([(end - start) / whole for start, end in pieces])
        at_x, at_y = ([bisect_left(level, end) for _, end in pieces] for level in (x, y))
        return mass, points[at_x], points[at_y]


def _levels(masses: tuple[float, ...], order: np.ndarray) -> list[int]:
    """Cumulative masses in this order as whole numbers of one unit, without rounding."""
    ratios = [masses[k].as_integer_ratio() for k in order]
    unit = max(below for _, below in ratios)  # powers of two: the largest is a multiple of all
    return list(accumulate(above * (unit // below) for above, below in ratios))


def _check_line(values: Any, name: str, minimum: float | None = None) -> tuple[float, ...]:
    if not isinstance(values, tuple) or not values:
        raise ValueError(f"{name}: expected a list of numbers, got {values!r}; give one or more")
    return tuple(check_number(value, name, minimum=minimum) for value in values)
