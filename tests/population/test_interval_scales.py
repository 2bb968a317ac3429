"""The interval in any unit that float64 holds the costs of."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs.l2 import power_of_two
from wdist_bench.population.critics import CRITICS
from wdist_bench.population.limits import MeanLimits, Side
from wdist_bench.population.split import near_one

_SUPPORT = 16.0


def rows(dim=3):
    """Rows about 0 whose largest coordinate is between 1/2 and 1, as `near_one` makes them."""
    g = np.random.default_rng(0)
    x, y = g.normal(size=(60, dim)), g.uniform(size=(70, dim)) ** 3 + 1
    given = near_one(wb.Samples(x, y).weighted())[0]
    power = power_of_two(given.x, given.y, within=0) or 0
    return np.ldexp(given.x, -power), np.ldexp(given.y, -power)


def numbers(answer):
    named = answer.diagnostics
    return [answer.value, answer.lower, answer.upper, named["batch"], named["critic_mean"]]


@pytest.mark.parametrize("support", [None, _SUPPORT])
@pytest.mark.parametrize(("p", "powers"), [(1, (-900, -600, -280, 260, 900)),
                                           (2, (-490, -300, -140, 130, 300, 490))])  # fmt: skip
def test_a_unit_multiplies_every_number_exactly(p, powers, support):
    x, y = rows()
    here = wb.population_interval(x, y, p=p, support=support)
    assert here.status == "ok"
    for power in powers:
        there = wb.population_interval(
            np.ldexp(x, power), np.ldexp(y, power), p=p,
            support=None if support is None else math.ldexp(support, power),
        )  # fmt: skip
        assert numbers(there) == list(np.ldexp(numbers(here), power))
        for name in ("tail_index", "skewness", "ties"):
            assert there.diagnostics[name] == here.diagnostics[name]


@pytest.mark.parametrize("p", [1, 2])
def test_a_unit_that_is_left_alone_changes_nothing_but_rounding(p):
    x, y = rows()
    here = wb.population_interval(x, y, p=p)
    for power in (-60, 60):
        there = wb.population_interval(np.ldexp(x, power), np.ldexp(y, power), p=p)
        np.testing.assert_allclose(numbers(there), np.ldexp(numbers(here), power), rtol=1e-12)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("support", [1e20, 1e160, 1e308])
def test_a_support_far_beyond_the_rows_says_little_and_holds(p, support):
    x, y = rows()
    answer = wb.population_interval(x, y, p=p, support=support)
    assert (answer.status, answer.lower) == ("ok", 0)
    room = math.sqrt((1 / 60 + 1 / 70) * math.log(40) / 2)
    assert answer.upper == pytest.approx(support * room ** (1 / p), rel=1e-9)


def test_a_spread_far_below_the_size_of_the_rows_keeps_its_limits():
    # one column is 1e-85 wide, whose fourth power is 0, beside another that is constant
    g = np.random.default_rng(0)
    narrow = g.exponential(size=200)
    wanted = MeanLimits.of(*two_sides(narrow))
    for scale in (1e-85, 1e-170, 1e-300, 1e90, 1e170):
        found = MeanLimits.of(*two_sides(scale * narrow))
        assert found.freedom == pytest.approx(wanted.freedom)
        assert found.skewness == pytest.approx(wanted.skewness)
        for end in ("lower", "upper"):
            assert getattr(found, end)(0.025) == pytest.approx(scale * getattr(wanted, end)(0.025))


def two_sides(values):
    even = np.full(len(values), 1 / len(values))
    return Side(values, even), Side(-values[::-1] / 2, even)


@pytest.mark.parametrize("scale", [1e-161, 1e-200])
@pytest.mark.parametrize("name", CRITICS)
def test_a_critic_of_narrow_rows_is_1_lipschitz(name, scale):
    # squares of their lengths are lost, so that a direction divided by its length was too long
    x, y = rows()
    critic = CRITICS[name](wb.Samples(scale * x, scale * y).weighted(), wb.Cost())
    points = 5 * np.random.default_rng(1).normal(size=(100, 3))
    gap = np.abs(critic(points) - critic(points[::-1]))
    assert (gap <= wb.Cost().matched(points, points[::-1]) * (1 + 1e-9)).all()
