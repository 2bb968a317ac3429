"""Kappa calibration of clipped critics."""

from __future__ import annotations

import pytest

import wdist_bench as wb
from wdist_bench.protocol.stream import Stream
from wdist_bench.studies.kappa import carry_over, fit_kappa

STREAM = Stream(n=64, runs=4, eval_batches=20)


def clipped(**options):
    return wb.estimators.get("weight_clipping", **options)


def shifted(shift):
    return wb.tasks.get("gaussian_shift", shift=shift)


def test_kappa_turns_the_critic_into_an_estimate_of_w1_on_a_like_task():
    estimator = clipped(steps=300)
    kappa = fit_kappa(estimator, shifted(2.0), STREAM)
    # Lipschitz constant of the clip box (2-128-128-1, c = 0.01) bounds it
    assert 0 < kappa.value < 0.0232
    assert kappa.interval[0] < kappa.value < kappa.interval[1]
    [same] = carry_over(estimator, kappa, [shifted(2.0)], STREAM)
    assert same.relative_error == pytest.approx(0, abs=1e-12)
    [near] = carry_over(estimator, kappa, [shifted(2.4)], STREAM)
    assert abs(near.relative_error) < 0.35
    assert near.raw < 0.03 * near.truth  # without kappa the number says nothing


def test_a_wider_clip_has_a_larger_kappa():
    narrow = fit_kappa(clipped(steps=100), shifted(2.0), STREAM)
    wide = fit_kappa(clipped(steps=100, clip=0.02), shifted(2.0), STREAM)
    assert wide.interval[0] > narrow.interval[1]


def test_calibration_needs_a_known_distance():
    with pytest.raises(ValueError, match="known W1 > 0, got image_batches with W1 = 0"):
        fit_kappa(clipped(steps=2), wb.tasks.get("image_batches"), STREAM)
    diverging = clipped(steps=20, learning_rate=1e30, clip=1e30)
    with pytest.raises(ValueError, match="expected a positive mean value"):
        fit_kappa(diverging, shifted(2.0), STREAM)
