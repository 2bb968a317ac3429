"""What the upper end and the point are made of."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

import wdist_bench as wb
from wdist_bench.population.limits import MeanLimits
from wdist_bench.population.point import point
from wdist_bench.population.upper import Above, Halves, above


def rows(seed, n=60, shift=1.0, dim=2):
    g = np.random.default_rng(seed)
    x, y = g.normal(size=(n, dim)), g.normal(size=(n, dim))
    y[:, 0] += shift
    return wb.Samples(x, y).weighted()


@pytest.mark.parametrize("p", [1, 2])
def test_the_cost_and_the_spread_are_those_of_the_exact_potentials(p):
    given = rows(0)
    found = above(given, wb.Cost(p), np.random.default_rng(0))
    exact = wb.estimate(given.x, given.y, p=p)
    phi, psi = exact.potentials
    assert found.cost == pytest.approx(exact.cost)
    spread = math.sqrt(phi.var(ddof=1) / 60 + psi.var(ddof=1) / 60)
    assert found.limits.stderr == pytest.approx(spread)
    assert found.end(0.025, None, wb.Cost(p)) >= wb.Cost(p).root(exact.cost + 1.96 * spread)


def test_samples_that_coincide_by_chance_keep_a_spread():
    # 50 heads of 100 on both sides: the distance is 0 and a flat potential is optimal
    coins = np.r_[np.zeros(50), np.ones(50)][:, None]
    found = above(wb.Samples(coins, coins).weighted(), wb.Cost(1), np.random.default_rng(0))
    assert found.cost == 0
    assert found.end(0.025, None, wb.Cost(1)) > 0.13  # 1.96 sqrt(2 / 4 / 100)


def coins(ones, n):
    return np.r_[np.zeros(n - ones), np.ones(ones)][:, None]


@pytest.mark.parametrize("p", [1, 2])
def test_samples_and_halves_that_coincide_by_chance_keep_a_spread(p):
    # at 12 % of these seeds the halves coincide too, and no potential says anything
    given, cost = wb.Samples(coins(10, 20), coins(10, 20)).weighted(), wb.Cost(p)
    for seed in range(40):
        found = above(given, cost, np.random.default_rng(seed))
        assert found.end(0.025, None, cost) ** p > 0.31  # 1.96 sqrt(2 / 4 / 20)


def test_the_level_holds_for_rare_coins_whose_samples_often_coincide():
    # every outcome but such as have a probability of 6e-4 in all; the halves are those of a seed
    cost, n, shares = wb.Cost(2), 100, (0.01, 0.0385)
    truth, missed = shares[1] - shares[0], 0.0
    for one in range(6):
        for other in range(13):
            given = wb.Samples(coins(one, n), coins(other, n)).weighted()
            end = above(given, cost, np.random.default_rng(0)).end(0.025, None, cost)
            refused = one == other == 0
            chance = binom.pmf(one, n, shares[0]) * binom.pmf(other, n, shares[1])
            missed += chance * (end**2 < truth and not refused)
    assert missed <= 0.025


def test_what_coincides_on_many_points_is_no_narrower_than_its_potentials():
    # a potential that is 1-Lipschitz for the rows' own costs, on a grid of few rows each
    grid = np.stack(np.meshgrid(np.arange(3.0), np.arange(2.0)), -1).reshape(-1, 2)
    rows = np.repeat(grid, 4, axis=0)
    for p in (1, 2):
        cost = wb.Cost(p)
        found = above(wb.Samples(rows, rows).weighted(), cost, np.random.default_rng(0))
        for corner in grid:
            values = cost.matched(rows, corner)
            assert found.limits.stderr >= math.sqrt(2 / 24) * values.std(ddof=1)
            assert found.limits.unseen >= np.ptp(values) / 24


def test_halves_are_further_apart_than_all_rows_and_within_is_at_least_0():
    found = above(rows(0, 200), wb.Cost(2), np.random.default_rng(0))
    assert found.halves.across > found.cost
    assert 0 <= found.halves.within_x < found.halves.across
    assert found.halves.variance >= 0.8 * found.limits.stderr**2


def test_what_the_pairs_own_potential_sees_is_not_within():
    # two far clusters with changed weights: halves differ in weights by chance, which is no bias
    g = np.random.default_rng(0)
    x, y = (100.0 * (g.uniform(size=(200, 1)) < share) for share in (0.5, 0.8))
    found = above(wb.Samples(x, y).weighted(), wb.Cost(1), np.random.default_rng(0))
    assert found.halves.within_x == pytest.approx(0, abs=1e-9)
    assert point(found, wb.Cost(1)) == pytest.approx(found.cost)


def test_the_point_is_the_formula():
    limits = MeanLimits(0.0, 1.0, 0.0, 10.0, 0.0)
    found = Above("exact", 3.0, limits, math.inf, Halves(4.0, 2.0, 1.0, 0.0))
    assert point(found, wb.Cost(1)) == pytest.approx(math.sqrt(9 - (3 / 4) ** 2 * 2 * 1))
    squared = point(found, wb.Cost(2))
    assert squared == pytest.approx(math.sqrt(3 - (3 / 4) * math.sqrt(2)))
    near = replace(found, halves=Halves(4.0, 4.0, 5.0, 0.0))
    assert point(near, wb.Cost(1)) == 0


def test_the_point_of_a_translation_is_unbiased_in_squares():
    # p = 2, dimension 8, W = 1: the rows are about 2.1 apart
    squares = []
    for seed in range(30):
        found = above(rows(seed, 100, dim=8), wb.Cost(2), np.random.default_rng(seed))
        halves = found.halves
        squares.append(halves.across - (halves.within_x + halves.within_y) / 2)
    error = np.std(squares) / math.sqrt(30)
    # less what the potentials see of the halves, which makes it a little too large
    assert -4 * error < np.mean(squares) - 1 < 0.35 + 4 * error


def test_on_few_points_the_point_stays_near_the_distance_of_the_rows():
    # 80 points in dimension 30 against 80 others: rows add little to W_2 = 7, while halves of one
    # law are far apart; without the second part the error is above 1
    g = np.random.default_rng(0)
    there, here = g.normal(size=(80, 30)), 1.3 * g.normal(size=(80, 30))
    truth = wb.estimate(there, here, p=2).value
    for seed in range(5):
        g = np.random.default_rng(seed)
        given = wb.Samples(there[g.choice(80, 300)], here[g.choice(80, 300)]).weighted()
        found = above(given, wb.Cost(2), g)
        assert found.halves.tied
        assert point(found, wb.Cost(2)) == pytest.approx(truth, rel=0.03)


@pytest.mark.parametrize("atom", [0.0, 0.8])
def test_an_atom_beside_a_density_is_not_few_points(atom):
    g = np.random.default_rng(0)
    x, y = (np.where(g.uniform(size=(300, 1)) < atom, 0.0, g.normal(size=(300, 5))) for _ in "xy")
    assert not above(wb.Samples(x, y).weighted(), wb.Cost(1), g).halves.tied
