"""Maps of estimators against the optimal one, in both protocols and in `evaluate`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.protocol.fixed import run_fixed
from wdist_bench.protocol.maps import map_probe
from wdist_bench.protocol.parallel import run_keys
from wdist_bench.protocol.stream import Keys, Stream, evaluation_batches, run_stream

SCALES, SHIFT = np.array([3.0, 0.5]), np.array([1.0, -1.0])
STRETCHED = wb.tasks.get("gaussians", mean_x=[0.0, 0.0], cov_x=np.eye(2).tolist(),
                         mean_y=[1.0, -1.0], cov_y=np.diag(SCALES**2).tolist())  # fmt: skip


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class KnowingFitted(wb.FittedPotential):
    """The potential of `STRETCHED`, as a stranger would write it, without p and unit."""

    center: Any
    estimator: Any = field(metadata={"static": True})

    def critic(self, points):
        """|x|^2 - 2 u(x) with grad u(x) = SCALES x + (1, -1)."""
        scales, shift = (jnp.asarray(v, points.dtype) for v in (SCALES, SHIFT))
        u = (points**2 * scales).sum(1) / 2 + points @ shift
        return (points**2).sum(1) - 2 * u

    def potentials(self, samples, cost):
        return c_transform_dual(self.critic, samples, cost)

    def inverse_transport(self, points):
        scales, shift = (jnp.asarray(v, points.dtype) for v in (SCALES, SHIFT))
        return self.estimator.off + (points - shift) / scales


@dataclass(frozen=True)
class Knowing(wb.Estimator):
    name = "knowing"
    version = 1
    target = "batch"
    bound = "lower"
    traced = True

    off: float = 0.0

    def fit(self, key, problem):
        return KnowingFitted(problem.center, self)


def c_transform_dual(critic, samples, cost):
    phi = critic(samples.x)
    return phi, (cost.pairwise(samples.x, samples.y) - phi[:, None]).min(0)


TASK = wb.tasks.get("convex_gradient", direction=(2.0, 1.0), strength=1.5)
STREAM = Stream(n=48, runs=2, eval_batches=2, seed=3)


def _by_hand(images, optimal, points):
    """L2-UVP and cosine, entry by entry."""
    variance = sum(np.var(column) for column in optimal.T)
    missed = np.mean([((one - best) ** 2).sum() for one, best in zip(images, optimal, strict=True)])
    move, best = (images - points).ravel(), (optimal - points).ravel()
    return 100 * missed / variance, move @ best / np.linalg.norm(move) / np.linalg.norm(best)


@pytest.mark.parametrize("run", [run_stream, run_fixed])
@pytest.mark.parametrize("name", ["exact", "nearest_neighbor"])
def test_the_map_of_a_run_is_that_of_its_first_batch(run, name):
    """On the host and traced alike; the same in both protocols, forward and inverse."""
    found = run(TASK, wb.estimators.get(name), Cost(2), STREAM).agreement
    x, y = (np.asarray(v, np.float64) for v in TASK.pairs(
        jax.random.fold_in(jax.random.key(3), np.uint32(2**32 - 1)), 4096, 2))  # fmt: skip
    for number, key in enumerate(run_keys(3, 2)):
        batch = next(evaluation_batches(TASK.sampler(), Keys.of(key).evaluation, STREAM))
        answer = wb.estimate(batch.x, batch.y, name, p=2)
        uvp, cosine = _by_hand(answer.map(x), TASK.map(x, 2), x)
        assert uvp > 1
        assert found["l2_uvp"][number] == pytest.approx(uvp, rel=1e-5)
        assert found["map_cosine"][number] == pytest.approx(cosine, abs=1e-5)
        uvp, cosine = _by_hand(answer.inverse_map(y), TASK.inverse_map(y, 2), y)
        assert found["inverse_l2_uvp"][number] == pytest.approx(uvp, rel=1e-5)
        assert found["inverse_map_cosine"][number] == pytest.approx(cosine, abs=1e-5)


@pytest.mark.usefixtures("float32_products")
def test_a_trained_potential_is_held_to_the_same_points_in_stream_and_evaluate():
    critic = wb.estimators.get("c_transform", steps=200, batch_size=48, learning_rate=1e-2)
    stream = run_stream(TASK, critic, Cost(2), STREAM).agreement
    answer = wb.evaluate(TASK, critic, p=2, seed=3, eval_batches=2)
    probe = map_probe(TASK, Cost(2), 3)
    assert len(probe.x) == 4096
    assert 0.3 < stream["map_cosine"][0] < 1
    for name in ("l2_uvp", "map_cosine"):
        assert answer.diagnostics[name] == pytest.approx(stream[name][0], rel=2e-3)
    assert set(stream) == {"gradient_cosine", "gradient_l2", "l2_uvp", "map_cosine"}


def test_one_batch_of_evaluate_is_the_first_of_stream():
    answer = wb.evaluate(TASK, "gaussian", p=2, seed=3, batch_size=48, eval_batches=2)
    stream = run_stream(TASK, wb.estimators.get("gaussian"), Cost(2), STREAM).agreement
    assert answer.diagnostics["l2_uvp"] == pytest.approx(stream["l2_uvp"][0])


@pytest.mark.parametrize(
    ("task", "cost"),
    [("convex_gradient", Cost(1)), ("convex_gradient", Cost(2, "l1")), ("clusters", Cost(2))],
)
def test_without_a_known_map_for_p_2_in_l2_there_is_nothing(task, cost):
    task = wb.tasks.get(task)
    assert map_probe(task, cost, 0) is None
    for run in (run_stream, run_fixed):
        assert "l2_uvp" not in run(task, wb.estimators.get("exact"), cost, STREAM).agreement


def test_populations_far_from_zero_are_compared_relative_to_their_origin():
    far = 1e8
    means = {"mean_x": [far, 0.0], "mean_y": [far + 1, 0.0]}
    near = {"mean_x": [0.0, 0.0], "mean_y": [1.0, 0.0]}
    found = [
        run_stream(wb.tasks.get("gaussians", **m), wb.estimators.get("exact"), Cost(2), STREAM)
        for m in (means, near)
    ]
    one, other = (result.agreement["l2_uvp"] for result in found)
    np.testing.assert_allclose(one, other, rtol=1e-3)


def test_the_identity_has_no_cosine():
    """mu = nu: nothing is to be moved, and the error is that of what is moved in vain."""
    task = wb.tasks.get("gaussian_shift", shift=0.0)
    found = run_fixed(task, wb.estimators.get("gaussian"), Cost(2), STREAM).agreement
    assert set(found) == {"l2_uvp", "inverse_l2_uvp"}
    assert 0 < found["l2_uvp"][0] < 30


@pytest.mark.parametrize("off", [0.0, 0.25])
def test_a_strangers_potential_has_maps_by_its_two_methods(off):
    """Forward by its gradient, exact here; back by what it overrides, off by (1/4, 1/4).

    In the coordinates of the draws; "fixed" centres them, which this potential does not know.
    """
    expected = {"l2_uvp": 0.0, "map_cosine": 1.0, "inverse_l2_uvp": 100 * 2 * off**2 / 2}
    found = run_stream(STRETCHED, Knowing(off), Cost(2), STREAM).agreement
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-4 + 0.08 * value)
    answer = wb.evaluate(STRETCHED, Knowing(off), p=2, seed=3, eval_batches=2)
    for name, value in expected.items():
        assert answer.diagnostics[name] == pytest.approx(value, abs=1e-4 + 0.08 * value)
