"""One-sided limits of means miss as often as they say, and the tail index is that of the law."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from wdist_bench.population.limits import MeanLimits, Side, student_quantile, tail_index


def side(values, weights=None):
    values = np.asarray(values, float)
    return Side(values, np.full(len(values), 1 / len(values)) if weights is None else weights)


def test_the_interval_of_equal_rows_is_that_of_welch():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=400), 3 * rng.normal(size=500)
    found = MeanLimits.of(side(x), side(-y))
    other = stats.ttest_ind(x, y, equal_var=False).confidence_interval(0.95)
    assert found.mean == pytest.approx(x.mean() - y.mean())
    for end, wanted, skewness in ((found.lower(0.025), other.low, -found.skewness),
                                  (found.upper(0.025), other.high, found.skewness)):  # fmt: skip
        t = student_quantile(0.025, found.freedom)
        outwards = 2 * max(skewness, 0) * (1 + 2 * t**2) / 6 * found.stderr
        assert end == pytest.approx(wanted + (outwards if wanted > found.mean else -outwards))


def test_the_skewness_is_that_of_the_mean():
    rng = np.random.default_rng(1)
    x = rng.exponential(size=2000)
    found = MeanLimits.of(side(x), side(np.zeros(2000)))
    assert found.skewness == pytest.approx(stats.skew(x) / math.sqrt(2000), rel=1e-2)


def test_rows_listed_twice_with_half_the_weight_count_twice():
    # two rows of weight w / 2 are not one of weight w: they are two independent draws
    rng = np.random.default_rng(2)
    x = rng.normal(size=50)
    once = MeanLimits.of(side(x), side(x))
    uneven = np.array([0.5] + [0.5 / 49] * 49)
    assert side(x).rows == pytest.approx(50)
    assert Side(x, uneven).rows < 4
    assert MeanLimits.of(Side(x, uneven), side(x)).stderr > 2 * once.stderr


@pytest.mark.parametrize(
    ("draw", "mean"),
    [
        (lambda g, n: g.normal(size=n), 0.0),
        (lambda g, n: g.exponential(size=n), 1.0),
        (lambda g, n: np.exp(0.8 * g.normal(size=n)), math.exp(0.32)),
        (lambda g, n: (g.uniform(size=n) < 0.2) * 1.0, 0.2),
        (lambda g, n: g.pareto(3, size=n), 0.5),
    ],
    ids=["normal", "exponential", "log-normal", "coin", "pareto 3"],
)
@pytest.mark.parametrize("n", [50, 100, 400])
def test_both_limits_together_miss_in_five_percent(draw, mean, n):
    # 1,500 samples: standard error 0.56 %, so 6.7 % is three of them above 5 %
    g = np.random.default_rng([n, 3])
    nothing = side(np.zeros(n))
    missed = 0
    for _ in range(1500):
        found = MeanLimits.of(side(draw(g, n)), nothing)
        missed += not found.lower(0.025) <= mean <= found.upper(0.025)
    assert missed / 1500 <= 0.067


def test_a_mass_that_no_row_shows_keeps_the_ends_apart():
    # 25 equal rows of a coin: the other face may have probability 1 - 0.025^(1/25) = 13.7 %
    found = MeanLimits.of(side(np.ones(25)), side(np.zeros(25)), span=1.0)
    assert found.stderr < 1e-15
    assert found.lower(0.025) <= 0.863


def test_the_tail_index_is_that_of_the_law():
    rng = np.random.default_rng(0)
    # k = 5,000 spacings, standard error 1.5 %; about a median the largest values look heavier, by
    # (z / (z + median))-like factors that are next to 1 at index 1 and 0.6 at 3
    for index, factor in ((1.0, 0.95), (1.7, 0.83), (3.0, 0.64)):
        found = tail_index(1 + rng.pareto(index, 100_000))
        assert found == pytest.approx(factor * index, rel=0.05)
    assert tail_index(rng.normal(size=2000)) > 3.5
    assert tail_index(np.ones(1000)) == math.inf
    assert tail_index(np.r_[np.zeros(900), np.ones(100)]) == math.inf
    assert tail_index(rng.pareto(1.0, 49)) == math.inf  # too few to tell


def test_a_cluster_far_off_is_no_tail():
    rng = np.random.default_rng(1)
    found = [tail_index(np.r_[rng.normal(size=385), rng.normal(20, 1, 15)]) for _ in range(100)]
    assert np.mean(np.array(found) < 1.4) < 0.05


def test_quantiles_far_out_are_those_of_the_closed_forms():
    # Cauchy's law, and Student's with two degrees of freedom; 1 - error is 1 for the last two
    for error in (0.025, 1e-7, 1e-15, 5e-17, 1e-20):
        cauchy = 1 / math.tan(math.pi * error)
        two = (1 - 2 * error) / math.sqrt(2 * error * (1 - error))
        assert student_quantile(error, 1) == pytest.approx(cauchy, rel=1e-9)
        assert student_quantile(error, 2) == pytest.approx(two, rel=1e-9)
