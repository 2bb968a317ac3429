"""A statistic of two samples under random partings of their pooled rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wdist_bench.calls import estimate
from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimator
from wdist_bench.estimators.exact import Exact
from wdist_bench.estimators.nearest_neighbor import NearestNeighbor
from wdist_bench.estimators.one_dimensional import OneDimensional
from wdist_bench.estimators.sinkhorn import SinkhornDivergence
from wdist_bench.problem import Samples
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.solvers.machine.forks import check_not_forked
from wdist_bench.solvers.one_dimensional import line_cost
from wdist_bench.solvers.sinkhorn import divergences


@dataclass(frozen=True, eq=False)
class Pool:
    """The rows of both samples.

    Attributes:
        points: (n + m, d), those of x first.
        weights: (n + m,) n a_i and m b_j, ones for equal weights.
        count: n.
    """

    points: Float[np.ndarray, "k d"]
    weights: Float[np.ndarray, " k"]
    count: int

    @classmethod
    def of(cls, rows: Samples) -> Pool:
        """From rows with explicit weights."""
        weights = np.concatenate([len(rows.x) * rows.a, len(rows.y) * rows.b])
        return cls(np.concatenate([rows.x, rows.y]), weights, len(rows.x))

    @property
    def even(self) -> bool:
        """Whether all weights are equal."""
        return bool(np.ptp(self.weights) <= 1e-12)

    def parts(self, order: Int[np.ndarray, " k"]) -> tuple[np.ndarray, np.ndarray]:
        """Places of the rows of either part."""
        return order[: self.count], order[self.count :]

    def masses(self, order: Int[np.ndarray, " k"]) -> tuple[np.ndarray, np.ndarray]:
        """Weights of either part, summing to one."""
        first, second = (self.weights[places] for places in self.parts(order))
        return first / first.sum(), second / second.sum()

    def orders(self, permutations: int, seed: int) -> Int[np.ndarray, "b k"]:
        """The rows as they came, then in random orders."""
        generator = np.random.default_rng([seed, 17])
        straight = np.arange(len(self.points))
        return np.stack([straight, *(generator.permutation(straight) for _ in range(permutations))])


class Statistics(NamedTuple):
    """Values (1 + permutations,) in units of W_p, that of the samples first, or what went wrong."""

    values: np.ndarray
    status: str = "ok"
    message: str = ""


def statistics(
    pool: Pool, cost: Cost, estimator: Estimator, permutations: int, seed: int
) -> Statistics:
    """The statistic of the samples and of every random parting."""
    orders = pool.orders(permutations, seed)
    together = _TOGETHER.get(type(estimator))
    if together is None:
        return _one_by_one(pool, cost, estimator, orders, seed)
    found = together(pool, cost, estimator, orders)
    costs = np.asarray(found, np.float64)
    if not np.isfinite(costs).all():
        failed = int(np.count_nonzero(~np.isfinite(costs)))
        return Statistics(
            costs,
            "not_converged",
            f"{estimator.name} gave no number in {failed} of {len(costs)} partings; take exact, or "
            "other options of it",
        )
    return Statistics(np.maximum(costs, 0.0) ** (1 / cost.p))


def _one_by_one(
    pool: Pool, cost: Cost, estimator: Estimator, orders: np.ndarray, seed: int
) -> Statistics:
    """Any estimator, fitted anew for every parting."""
    values: list[float] = []
    for order in orders:
        first, second = pool.parts(order)
        a, b = (None, None) if pool.even else pool.masses(order)
        answer = estimate(
            pool.points[first], pool.points[second], estimator, cost=cost, a=a, b=b, seed=seed
        )
        if answer.status != "ok":
            return Statistics(np.array(values), answer.status, answer.message)
        values.append(answer.value)
    return Statistics(np.array(values))


def _exact(pool: Pool, cost: Cost, estimator: Exact, orders: np.ndarray) -> list[float]:
    """W_p^p of each parting by the linear programme, on the pooled costs."""
    matrix = cost.matrix(pool.points, pool.points)
    costs = []
    for order in orders:
        first, second = pool.parts(order)
        a, b = pool.masses(order)
        solution = solve_exact(matrix[np.ix_(first, second)], a, b, estimator.max_iterations)
        costs.append(solution.cost if solution.converged else np.nan)
    return costs


def _on_a_line(pool: Pool, cost: Cost, estimator: OneDimensional, orders: np.ndarray) -> Any:
    """W_p^p of each parting; all are sorted together where weights are equal."""
    if cost.circumference:
        return [value**cost.p for value in _one_by_one(pool, cost, estimator, orders, 0).values]
    line = cost.on_line(pool.points)[:, 0]
    if pool.even:
        x, y = line[orders[:, : pool.count]].T, line[orders[:, pool.count :]].T
        return line_cost(x, y, None, None, cost.p)
    costs = []
    for order in orders:
        (first, second), (a, b) = pool.parts(order), pool.masses(order)
        costs.append(line_cost(line[first, None], line[second, None], a, b, cost.p)[0])
    return costs


def _nearest(pool: Pool, cost: Cost, estimator: NearestNeighbor, orders: np.ndarray) -> Any:
    """Mean cost to the nearest row of the other part, one compiled program."""
    check_not_forked()
    with jax.enable_x64(True):
        return _nearest_program(
            jnp.asarray(cost.matrix(pool.points, pool.points)),
            jnp.asarray(pool.weights),
            jnp.asarray(orders),
            pool.count,
            estimator.sides == "both",
        )


@partial(jax.jit, static_argnames=("count", "both"))
def _nearest_program(
    matrix: Float[Array, "k k"],
    weights: Float[Array, " k"],
    orders: Int[Array, "b k"],
    count: int,
    both: bool,
) -> Float[Array, " b"]:
    def toward(places: jax.Array, others: jax.Array) -> jax.Array:
        nearest = matrix[others][:, places].min(0)
        return (weights[places] * nearest).sum() / weights[places].sum()

    def statistic(order: jax.Array) -> jax.Array:
        first, second = order[:count], order[count:]
        one = toward(second, first)
        return jnp.maximum(one, toward(first, second)) if both else one

    return jax.lax.map(statistic, orders)


def _divergence(pool: Pool, cost: Cost, estimator: SinkhornDivergence, orders: np.ndarray) -> Any:
    """Sinkhorn divergences at one temperature, one compiled program."""
    matrix = cost.matrix(pool.points, pool.points)
    share = estimator.epsilon * (float(matrix.mean()) or 1.0)
    epsilon = share if estimator.epsilon_unit == "mean_cost" else estimator.epsilon
    return divergences(
        matrix, pool.weights, orders, pool.count, epsilon, estimator.threshold,
        estimator.max_iterations,
    )  # fmt: skip


_TOGETHER: dict[type, Callable[..., Any]] = {
    Exact: _exact,
    OneDimensional: _on_a_line,
    NearestNeighbor: _nearest,
    SinkhornDivergence: _divergence,
}
"""Estimators whose permutations share work: W_p^p of all partings, NaN where one fails."""
