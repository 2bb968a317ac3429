"""The coordinates of Gaussians: their map is the identity there, and conjugates stay conjugates."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.solvers.affine import Frame, Moments, moments

OF = jax.jit(Frame.of)


def laws(dim, seed=0):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(2, dim, dim)) / np.sqrt(dim)
    means = rng.normal(size=(2, dim))
    return [
        Moments(
            jnp.asarray(mean, jnp.float32),
            jnp.asarray(root @ root.T + np.eye(dim) / 4, jnp.float32),
        )
        for mean, root in zip(means, roots, strict=True)
    ]


@pytest.mark.parametrize("dim", [1, 3, 12])
def test_the_identity_is_the_optimal_map_of_the_gaussians(dim):
    mu, nu = laws(dim)
    task = wb.tasks.get(
        "gaussians",
        mean_x=np.asarray(mu.mean).tolist(), cov_x=np.asarray(mu.covariance).tolist(),
        mean_y=np.asarray(nu.mean).tolist(), cov_y=np.asarray(nu.covariance).tolist(),
    )  # fmt: skip
    x = np.random.default_rng(1).normal(size=(30, dim))
    with jax.enable_x64(True):
        frame = OF(mu, nu).at(jnp.float64)
        images = np.asarray(frame.leave_y(frame.enter_x(jnp.asarray(x))))
        matrix = np.asarray(frame.matrix)
    inside = matrix @ np.asarray(mu.covariance, np.float64) @ matrix
    # Both covariances have a little more in every direction, 1e-4 of their mean.
    np.testing.assert_allclose(images, task.map(x, 2), rtol=2e-3, atol=2e-3)
    assert np.trace(inside) / dim == pytest.approx(1, rel=1e-2)


def test_a_convex_function_and_its_conjugate_keep_fenchel_and_young():
    """phi'(x') = |x'|^2, phi'*(y') = |y'|^2 / 4: phi(x) + phi*(y) >= <x, y>, equal at the image."""
    frame32 = OF(*laws(4, seed=2))
    with jax.enable_x64(True):
        frame = frame32.at(jnp.float64)
        rng = np.random.default_rng(3)
        x, y = (jnp.asarray(3 * rng.normal(size=(200, 4))) for _ in range(2))

        def total(x, y):
            phi = frame.potential(x, (frame.enter_x(x) ** 2).sum(1))
            return phi + frame.conjugate(y, (frame.enter_y(y) ** 2).sum(1) / 4) - (x * y).sum(1)

        assert float(total(x, y).min()) > 0
        image = frame.leave_y(2 * frame.enter_x(x))
        assert float(jnp.abs(total(x, image)).max()) < 1e-9
        for there, back, points in (
            (frame.enter_x, frame.leave_x, x),
            (frame.enter_y, frame.leave_y, y),
        ):
            assert float(jnp.abs(back(there(points)) - points).max()) < 1e-10


def test_moments_are_those_of_all_draws():
    rows = np.random.default_rng(4).normal(size=(5, 2, 40, 3)) + 7
    held = jnp.asarray(rows, jnp.float32)
    mu, nu = moments(lambda k: (held[k, 0], held[k, 1]), 5)
    for found, side in ((mu, 0), (nu, 1)):
        every = rows[:, side].reshape(-1, 3)
        np.testing.assert_allclose(found.mean, every.mean(0), rtol=1e-5)
        np.testing.assert_allclose(found.covariance, np.cov(every.T, bias=True), atol=1e-5)


def test_laws_without_extent_have_finite_coordinates():
    zero = Moments(jnp.zeros(3), jnp.zeros((3, 3)))
    flat = Moments(jnp.ones(3), jnp.diag(jnp.array([1.0, 0.0, 0.0])))
    for mu, nu in ((zero, zero), (zero, flat), (flat, flat)):
        frame = OF(mu, nu)
        assert all(bool(jnp.isfinite(part).all()) for part in jax.tree.leaves(frame))
