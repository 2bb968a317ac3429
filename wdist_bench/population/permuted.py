"""A statistic of two samples under random partings of their pooled rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
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
from wdist_bench.solvers.machine.memory import require_matrix
from wdist_bench.solvers.one_dimensional import line_cost
from wdist_bench.solvers.sinkhorn import divergences

# Bytes of a pair of pooled rows, measured at 3,000 rows: the costs, their copies, and what a
# parting takes of them; the largest of even and very uneven numbers of rows.
_EXACT_BYTES, _NEAREST_BYTES, _DIVERGENCE_BYTES = 23, 25, 45
_LINEAR_MEMORY = (
    "use one_dimensional on a line, or bracket or sliced, whose memory is linear in the points, or "
    "fewer rows"
)
_AT_ONCE = 2**20  # places of rows in the partings that are held at once, 8 MB

Costs = Callable[[Int[np.ndarray, "b k"]], Any]
"""W_p^p of some partings (b, k), NaN where one fails: shape (b,)."""


@dataclass(frozen=True, eq=False)
class Pool:
    """The rows of both samples, and the weights of the places that they are dealt to.

    Weights stay where they are while rows move: all that mu = nu makes exchangeable are the rows,
    so a statistic of rows dealt to fixed places has its level whatever the weights of these.

    Attributes:
        points: (n + m, d), those of x first.
        a: (n,) weights of the places of x, summing to one.
        b: (m,) weights of the places of y.
    """

    points: Float[np.ndarray, "k d"]
    a: Float[np.ndarray, " n"]
    b: Float[np.ndarray, " m"]

    @classmethod
    def of(cls, rows: Samples) -> Pool:
        """From rows with explicit weights."""
        return cls(np.concatenate([rows.x, rows.y]), rows.a, rows.b)

    @property
    def count(self) -> int:
        """n."""
        return len(self.a)

    @property
    def even(self) -> bool:
        """Whether all places of a sample have equal weights."""
        return all(bool(len(side) * np.ptp(side) <= 1e-12) for side in (self.a, self.b))

    def parts(self, order: Int[np.ndarray, " k"]) -> tuple[np.ndarray, np.ndarray]:
        """Which rows lie at the places of either sample."""
        return order[: self.count], order[self.count :]

    def orders(self, permutations: int, seed: int) -> Iterator[Int[np.ndarray, " k"]]:
        """The rows as they came, then in random orders, each made when it is asked for."""
        generator = np.random.default_rng([seed, 17])
        straight = np.arange(len(self.points))
        yield straight
        for _ in range(permutations):
            yield generator.permutation(straight)


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
    if together is None or (together is _on_a_line and cost.circumference):
        return _one_by_one(pool, cost, estimator, orders, seed)
    costs_of = together(pool, cost, estimator)
    found = [np.asarray(costs_of(block), np.float64) for block in _blocks(orders, pool)]
    costs = np.concatenate(found)
    if not np.isfinite(costs).all():
        failed = int(np.count_nonzero(~np.isfinite(costs)))
        return Statistics(
            costs,
            "not_converged",
            f"{estimator.name} gave no number in {failed} of {len(costs)} partings; take exact, or "
            "other options of it",
        )
    return Statistics(np.maximum(costs, 0.0) ** (1 / cost.p))


def _blocks(orders: Iterator[np.ndarray], pool: Pool) -> Iterator[Int[np.ndarray, "b k"]]:
    """The orders, as many at once as are held."""
    count = max(1, _AT_ONCE // len(pool.points))
    while block := list(islice(orders, count)):
        yield np.stack(block)


def _one_by_one(
    pool: Pool, cost: Cost, estimator: Estimator, orders: Iterable[np.ndarray], seed: int
) -> Statistics:
    """Any estimator, fitted anew for every parting."""
    values: list[float] = []
    a, b = (None, None) if pool.even else (pool.a, pool.b)
    for order in orders:
        first, second = pool.parts(order)
        answer = estimate(
            pool.points[first], pool.points[second], estimator, cost=cost, a=a, b=b, seed=seed
        )
        if answer.status != "ok":
            return Statistics(np.array(values), answer.status, answer.message)
        values.append(answer.value)
    return Statistics(np.array(values))


def _exact(pool: Pool, cost: Cost, estimator: Exact) -> Costs:
    """By the linear programme, on the pooled costs."""
    matrix = _matrix(pool, cost, _EXACT_BYTES)

    def one(order: np.ndarray) -> float:
        part = matrix[np.ix_(*pool.parts(order))]
        solution = solve_exact(part, pool.a, pool.b, estimator.max_iterations)
        return solution.cost if solution.converged else np.nan

    return lambda orders: [one(order) for order in orders]


def _on_a_line(pool: Pool, cost: Cost, estimator: OneDimensional) -> Costs:
    """By quantiles; partings are sorted together where weights are equal."""
    line = cost.on_line(pool.points)[:, 0]

    def together(orders: np.ndarray) -> Any:
        x, y = line[orders[:, : pool.count]].T, line[orders[:, pool.count :]].T
        return line_cost(x, y, None, None, cost.p)

    def one(order: np.ndarray) -> float:
        first, second = pool.parts(order)
        found = line_cost(line[first, None], line[second, None], pool.a, pool.b, cost.p)
        return float(found[0])

    return together if pool.even else lambda orders: [one(order) for order in orders]


def _nearest(pool: Pool, cost: Cost, estimator: NearestNeighbor) -> Costs:
    """Mean cost to the nearest row of the other part, one compiled program."""
    check_not_forked()
    with jax.enable_x64(True):
        held = jnp.asarray(_matrix(pool, cost, _NEAREST_BYTES)), *map(jnp.asarray, (pool.a, pool.b))

    def together(orders: np.ndarray) -> Any:
        with jax.enable_x64(True):
            return _nearest_program(*held, jnp.asarray(orders), estimator.sides == "both")

    return together


@partial(jax.jit, static_argnames=("both",))
def _nearest_program(
    matrix: Float[Array, "k k"],
    a: Float[Array, " n"],
    b: Float[Array, " m"],
    orders: Int[Array, "b k"],
    both: bool,
) -> Float[Array, " b"]:
    def statistic(order: jax.Array) -> jax.Array:
        first, second = order[: len(a)], order[len(a) :]
        costs = matrix[first][:, second]
        one = b @ costs.min(0)
        return jnp.maximum(one, a @ costs.min(1)) if both else one

    return jax.lax.map(statistic, orders)


def _divergence(pool: Pool, cost: Cost, estimator: SinkhornDivergence) -> Costs:
    """Sinkhorn divergences at one temperature, one compiled program."""
    matrix = _matrix(pool, cost, _DIVERGENCE_BYTES)
    share = estimator.epsilon * (float(matrix.mean()) or 1.0)
    epsilon = share if estimator.epsilon_unit == "mean_cost" else estimator.epsilon
    return lambda orders: divergences(
        matrix, pool.a, pool.b, orders, epsilon, estimator.threshold, estimator.max_iterations,
    )  # fmt: skip


def _matrix(pool: Pool, cost: Cost, bytes_a_pair: int) -> Float[np.ndarray, "k k"]:
    """Costs of all pairs of the pooled rows; raises MemoryError where they do not fit."""
    require_matrix(
        len(pool.points), len(pool.points), pool.points.shape[1], bytes_a_pair, _LINEAR_MEMORY
    )
    return cost.matrix(pool.points, pool.points)


_TOGETHER: dict[type, Callable[..., Costs]] = {
    Exact: _exact,
    OneDimensional: _on_a_line,
    NearestNeighbor: _nearest,
    SinkhornDivergence: _divergence,
}
"""Estimators whose permutations share work."""
