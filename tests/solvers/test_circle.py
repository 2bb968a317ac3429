"""Transport on a circle against linear programmes and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench import costs
from wdist_bench.solvers.circle import circle_cost
from wdist_bench.solvers.exact import solve_exact

POWERS = (1, 1.2, 2, 3, 7)


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("length", [360.0, 2 * math.pi, 1e-3])
def test_it_is_the_optimum_of_the_linear_programme(p, length):
    rng = np.random.default_rng(int(10 * p))
    cost = costs.Torus(length, p)
    for trial in range(20):
        n, m = rng.integers(1, 12, 2)
        x, y = rng.uniform(0, length, n), rng.uniform(0, length, m)
        if trial % 3 == 0:  # ties, of points and of levels
            y = x[rng.integers(0, n, m)]
        a, b = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
        if trial % 4 == 0:
            a, b = np.full(n, 1 / n), np.full(m, 1 / m)
        wanted = solve_exact(cost.matrix(x[:, None], y[:, None]), a, b).cost
        equal = trial % 4 == 0
        masses = (None, None) if equal else (a, b)
        found, rounding = circle_cost(x, y, *masses, length, p)
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-13 * length**p)
        assert rounding <= 1e-9 * length**p


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("turn", [0.2, 0.5, 0.9])
def test_a_rotation_of_an_arc(p, turn):
    """Points within a quarter of the circle, turned by less than a quarter: all move alike."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-0.7, 0.7, size=(50, 1))
    answer = wb.estimate(x, x + turn, "one_dimensional", cost=costs.Torus(2 * math.pi, p))
    assert answer.value == pytest.approx(turn, rel=1e-12)


@pytest.mark.parametrize("p", POWERS)
def test_a_regular_polygon_turned_by_half_a_step(p):
    """n corners turned by half of the angle between them: each moves by that."""
    x = np.arange(9.0)[:, None] * 40
    answer = wb.estimate(x, x + 20, "one_dimensional", cost=costs.Torus(360, p))
    assert answer.value == pytest.approx(20, rel=1e-12)
    assert wb.estimate(x, x + 40, "one_dimensional", cost=costs.Torus(360, p)).value == 0


@pytest.mark.parametrize("p", POWERS)
def test_a_point_against_the_uniform_law(p):
    """W_p^p = 2 int_0^(1/2) t^p dt for a circle of length 1, on a grid up to its width."""
    y = (np.arange(20_000.0)[:, None] + 0.5) / 20_000
    answer = wb.estimate([[0.3]], y, "one_dimensional", cost=costs.Torus(1, p))
    assert answer.cost == pytest.approx(0.5**p / (p + 1), rel=1e-4)
    assert answer.lower <= answer.value <= answer.upper


def test_where_positions_are_counted_from_does_not_matter():
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0, 24, size=(2, 30, 1))
    cost = costs.Torus(24, 2)
    wanted = wb.estimate(x, y, "one_dimensional", cost=cost).value
    for shift in (5.5, -24.0, 2400.0, 13.0):
        moved = wb.estimate(x + shift, y + shift, "one_dimensional", cost=cost).value
        assert moved == pytest.approx(wanted, rel=1e-9)


def test_more_than_one_coordinate_is_refused():
    with pytest.raises(ValueError, match="one_dimensional: expected points on a line, d = 1"):
        wb.estimate(np.ones((3, 2)), np.zeros((3, 2)), "one_dimensional", cost=costs.Torus(1))
