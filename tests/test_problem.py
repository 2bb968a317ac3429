"""Draws by weight are as fine as the weights, and ordinary ones are what they were; coordinates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.problem import Problem, Resampler, Samples, draw_by_weight


@pytest.mark.slow
@pytest.mark.parametrize("x64", [False, True])
def test_millions_of_points_are_drawn_alike(x64):
    """Levels that are multiples of 2^-23 give each of 3 million points 2 or 3 of them.

    Pairs of equal draws are n^2 / 2N = 166,667 on average, sd 408; with such levels 2 % more.
    """
    points, n = 3 * 10**6, 10**6
    with jax.enable_x64(x64):
        dtype = jnp.float64 if x64 else jnp.float32
        weights = jnp.full(points, 1 / points, dtype)
        drawn = np.asarray(draw_by_weight(jax.random.key(0), weights, n))
    counts = np.bincount(drawn, minlength=points)
    pairs = (counts * (counts - 1) // 2).sum()
    assert abs(pairs - n**2 / 2 / points) < 5 * 408


@pytest.mark.slow
@pytest.mark.parametrize("x64", [False, True])
def test_a_rare_point_is_drawn_as_often_as_its_weight_says(x64):
    """A weight of 6e-8 is half of 2^-23; 2,000 such points have 1,200 of 10^7 draws."""
    rare = np.full(2000, 6e-8)
    weights = np.concatenate([[0.5], np.stack([rare, 0.5 / 2000 - rare], 1).ravel(), [0.0]])
    n = 10**6
    with jax.enable_x64(x64):
        dtype = jnp.float64 if x64 else jnp.float32
        drawn = [
            np.asarray(draw_by_weight(jax.random.key(seed), jnp.asarray(weights, dtype), n))
            for seed in range(10)
        ]
    counts = np.bincount(np.concatenate(drawn), minlength=len(weights))
    wanted = 10 * n * rare.sum()  # 1,200, Poisson
    assert abs(counts[1:-1:2].sum() - wanted) < 5 * wanted**0.5
    assert abs(counts[0] - 5 * n) < 5 * (2.5 * n) ** 0.5
    assert counts[-1] == 0


def test_ordinary_draws_are_those_of_a_float32_level():
    """Numbers of suites were drawn so; the finer levels part from it once in 2^23 a point."""
    rng = np.random.default_rng(0)
    for seed in range(5):
        weights = rng.dirichlet(np.ones(9))
        weights[[0, 4, 8]] = 0
        weights /= weights.sum()
        key = jax.random.key(seed)
        with jax.enable_x64(True):
            found = np.asarray(draw_by_weight(key, jnp.asarray(weights), 1000))
            level = np.asarray(jax.random.uniform(key, (1000,), jnp.float32), np.float64)
        np.testing.assert_array_equal(found, np.searchsorted(np.cumsum(weights), level, "right"))


@pytest.mark.parametrize("weights", [[1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
def test_all_mass_at_one_point_draws_that_point(weights):
    drawn = draw_by_weight(jax.random.key(1), jnp.asarray(weights, jnp.float32), 500)
    assert (np.asarray(drawn) == weights.index(1.0)).all()


def test_minibatches_of_weighted_samples_follow_the_weights():
    """0.1, 0.2, 0.3, 0.4 of 10^5 draws, within 5 standard deviations."""
    x = jnp.arange(4.0)[:, None]
    weights = jnp.asarray([0.1, 0.2, 0.3, 0.4])
    sampler = Resampler(Samples(x, x, weights, weights))
    for drawn in sampler.draw(jax.random.key(2), 10**5):
        counts = np.bincount(np.asarray(drawn[:, 0], int), minlength=4)
        sd = np.sqrt(10**5 * np.asarray(weights) * (1 - np.asarray(weights)))
        assert (np.abs(counts - 10**5 * np.asarray(weights)) < 5 * sd).all()


def test_coordinates_on_a_torus_have_digits_many_periods_away():
    """Epoch seconds are multiples of 128 in float32."""
    days = wb.costs.Torus(86_400.0)
    x, y = np.random.default_rng(0).uniform(0, 86_400, size=(2, 9, 1))
    for origin in (0.0, 86_400 * 20_000.0):
        given = Samples(x + origin, y + origin)
        problem = Problem.from_samples(given, days, jax.random.key(0), standardize=True)
        inside = problem.sampler.samples
        wanted = days.matrix(given.x, given.y)
        np.testing.assert_allclose(days.matrix(inside.x, inside.y), wanted, atol=0.1)
        assert (problem.center == 0).all() == (origin == 0)
