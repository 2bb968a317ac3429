"""The protocol "fixed" against the calls that a user makes."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.protocol.answers import measured
from wdist_bench.protocol.fixed import run_fixed
from wdist_bench.protocol.parallel import run_keys
from wdist_bench.protocol.stream import Keys, Stream, batch_truths, evaluation_batches
from wdist_bench.runs.cell import Cell

TASK = wb.tasks.get("gaussian_shift")
STREAM = Stream(n=24, runs=3, eval_batches=1, seed=5)


@pytest.mark.parametrize(
    ("name", "options"), [("c_transform", {"steps": 20}), ("bracket", {}), ("sliced", {})]
)
def test_a_run_is_the_call_that_a_user_makes(name, options):
    found = run_fixed(TASK, wb.estimators.get(name, **options), Cost(1), STREAM)
    for run, key in enumerate(run_keys(STREAM.seed, STREAM.runs)):
        keys = Keys.of(key)
        (pair,) = evaluation_batches(TASK.sampler(), keys.evaluation, STREAM)
        seed = int(jax.random.bits(keys.estimator))
        answer = wb.estimate(pair.x, pair.y, name, p=1, seed=seed, **options)
        assert found.costs[run, 0] == answer.cost
    assert found.costs.shape == (3, 1)


def test_every_estimator_sees_the_arrays_that_the_truth_is_of():
    truths = batch_truths(TASK, Cost(2), STREAM)
    exact = run_fixed(TASK, wb.estimators.get("exact"), Cost(2), STREAM)
    assert np.array_equal(exact.costs, truths)
    below = run_fixed(TASK, wb.estimators.get("c_transform", steps=20), Cost(2), STREAM)
    assert (below.costs <= truths * (1 + 1e-5)).all()


@pytest.mark.parametrize("protocol", ["stream", "fixed"])
def test_bounds_errors_and_diagnostics_of_every_run_reach_the_record(protocol):
    cell = Cell("gaussian_shift", {}, "bracket", {}, 2, n=24, runs=3, eval_batches=4,
                protocol=protocol)  # fmt: skip
    record = cell.run({}, lambda truth: truth)
    lower, upper = np.array(record["lower"]), np.array(record["upper"])
    truths = np.sqrt(batch_truths(TASK, Cost(2), cell.stream).mean(axis=1))
    assert (lower <= truths * (1 + 1e-8)).all()  # records have nine digits
    assert (truths <= upper * (1 + 1e-8)).all()
    assert (upper - lower < 2e-3 * upper).all()
    assert len(record["diagnostics"]["gap"]) == 3
    assert "stderr" not in record


def test_a_critic_has_its_training_curve_and_the_noise_of_its_dual():
    cell = Cell("gaussian_shift", {}, "gradient_penalty", {"steps": 30, "batch_size": 8}, n=24,
                runs=2, protocol="fixed")  # fmt: skip
    assert cell.description("cpu")["target"] == "batch"  # of the two arrays, whoever trained
    record = cell.run({}, lambda truth: truth)
    assert np.shape(record["history"]) == (2, 30)
    assert np.all(np.array(record["diagnostics"]["dual_stderr"]) > 0)
    assert record["compile_seconds"] > 0


def test_ends_that_hold_with_a_confidence_are_not_certified():
    def ends(level):
        answer = wb.Estimate(1.0, 1.0, target="batch", bound="none", lower=0.5, upper=2.0,
                             level=level, stderr=0.1)  # fmt: skip
        found = measured([[answer]] * 3, wb.Cost(), [np.zeros(0)] * 3, 0.0, 0.0, {})
        return found.lower.shape, found.upper.shape, found.stderr.shape

    assert ends(None) == ((3, 1),) * 3
    assert ends(0.95) == ((0,), (0,), (3, 1))


def test_a_run_that_stopped_early_has_a_shorter_history():
    answer = wb.Estimate(1.0, 1.0, target="batch", bound="none")
    histories = [np.array([1.0, 2.0]), np.array([3.0]), np.zeros(0)]
    found = measured([[answer]] * 3, wb.Cost(), histories, 0.0, 0.0, {})
    np.testing.assert_array_equal(found.history, [[1, 2], [3, np.nan], [np.nan, np.nan]])
