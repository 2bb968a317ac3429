"""`evaluate` over several runs: the mean, its error, and the truth beside it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.estimate import Estimate
from wdist_bench.protocol.several import mean_of_runs


@pytest.fixture(scope="module")
def exact():
    return wb.evaluate("gaussian_shift", "exact", eval_batches=4, batch_size=32, runs=6)


def test_a_run_of_several_is_the_run_alone(exact):
    alone = wb.evaluate("gaussian_shift", "exact", eval_batches=4, batch_size=32)
    assert exact.runs[0] == alone.value
    assert len(set(exact.runs)) == 6
    assert (exact.diagnostics["runs"], exact.diagnostics["failed"]) == (6, 0)


def test_the_mean_has_the_error_of_a_mean(exact):
    from scipy.stats import sem, t

    assert exact.value == pytest.approx(np.mean(exact.runs))
    assert exact.stderr == pytest.approx(sem(exact.runs))
    half = t.ppf(0.975, 5) * sem(exact.runs)
    assert exact.interval == pytest.approx((exact.value - half, exact.value + half))
    assert (exact.lower, exact.upper) == (None, None)


def test_truth_and_error_are_on_the_answer(exact):
    truth = wb.tasks.get("gaussian_shift").truth(1).value
    assert exact.truth == truth
    assert exact.error == exact.value - truth
    assert "error=" in repr(exact)
    frame = exact.to_frame()
    assert (frame["truth"][0], frame["error"][0]) == (truth, exact.error)
    assert wb.estimate(np.zeros((2, 1)), np.ones((2, 1))).error is None


def test_critics_average_their_histories():
    critic = wb.estimators.get("group_sort", steps=3, hidden=(8,))
    found = wb.evaluate("gaussian_shift", critic, eval_samples=500, runs=3)
    alone = wb.evaluate("gaussian_shift", critic, eval_samples=500)
    assert found.history.shape == (3,)
    assert found.runs[0] == alone.value
    assert found.history[0] != alone.history[0]
    assert found.interval is None
    assert found.lower is None
    assert alone.lower is not None


def test_a_history_that_ended_early_counts_as_far_as_it_goes():
    runs = [replace(answer(1.0), history=np.full(k, float(k))) for k in (3, 2)]
    np.testing.assert_array_equal(mean_of_runs(runs).history, [2.5, 2.5, 3])


def answer(value, status="ok"):
    if status == "ok":
        return Estimate(value, value, target="batch", bound="exact")
    return Estimate.failed(status, "too steep", target="batch", bound="exact")


def test_runs_without_a_number_are_counted_and_left_out():
    found = mean_of_runs([answer(1.0), answer(0, "diverged"), answer(3.0)])
    assert found.value == 2
    assert found.message.startswith("1 of 3 runs gave no number (diverged: too steep)")
    np.testing.assert_array_equal(found.runs, [1, math.nan, 3])
    none = mean_of_runs([answer(0, "diverged")] * 2)
    assert (none.status, none.message) == ("diverged", "too steep")
    assert math.isnan(none.value)
    one = mean_of_runs([answer(1.0), answer(0, "diverged")])
    assert (one.stderr, one.interval) == (None, None)


@pytest.mark.parametrize(("signed", "mean"), [((-3.0, 1.0, 4.0), 2 / 3), ((-3.0, 1.0, -1.0), -1)])
def test_costs_that_read_0_do_not_raise_the_mean(signed, mean):
    """Of an unbiased estimator at equal laws it would be above 0, however many runs there are."""
    runs = [
        replace(answer(max(cost, 0.0)), diagnostics={"signed_cost": cost} if cost < 0 else {})
        for cost in signed
    ]
    found = mean_of_runs(runs)
    assert found.cost == pytest.approx(max(mean, 0))
    assert found.diagnostics.get("signed_cost", found.cost) == pytest.approx(mean)
    assert mean_of_runs([replace(answer(0.0), cost=-1.0)] * 2).cost == -1  # p = 1


def test_the_number_of_runs_is_whole():
    with pytest.raises(ValueError, match="runs: expected a whole number >= 1, got 0"):
        wb.evaluate("gaussian_shift", "exact", runs=0)
