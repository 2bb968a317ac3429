"""The map that a fitted potential gives at p = 2, in the user's coordinates."""

from __future__ import annotations

import dataclasses
import pickle

import jax
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import L1, L2
from wdist_bench.problem import Problem, Samples


@pytest.fixture
def rows():
    """Rows of two normal laws far from zero and of another unit than 1."""
    rng = np.random.default_rng(0)
    return 500 + 40 * rng.normal(size=(80, 2)), 530 + 20 * rng.normal(size=(80, 2))


def _fitted(rows, cost, **options):

    estimator = wb.estimators.get("c_transform", steps=30, learning_rate=1e-2, **options)
    problem = Problem.from_samples(Samples(*rows), cost, jax.random.key(0), True)
    return estimator.fit(jax.random.key(1), problem)


def test_a_potential_of_p_2_carries_points_down_half_its_gradient(rows):
    fitted = _fitted(rows, L2(2))
    assert fitted.unit != 1
    assert np.abs(fitted.center).max() > 100
    x = rows[0]
    images = fitted.map(x)
    np.testing.assert_allclose(images, x - fitted.gradient(x) / 2, rtol=1e-6)
    assert np.abs(images - x).max() > 1  # it moves something
    answer = fitted.estimate(Samples(*rows), L2(2))
    np.testing.assert_array_equal(answer.map(x), images)
    assert answer.map(x[:0]).shape == fitted.gradient(x[:0]).shape == (0, 2)
    assert answer.inverse_map is None


def test_no_other_cost_gives_a_map(rows):
    assert _fitted(rows, L2(1)).map(rows[0]) is None
    assert _fitted(rows, L2(1)).estimate(Samples(*rows), L2(1)).map is None
    taxi = _fitted(rows, L1(2))
    assert (taxi.map(rows[0]), taxi.estimate(Samples(*rows), L1(2)).map) == (None, None)


def test_maps_are_no_part_of_what_is_compared_or_shown(rows):
    answer = _fitted(rows, L2(2)).estimate(Samples(*rows), L2(2))
    bare = answer.numbers()
    assert bare.map is None
    assert bare.potentials is None
    assert "map" not in repr(answer)
    assert "map" not in answer.to_frame().columns

    assert dataclasses.replace(answer, map=None) == answer


@pytest.mark.slow
@pytest.mark.parametrize("method", ["exact", "sinkhorn", "gaussian", "c_transform"])
def test_an_answer_travels_with_its_map(rows, method):
    """Through pickle, as to another process."""
    options = {"steps": 3} if method == "c_transform" else {}
    answer = wb.estimate(*rows, method, p=2, **options)
    copy = pickle.loads(pickle.dumps(answer))
    assert copy == answer
    np.testing.assert_array_equal(copy.map(rows[0]), answer.map(rows[0]))
