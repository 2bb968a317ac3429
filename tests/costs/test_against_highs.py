"""`exact` against another solver of linear programmes, on distances by another route."""

from __future__ import annotations

import numpy as np
import pytest
from every_cost import NAMES, POWERS, cost_of, distances_of, weighted_problem

import wdist_bench as wb
from wdist_bench.cards.routes.programmes import transport_cost

SEEDS = range(5)  # 8 costs x 5 powers x 5 problems = 200
MORE = range(5, 200)  # and 200 for each cost and power


def hold_against_highs(name, p, seeds):
    """Distances against another route to them, W_p^p against HiGHS."""
    cost = cost_of(name, p)
    for seed in seeds:
        x, y, a, b = weighted_problem(name, seed)
        distances = distances_of(name, x, y)
        np.testing.assert_allclose(cost.matrix(x, y), distances**p, rtol=1e-9 * p, atol=1e-14)
        wanted = transport_cost(distances**p, a, b)
        answer = wb.estimate(x, y, cost=cost, a=a, b=b)
        assert answer.cost == pytest.approx(wanted, rel=1e-7, abs=1e-9 * (distances**p).max())
        assert answer.value == pytest.approx(answer.cost ** (1 / p), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("p", POWERS)
def test_exact_equals_highs(name, p):
    hold_against_highs(name, p, SEEDS)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("p", POWERS)
def test_exact_equals_highs_on_many_problems(name, p):
    hold_against_highs(name, p, MORE)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["function", "matrix"])
@pytest.mark.parametrize("p", POWERS)
def test_lopsided_functions_and_matrices_equal_highs(kind, p):
    """c(x, y) is not c(y, x), and is no distance; W_p is the p-th root of its mean."""
    for seed in range(200):
        x, y, a, b = weighted_problem("l2", seed)
        values = np.abs(x @ [[1.0, 0.2], [3.0, 1.0]] @ y.T)
        cost = values if kind == "matrix" else lambda x, y: np.abs(x @ [[1, 0.2], [3, 1]] @ y.T)
        wanted = transport_cost(values, a, b)
        answer = wb.estimate(x, y, p=p, cost=cost, a=a, b=b)
        assert answer.cost == pytest.approx(wanted, rel=1e-7, abs=1e-9 * values.max())
        assert answer.value == pytest.approx(answer.cost ** (1 / p), rel=1e-12)


@pytest.mark.parametrize("p", POWERS)
def test_functions_and_matrices_give_what_their_cost_gives(p):
    for seed in SEEDS:
        x, y, a, b = weighted_problem("torus", seed)
        cost = cost_of("torus", p)
        wanted = wb.estimate(x, y, cost=cost, a=a, b=b).value
        for own in (cost.matrix, cost.matrix(x, y)):
            answer = wb.estimate(x, y, p=p, cost=own, a=a, b=b)
            assert answer.value == pytest.approx(wanted, rel=1e-12)
