"""The maps that learn nothing, by their definitions."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import wdist_bench as wb

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), 2 + RNG.normal(size=(30, 3))
B = RNG.uniform(size=30)
B /= B.sum()


def test_the_identity_moves_nothing():
    answer = wb.estimate(X, Y, "baseline_map", p=2)
    assert answer.value == 0
    np.testing.assert_array_equal(answer.map(X), X)
    np.testing.assert_array_equal(answer.inverse_map(Y), Y)


def test_the_constant_is_the_best_one_for_the_weights():
    answer = wb.estimate(X, Y, "baseline_map", p=2, b=B, map="constant")
    mean = B @ Y
    np.testing.assert_allclose(answer.map(X), np.tile(mean, (40, 1)))
    np.testing.assert_allclose(answer.inverse_map(Y), np.tile(X.mean(0), (30, 1)))
    assert answer.cost == pytest.approx(((X - mean) ** 2).sum(1).mean())


def test_they_leave_what_they_must_of_a_pair():
    """The constant 100 % of the variance but for its sample; the identity E|x - T x|^2 of it."""
    task = wb.tasks.get("convex_gradient", strength=2.0)
    constant, identity = (
        wb.evaluate(task, wb.estimators.get("baseline_map", map=name), p=2, batch_size=2000,
                    eval_batches=2).diagnostics
        for name in ("constant", "identity")
    )  # fmt: skip
    assert constant["l2_uvp"] == pytest.approx(100, abs=0.5)
    assert constant["inverse_l2_uvp"] == pytest.approx(100, abs=0.5)
    variance = np.asarray(task.sample(jax.random.key(0), 100_000)[1]).var(0).sum()
    # A variance from 4,096 points has a standard error of 2.2 %.
    assert identity["l2_uvp"] == pytest.approx(100 * task.truth(2).value ** 2 / variance, rel=0.11)
    assert "map_cosine" not in identity


def test_other_costs_are_refused():
    with pytest.raises(ValueError, match="baseline_map: expected norm l2 at p = 2, which maps"):
        wb.estimate(X, Y, "baseline_map", p=1)
    with pytest.raises(ValueError, match="map: expected one of identity, constant"):
        wb.estimators.get("baseline_map", map="zero")
