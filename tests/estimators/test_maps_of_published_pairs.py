"""Defaults of the neural methods for p = 2 on the published pairs, from their first steps on."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench import metrics
from wdist_bench.costs import L2
from wdist_bench.datasets.files import find_file
from wdist_bench.problem import Problem

COST = L2(2)
LINEAR = {2: 14.0, 128: 63.6}  # L2-UVP of the linear map in per cent, where training starts


@pytest.mark.slow
@pytest.mark.parametrize("dim", LINEAR)
@pytest.mark.parametrize("name", ["icnn", "maximin", "w2gn", "monge_gap"])
def test_the_first_steps_lead_away_from_the_linear_map_to_the_optimal_one(name, dim):
    """Forty steps of a schedule of forty: a rate that is too high would end further off."""
    file = f"w2_benchmark/dim{dim}.npz"
    try:
        find_file(file, "file")
    except FileNotFoundError:
        pytest.skip("the published pairs are not here: set WDIST_BENCH_DATA")
    task = wb.tasks.get("convex_pairs", file=file)
    keys = jax.random.split(jax.random.key(1), 3)
    problem = Problem.from_sampler(task.sampler(), COST, keys[0])
    found = wb.estimators.get(name, steps=40).fit(keys[1], problem)
    x, y = (np.asarray(rows) for rows in task.pairs(keys[2], 2048, 2))
    assert metrics.unexplained_variance(found.map(x), y) < 0.9 * LINEAR[dim]
