"""Slopes of errors: exact powers, the level of their interval, theory."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wdist_bench.results.rates import plug_in_rate, root_mean_square, slope

SIZES = np.array([32.0, 128, 512, 4096])


def test_an_exact_power_is_read_exactly():
    errors = 3 * SIZES**-0.3 * np.array([[1.0], [2.0], [5.0]])
    found = slope(SIZES, errors)
    assert found == pytest.approx((-0.3, -0.3, -0.3))
    assert root_mean_square(errors)[0] == pytest.approx(math.sqrt(10) * 3 * 32**-0.3)


@pytest.mark.parametrize("biased", [0.0, 3.0])
def test_the_interval_holds_the_slope(biased):
    """Errors |b + z| n^-0.5 of 5 runs, 2,000 times: at least 92 % where 95 % are stated."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        errors = np.abs(biased + rng.normal(size=(5, 4))) * SIZES**-0.5
        found = slope(SIZES, errors)
        held += found.low <= -0.5 <= found.high
    assert 0.92 <= held / 2000 <= 0.99


def test_what_is_not_known_is_not_a_number():
    errors = np.ones((2, 4))
    assert math.isnan(slope(SIZES, errors).low)
    assert slope(SIZES, errors).value == 0
    errors = np.ones((5, 4))
    errors[:, 2] = 0
    assert math.isnan(slope(SIZES, errors).value)


@pytest.mark.parametrize(
    ("dim", "truth", "rate"), [(1, 0, -0.5), (2, 0, -0.5), (4, 0, -0.25), (4, 2, -0.5),
                               (16, 2, -0.125), (16, 0, -0.0625), (0, 2, -0.5)]
)  # fmt: skip
def test_theory_of_the_plug_in(dim, truth, rate):
    assert plug_in_rate(dim, truth) == rate
