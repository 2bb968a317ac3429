"""Critics, discriminators and descents on the segments."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.estimators.potential import dual_value
from wdist_bench.experiment import get
from wdist_bench.problem import Samples
from wdist_bench.protocol.stream import Stream, run_stream
from wdist_bench.results.journal import unpack
from wdist_bench.studies.example1.discriminator import log_dual
from wdist_bench.studies.example1.quadrature import jensen_shannon, normal, normal_edges
from wdist_bench.studies.example1.segments import noisy_segments, over_thetas, segments


def test_a_traced_theta_gives_the_task_s_samples():
    task = wb.tasks.get("parallel_segments", theta=-0.7)
    key = jax.random.key(3)
    for ours, theirs in zip(
        segments(jnp.float32(-0.7)).draw(key, 5), task.sampler().draw(key, 5), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_noise_is_normal_independent_and_on_both():
    x, y = noisy_segments(jnp.float32(2.0), 0.5).draw(jax.random.key(0), 20_000)
    for points, place in ((x, 0.0), (y, 2.0)):
        first = np.asarray(points[:, 0], np.float64)
        assert first.mean() == pytest.approx(place, abs=6 * 0.5 / math.sqrt(20_000))
        assert first.std() == pytest.approx(0.5, rel=0.03)
    assert abs(np.corrcoef(x[:, 0], y[:, 0])[0, 1]) < 0.04


def test_cells_come_back_by_theta_and_run():
    def one(key, theta):
        return theta, jax.random.uniform(key)

    theta, chance = over_thetas(one, (1.0, 2.0, 3.0), 2, seed=5).result
    assert theta.tolist() == [[1, 1], [2, 2], [3, 3]]
    assert (chance == chance[0]).all()  # paired by run
    assert chance[0, 0] != chance[0, 1]


def test_the_critic_is_the_library_s_under_the_protocol():
    experiment = get("example1_critic", thetas=(0.5, 0.0), steps=100, runs=2, eval_batches=10)
    record = experiment.run()
    task = wb.tasks.get("parallel_segments", theta=0.5)
    stream = Stream(n=64, runs=2, eval_batches=10, seed=0)
    theirs = run_stream(task, experiment.estimator, Cost(), stream).costs.mean(axis=1)
    sampled, values = unpack(record["sampled"]), unpack(record["values"])
    np.testing.assert_allclose(sampled[0], theirs, rtol=1e-4)
    assert (np.abs(values - sampled) <= 6 * unpack(record["sampled_stderr"])).all()
    assert values[1].tolist() == [0, 0]  # at theta = 0 both segments are one


def test_no_critic_exceeds_the_slope_of_its_clip_box():
    record = get("example1_critic", hidden=(16,), clip=0.1, learning_rate=0.01, steps=400,
                 thetas=(-1.0, 0.5), runs=2).run()  # fmt: skip
    assert record["slope_limit"] == pytest.approx(0.1**2 * 16)
    ratios = unpack(record["values"]) / np.array([[1.0], [0.5]])
    assert (ratios > 0.05 * record["slope_limit"]).all()
    assert (ratios <= record["slope_limit"]).all()
    assert (np.abs(unpack(record["gradients"])) <= record["slope_limit"]).all()
    # what lowers the value moves theta to 0
    assert (np.sign(unpack(record["gradients"])) == [[-1], [1]]).all()


def test_the_true_log_ratio_is_worth_the_jsd_and_an_ignorant_one_nothing():
    theta, std = 0.6, 0.4
    x, y = noisy_segments(jnp.float32(theta), std).draw(jax.random.key(1), 100_000)

    def log_ratio(points):
        return (theta**2 - 2 * theta * points[:, 0]) / (2 * std**2)

    samples = Samples(x, y)
    value = float(dual_value(*log_dual(log_ratio, samples, Cost()), samples))
    edges = normal_edges((0.0, std), (theta, std))
    exact = jensen_shannon(normal(0.0, std), normal(theta, std), edges)
    assert value == pytest.approx(exact, abs=0.005)
    nothing = dual_value(*log_dual(lambda z: 0 * z[:, 0], samples, Cost()), samples)
    assert float(nothing) == pytest.approx(0, abs=1e-6)


def test_the_discriminator_says_log_two_at_every_distance_and_gives_no_gradient():
    record = get("example1_discriminator", thetas=(0.1, -1.0, 0.0), steps=500, runs=2).run()
    jsd = unpack(record["jsd"])
    assert (np.abs(jsd[:2] - math.log(2)) < 0.02).all()
    assert (np.abs(jsd[2]) < 0.02).all()
    assert (jsd <= math.log(2) + 1e-6).all()
    assert unpack(record["accuracy"])[:2].min() == 1
    e, gradient = unpack(record["distance"])[:2], np.abs(unpack(record["saturating"]))[:2]
    assert (e < 1).all()
    assert (gradient < e / (1 - e)).all()
    assert (np.abs(unpack(record["non_saturating"]))[:2] > 1).all()


def test_annealed_noise_brings_theta_to_zero_where_little_noise_leaves_it():
    common = {"steps": 1500, "runs": 2, "start": 1.5, "learning_rate": 0.01}
    annealed = get("example1_descent", noise_end=0.1, **common).run()
    assert np.abs(annealed["final"]).max() < 0.02
    assert annealed["path_steps"][0] == 0
    assert unpack(annealed["path"])[:, 0].tolist() == [1.5, 1.5]
    little = get("example1_descent", noise_start=0.05, noise_end=0.05, **common).run()
    np.testing.assert_allclose(little["final"], 1.5, atol=1e-3)


@pytest.mark.slow
def test_a_trained_discriminator_moves_theta_only_with_noise():
    common = {"discriminator": "network", "steps": 150, "warm_up": 400, "runs": 2,
              "hidden": (32, 32), "start": 1.0, "learning_rate": 0.01}  # fmt: skip
    noisy = get("example1_descent", noise_start=0.7, noise_end=0.7, **common).run()
    clean = get("example1_descent", noise_start=0.0, noise_end=0.0, **common).run()
    assert max(noisy["final"]) < 0.7
    assert min(clean["final"]) > 0.98


def test_an_optimal_discriminator_needs_noise():
    with pytest.raises(ValueError, match="noise_start: expected a finite number"):
        get("example1_descent", noise_start=0.0, noise_end=0.0)
    with pytest.raises(ValueError, match="noise_end: expected 0 exactly where"):
        get("example1_descent", discriminator="network", noise_start=1.0, noise_end=0.0)
