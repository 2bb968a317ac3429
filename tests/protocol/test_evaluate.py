"""`wb.estimate` and `wb.evaluate`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb


def test_evaluate_speaks_of_the_population_for_critics_and_of_batches_for_the_rest():
    critic = wb.evaluate("gaussian_shift", "gradient_penalty")
    assert critic.target == "population"
    assert critic.diagnostics["eval_samples"] >= 100_000
    assert critic.stderr <= 0.003 * critic.value
    assert critic.interval is None  # that of its dual value is about another number
    assert critic.history.shape == (500,)
    exact = wb.evaluate("gaussian_shift", "exact")
    assert exact.target == "batch"
    # 100 batches: the t interval at 95 % misses 2.843 by chance; 4 standard errors do not
    assert abs(exact.value - 2.843) < 4 * exact.stderr
    assert exact.interval[0] < exact.value < exact.interval[1]


def test_evaluate_takes_as_many_samples_as_it_is_told():
    answer = wb.evaluate(
        "gaussian_shift", wb.estimators.get("gradient_penalty", steps=50), eval_samples=20_000
    )
    assert answer.diagnostics["eval_samples"] == 20_000


def test_a_limit_of_few_samples_is_students(monkeypatch):
    # potentials of two samples: mean 11, standard error of the mean 1, t(0.95, 1) = 6.31
    drawn = np.array([10.0, 12.0]), np.zeros(2), {}
    monkeypatch.setattr("wdist_bench.protocol.evaluate._chunk", lambda *_: drawn)
    critic = wb.estimators.get("group_sort", steps=1, hidden=(8,))
    found = wb.evaluate("gaussian_shift", critic, eval_samples=2)
    assert (found.value, found.stderr) == pytest.approx((11, 1))
    assert found.lower == pytest.approx(11 - 6.313752)
    assert found.level == 0.95  # None would say that it is certified


def test_a_population_value_of_zero_does_not_sample_for_ever():
    estimator = wb.estimators.get("weight_clipping", steps=20)
    answer = wb.evaluate("image_batches", estimator)
    assert abs(answer.value) <= 5 * answer.stderr
    assert answer.diagnostics["eval_samples"] < 200_000
    assert "standard error above 0.3 %" in answer.message


def test_evaluate_averages_batches_in_cost_units():
    answer = wb.evaluate("gaussian_shift", "exact", p=2, eval_batches=20)
    assert answer.value == pytest.approx(np.sqrt(answer.cost), rel=1e-12)
    assert answer.diagnostics["eval_batches"] == 20


def test_estimators_at_one_seed_see_the_same_batches():
    exact, again = (wb.evaluate("gaussian_shift", "exact", eval_batches=3, seed=s) for s in (0, 1))
    held = wb.evaluate("gaussian_shift", "bracket", eval_batches=3, batch_size=64)
    assert held.value == pytest.approx(exact.value, rel=1.1e-3)  # what bracket leaves open
    assert again.value != pytest.approx(exact.value, rel=5e-3)  # means of three differ by 5 %


def test_estimate_takes_numpy_and_jax_and_integers():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 9, (12, 2)), rng.integers(0, 9, (12, 2))
    values = {
        wb.estimate(*pair).value
        for pair in ((x, y), (x.astype(np.float32), y.tolist()), (jnp.asarray(x), jnp.asarray(y)))
    }
    assert len(values) == 1


def test_a_critic_far_from_the_origin_gives_the_same_as_near_it():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 2)), rng.normal(size=(100, 2)) + 1
    near, far = (wb.estimate(x + s, y + s, "c_transform", steps=100).value for s in (0, 1e6))
    assert far == pytest.approx(near, rel=1e-3)


def test_critics_honour_weights():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 2)), rng.normal(size=(60, 2)) + 2
    a = rng.dirichlet(np.ones(60)) * (np.arange(60) < 30)
    a /= a.sum()
    exact = wb.estimate(x, y, a=a).value
    with_zeros = wb.estimate(x, y, "c_transform", a=a, steps=300)
    assert 0.9 * exact < with_zeros.value <= exact
    bound = wb.estimate(x, y, "nearest_neighbor", a=a).value
    assert bound == pytest.approx(wb.estimate(x[:30], y, "nearest_neighbor").value, rel=1e-12)


def test_potentials_are_admissible_and_give_the_value():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=(40, 3)) + 1
    for method in ("exact", "c_transform"):
        answer = wb.estimate(x, y, method, p=2)
        phi, psi = answer.potentials
        assert answer.cost == pytest.approx(phi.mean() + psi.mean(), rel=1e-9)
        assert (phi[:, None] + psi[None, :] - wb.Cost(2).matrix(x, y)).max() < 1e-9


def test_calling_the_library_leaves_global_settings_alone():
    before = jax.config.jax_enable_x64
    wb.estimate(np.zeros((3, 2)), np.ones((3, 2)), "nearest_neighbor")
    wb.estimate(np.zeros((3, 2)), np.ones((3, 2)), "c_transform", steps=2)
    assert jax.config.jax_enable_x64 == before


def test_a_mean_of_zero_at_p_2_has_no_error():
    task = wb.tasks.get("histogram", positions=(0.0,), weights_x=(1.0,), weights_y=(1.0,))
    answer = wb.evaluate(task, "exact", p=2, eval_batches=5)
    assert (answer.value, answer.stderr, answer.interval) == (0, 0, (0, 0))


def test_a_minibatch_larger_than_the_data_is_refused():
    task = wb.tasks.get("image_batches", dataset="digits")
    limit = task.sampler().limit
    critic = wb.estimators.get("gradient_penalty", batch_size=limit + 1, steps=2)
    with pytest.raises(ValueError, match=f"batch_size: expected at most {limit}.*got {limit + 1}"):
        wb.evaluate(task, critic)


def test_no_batch_is_no_batch():
    with pytest.raises(ValueError, match="batch_size"):
        wb.evaluate("gaussian_shift", "exact", batch_size=0)
