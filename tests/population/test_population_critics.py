"""What the lower end rests on: every critic is admissible on the whole space."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from wdist_bench.costs import Cost
from wdist_bench.population import quadratic
from wdist_bench.population.critics import CRITICS, _axes, _widest_direction
from wdist_bench.population.line import line_potential
from wdist_bench.population.quadratic import QUADRATICS
from wdist_bench.population.split import parted
from wdist_bench.problem import Samples
from wdist_bench.solvers.gaussian import bures_cost
from wdist_bench.solvers.one_dimensional import line_cost


def rows(seed, n=40, m=30, d=3):
    g = np.random.default_rng(seed)
    x, y = g.normal(size=(n, d)), 0.5 + g.standard_t(3, size=(m, d)) * np.linspace(0.5, 2, d)
    return Samples(x, y, g.dirichlet(np.ones(n)), g.dirichlet(np.ones(m))).weighted()


@pytest.mark.parametrize("norm", ["l2", "l1"])
@pytest.mark.parametrize("name", CRITICS)
def test_a_critic_is_1_lipschitz_everywhere(name, norm):
    for seed, d in enumerate((1, 2, 3, 4, 80)):  # the last: more columns than rows
        given = rows(seed, d=d)
        critic = CRITICS[name](given, Cost(1, norm))
        g = np.random.default_rng(seed)
        points = np.concatenate([given.x, given.y, 20 * g.normal(size=(200, d))])
        near = points + 1e-3 * g.normal(size=points.shape)
        for first, second in ((points, near), (points, points[::-1])):
            gap = np.abs(critic(first) - critic(second))
            assert (gap <= Cost(1, norm).matched(first, second) * (1 + 1e-9) + 1e-12).all()


def test_directions_in_more_columns_than_rows_are_those_of_the_whole_matrices():
    given = rows(0, d=80)
    whole = np.cov(given.x.T, aweights=given.a, ddof=0) - np.cov(
        given.y.T, aweights=given.b, ddof=0
    )
    values, vectors = np.linalg.eigh(whole)
    expected = vectors[:, np.argmax(np.abs(values))]
    assert abs(_widest_direction(given, Cost()) @ expected) == pytest.approx(1)
    axes = _axes(given)
    assert axes.shape == (80, 70)
    np.testing.assert_allclose(axes.T @ axes, np.eye(70), atol=1e-12)
    centred = given.x - given.a @ given.x
    np.testing.assert_allclose(centred @ axes @ axes.T, centred, atol=1e-10)


@pytest.mark.parametrize("name", QUADRATICS)
def test_a_quadratic_and_its_conjugate_are_admissible_everywhere(name):
    for seed in range(4):
        given = rows(seed, d=1 + seed)
        found = QUADRATICS[name](given)
        g = np.random.default_rng(seed)
        x, y = (30 * g.normal(size=(60, 1 + seed)) for _ in range(2))
        cost = Cost(2).matrix(x, y)
        slack = cost - found.at_x(x)[:, None] - found.at_y(y)[None, :]
        assert slack.min() >= -1e-9 * cost.max()
        # equality along the map x -> k + A (x - m): the conjugate is closed, not a bound of it
        axes = np.eye(1 + seed) if found.axes is None else found.axes
        mapped = found.end + ((x - found.start) @ axes * found.values) @ axes.T
        tight = Cost(2).matched(x, mapped) - found.at_x(x) - found.at_y(mapped)
        assert np.abs(tight).max() <= 1e-9 * cost.max()


def test_nothing_held_is_as_large_as_the_square_of_many_columns(monkeypatch):
    monkeypatch.setattr(quadratic, "_MOST_COLUMNS", 1000)
    given = rows(0, 10, 10, d=3000)
    tracemalloc.start()
    try:
        for fit in (CRITICS["coordinates"], CRITICS["separable"]):
            fit(given, Cost(1, "l1"))(given.x)
        for fit in QUADRATICS.values():
            fit(given).at_x(given.x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3000**2 * 8 / 2


def test_in_many_columns_the_map_is_that_of_the_span_of_the_rows(monkeypatch):
    given, fit = rows(0, d=80), QUADRATICS["affine 0.2"]
    whole = fit(given)
    monkeypatch.setattr(quadratic, "_MOST_COLUMNS", 79)
    found = fit(given)
    np.testing.assert_allclose(found.at_x(given.x), whole.at_x(given.x), rtol=1e-3)
    np.testing.assert_allclose(found.at_y(given.y), whole.at_y(given.y), rtol=1e-3)
    g = np.random.default_rng(1)
    x, y = 5 * g.normal(size=(50, 80)), 5 * g.normal(size=(50, 80))
    slack = Cost(2).matrix(x, y) - found.at_x(x)[:, None] - found.at_y(y)[None, :]
    assert slack.min() >= 0


def test_a_quadratic_of_the_moments_gives_gelbrichs_bound():
    given = rows(0, 500, 500)
    even = Samples(given.x, given.y).weighted()
    found = QUADRATICS["affine 0.02"](even)
    value = found.at_x(even.x).mean() + found.at_y(even.y).mean()
    bound = bures_cost(even.x, even.y, None, None)
    assert value <= bound * (1 + 1e-9)
    assert value >= 0.98 * bound


def test_a_potential_of_the_line_reaches_w1_of_separate_samples():
    g = np.random.default_rng(0)
    x, y = g.uniform(size=300), 2 + g.uniform(size=200)
    found = line_potential(x, y, np.full(300, 1 / 300), np.full(200, 1 / 200))
    w1 = line_cost(x[:, None], y[:, None], None, None, 1)[0]
    assert found.gain == pytest.approx(w1, rel=0.01)
    assert abs(found(x).mean() - found(y).mean()) == pytest.approx(found.gain)


def test_parts_share_no_row_and_keep_weights_with_their_rows():
    given = rows(1)
    first, second = parted(given, 0.4, np.random.default_rng(0))
    assert (len(first.x), len(first.y), len(second.x)) == (16, 12, 24)
    joined = np.concatenate([first.x, second.x])
    assert sorted(map(tuple, joined)) == sorted(map(tuple, given.x))
    weight = {tuple(row): mass for row, mass in zip(given.x, given.a, strict=True)}
    mass = np.array([weight[tuple(row)] for row in first.x])
    np.testing.assert_allclose(first.a, mass / mass.sum())
    assert first.b.sum() == pytest.approx(1)
