"""Linear parts of distances against repetition, and potentials of a line against the simplex."""

from __future__ import annotations

import numpy as np
import pytest

from wdist_bench.costs import Cost
from wdist_bench.problem import Samples
from wdist_bench.solvers.debiased.influence import Part, Rows, mean
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.solvers.one_dimensional import line_cost, line_potentials


def whole(rows):
    return Part(True, np.arange(len(rows.x))), Part(False, np.arange(len(rows.y)))


def test_the_linear_part_has_the_spread_of_repetitions():
    """W_2^2 of N(0, 1) and N(1, 4): mean stated error against the sd of 400 repetitions."""
    values, errors = [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        rows = Rows.of(Samples(rng.normal(size=(80, 1)), 1 + 2 * rng.normal(size=(50, 1))), Cost(2))
        found = rows.distance(*whole(rows))
        values.append(found.value)
        errors.append(found.stderr)
        assert abs(found.of_x.sum()) + abs(found.of_y.sum()) < 1e-12
    # An sd of 400 is known to 3.5 %.
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.12)


def test_parts_are_solved_with_their_own_weights_and_means_are_linear():
    rng = np.random.default_rng(0)
    a = rng.random(9)
    rows = Rows.of(Samples(rng.normal(size=(9, 2)), rng.normal(size=(7, 2)), a / a.sum()), Cost(1))
    one, other = Part(True, np.array([0, 3, 4])), Part(True, np.array([1, 2, 8]))
    found = rows.distance(one, other)
    wanted = solve_exact(
        Cost(1).matrix(rows.x[one.places], rows.x[other.places]),
        rows.a[one.places] / rows.a[one.places].sum(),
        rows.a[other.places] / rows.a[other.places].sum(),
    )
    assert found.value == pytest.approx(wanted.cost)
    assert not found.of_y.any()
    assert not found.of_x[[5, 6, 7]].any()
    twice = mean([found, found])
    assert (twice.value, twice.stderr) == pytest.approx((found.value, found.stderr))
    assert (found - found).stderr == 0


@pytest.mark.parametrize("p", [1, 1.5, 2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_potentials_of_a_line_are_admissible_and_optimal(p, weighted):
    rng = np.random.default_rng(1)
    x, y = np.round(rng.normal(size=30), 1), np.round(2 * rng.normal(size=20), 1)  # with ties
    a, b = rng.random(30), rng.random(20)
    a, b = (a / a.sum(), b / b.sum()) if weighted else (np.full(30, 1 / 30), np.full(20, 1 / 20))
    phi, psi = line_potentials(x, y, a, b, p)
    assert (phi[:, None] + psi - np.abs(x[:, None] - y) ** p).max() < 1e-12
    cost = line_cost(x[:, None], y[:, None], a, b, p)[0]
    assert a @ phi + b @ psi == pytest.approx(cost, rel=1e-10)
