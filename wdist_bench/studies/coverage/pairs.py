"""Pairs of laws whose distance is known, and the ways in which it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.solvers.exact import solve_exact

Generator = np.random.Generator
Draw = Callable[[Generator, int], np.ndarray]
"""n independent rows (n, d)."""

Quantiles = Callable[[np.ndarray], np.ndarray]

_PARTS = 400_000  # of either half of (0, 1), at whose midpoints quantile functions are read
_GRADING = 3  # a part at tail probability q is as wide as q^(2/3), so that heavy tails have many
_LARGEST = 1 - 2.0**-53  # level below 1 in float64


@dataclass(frozen=True, eq=False)
class Pair:
    """Two laws.

    Attributes:
        kind: group of the table: "light", "equal", "heavy", "discrete", "contaminated", "shape".
        x: rows of mu.
        y: rows of nu.
        truth: W_p by p.
        ps: exponents for which it is known.
        rarest: probability of the rarest part that the distance rests on; 1 where there is none.
        moments: whether the cost has two moments, by p.
        light: bounded or sub-Gaussian.
    """

    kind: str
    x: Draw
    y: Draw
    truth: Callable[[int], float]
    ps: tuple[int, ...] = (1, 2)
    rarest: float = 1.0
    moments: tuple[int, ...] = (1, 2)
    light: bool = True


def between(first: Any, second: Any) -> Callable[[int], float]:
    """(int_0^1 |F^-1 - G^-1|^p)^(1/p) of laws on the line, by midpoints in q^(1/3), q the
    probability beyond: to 1e-7 for smooth quantiles, Pareto's of exponent 1.5 among them, to 1e-5
    where they jump.
    """

    @lru_cache
    def truth(p: int) -> float:
        s = (np.arange(_PARTS) + 0.5) / _PARTS
        tail, width = s**_GRADING / 2, _GRADING * s ** (_GRADING - 1) / 2
        below = np.abs(first.ppf(tail) - second.ppf(tail)) ** p
        above = np.abs(_beyond(first, tail) - _beyond(second, tail)) ** p
        return float(np.mean((below + above) * width) ** (1 / p))

    return truth


def _beyond(law: Any, tail: np.ndarray) -> np.ndarray:
    """Quantiles that are exceeded with probability `tail`: near 1 a level has no digits for it.
    Those of SciPy's laws on whole numbers are NaN far out.
    """
    if hasattr(law, "pdf"):
        return np.asarray(law.isf(tail))
    return np.asarray(law.ppf(np.minimum(1 - tail, _LARGEST)))


def on_line(kind: str, mu: Any, nu: Any, beside: Draw | None = None, **rest: Any) -> Pair:
    """Laws on the line by their quantiles, beside a common independent factor, which cancels."""

    def draw(law: Any) -> Draw:
        def rows(generator: Generator, n: int) -> np.ndarray:
            line = law.ppf(generator.uniform(size=(n, 1)))
            return line if beside is None else np.hstack([line, beside(generator, n)])

        return rows

    return Pair(kind, draw(mu), draw(nu), between(mu, nu), **rest)


def moved(kind: str, draw: Draw, shift: np.ndarray, **rest: Any) -> Pair:
    """A law and its translation: W_p = |shift|, for every p."""
    length = float(np.linalg.norm(shift))
    return Pair(kind, draw, lambda g, n: draw(g, n) + shift, lambda p: length, **rest)


def dilated(kind: str, draw: Draw, factor: float, means: tuple[float, float], **rest: Any) -> Pair:
    """X against factor X: W_p = |factor - 1| (E |X|^p)^(1/p), means = (E |X|, E |X|^2)."""
    return Pair(
        kind,
        draw,
        lambda g, n: factor * draw(g, n),
        lambda p: abs(factor - 1) * means[p - 1] ** (1 / p),
        **rest,
    )


def same(draw: Draw, **rest: Any) -> Pair:
    """A law against itself."""
    return Pair("equal", draw, draw, lambda p: 0.0, **rest)


def finite(
    kind: str, points: np.ndarray, first: np.ndarray, second: np.ndarray, **rest: Any
) -> Pair:
    """Two laws on the same points, by the linear programme of their weights."""
    first, second = first / first.sum(), second / second.sum()

    def draw(weights: np.ndarray) -> Draw:
        return lambda generator, n: points[generator.choice(len(points), n, p=weights)]

    @lru_cache
    def truth(p: int) -> float:
        cost = Cost(p)
        solution = solve_exact(cost.matrix(points, points), first, second)
        if not solution.converged:
            raise ArithmeticError(solution.message)
        return cost.root(solution.cost)

    return Pair(kind, draw(first), draw(second), truth, **rest)


def elliptical(first: np.ndarray, second: np.ndarray, freedom: float = math.inf) -> Pair:
    """Centred laws of one elliptical family with these scatter matrices: Bures' formula, p = 2."""

    def draw(matrix: np.ndarray) -> Draw:
        root = np.linalg.cholesky(matrix)

        def rows(generator: Generator, n: int) -> np.ndarray:
            found = generator.normal(size=(n, len(root))) @ root.T
            return found * _student_factor(generator, n, freedom)

        return rows

    def truth(p: int) -> float:
        half = _root(first)
        scale = freedom / (freedom - 2) if math.isfinite(freedom) else 1.0
        trace = np.trace(first) + np.trace(second) - 2 * np.trace(_root(half @ second @ half))
        return float(np.sqrt(scale * trace))

    light = math.isinf(freedom)
    return Pair("shape", draw(first), draw(second), truth, ps=(2,), light=light)


