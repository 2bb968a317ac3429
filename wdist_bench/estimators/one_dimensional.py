"""The exact distance of two samples on a line or a circle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.costs.powers import rise
from wdist_bench.estimate import DirectEstimator, Estimate, Fitted
from wdist_bench.estimators import register
from wdist_bench.problem import Problem, Samples
from wdist_bench.solvers.certificate import underflow_message
from wdist_bench.solvers.circle import circle_cost
from wdist_bench.solvers.maps import LineMap
from wdist_bench.solvers.one_dimensional import line_cost_and_rounding
from wdist_bench.solvers.plans import monotone
from wdist_bench.solvers.proofs.rounding import LEAST, SHARE, UNIT, above, below

# Rounding of the weights' sums may hide so much of W_p^p.
_OPEN = 1e-6
_ROUNDED = (
    "rounding hides the distance: that of the weights moves mass over too long a way, or that of "
    "places on a circle is as large; use exact, or remove the points far off"
)
# Of a place on a circle and of the way to another one, over its length.
_PLACES = 4 * UNIT


@register
@dataclass(frozen=True)
class OneDimensional(DirectEstimator):
    """W_p^p = int |F^-1(t) - G^-1(t)|^p dt: sort and pair, weights included.

    `value` is W_p, exact for d = 1 in O(n log n) time; more dimensions are refused. On the line
    all norms agree but for a factor. The cost torus makes the line a circle, which is cut open at
    the best place (`solvers.circle`). Where the rounding of cumulative weights, times the jumps of
    the cost, and that of places on a circle are more than 1e-9 of W_p^p, `lower` and `upper` are
    that far apart, and beyond 1e-6 the status is "not_converged". For p = 2 `map` is the increasing
    map between the samples.

    Source: Villani 2003, Theorem 2.18; on a circle Delon, Salomon, Sobolevski 2010 (arXiv
    0902.3527).
    """

    name: ClassVar[str] = "one_dimensional"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "exact"
    every_cost: ClassVar[bool] = True

    def fit(self, key: jax.Array, problem: Problem) -> Fitted:
        """Nothing to fit; refuses more than one dimension."""
        self.check_dim(problem.dim)
        return self

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError where numbers lie neither on a line nor on a circle of the cost."""
        if not cost.traceable or not (cost.is_norm or cost.circumference):
            raise ValueError(
                f"one_dimensional: expected a norm or torus, got {cost.norm}, whose points lie on "
                "no line; use exact, bracket or sinkhorn"
            )

    def check_dim(self, dim: int) -> None:
        """Raise ValueError unless the points are numbers, d = 1."""
        if dim != 1:
            raise ValueError(
                f"one_dimensional: expected points on a line, d = 1, got d = {dim}; "
                "use exact, or project the points on a direction first"
            )

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """W_p of the two weighted samples, exact up to the rounding of their weights."""
        self.check_dim(samples.x.shape[1])
        samples.check_scale(cost)
        if (turned := samples.within_a_turn(cost)).coincide(cost):
            plan = monotone(turned)
            return Estimate.zero(samples, bound="exact", plan=plan, **_maps(samples, plan, cost))
        total, hidden = _solve(samples, cost)
        placed = float(rise(np.asarray(total), _PLACES * cost.circumference, cost.p))
        shared: dict[str, Any] = {
            "target": "batch",
            "bound": "exact",
            "lower": cost.root(below(total, hidden + placed)),
            "upper": cost.root(above(total, hidden + placed)),
        }
        near_zero = cost.root(total) <= 3 * _PLACES * cost.circumference
        if hidden + (0.0 if near_zero else placed) > _OPEN * total:
            said = underflow_message(cost.p) if total <= LEAST / _OPEN else _ROUNDED
            return Estimate.failed("not_converged", said, **shared)
        plan = None if cost.circumference else monotone(samples)
        maps = _maps(samples, plan, cost)
        return Estimate(cost.root(total), total, plan=plan, **maps, **shared)


def _maps(samples: Samples, plan: Any, cost: Cost) -> dict[str, Any]:
    """Both increasing maps, on a line at p = 2."""
    if plan is None or cost.p != 2 or not cost.is_norm:
        return {}
    return {
        "map": LineMap(samples.x, samples.y, plan),
        "inverse_map": LineMap(samples.y, samples.x, plan.T),
    }


def _solve(samples: Samples, cost: Cost) -> tuple[float, float]:
    """W_p^p, and what rounding can have changed of it."""
    kept = samples.with_mass()
    x, y = cost.on_line(kept.x), cost.on_line(kept.y)

    def solved(p: int | float) -> tuple[float, float]:
        if cost.circumference:
            return circle_cost(x[:, 0], y[:, 0], kept.a, kept.b, cost.circumference, p)
        costs, rounding = line_cost_and_rounding(x, y, kept.a, kept.b, p)
        return float(costs[0]), float(rounding[0])

    total, hidden = solved(cost.p)
    if cost.p != 1 and SHARE * total < LEAST and solved(1)[0] > 0:
        hidden += LEAST  # of powers below float64's range
    return total, hidden
