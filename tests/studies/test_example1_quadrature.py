"""Divergences of Example 1 against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wdist_bench.studies.example1.bounds import moved_distance, shifted_uniform_jsd
from wdist_bench.studies.example1.convergence import program_distance, strip_divergences
from wdist_bench.studies.example1.quadrature import (
    derivative,
    jensen_shannon,
    kullback_leibler,
    normal,
    normal_edges,
    rule,
    uniform,
)


def test_the_rule_integrates_a_normal_density_to_one():
    points, weights = rule(normal_edges((0.3, 0.01), (2.0, 0.5)))
    assert weights @ np.exp(normal(0.3, 0.01)(points)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("mean", "std"), [(0.5, 1.0), (-2.0, 0.3), (3.0, 2.0)])
def test_kl_of_normal_laws_is_the_textbook_one(mean, std):
    edges = normal_edges((mean, std), (0.0, 1.0))
    expected = (mean**2 + std**2 - 1) / 2 - math.log(std)
    found = kullback_leibler(normal(mean, std), normal(0.0, 1.0), edges)
    assert found == pytest.approx(expected, abs=1e-10)


def test_kl_is_infinite_off_the_support_and_jsd_then_log_two():
    here, there, ends = uniform(0.0, 0.5), uniform(3.0, 0.5), [-0.5, 0.5, 2.5, 3.5]
    assert kullback_leibler(here, there, ends) == math.inf
    assert jensen_shannon(here, there, ends) == pytest.approx(math.log(2), abs=1e-12)
    assert jensen_shannon(here, here, ends) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("distance", [0.0, 0.1, 0.9, 2.0, 5.0])
def test_jsd_of_shifted_uniform_laws_is_the_share_that_sticks_out(distance):
    expected = math.log(2) * min(1, distance / 2)
    assert shifted_uniform_jsd(distance, 1.0) == pytest.approx(expected, abs=1e-12)


def test_the_central_difference_is_exact_up_to_degree_four():
    assert derivative(lambda x: x**4 - 3 * x, 1.7) == pytest.approx(4 * 1.7**3 - 3, rel=1e-10)


def test_strips_tell_the_segments_apart_once_they_are_narrow_enough():
    assert strip_divergences(0.05, 1.0) == (0, 0)
    assert strip_divergences(0.05, 0.01) == (pytest.approx(math.log(2)), math.inf)
    assert strip_divergences(-0.05, 0.01) == (pytest.approx(math.log(2)), math.inf)
    assert strip_divergences(0.0, 0.01) == (0, 0)


@pytest.mark.parametrize("theta", [-1.5, 0.0, 0.003])
def test_the_programme_gives_the_distance_of_the_segments(theta):
    assert program_distance(theta) == pytest.approx(abs(theta), abs=1e-9)


@pytest.mark.parametrize("half_width", [0.05, 1.0])
def test_noise_moves_a_segment_less_than_each_point_and_more_than_its_projection(half_width):
    mean_length = half_width * (math.sqrt(2) + math.asinh(1)) / 3
    coarse = half_width / 16  # half a cell of the grid
    moved = moved_distance(half_width)
    assert half_width / 2 - coarse < moved < mean_length + coarse
