"""GAN losses as data: values, objectives and gradients known in closed form."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wdist_bench.costs import Cost
from wdist_bench.problem import Samples
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.studies.generators.training import losses

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(1), (32, 5), jnp.float32)
Y = jax.random.normal(jax.random.key(2), (32, 5), jnp.float32) + 1
SAMPLES = Samples(X, Y)


def level(number):
    """A critic that says `number` of x and -number of y."""
    return lambda points: jnp.where(jnp.arange(len(points)) < len(X), number, -number).astype(
        jnp.float32
    )


@pytest.mark.parametrize("name", losses.STANDARD)
def test_the_standard_gan_reports_a_jensen_shannon_divergence(name):
    loss = losses.build(name, (8,))
    assert float(loss.value(level(0.0), SAMPLES)) == pytest.approx(0, abs=1e-6)  # D = 1/2
    assert float(loss.value(level(50.0), SAMPLES)) == pytest.approx(np.log(2), rel=1e-6)
    # the critic ascends V + 2 log 2, V = mean log D(x) + mean log(1 - D(y)), D = sigmoid(+-1)
    by_hand = 2 * np.log(1 / (1 + np.exp(-1))) + 2 * np.log(2)
    assert float(loss.objective(level(1.0), SAMPLES, KEY)) == pytest.approx(by_hand, rel=1e-5)


def test_a_sure_critic_starves_the_saturating_generator_alone():
    def push(name):
        loss = losses.build(name, (8,))
        sure = lambda points: points.sum(1) - 20  # noqa: E731
        slope = jax.grad(lambda y: loss.generator(sure, Samples(X, y)))(jnp.zeros_like(Y))
        return float(-slope.sum())

    # d/df of log(1 - D) is -D = -sigmoid(-20), of -log D is -(1 - D); five coordinates each
    assert push("saturating") == pytest.approx(5 / (1 + np.exp(20)), rel=1e-3)
    assert push("non_saturating") == pytest.approx(5, rel=1e-3)


@pytest.mark.parametrize("name", ["weight_clipping", "gradient_penalty"])
def test_a_wgan_generator_climbs_the_critic(name):
    loss = losses.build(name, (8,))
    params, apply = loss.start(KEY, X)
    down = jax.grad(lambda y: loss.generator(lambda p: apply(params, p), Samples(X, y)))(Y)
    climb = jax.vmap(jax.grad(lambda p: apply(params, p[None])[0]))(Y)
    np.testing.assert_allclose(down, -climb / len(Y), rtol=1e-4, atol=1e-7)


def test_the_penalty_is_the_critics_alone():
    loss = losses.build("gradient_penalty", (8,))
    steep = lambda points: 3 * points[:, 0]  # noqa: E731  (slope 3 everywhere)
    gap = float(loss.value(steep, SAMPLES) - loss.objective(steep, SAMPLES, KEY))
    assert gap == pytest.approx(10 * (3 - 1) ** 2, rel=1e-4)
    assert float(loss.generator(steep, SAMPLES)) == float(loss.value(steep, SAMPLES))


def test_clipping_projects_the_critic_on_its_box():
    loss = losses.build("weight_clipping", (8,))
    params, _ = loss.start(KEY, X)
    largest = max(float(abs(leaf).max()) for leaf in jax.tree.leaves(loss.project(params)))
    assert largest == pytest.approx(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["c_transform", "funnel"])
def test_certified_losses_are_lower_bounds_on_the_batch_for_any_parameters(name):
    loss = losses.build(name, (8,))
    exact = solve_exact(Cost().matrix(np.asarray(X), np.asarray(Y))).cost
    for seed in range(5):
        params, apply = loss.start(jax.random.key(seed), jnp.concatenate([X, 3 * Y]))
        noise = jax.random.key(100 + seed)
        noisy = jax.tree.map(lambda w, k=noise: w + jax.random.normal(k, w.shape), params)
        value = float(loss.value(lambda p, w=noisy, f=apply: f(w, p), SAMPLES))
        assert value <= exact * (1 + 1e-5)


def test_the_rate_multiplies_both_learning_rates():
    params = {"w": jnp.zeros(3, jnp.float32)}
    gradient = {"w": jnp.ones(3, jnp.float32)}
    for name in ("saturating", "weight_clipping", "gradient_penalty", "funnel"):
        for rule in ("critic_optimizer", "generator_optimizer"):
            moves = []
            for rate in (1.0, 4.0):
                update = getattr(losses.build(name, (8,), rate), rule)
                moves.append(update.update(gradient, update.init(params), params)[0]["w"])
            np.testing.assert_allclose(moves[1], 4 * moves[0], rtol=1e-5)


def test_every_neural_critic_is_a_loss_and_nothing_else_is():
    assert {"weight_clipping", "gradient_penalty", "c_transform", "soft_c_transform"} < set(
        losses.names()
    )
    with pytest.raises(ValueError, match=r"loss: expected one of .*, got 'exact'"):
        losses.build("exact", (8,))
