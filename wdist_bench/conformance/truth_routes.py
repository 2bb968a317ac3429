"""Limits on a task's W_p by routes that do not use its truth, from below and from above.

A statement about means is taken at five standard errors, so that a right truth passes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

import jax
import numpy as np

from wdist_bench import estimators
from wdist_bench.conformance.findings import FLOAT_ERROR
from wdist_bench.costs import Cost
from wdist_bench.costs.powers import power, root_slope
from wdist_bench.protocol.evaluate import evaluate
from wdist_bench.protocol.tails import Tails, tails
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.solvers.one_dimensional import line_cost
from wdist_bench.tasks import Task

SIGMAS = 5.0
_GROUPS, _GROUP_SIZE = 8, 100_000
_ENTRIES = 2**21  # coordinates of one group at most
_WIDE = 2**24  # coordinates of any draw at most, but for the first 500 points
_CHOOSING = 5000  # draws that choose among maps to the line
_KEPT = 3  # maps that are evaluated
_BATCHES, _BATCH_SIZE = 20, 400
_PAIRS, _PAIRS_SOLVED = 100_000, 500
_TAIL_DRAWS = 2**18
FINITE_VARIANCE = 2.0
"""Tail index of the costs below which a mean of them has no standard error."""


class Limit(NamedTuple):
    """W_p is at least (below) or at most (above) `value`, by `route`."""

    value: float
    route: str


class Pairs(NamedTuple):
    """What a task's pairs cost.

    Attributes:
        mean: of c(x_i, y_i).
        stderr: of `mean`.
        gain: share of the cost that another coupling of 500 of the pairs saves; 0 if optimal.
            In high dimension 500 points are far apart, and a coupling that is nearly right passes.
    """

    mean: float
    stderr: float
    gain: float


@dataclass(frozen=True)
class Routes:
    """Everything that limits W_p of one task for one cost."""

    task: Task
    cost: Cost

    @cached_property
    def shape(self) -> Tails:
        """What a large sample says about the tails of ||x - a||_2^p (`protocol.tails`)."""
        return _tails(self.task, self.cost.p)

    @property
    def has_errors(self) -> bool:
        """Whether means of costs have a standard error."""
        return self.shape.index >= FINITE_VARIANCE

    @cached_property
    def rounding(self) -> float:
        """How far rounding of float32 coordinates may move W_p."""
        return float(np.finfo(np.float32).eps) * self.shape.size * self.task.dim

    @cached_property
    def pairs(self) -> Pairs | None:
        """The task's pairs; None where it has none, or costs without a standard error."""
        if not self.has_errors:
            return None
        drawn = draw_pairs(self.task, jax.random.key(11), _PAIRS, self.cost.p)
        if drawn is None:
            return None
        x, y = drawn
        costs = self.cost.matched(x, y)
        some = self.cost.matrix(x[:_PAIRS_SOLVED], y[:_PAIRS_SOLVED])
        given = float(np.diagonal(some).mean())
        solution = solve_exact(some)
        saved = given - solution.cost if solution.converged else 0.0
        if saved <= self.rounding * given ** (1 - 1 / self.cost.p) * self.cost.p:
            saved = 0.0
        mean, stderr = _mean(costs)
        return Pairs(mean, stderr, saved / given if given else 0.0)

    def above(self) -> list[Limit]:
        """Limits of W_p from above by each route that has one, the smallest first."""
        if not self.has_errors:
            return []
        cost = self.cost
        sampler = self.task.sampler()
        size = min(_BATCH_SIZE, sampler.limit or _BATCH_SIZE)
        answer = evaluate(
            self.task, "exact", cost.p, norm=cost.norm, eval_batches=_BATCHES, batch_size=size
        )
        found = []
        if answer.status == "ok":
            slope = 1 / root_slope(answer.value, cost.p)
            limit = answer.cost + SIGMAS * slope * (answer.stderr or 0)
            found.append(Limit(cost.root(limit), f"the mean cost of {_BATCHES} batches of {size}"))
        if self.task.dim == 1:
            x, y = self._line_groups([LineMap("quantiles", np.ones(1))])
            limit = _high(_line_costs(x, y, cost.p)[:, 0])
            found.append(Limit(cost.root(limit), f"{_GROUPS} sorted samples"))
        if self.pairs is not None:
            limit = self.pairs.mean + SIGMAS * self.pairs.stderr
            found.append(Limit(cost.root(limit), "the mean cost of its own pairs"))
        return sorted(found)

    def below(self, enough: float) -> list[Limit]:
        """Lower limits, the largest first; off the line a critic is trained where none of the
        others is above `enough`.
        """
        found = self._maps_to_the_line()
        if self.has_errors:
            if self.cost.p == 2:
                found.append(Limit(self._quadratic(), "means and covariances"))
            if self.dual is not None and lipschitz_excess(self.task) <= 1e-3:
                value, stderr = self.dual  # W_p >= W_1 >= E_mu phi - E_nu phi
                limit = value - SIGMAS * stderr - self.rounding - FLOAT_ERROR * abs(value)
                found.append(Limit(limit, "its own potential"))
            if self.task.dim > 1 and max(found).value < enough:
                found.append(Limit(_critic(self.task), "a 1-Lipschitz critic"))
        return sorted(found, reverse=True)

    def _line_groups(self, maps: list[LineMap]) -> tuple[np.ndarray, np.ndarray]:
        """Sorted images of groups of fresh draws under each map: two of shape (groups, n, maps)."""
        size = min(_GROUP_SIZE, max(_ENTRIES // self.task.dim, _CHOOSING))
        images: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        for group in range(_GROUPS):
            drawn = draw(self.task, jax.random.key(100 + group), size)
            for points, into in zip(drawn, images, strict=True):
                image = np.stack([line_map(points) for line_map in maps], axis=1)
                into.append(np.sort(image, axis=0))
        return np.stack(images[0]), np.stack(images[1])

    def _maps_to_the_line(self) -> list[Limit]:
        """W_p of images under 1-Lipschitz maps f to the line, chosen on other draws.

        W_p(f mu, f nu) <= W_p(mu, nu). On the line (triangle inequality in the L^p norm of the
        sample, and convexity for E W_p^p(mu_N, mu) <= E W_p^p(mu_N, mu'_N), mu' another sample)

            W_p >= (E W_p^p(mu_N, nu_N))^(1/p) - (E W_p^p(mu_N, mu'_N))^(1/p)
                   - (E W_p^p(nu_N, nu'_N))^(1/p).

        Clipped at far quantiles f stays 1-Lipschitz and its costs are bounded, so one of the two
        holds with any tails.
        """
        p = self.cost.p
        x, y = draw(self.task, jax.random.key(12), _CHOOSING)
        chosen: list[tuple[float, LineMap]] = []
        for line_map in line_maps(x, y, self.cost.norm):
            u, v = line_map(x), line_map(y)
            ends = np.quantile(np.concatenate([u, v]), [0.001, 0.999])
            clipped = line_map.clipped(*ends)
            for candidate in (line_map, clipped) if self.has_errors else (clipped,):
                image = candidate(x)[:, None], candidate(y)[:, None]
                chosen.append((float(line_cost(*image, None, None, p)[0]), candidate))
        chosen.sort(key=lambda pair: -pair[0])
        maps = [line_map for _, line_map in chosen[:_KEPT]]
        x, y = self._line_groups(maps)
        apart = _line_costs(x, y, p)
        noise = [_line_costs(groups[::2], groups[1::2], p) for groups in (x, y)]
        found = []
        for k, line_map in enumerate(maps):
            lost = sum(self.cost.root(_high(costs[:, k])) for costs in noise)
            value = self.cost.root(_low(apart[:, k])) - lost
            found.append(Limit(value, f"{line_map.name} of {_GROUPS} samples"))
        return found

    def _quadratic(self) -> float:
        """The dual value of the quadratic potential that Gelbrich's bound is attained by.

        For symmetric positive A and centred points, W_2^2 >= E |x|^2 + E |y|^2 - E <x, A x> -
        E <y, A^-1 y>. A is the linear optimal map of the covariances of some draws; the means are
        over others, about the means of the first, where the linear terms add |m_x - m_y|^2:
        with m the means of the choosing draws and u = x - m_x, v = y - m_y,

            |x - y|^2 = |m_x - m_y|^2 + 2 <m_x - m_y, u - v> + |u - v|^2.
        """
        size = max(min(_GROUP_SIZE, _ENTRIES // self.task.dim), _CHOOSING)
        x, y = draw(self.task, jax.random.key(13), size)
        mean_x, mean_y = x.mean(0), y.mean(0)
        matrix = _linear_map(_covariance(x), _covariance(y))
        inverse = np.linalg.inv(matrix)
        x, y = draw(self.task, jax.random.key(14), size)
        u, v, gap = x - mean_x, y - mean_y, mean_x - mean_y
        phi = 2 * u @ gap + (u * u).sum(1) - (u @ matrix * u).sum(1)
        psi = -2 * v @ gap + (v * v).sum(1) - (v @ inverse * v).sum(1)
        (one, error), (two, other) = _mean(phi), _mean(psi)
        return self.cost.root(float(gap @ gap) + one + two - SIGMAS * math.hypot(error, other))

    @cached_property
    def dual(self) -> tuple[float, float] | None:
        """E_mu phi - E_nu phi of the task's potential for p = 1, and its standard error."""
        size = max(min(_GROUP_SIZE, _ENTRIES // self.task.dim), _CHOOSING)
        x, y = draw(self.task, jax.random.key(15), size)
        phi, psi = potential(self.task, x), potential(self.task, y)
        if phi is None or psi is None:
            return None
        (one, error), (two, other) = _mean(phi), _mean(psi)
        return one - two, math.hypot(error, other)


@dataclass(frozen=True)
class LineMap:
    """A map of points to the line with |f(x) - f(y)| <= ||x - y||.

    Attributes:
        name: what it is.
        vector: a direction, of dual norm 1, or the point that distances are taken from.
        norm: of the distances; empty for a direction.
        low: values are clipped to [low, high].
        high: likewise.
    """

    name: str
    vector: np.ndarray
    norm: str = ""
    low: float = -math.inf
    high: float = math.inf

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """f at points (n, d), shape (n,)."""
        if self.norm:
            values = Cost(1, self.norm).matched(points, self.vector)
        else:
            values = points @ self.vector
        return np.clip(values, self.low, self.high)

    def clipped(self, low: float, high: float) -> LineMap:
        """The same with its values clipped."""
        return replace(self, low=float(low), high=float(high))


def line_maps(x: np.ndarray, y: np.ndarray, norm: str) -> list[LineMap]:
    """Directions and distances that may tell the populations of x and y apart.

    Directions: of the means, of axes (the 16 with the largest difference in mean or spread), of
    the 4 largest differences of the covariances, 8 at random. Distances: from both means, their
    middle, and 4 points of each sample.
    """
    dim = x.shape[1]
    if dim == 1:
        return [LineMap("quantiles", np.ones(1))]
    rng = np.random.default_rng(0)
    gap, spread = x.mean(0) - y.mean(0), np.abs(x.std(0) - y.std(0))
    axes = np.eye(dim)[np.argsort(-np.maximum(np.abs(gap), spread))[:16]]
    directions = [gap if norm == "l2" else np.sign(gap), *axes, *rng.normal(size=(8, dim))]
    if dim <= 512:
        values, vectors = np.linalg.eigh(_covariance(x) - _covariance(y))
        directions += list(vectors.T[np.argsort(-np.abs(values))[:4]])
    if norm == "l1":  # signs: the directions of dual norm 1 that are longest
        directions += [np.sign(direction) for direction in rng.normal(size=(8, dim))]
    found = []
    for direction in directions:
        length = float(np.abs(direction).max() if norm == "l1" else np.linalg.norm(direction))
        if length > 0:
            found.append(LineMap("a projection", direction / length))
    centers = [x.mean(0), y.mean(0), (x.mean(0) + y.mean(0)) / 2, *x[:4], *y[:4]]
    return found + [LineMap("distances from a point", center, norm) for center in centers]


@lru_cache(maxsize=8)
def _tails(task: Task, p: float) -> Tails:
    """The tails of d^p in the l2 norm; those in l1 have the same index."""
    draws = min(_TAIL_DRAWS, _WIDE // task.dim)
    return tails(task.sampler(), Cost(p), jax.random.key(10), draws=draws)


@lru_cache(maxsize=8)
def _critic(task: Task) -> float:
    """W_p >= W_1 >= the value of a critic on fresh draws, l2 norm."""
    answer = evaluate(task, estimators.get("group_sort", steps=500), 1)
    if answer.status != "ok":
        return 0.0
    rounding = FLOAT_ERROR * (_tails(task, 1).size + abs(answer.value))
    return answer.value - SIGMAS * (answer.stderr or 0) - rounding


def draw(task: Task, key: jax.Array, n: int) -> tuple[np.ndarray, np.ndarray]:
    """n points of each population, or as many as one draw gives and _WIDE holds, in float64."""
    n = min(n, max(_WIDE // task.dim, 500), task.sampler().limit or n)
    x, y = task.sample(key, n)
    return np.asarray(x, np.float64), np.asarray(y, np.float64)


def draw_pairs(
    task: Task, key: jax.Array, n: int, p: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """n of the task's pairs for p, or as many as one draw gives, in float64."""
    sampler = task.sampler()
    n = min(n, max(_ENTRIES // task.dim, 1000), sampler.limit or n)
    with jax.enable_x64(sampler.x64):
        drawn = task.pairs(key, n, p)
    return None if drawn is None else tuple(np.asarray(part, np.float64) for part in drawn)  # type: ignore[return-value]


def potential(task: Task, points: np.ndarray, p: float = 1) -> np.ndarray | None:
    """The task's potential at points, in float64."""
    with jax.enable_x64(task.sampler().x64):
        values = task.potential(jax.numpy.asarray(points), p)
    return None if values is None else np.asarray(values, np.float64)


def potential_gradient(task: Task, points: np.ndarray, p: float) -> np.ndarray | None:
    """Its gradient as the task knows it, at points, in float64."""
    with jax.enable_x64(task.sampler().x64):
        values = task.potential_gradient(jax.numpy.asarray(points), p)
    return None if values is None else np.asarray(values, np.float64)


def lipschitz_excess(task: Task) -> float:
    """max |phi(u) - phi(v)| / ||u - v||_2 - 1 over 1,000 points of both populations, p = 1.

    Pairs closer than their rounding allows to tell are left out.
    """
    x, y = draw(task, jax.random.key(16), 500)
    points = np.concatenate([x, y])
    values = potential(task, points)
    if values is None:
        return math.nan
    distances = Cost(1).matrix(points, points)
    rise = np.abs(values[:, None] - values[None, :])
    room = FLOAT_ERROR * (np.abs(values).max() + np.abs(points).max())
    return float(((rise - room) / np.where(distances > 0, distances, np.inf)).max()) - 1


def _line_costs(x: np.ndarray, y: np.ndarray, p: float) -> np.ndarray:
    """W_p^p of every sorted sample of x against that of y, (groups, n, maps) to (groups, maps)."""
    gap = x - y
    return power(np.abs(gap), p).mean(1)


def _mean(values: np.ndarray) -> tuple[float, float]:
    """Mean of values that are independent draws, and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))


def _low(values: np.ndarray) -> float:
    mean, stderr = _mean(values)
    return mean - SIGMAS * stderr


def _high(values: np.ndarray) -> float:
    mean, stderr = _mean(values)
    return mean + SIGMAS * stderr


def _covariance(points: np.ndarray) -> np.ndarray:
    return np.cov(points, rowvar=False).reshape(points.shape[1], -1)


def _linear_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The symmetric A with A a A = b, after a little is added to both: a^-1/2 (a^1/2 b a^1/2)^1/2
    a^-1/2.
    """
    dim = len(a)
    little = 1e-6 * (np.trace(a) + np.trace(b)) / dim or 1.0
    a, b = a + little * np.eye(dim), b + little * np.eye(dim)
    values, vectors = np.linalg.eigh(a)
    root, inverse = (vectors * values**power @ vectors.T for power in (0.5, -0.5))
    values, vectors = np.linalg.eigh(root @ b @ root)
    return np.asarray(inverse @ (vectors * np.sqrt(values) @ vectors.T) @ inverse)
