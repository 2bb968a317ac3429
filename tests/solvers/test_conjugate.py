"""Conjugates of convex functions against closed forms and SciPy, and their bound from above."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from wdist_bench.networks.convex import Convex
from wdist_bench.solvers.conjugate import above, maximizers

STRENGTH = 0.05


@jax.jit
def _solved(phi, targets):
    points = maximizers(phi, targets, targets, 300, 1e-18)
    return points, *above(phi, targets, points, STRENGTH)


def solved(phi, targets):
    """Points, bounds from above and slacks, float64 on the host."""
    return [np.asarray(found) for found in _solved(phi, targets)]


@partial(jax.jit, static_argnames="strength")
def _bounded(phi, targets, points, strength):
    return above(phi, targets, points, strength)


def bounded(phi, targets, points, strength=STRENGTH):
    """Bounds from above and slacks, float64 on the host."""
    return [np.asarray(found) for found in _bounded(phi, targets, points, float(strength))]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Form:
    """phi(u) = u^T A u / 2 + <b, u>."""

    matrix: jax.Array
    shift: jax.Array

    def __call__(self, u):
        return ((u @ self.matrix) * u).sum(1) / 2 + u @ self.shift


def quadratic(dim, seed=0):
    """phi(u) = u^T A u / 2 + <b, u>, whose conjugate is (y - b)^T A^-1 (y - b) / 2."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(dim, dim))
    matrix = root @ root.T / dim + STRENGTH * np.eye(dim)
    return matrix, rng.normal(size=dim)


def trained(dim, seed=0):
    """A network that is far from its start, as training leaves it."""
    network = Convex.start(jax.random.key(seed), dim, (16, 16, 16), STRENGTH)
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda weights: weights + jnp.asarray(rng.normal(size=weights.shape), jnp.float32), network
    ).project()


@pytest.mark.parametrize("dim", [1, 4, 20])
def test_the_conjugate_of_a_quadratic_is_the_closed_one(dim):
    matrix, shift = quadratic(dim)
    targets = 2 * np.random.default_rng(1).normal(size=(50, dim))
    inverse = np.linalg.inv(matrix)
    with jax.enable_x64(True):
        y = jnp.asarray(targets)
        phi = Form(jnp.asarray(matrix), jnp.asarray(shift))
        points, found, slack = solved(phi, y)
    np.testing.assert_allclose(points, (targets - shift) @ inverse, atol=1e-5)
    exact = (((targets - shift) @ inverse) * (targets - shift)).sum(1) / 2
    np.testing.assert_allclose(found, exact, rtol=1e-7, atol=1e-7)
    assert np.abs(slack).max() < 1e-6


def test_the_conjugate_of_a_network_is_that_of_scipy():
    phi, dim = trained(3), 3
    targets = np.random.default_rng(2).normal(size=(12, dim)) * 3
    with jax.enable_x64(True):
        y = jnp.asarray(targets)
        points, found, slack = solved(phi, y)
        value = jax.jit(jax.value_and_grad(lambda phi, u, t: phi(u[None])[0] - u @ t, argnums=1))
        for k, target in enumerate(targets):
            best = minimize(
                lambda u, t=target: tuple(np.asarray(v, np.float64) for v in value(phi, u, t)),
                target, jac=True, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-9},
            )  # fmt: skip
            np.testing.assert_allclose(points[k], best.x, atol=1e-4)
            assert float(found[k]) == pytest.approx(-best.fun, abs=1e-6)
    assert float(slack.max()) < 1e-6


def test_any_point_bounds_the_conjugate_from_above():
    """Between the value at the point, which is below, and that plus the slack."""
    phi, dim = trained(5, seed=3), 5
    rng = np.random.default_rng(4)
    with jax.enable_x64(True):
        y = jnp.asarray(3 * rng.normal(size=(400, dim)))
        best, exact, _ = solved(phi, y)
        for spread in (0.01, 0.3, 5.0):
            points = best + spread * rng.normal(size=y.shape)
            found, slack = bounded(phi, y, jnp.asarray(points))
            assert (found >= exact - 1e-9).all()
            assert (found - slack <= exact + 1e-9).all()
            assert float((found - exact).max()) > 1e-6  # so that the test can fail


def test_a_wrong_strength_is_no_bound():
    """The slack is what makes it one: with a beta that the function has not, it fails."""
    matrix, _ = quadratic(3)
    least = np.linalg.eigvalsh(matrix).min()
    with jax.enable_x64(True):
        a = jnp.asarray(matrix)
        phi = Form(a, jnp.zeros(3))
        y = jnp.asarray(np.random.default_rng(5).normal(size=(200, 3)))
        exact = ((np.asarray(y) @ np.linalg.inv(matrix)) * np.asarray(y)).sum(1) / 2
        points = jnp.zeros_like(y)
        assert (bounded(phi, y, points, least)[0] >= exact - 1e-12).all()
        assert (bounded(phi, y, points, 30 * least)[0] < exact).any()
