"""With a support the ends are McDiarmid's, which hold at every number of rows."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.population.support import mcdiarmid_upper


def coins(seed, n, m, of_x, of_y):
    g = np.random.default_rng(seed)
    return tuple(
        (g.uniform(size=(k, 1)) < share).astype(float) for k, share in ((n, of_x), (m, of_y))
    )


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 40), (4, 4), (5, 7), (19, 6)])
def test_few_rows_have_an_interval(n, m, p):
    for seed in range(5):
        x, y = coins(seed, n, m, 0.3, 0.8)
        answer = wb.population_interval(x, y, p=p, support=1.0)
        assert answer.status == "ok"
        assert 0 <= answer.lower <= answer.value <= answer.upper <= 1
    without = wb.population_interval(x, y, p=p)
    assert without.status == "refused"


@pytest.mark.parametrize("p", [1, 2])
def test_the_upper_end_misses_as_rarely_as_it_says_at_every_n(p):
    # of all samples of n and m coins with their probabilities: no simulation error. W_p^p of two
    # coins is the difference of their shares
    for n, m, of_x, of_y in itertools.product((1, 3, 10), (1, 8), (0.05, 0.5), (0.5, 0.99)):
        missed = 0.0
        for heads, others in itertools.product(range(n + 1), range(m + 1)):
            chance = binomial(n, heads, of_x) * binomial(m, others, of_y)
            given = wb.Samples(np.zeros((n, 1)), np.zeros((m, 1))).weighted()
            batch = abs(heads / n - others / m)
            upper = mcdiarmid_upper(batch, given, 1.0, 0.2, wb.Cost(p))
            missed += chance * (upper < abs(of_x - of_y) ** (1 / p))
        assert missed <= 0.2


def binomial(n, k, share):
    return math.comb(n, k) * share**k * (1 - share) ** (n - k)


@pytest.mark.parametrize("p", [1, 2])
def test_no_distance_exceeds_the_support(p):
    x, y = np.zeros((25, 1)), np.ones((25, 1))
    answer = wb.population_interval(x, y, p=p, support=1.0)
    assert (answer.status, answer.upper, answer.value) == ("ok", 1.0, pytest.approx(1.0))
    assert answer.lower > 0
    assert wb.population_interval(x, y, p=p).status == "refused"  # no width without a support


def test_equal_rows_of_one_point_have_mcdiarmids_width():
    x = np.ones((50, 2))
    answer = wb.population_interval(x, x, support=1e-170)
    room = 1e-170 * math.sqrt(2 / 50 * math.log(40) / 2)
    assert answer.interval == (0.0, pytest.approx(room))
    squared = wb.population_interval(x, x, p=2, support=1e-170)
    assert squared.upper == pytest.approx(1e-170 * math.sqrt(room / 1e-170))


def test_rows_that_both_samples_share_are_refused_with_a_support_too():
    x = np.random.default_rng(0).uniform(size=(50, 1))
    answer = wb.population_interval(x, x, support=1.0)
    assert answer.status == "refused"
    assert "not independent" in answer.message


def test_too_few_rows_for_a_function_are_said():
    answer = wb.population_interval(*coins(0, 3, 30, 0.2, 0.9), support=1.0)
    assert answer.lower == 0
    assert "fewer than 5 rows" in answer.message
    assert "it is McDiarmid's bound" in answer.message


@pytest.mark.parametrize(("of_x", "of_y"), [(0.5, 0.5), (0.2, 0.9)])
def test_both_ends_hold_few_rows(of_x, of_y):
    # McDiarmid's room is 2.1 sd of the difference or more: at most 2 % miss on a side, where 10 %
    # may, so 8 of 200; more than 18 have a probability below 0.1 %
    missed = 0
    for seed in range(200):
        x, y = coins(seed, 9, 6, of_x, of_y)
        answer = wb.population_interval(x, y, support=1.0, level=0.8, seed=seed)
        missed += not answer.lower <= of_y - of_x <= answer.upper
    assert missed <= 18
