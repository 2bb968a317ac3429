"""The map of `monge_gap`: near the optimal one, and its losses those of other routes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import L2
from wdist_bench.problem import Problem, Samples
from wdist_bench.solvers.differentiable import entropic_cost
from wdist_bench.solvers.sinkhorn import sinkhorn

COST = L2(2)


def test_the_entropic_cost_is_that_of_the_solver_and_so_are_its_slopes():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(15, 2)), rng.normal(size=(15, 2)) + 1
    wanted = sinkhorn(COST.matrix(x, y), None, None, 0.5, 1e-9, 5000).cost
    with jax.enable_x64(True):
        points, temperature = (jnp.asarray(x), jnp.asarray(y)), jnp.asarray(0.5)

        def value(x, y):
            return entropic_cost(x, y, COST, temperature, 1e-9, 5000)

        found, slope = jax.jit(jax.value_and_grad(value, argnums=1))(*points)
        assert float(found) == pytest.approx(wanted, rel=1e-6)
        away = np.zeros_like(y)
        away[3, 1] = 1e-4
        ends = [
            sinkhorn(COST.matrix(x, y + side * away), None, None, 0.5, 1e-11, 5000).cost
            for side in (1, -1)
        ]
        assert float(slope[3, 1]) == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-4)


@pytest.mark.slow
def test_the_map_is_nearer_than_the_linear_one_and_no_bound_is_claimed():
    task = wb.tasks.get("convex_gradient", direction=(3.0, 0.0), strength=2.0)
    estimator = wb.estimators.get("monge_gap", steps=300, batch_size=128, width=32)
    keys = jax.random.split(jax.random.key(0))
    fitted = estimator.fit(keys[0], Problem.from_sampler(task.sampler(), COST, keys[1]))
    x, y = (np.asarray(rows, np.float64) for rows in task.pairs(jax.random.key(1), 1000, 2))
    answer = fitted.estimate(Samples(x, y), COST)
    linear = wb.estimate(x, y, "gaussian", p=2).map(x)
    assert ((answer.map(x) - y) ** 2).sum() < 0.5 * ((linear - y) ** 2).sum()
    assert answer.value == pytest.approx(task.truth(2).value, rel=0.05)
    assert answer.cost == pytest.approx(((answer.map(x) - x) ** 2).sum(1).mean(), rel=1e-6)
    assert (answer.bound, answer.lower, answer.inverse_map) == ("none", None, None)
