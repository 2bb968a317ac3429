"""Optimal pairs, potentials and gradients agree with the samples and with each other."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.tasks.blurred_images import Blur


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("noisy", {"dim": 3, "noise_std": 2.0}),
        ("own_data", {"transform": "dilate", "center": 1.0}),
        ("own_data", {"transform": "funnels", "width": 4}),
    ],
)
def test_pairs_have_the_marginals_of_samples(name, parameters):
    """Of other parameters than the rules of conformance look at."""
    task = wb.tasks.get(name, **parameters)
    n = 800
    drawn = [np.asarray(v, float) for v in task.sample(jax.random.key(5), n)]
    coupled = [np.asarray(v, float) for v in task.pairs(jax.random.key(6), n)]
    for ours, theirs in zip(drawn, coupled, strict=True):
        for moment in (ours, theirs), (ours**2, theirs**2):
            gap = moment[0].mean(0) - moment[1].mean(0)
            stderr = np.hypot(*(m.std(0) for m in moment)) / math.sqrt(n)
            assert (np.abs(gap) <= 5 * stderr + 1e-6).all()


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("translated_images", {}),
        ("blurred_images", {}),
        ("noisy", {}),
        ("weighted_points", {}),
        ("own_data", {}),
        ("own_data", {"transform": "dilate"}),
        ("own_data", {"transform": "dilate", "factor": 2.5}),
    ],
)
def test_potentials_close_the_duality_gap_pair_by_pair(name, parameters, p):
    """phi(x) + phi^c(y) = c(x, y) on optimal pairs, phi^c over all the x drawn."""
    task = wb.tasks.get(name, **parameters)
    if (name, p) == ("blurred_images", 1):
        assert task.potential(np.ones((1, 64)), p) is None
        return
    x, y = (np.asarray(v, float) for v in task.pairs(jax.random.key(7), 200, p))
    phi = np.asarray(task.potential(jnp.asarray(x, jnp.float32), p), float)
    costs = Cost(p).matrix(x, y)
    transform = (costs - phi[:, None]).min(0)
    matched = np.diagonal(costs)
    scale = 1 + np.abs(phi).max() + costs.max()
    np.testing.assert_allclose(phi + transform, matched, atol=2e-6 * scale)
    if p == 1:
        psi = np.asarray(task.potential(jnp.asarray(y, jnp.float32), p), float)
        np.testing.assert_allclose(phi - psi, matched, atol=2e-6 * scale)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("translated_images", {}),
        ("blurred_images", {}),
        ("noisy", {}),
        ("own_data", {"transform": "dilate", "factor": 2.5}),
        ("funnels", {"dim": 3}),
    ],
)
def test_gradients_are_those_of_the_potential(name, parameters, p):
    task = wb.tasks.get(name, **parameters)
    if (name, p) in (("funnels", 2), ("blurred_images", 1)):
        assert task.potential_gradient(np.ones((1, task.dim)), p) is None
        return
    x = np.asarray(task.sample(jax.random.key(8), 20)[0], np.float32)
    direction = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    direction /= np.linalg.norm(direction)
    step = 1e-2 if name != "funnels" else 1e-4
    up, down = (np.asarray(task.potential(x + s * direction, p), float) for s in (step, -step))
    slope = (np.asarray(task.potential_gradient(x, p), float) * direction).sum(1)
    np.testing.assert_allclose((up - down) / (2 * step), slope, atol=5e-3, rtol=5e-3)


def test_the_blur_is_symmetric_and_semi_definite_and_optimal_at_p_2_alone():
    """The conditions of its truth, on images of one and of three channels."""
    for shape in ((5, 7), (4, 6, 3)):
        blur, size = Blur(shape, 3), math.prod(shape)
        matrix = blur.move(np.eye(size))
        np.testing.assert_allclose(matrix, matrix.T, atol=1e-15)
        assert np.linalg.eigvalsh(matrix).min() > -1e-15
        np.testing.assert_allclose(matrix.sum(0), 1)
    task = wb.tasks.get("blurred_images")
    assert task.pairs(jax.random.key(0), 5, 1) is None
    assert task.potential(np.ones((2, 64)), 1) is None
    assert task.truth(1) is None
    assert task.truth(2, "l1") is None
    x, y = (np.asarray(v, float) for v in task.pairs(jax.random.key(1), 400, 2))
    exact = wb.estimate(x, y, p=2).value
    assert exact == pytest.approx(np.sqrt(((x - y) ** 2).sum(1).mean()), rel=1e-9)