def radial(dim: int, first: Quantiles, second: Quantiles, frame: np.ndarray | None = None) -> Pair:
    """Isotropic laws by the quantiles of their radii, in a subspace where one is given."""

    def draw(radius: Quantiles) -> Draw:
        def rows(generator: Generator, n: int) -> np.ndarray:
            found = generator.normal(size=(n, dim))
            found /= np.linalg.norm(found, axis=1, keepdims=True)
            found *= radius(generator.uniform(size=n))[:, None]
            return found if frame is None else found @ frame

        return rows

    return Pair("shape", draw(first), draw(second), between(Radius(first), Radius(second)))


def products(first: list[Any], second: list[Any]) -> Pair:
    """Products of laws on the line: W_2^2 is the sum over coordinates."""

    def draw(laws: list[Any]) -> Draw:
        return lambda generator, n: np.column_stack(
            [law.ppf(generator.uniform(size=n)) for law in laws]
        )

    def truth(p: int) -> float:
        parts = zip(first, second, strict=True)
        return math.sqrt(sum(between(a, b)(2) ** 2 for a, b in parts))

    return Pair("shape", draw(first), draw(second), truth, ps=(2,), light=False)


@dataclass(frozen=True)
class Radius:
    """The law of a radius, by its quantiles `ppf`."""

    ppf: Quantiles


class Mixture:
    """A mixture of laws on the line; quantiles by bisection of the distribution function."""

    def __init__(self, weights: list[float], laws: list[Any]) -> None:
        self.weights, self.laws = weights, laws

    def ppf(self, u: np.ndarray) -> np.ndarray:
        """Quantiles at u of any shape."""
        low = np.min([law.ppf(u) for law in self.laws], axis=0)
        high = np.max([law.ppf(u) for law in self.laws], axis=0)
        for _ in range(60):
            middle = (low + high) / 2
            parts = zip(self.weights, self.laws, strict=True)
            below = sum(w * law.cdf(middle) for w, law in parts) < u
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray((low + high) / 2)


class Zeros:
    """0 with some probability, else a positive law."""

    def __init__(self, share: float, law: Any) -> None:
        self.share, self.law = share, law

    def ppf(self, u: np.ndarray) -> np.ndarray:
        """Quantiles at u of any shape."""
        inside = np.clip((u - self.share) / (1 - self.share), 1e-12, 1)
        return np.where(u < self.share, 0.0, self.law.ppf(inside))


def student(freedom: float, dim: int) -> Draw:
    """Student's law in `dim` dimensions."""

    def rows(generator: Generator, n: int) -> np.ndarray:
        return generator.normal(size=(n, dim)) * _student_factor(generator, n, freedom)

    return rows


def _student_factor(generator: Generator, n: int, freedom: float) -> Any:
    if math.isinf(freedom):
        return 1.0
    return np.sqrt(freedom / generator.chisquare(freedom, size=(n, 1)))


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)
