"""Two finite sets of weighted points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.problem import Sampler, Samples, draw_by_weight
from wdist_bench.registry import freeze
from wdist_bench.solvers.c_transform import c_transform
from wdist_bench.solvers.exact import ExactSolution, solve_exact
from wdist_bench.tasks import register
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.origin import far_origin, from_origin
from wdist_bench.tasks.rows import Rows
from wdist_bench.truth import Truth

# The default points, with the weights that go with them.
_EXAMPLE = {
    ("x", "a"): (((0.0, 0.0), (1.0, 0.0), (0.0, 2.0)), (0.5, 0.25, 0.25)),
    ("y", "b"): (((3.0, 0.0), (1.0, 1.0), (0.0, -1.0), (2.0, 2.0)), (0.1, 0.2, 0.3, 0.4)),
}


@register
@dataclass(frozen=True)
class WeightedPoints(Task):
    """mu = sum_i a_i delta(x_i), nu = sum_j b_j delta(y_j); samples are independent draws.

    W_p of the two populations themselves is a linear programme, solved in float64 with its
    certificate; its size is n x m, so keep to a few thousand points.

    Attributes:
        x: points of mu, one a row.
        y: points of nu, one a row.
        a: weights of x summing to one; None for equal weights.
        b: weights of y summing to one; None for equal weights.

    Raises:
        ValueError, TypeError: points or weights that do not describe two populations.
    """

    name: ClassVar[str] = "weighted_points"
    reference: ClassVar[str] = "linear programme over the couplings of two discrete measures"
    of_rows: ClassVar[bool] = True

    x: Any = None
    y: Any = None
    a: Any = None
    b: Any = None

    def __post_init__(self) -> None:
        for (points, weights), (place, mass) in _EXAMPLE.items():
            if getattr(self, points) is None:
                object.__setattr__(self, points, place)
                if getattr(self, weights) is None:
                    object.__setattr__(self, weights, mass)
        for parameter in ("x", "y", "a", "b"):
            object.__setattr__(self, parameter, freeze(getattr(self, parameter)))
        self._samples()

    def _samples(self) -> Samples:
        return Samples.checked(self.x, self.y, self.a, self.b)

    def sampler(self) -> Sampler:
        """n independent points of each population a draw, by its weights, shape (n, dim)."""
        samples = self._samples()
        origin = self.origin
        x, y = from_origin(samples.x, origin), from_origin(samples.y, origin)
        return Rows.of(x, y, samples.a, samples.b)

    @property
    def origin(self) -> np.ndarray:
        """What samples are drawn relative to; zeros near zero."""
        samples = self._samples()
        return far_origin(np.concatenate([samples.x, samples.y]))

    def truth_for(self, cost: Cost) -> Truth | None:
        """The optimum of the linear programme for any cost; None where its certificate failed, or
        float64 does not hold d^p.
        """
        solution = _solve(self, cost)
        if solution is None:
            return None
        return Truth(cost.root(solution.cost), 0.0, "exact-batch", self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """n pairs (x_i, y_i), each (n, dim), from the optimal plan of the linear programme, in
        float64.
        """
        samples, solution = self._samples(), _solve(self, Cost(p))
        if solution is None:
            return None
        plan = solution.plan
        rows, columns = np.nonzero(plan)
        mass = plan[rows, columns]
        weights = jnp.asarray(mass / mass.sum(), jnp.float32)
        chosen = np.asarray(draw_by_weight(key, weights, n))
        x, y = samples.x[rows[chosen]], samples.y[columns[chosen]]
        with jax.enable_x64(True):
            return jnp.asarray(x), jnp.asarray(y)

    def potential_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """The c-transform of the programme's potential of nu, in float64: phi(x) =
        min_j c(x, y_j) - psi_j.
        """
        samples, solution = self._samples(), _solve(self, Cost(p))
        if solution is None:
            return None
        y = samples.with_mass().y
        psi = solution.psi if samples.b is None else solution.psi[samples.b > 0]
        with jax.enable_x64(True):
            x = jnp.asarray(np.asarray(points, np.float64))
            return c_transform(jnp.asarray(psi), jnp.asarray(y), x, Cost(p))


@lru_cache(maxsize=16)
def _solve(task: WeightedPoints, cost: Cost) -> ExactSolution | None:
    """The solved programme, where its certificate holds and float64 the costs."""
    samples = task._samples()
    costs = cost.matrix(samples.x, samples.y)
    try:
        samples.check_scale(cost)
    except ValueError:
        return None
    solution = solve_exact(costs, samples.a, samples.b)
    return solution if solution.converged else None
