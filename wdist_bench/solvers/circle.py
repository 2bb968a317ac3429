"""Optimal transport on a circle, by quantiles of the line cut open at the best place."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from wdist_bench.costs.powers import power
from wdist_bench.solvers.proofs.rounding import UNIT, running_sums

_GOLDEN = (5**0.5 - 1) / 2
_STEPS = 100  # golden sections of an interval of length 2 down to rounding


def circle_cost(
    x: Float[np.ndarray, " n"],
    y: Float[np.ndarray, " m"],
    a: Float[np.ndarray, " n"] | None,
    b: Float[np.ndarray, " m"] | None,
    length: float,
    p: int | float,
) -> tuple[float, float]:
    """W_p^p on a circle of this length, for the length of the shorter arc to the power p >= 1.

    It is the least over theta of int_0^1 |F^-1(u) - G^-1(u - theta)|^p du, where F and G are the
    cumulative masses of the periodic measures on the line, which grow by 1 a turn: the plan is
    monotone on the line, and theta is the mass that it carries across 0. The integral is convex in
    theta; for p = 1 it is int |F - G - theta|, least at a median of F - G.

    Args:
        x: (n,) positions of mu, in [0, length).
        y: (m,) positions of nu.
        a: (n,) positive weights summing to one, None for equal weights.
        b: (m,) positive weights summing to one, None for equal weights.
        length: of the circle.
        p: exponent, a real number >= 1.

    Returns:
        W_p^p, and what rounding of the weights can have changed of it. Masses that rounding makes
        are left out; equal weights leave none else that small.

    Source: Delon, Salomon, Sobolevski 2010, Fast transport optimization for Monge costs on the
    circle (arXiv 0902.3527); p = 1, Rabin, Delon, Gousseau 2011, Transportation distances on the
    circle (arXiv 0906.5499).
    """
    (x, ends_x), (y, ends_y) = _levels(x, a), _levels(y, b)
    noise = 4 * UNIT * math.sqrt(len(x) + len(y))
    problem = _Circle(x, ends_x, y, ends_y, length, p, noise, a is None and b is None)
    return problem.by_median() if p == 1 else problem.at_cut(_best_cut(problem))


def _levels(points: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Sorted points, each once, and the mass up to and with each; the last exactly 1."""
    points, place, many = np.unique(points, return_inverse=True, return_counts=True)
    ends = np.cumsum(many)
    if weights is not None:
        ends = running_sums(weights[np.argsort(place.ravel(), kind="stable")])[ends - 1]
    return points, ends / ends[-1]


class _Circle(NamedTuple):
    """Sorted points with the levels of their cumulative masses.

    Attributes:
        noise: what rounding can make of a difference of two levels.
        equal: whether weights are equal, so that levels are known but for their last digit.
    """

    x: np.ndarray
    ends_x: np.ndarray
    y: np.ndarray
    ends_y: np.ndarray
    length: float
    p: int | float
    noise: float
    equal: bool

    def by_median(self) -> tuple[float, float]:
        """int |F - G - median|, with what rounding of F and G can have changed."""
        places = np.union1d(self.x, self.y)
        widths = np.diff(places, append=places[0] + self.length)
        of_x, of_y = (
            _mass_up_to(places, self.x, self.ends_x),
            _mass_up_to(places, self.y, self.ends_y),
        )
        lead = of_x - of_y
        order = np.argsort(lead)
        half = np.searchsorted(np.cumsum(widths[order]), self.length / 2)
        carried = np.abs(lead - lead[order[min(int(half), len(order) - 1)]])
        sure = carried > self.noise
        rounding = UNIT * widths[sure].sum() if self.equal else self.noise * self.length
        return float(widths[sure] @ carried[sure]), float(rounding)

    def at_cut(self, theta: float) -> tuple[float, float]:
        """The cost of the plan that carries the mass theta across 0, likewise."""
        shifted = self.ends_y + theta
        levels = np.concatenate([self.ends_x, shifted - np.floor(shifted), [1.0]])
        levels.sort()
        starts = np.concatenate([[0.0], levels[:-1]])
        mass, middle = levels - starts, (starts + levels) / 2
        i = np.minimum(np.searchsorted(self.ends_x, middle), len(self.x) - 1)
        turn = np.floor(middle - theta)
        j = np.searchsorted(self.ends_y, middle - theta - turn)
        j = np.minimum(j, len(self.y) - 1)
        paid = power(np.abs(self.x[i] - (self.y[j] + self.length * turn)), self.p)
        sure = mass > self.noise
        total = float(mass[sure] @ paid[sure])
        jumps = np.abs(np.diff(paid[sure] if self.equal else paid[mass > 0])).sum()
        return total, (UNIT if self.equal else self.noise) * float(jumps)


def _mass_up_to(places: np.ndarray, points: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], ends])[np.searchsorted(points, places, side="right")]


def _best_cut(problem: _Circle) -> float:
    """A theta in [-1, 1] of least cost.

    The cost is convex and piecewise linear, with kinks where a level of F meets one of G: golden
    sections narrow theta down until one linear piece is left, whose ends are kinks.
    """

    def cost(theta: float) -> float:
        return problem.at_cut(theta)[0]

    low, high = -1.0, 1.0
    for _ in range(_STEPS):
        third = (high - low) * (1 - _GOLDEN)
        left, right = low + third, high - third
        if high - low < 16 * UNIT:
            break
        low, high = (low, right) if cost(left) <= cost(right) else (left, high)
    near = (low + high) / 2
    return min((near, *_nearest_kinks(problem.ends_x, problem.ends_y, near)), key=cost)


def _nearest_kinks(ends_x: np.ndarray, ends_y: np.ndarray, theta: float) -> list[float]:
    """The kinks, differences of a level of F and one of G modulo 1, on both sides of theta."""
    wanted = np.mod(ends_y + theta, 1.0)
    levels = np.concatenate([[0.0], ends_x])
    after = np.minimum(np.searchsorted(levels, wanted), len(levels) - 1)
    gaps = np.concatenate([levels[after] - wanted, levels[np.maximum(after - 1, 0)] - wanted])
    up, down = gaps[gaps >= 0], gaps[gaps <= 0]
    return [theta + float(part) for part in (up.min(initial=1.0), down.max(initial=-1.0))]
