"""Gradients of critics against those of the optimal potential."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.problem import Problem
from wdist_bench.protocol.parallel import run_keys
from wdist_bench.protocol.stream import Keys, Stream, run_stream


@pytest.mark.usefixtures("float32_products")
def test_run_stream_and_evaluate_agree_with_the_definition_by_hand():
    """mean <g, g*> / |g| |g*| and mean |g - g*|^2 in NumPy, at points of nu."""
    task = wb.tasks.get("funnels", dim=3, width=4)
    critic = wb.estimators.get("gradient_penalty", steps=50, batch_size=64, learning_rate=1e-3)
    result = run_stream(task, critic, Cost(), Stream(runs=2, eval_batches=2))
    keys = Keys.of(run_keys(0, 2)[0])
    problem = Problem.from_sampler(task.sampler(), Cost(), keys.train)
    with jax.enable_x64(True):
        fitted = critic.fit(keys.estimator, problem)
    y = np.asarray(task.sample(keys.gradient, 4096)[1], np.float32)
    found, best = fitted.gradient(y), np.asarray(task.potential_gradient(y))
    sizes = np.linalg.norm(found, axis=1) * np.linalg.norm(best, axis=1)
    cosine = ((found * best).sum(1) / sizes).mean()
    l2 = ((found - best) ** 2).sum(1).mean()
    assert 0.2 < cosine < 0.999  # neither untrained nor perfect
    assert result.agreement["gradient_cosine"][0] == pytest.approx(cosine, abs=2e-4)
    assert result.agreement["gradient_l2"][0] == pytest.approx(l2, abs=2e-4)
    answer = wb.evaluate(task, critic, eval_samples=1000)
    assert answer.diagnostics["gradient_cosine"] == pytest.approx(cosine, abs=2e-4)
    assert answer.diagnostics["gradient_l2"] == pytest.approx(l2, abs=2e-4)


@pytest.mark.slow
def test_a_funnel_finds_the_direction_of_a_shift():
    answer = wb.evaluate(
        "gaussian_shift",
        wb.estimators.get("funnel", steps=500, batch_size=256, centers=64),
        eval_samples=1000,
    )
    assert answer.diagnostics["gradient_cosine"] > 0.98
    assert answer.diagnostics["gradient_l2"] < 0.04


@pytest.mark.parametrize(
    ("task", "estimator"), [("image_batches", "weight_clipping"), ("gaussian_shift", "exact")]
)
def test_without_a_known_potential_or_a_critic_there_is_none(task, estimator):
    options = {"steps": 2} if estimator == "weight_clipping" else {}
    answer = wb.evaluate(task, wb.estimators.get(estimator, **options), eval_batches=2,
                         eval_samples=100)  # fmt: skip
    assert "gradient_cosine" not in answer.diagnostics
