"""Input-convex networks: convex whatever their numbers, and as strongly as they say."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wdist_bench.networks.convex import Convex, Mover, bend

STRENGTH = 0.03
START = jax.jit(Convex.start, static_argnums=(1, 2, 3, 4))
VALUES = jax.jit(lambda phi, x: phi(x))
SLOPES = jax.jit(lambda phi, x: phi.gradient(x))


def anything(dim, seed, constrained=True):
    """Numbers of both signs in every place, large ones among them."""
    network = START(jax.random.key(seed), dim, (12, 8, 10), STRENGTH, constrained)
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda one: jnp.asarray(3 * rng.standard_t(3, size=one.shape), jnp.float32), network
    )


@pytest.mark.parametrize("dim", [1, 3, 30])
@pytest.mark.parametrize("seed", range(3))
def test_strongly_convex_whatever_the_numbers_are(dim, seed):
    """phi(tx + (1-t)z) <= t phi(x) + (1-t) phi(z) - beta t (1-t) |x - z|^2 / 2, near and far."""
    rng = np.random.default_rng(seed)
    x = 3 * rng.normal(size=(3000, dim))
    z = x + rng.normal(size=x.shape) * 10.0 ** rng.uniform(-3, 1, size=(3000, 1))
    t = rng.uniform(size=3000)
    with jax.enable_x64(True):
        phi = anything(dim, seed)
        between, one, other = (
            np.asarray(VALUES(phi, jnp.asarray(p)))
            for p in (t[:, None] * x + (1 - t)[:, None] * z, x, z)
        )
    gap = t * one + (1 - t) * other - between
    least = STRENGTH * t * (1 - t) * ((x - z) ** 2).sum(1) / 2
    size = np.abs(one) + np.abs(other)
    assert (gap >= least - 1e-12 * size).all()
    assert (gap > 2 * least + 1e-9 * size).any()  # more than its quadratic, so the layers count


def test_without_the_constraint_it_is_not_convex():
    """Else the test above could not fail."""
    rng = np.random.default_rng(0)
    x, z = 3 * rng.normal(size=(2, 3000, 3))
    with jax.enable_x64(True):
        phi = anything(3, 0, constrained=False)
        middle, one, other = (np.asarray(VALUES(phi, jnp.asarray(p))) for p in ((x + z) / 2, x, z))
    assert (middle > (one + other) / 2 + 1e-6).any()


def test_it_starts_at_the_identity():
    phi = Convex.start(jax.random.key(0), 7, (16, 16), STRENGTH)
    x = jnp.asarray(np.random.default_rng(1).normal(size=(50, 7)), jnp.float32)
    np.testing.assert_allclose(SLOPES(phi, x), x, atol=1e-6)
    np.testing.assert_allclose(VALUES(phi, x), (x**2).sum(1) / 2, rtol=1e-5)
    np.testing.assert_allclose(Mover.start(jax.random.key(1), 7, 16)(x), x, atol=1e-6)


def test_projection_changes_no_value():
    phi = anything(4, 2)
    x = jnp.asarray(np.random.default_rng(2).normal(size=(50, 4)), jnp.float32)
    np.testing.assert_allclose(VALUES(phi.project(), x), VALUES(phi, x), rtol=1e-6)
    assert min(float(w.min()) for w in (*phi.project().inner, phi.project().outer)) >= 0
    assert min(float(w.min()) for w in phi.inner) < 0


def test_the_gradient_is_that_of_finite_differences():
    x = np.random.default_rng(3).normal(size=(40, 3))
    step = 1e-6
    with jax.enable_x64(True):
        phi = anything(3, 4)
        slopes = np.asarray(SLOPES(phi, jnp.asarray(x)))
        for k in range(3):
            away = step * np.eye(3)[k]
            ends = [np.asarray(VALUES(phi, jnp.asarray(x + side * away))) for side in (1, -1)]
            np.testing.assert_allclose(
                slopes[:, k], (ends[0] - ends[1]) / (2 * step), rtol=1e-5, atol=1e-4
            )


def test_the_activation_is_the_integral_of_a_ramp():
    t = np.linspace(-2, 3, 5001)
    steps = np.concatenate([[0.0], np.cumsum(np.diff(t) * np.clip((t[1:] + t[:-1]) / 2, 0, 1))])
    with jax.enable_x64(True):
        np.testing.assert_allclose(bend(jnp.asarray(t)), steps, atol=1e-6)
