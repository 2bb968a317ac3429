"""The mean cost to the nearest neighbour: what an untrained batch c-transform returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimate, Estimator, TracedFitted
from wdist_bench.estimators import register
from wdist_bench.problem import Problem, Samples
from wdist_bench.solvers.c_transform import nearest_neighbor_cost


@register
@jax.tree_util.register_static
@dataclass(frozen=True)
class NearestNeighbor(Estimator, TracedFitted):
    """W_p^p >= sum_j b_j min_i c(x_i, y_j), the batch dual at phi = 0.

    A lower bound on the exact batch value; `value` is its p-th root. It is the baseline that a
    trained c-transform critic has to beat.
    """

    name: ClassVar[str] = "nearest_neighbor"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "lower"
    traced: ClassVar[bool] = True

    def fit(self, key: jax.Array, problem: Problem) -> NearestNeighbor:
        """Nothing to fit."""
        return self

    def batch_cost(self, samples: Samples, cost: Cost) -> jax.Array:
        """The bound on W_p^p."""
        present = None if samples.a is None else samples.a > 0
        return nearest_neighbor_cost(samples.x, samples.y, samples.b, cost, present)

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The bound with status."""
        center = np.asarray(samples.x, np.float64).mean(0)
        with jax.enable_x64(True):
            bound = float(_batch_cost(self, samples.shifted(center, np.float64), cost))
        value = cost.root(bound)
        return Estimate(value, bound, target="batch", bound="lower", lower=value)


_batch_cost = jax.jit(NearestNeighbor.batch_cost, static_argnames="cost")
