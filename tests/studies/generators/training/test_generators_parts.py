"""The parts of the generators: facts that hold whatever is trained."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wdist_bench.problem import Samples
from wdist_bench.studies.generators import mixture
from wdist_bench.studies.generators.methods import RATES, compared, names
from wdist_bench.studies.generators.study import smoothness
from wdist_bench.studies.generators.training import critics, diffusion
from wdist_bench.studies.generators.training.attention import AttentionCritic, nnx, patches
from wdist_bench.studies.generators.training.diffusion import Diffusion, kept_share, posterior
from wdist_bench.studies.generators.training.generator import Source
from wdist_bench.studies.generators.training.loop import loop

KEY = jax.random.key(0)


def test_noise_of_the_diffusion_keeps_the_variance_it_says():
    # x_t = sqrt(1 - beta_t) x_(t-1) + sqrt(beta_t) e, level by level, on rows of variance 4
    beta = np.linspace(0.1, 20.0, diffusion.LEVELS) / diffusion.LEVELS
    variance, kept = 4.0, kept_share()
    for level, b in enumerate(beta):
        variance = (1 - b) * variance + b
        assert variance == pytest.approx(kept[level] * 4.0 + 1 - kept[level])
    assert kept[-1] < 1e-4  # what the sampler starts from is noise


def test_the_posterior_is_that_of_two_gaussians():
    # x_(t-1) | x_0 ~ N(sqrt(abar') x_0, 1 - abar'), x_t | x_(t-1) ~ N(sqrt(alpha) x_(t-1), beta)
    kept, left, x0, xt = 0.3, 0.5, 0.7, -0.4
    alpha = kept / left
    precision = 1 / (1 - left) + alpha / (1 - alpha)
    by_hand = (left**0.5 * x0 / (1 - left) + alpha**0.5 * xt / (1 - alpha)) / precision
    mean, variance = posterior(xt, x0, kept, left)
    assert float(mean) == pytest.approx(by_hand)
    assert float(variance) == pytest.approx(1 / precision)
    assert posterior(xt, x0, kept, 1.0)[1] == 0  # the last step is the guess itself
    assert float(posterior(xt, x0, kept, 1.0)[0]) == pytest.approx(x0)


class Sure(Diffusion):
    """Knows that every row is (1, -2)."""

    def guess(self, params, rows, level):
        return jnp.broadcast_to(jnp.array([1.0, -2.0]), rows.shape)


@pytest.mark.parametrize("sampler", ["ancestral", "ddim"])
def test_a_sampler_ends_where_a_sure_denoiser_says(sampler):
    rows = Sure(2, (4,), reach=1.5, sampler=sampler).generate(None, KEY, 5)
    np.testing.assert_allclose(rows, np.tile([1.0, -1.5], (5, 1)), atol=1e-5)  # clipped to reach


class Ideal(Diffusion):
    """E[x_0 | x_t] where x_0 ~ N(0, 4): sqrt(abar) 4 x_t / (4 abar + 1 - abar)."""

    def guess(self, params, rows, level):
        kept = jnp.asarray(kept_share(), jnp.float32)[level][:, None]
        return jnp.sqrt(kept) * 4 * rows / (4 * kept + 1 - kept)


@pytest.mark.parametrize(("sampler", "room"), [("ancestral", 0.1), ("ddim", 0.25)])
def test_a_sampler_with_the_ideal_denoiser_draws_the_law(sampler, room):
    rows = np.asarray(Ideal(1, (4,), reach=100.0, sampler=sampler).generate(None, KEY, 20_000))
    # sd of the mean 0.014, of the sd 0.01; `room` is the error of so few levels
    assert abs(rows.mean()) < 5 * 2 / 20_000**0.5
    assert rows.std() == pytest.approx(2.0, rel=room)


def test_diffusion_is_scored_by_the_error_of_its_guess():
    rows = jax.random.normal(KEY, (64, 2))

    class Right(Diffusion):
        def guess(self, params, noisy, level):
            return rows

    assert float(Right(2, (4,)).loss(None, rows, KEY)) == 0
    assert float(Sure(2, (4,)).loss(None, rows, KEY)) > 0.1


@pytest.mark.slow
def test_the_layers_of_sn_gan_have_norm_one():
    loss = critics.sn_gan((16, 16), rate=50.0)
    rows = jax.random.normal(KEY, (64, 5), jnp.float32)
    samples = Samples(rows, rows + 1)
    params, apply = loss.start(KEY, rows)
    state = loss.critic_optimizer.init(params)
    for _ in range(5):
        slope = jax.grad(lambda p: -loss.objective(lambda z: apply(p, z), samples, KEY))(params)
        updates, state = loss.critic_optimizer.update(slope, state, params)
        params = jax.tree.map(lambda a, b: a + b, params, updates)
    for kernel in (leaf for leaf in jax.tree.leaves(params) if leaf.ndim == 2):
        largest = np.linalg.svd(np.asarray(kernel), compute_uv=False)[0]
        assert largest == pytest.approx(1.0, rel=0.05)  # one power iteration a step


def test_the_hinge_is_the_papers():
    loss = critics.sn_gan((8,))
    f = lambda z: z[:, 0]  # noqa: E731
    samples = Samples(jnp.array([[0.5], [3.0]]), jnp.array([[-2.0], [0.5]]))
    # min(0, .5 - 1) / 2 + min(0, 3 - 1) / 2 + min(0, 2 - 1) / 2 + min(0, -.5 - 1) / 2
    assert float(loss.objective(f, samples, KEY)) == pytest.approx(-0.25 - 0.75)
    assert float(loss.generator(f, samples)) == pytest.approx(0.75)
    assert float(loss.value(f, samples)) == pytest.approx(1.75 + 0.75)


def test_patches_are_those_of_the_picture():
    image = np.arange(64.0).reshape(8, 8)
    found = patches(jnp.asarray(image.reshape(1, 64)), (8, 8))
    assert found.shape == (1, 16, 4)
    np.testing.assert_array_equal(found[0, 1], image[:2, 2:4].reshape(-1))
    np.testing.assert_array_equal(found[0, 4], image[2:4, :2].reshape(-1))
    assert patches(jnp.zeros((3, 5)), ()).shape == (3, 5, 1)
    with pytest.raises(ValueError, match="divisible by 4, got"):
        patches(jnp.zeros((3, 30)), (5, 6))


def test_attention_is_that_of_the_formula():
    critic = AttentionCritic((4, 4), 16, (8,), nnx.Rngs(3))
    rows = np.asarray(jax.random.normal(KEY, (2, 16)))

    def linear(layer, x):
        return x @ np.asarray(layer.kernel[...], np.float64) + np.asarray(layer.bias[...])

    h = linear(critic.embed, rows[:, :, None]) + np.asarray(critic.positions[...])
    for row in range(2):
        q, k, v = (linear(layer, h[row]) for layer in (critic.query, critic.key, critic.value))
        weights = np.exp(q @ k.T / q.shape[1] ** 0.5)
        seen = h[row] + weights / weights.sum(1, keepdims=True) @ v
        hidden = np.maximum(linear(critic.inner, seen.reshape(-1)), 0)
        by_hand = linear(critic.outer, hidden)[0]
        assert float(critic(jnp.asarray(rows))[row]) == pytest.approx(by_hand, rel=1e-4)


def test_a_conditional_generator_uses_its_label_and_says_it():
    source = Source(3, (8,), 2, reach=3.0, shares=(0.1, 0.9))
    params = source.start(KEY)
    rows = np.asarray(source.generate(params, KEY, 4000))
    assert rows.shape == (4000, 4)
    np.testing.assert_array_equal(rows[:, 2:].sum(1), 1)
    assert rows[:, 3].mean() == pytest.approx(0.9, abs=5 * (0.09 / 4000) ** 0.5)
    noise = jnp.zeros((1, 3))
    one, other = (source.rows(params, jnp.concatenate([noise, jnp.eye(2)[i : i + 1]], 1))
                  for i in range(2))  # fmt: skip
    assert float(abs(one - other).max()) > 0.05
    assert float(abs(rows[:, :2]).max()) < 3.0


def test_a_label_weighs_as_much_as_the_pixels_that_it_stands_behind():
    source = Source(3, (4,), 784, shares=(0.5, 0.5))
    rows = np.asarray(source.generate(source.start(KEY), KEY, 50))
    assert set(np.unique(rows[:, 784:])) == {0.0, 14.0}  # sqrt(784) / 2
    assert Source(3, (4,), 2, shares=(0.5, 0.5)).weight == 1


def test_the_loop_steps_and_looks():
    def step(state, key):
        return state + 1, 10 * state

    last, history, looks = loop(step, lambda state: state, jnp.int32(0), KEY, (2, 5))
    assert int(last) == 5
    np.testing.assert_array_equal(history, [0, 10, 20, 30, 40])
    np.testing.assert_array_equal(looks, [2, 5])


def test_gradients_are_compared_as_vectors():
    one, other = {"a": jnp.array([3.0, 0.0]), "b": jnp.array([4.0])}, {
        "a": jnp.array([0.0, 0.0]), "b": jnp.array([2.0])}  # fmt: skip
    length, cosine = compared(one, other)
    assert float(length) == 5
    assert float(cosine) == pytest.approx(8 / (5 * 2))
    nothing = jax.tree.map(jnp.zeros_like, one)
    assert float(compared(one, nothing)[1]) == 0


def test_smoothness_is_of_the_second_half():
    lengths, cosines = np.array([9.0, 9.0, 1.0, np.e, 1.0, 1.0]), np.array([0, 0, 0, 1.0, 0.5, 0.0])
    found = smoothness(lengths, cosines)
    assert found["steadiness"] == pytest.approx((1 + 0) / 2)  # of e, 1, 1
    assert found["turning"] == pytest.approx(0.5)  # of 1, .5, 0
    assert np.isnan(smoothness(np.zeros(4), np.zeros(4))["steadiness"])


def test_modes_and_weights_of_the_mixture_by_hand():
    true = np.repeat(mixture.CENTRES, (100 * mixture.WEIGHTS).round().astype(int), axis=0)
    found = mixture.modes_of(true)
    assert found.modes == 8
    assert found.on_modes == 1
    assert found.weights_w1 == pytest.approx(0, abs=1e-9)
    # the fifth mode's quarter is moved to the fourth: one step along the octagon
    moved = true.copy()
    moved[(moved == mixture.CENTRES[4]).all(1)] = mixture.CENTRES[3]
    found = mixture.modes_of(moved)
    assert found.modes == 7
    assert found.weights_w1 == pytest.approx(0.25 * 2 * mixture.RADIUS * np.sin(np.pi / 8))
    far = mixture.modes_of(true + np.array([0.0, 5 * mixture.SD]))
    assert far.on_modes == 0
    assert far.modes == 0
    assert far.weights_w1 == pytest.approx(0, abs=1e-9)


def test_the_mixture_is_drawn_by_its_weights():
    rows, modes = mixture.draw(np.random.default_rng(0), 20_000)
    shares = np.bincount(modes) / len(modes)
    assert (abs(shares - mixture.WEIGHTS) < 5 * (mixture.WEIGHTS / 20_000) ** 0.5).all()
    off = rows - mixture.CENTRES[modes]
    assert off.std() == pytest.approx(mixture.SD, rel=0.03)


def test_every_generator_has_a_rate():
    assert set(RATES) == set(names())
