"""Metrics against hand-computed values and brute force in NumPy."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench import metrics
from wdist_bench.problem import Problem, Samples


def test_errors_are_signed_and_a_truth_of_zero_has_no_relative_one():
    np.testing.assert_array_equal(metrics.signed_error([1.5, 0.5], 1), [0.5, -0.5])
    np.testing.assert_array_equal(metrics.relative_error([3.0, 1.0], [2.0, -2.0]), [0.5, 1.5])
    assert np.isnan(metrics.relative_error(0.1, 0.0))


def test_gradients_are_those_of_the_function_in_more_than_one_chunk():
    points = np.random.default_rng(0).normal(size=(metrics._CHUNK + 7, 2)).astype(np.float32)
    found = jax.jit(lambda z: metrics.gradients(lambda p: (p**3).sum(1), z))(points)
    np.testing.assert_allclose(found, 3 * points**2, rtol=1e-5)


@pytest.mark.parametrize(("norm", "expected"), [("l2", 5.0), ("l1", 4.0)])
def test_the_largest_gradient_is_measured_in_the_dual_norm(norm, expected):
    linear = lambda z: z @ jnp.asarray([3.0, -4.0])  # noqa: E731
    points = jnp.asarray(np.random.default_rng(0).normal(size=(9, 2)), jnp.float32)
    assert metrics.max_gradient_norm(linear, points, wb.Cost(1, norm)) == pytest.approx(expected)


def test_the_largest_gradient_is_that_of_the_steepest_point():
    points = jnp.asarray([[0.5], [-3.0], [1.0]])
    steepest = metrics.max_gradient_norm(lambda z: (z**2).sum(1), points, wb.Cost())
    assert steepest == pytest.approx(6.0)


def test_the_cosine_of_gradients_does_not_depend_on_their_size():
    """Squares of 1e-25 are 0 in float32, and those of 1e25 inf."""
    one, other = jnp.asarray(np.random.default_rng(0).normal(size=(2, 50, 3)), jnp.float32)
    found = [metrics.gradient_cosine(s * one, s * other) for s in (1.0, 2.0**-80, 2.0**80)]
    assert found[0] == found[1] == found[2] != 0
    assert metrics.gradient_cosine(0 * one, other) == 0


@pytest.mark.parametrize(("p", "norm"), [(1, "l2"), (2, "l2"), (1, "l1")])
def test_admissibility_violation_is_the_brute_force_maximum(p, norm):
    cost = wb.Cost(p, norm)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(5, 3))
    phi, psi = rng.normal(size=7), rng.normal(size=5)
    phi[2] = -np.inf
    excess = phi[:, None] + psi[None, :] - cost.matrix(x, y)
    with jax.enable_x64(True):
        found = float(metrics.admissibility_violation(*map(jnp.asarray, (phi, psi, x, y)), cost))
    assert found == pytest.approx(excess.max(), rel=1e-12)
    assert (phi[:, None] + psi - found <= cost.matrix(x, y) + 1e-12).all()


def test_admissibility_violation_of_more_pairs_than_fit_at_once():
    rng = np.random.default_rng(0)
    x, y = (np.sort(rng.normal(size=(count, 1)), 0) for count in (5000, 4000))
    # phi = x and psi = -y are admissible on the line, tight wherever x_i >= y_j
    phi, psi = x[:, 0].astype(np.float32), -y[:, 0].astype(np.float32)
    psi[3990] += 0.25
    points = jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)
    found = metrics.admissibility_violation(jnp.asarray(phi), jnp.asarray(psi), *points, wb.Cost())
    assert found == pytest.approx(0.25 if (x >= y[3990]).any() else 0, abs=1e-5)


def test_gradient_agreement_on_known_angles():
    reference = jnp.asarray([[1.0, 0.0], [0.0, 2.0], [3.0, 4.0], [0.0, 0.0]])
    turned = jnp.asarray([[2.0, 0.0], [1.0, 0.0], [-3.0, -4.0], [1.0, 1.0]])
    # cosines 1, 0, -1 and 0 where the reference vanishes; squared gaps 1, 5, 100, 2
    assert metrics.gradient_cosine(turned, reference) == pytest.approx(0.0, abs=1e-7)
    assert metrics.gradient_cosine(turned[:1], reference[:1]) == pytest.approx(1.0)
    assert metrics.gradient_l2(turned, reference) == pytest.approx(27.0)
    assert metrics.gradient_cosine(7 * turned[1:3], reference[1:3]) == pytest.approx(-0.5)


@pytest.mark.parametrize("critic", ["mlp", "dcgan"])
def test_gradients_of_networks_have_the_highest_precision_throughout(critic):
    # On a GPU the default is TF32, good to 1e-3; on a processor only the program tells.
    x = np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32)
    samples, options = Samples(x, x), {"critic": critic, "steps": 1, "batch_size": 2}
    problem = Problem.from_samples(samples, wb.Cost(), jax.random.key(0))
    fitted = wb.estimators.get("c_transform", **options).fit(jax.random.key(1), problem)
    program = str(jax.make_jaxpr(lambda z: metrics.gradients(fitted.critic, z))(x))
    products = program.count("dot_general[")
    assert products >= 2
    assert (
        program.count("precision=(Precision.HIGHEST, Precision.HIGHEST)")
        + program.count("precision=Precision.HIGHEST")
        == products
    )


def test_unexplained_variance_of_the_mean_is_100_percent():
    """Equal images have 0, the mean of them everywhere 100, their mirror about it 400."""
    images = np.random.default_rng(0).normal(size=(50, 3)) * [1.0, 5.0, 0.1] + 7
    mean = np.broadcast_to(images.mean(0), images.shape)
    assert metrics.unexplained_variance(images, images) == 0
    assert metrics.unexplained_variance(mean, images) == pytest.approx(100)
    assert metrics.unexplained_variance(2 * mean - images, images) == pytest.approx(400)
    assert math.isnan(metrics.unexplained_variance(mean, mean))


def test_map_cosine_weighs_moves_by_their_size():
    """One cosine of all moves as a single vector: large ones count more than small ones."""
    points = np.array([[0.0, 0.0], [3.0, 1.0]])
    best = points + np.array([[3.0, 0.0], [0.0, 1.0]])
    assert metrics.map_cosine(points + 2 * (best - points), best, points) == pytest.approx(1)
    half = points + np.array([[3.0, 0.0], [0.0, -1.0]])
    assert metrics.map_cosine(half, best, points) == pytest.approx((9 - 1) / 10)
    assert math.isnan(metrics.map_cosine(points, best, points))


@pytest.mark.parametrize("unit", [1e-165, 1e-85, 1e80, 1e160])
def test_numbers_of_maps_do_not_depend_on_the_unit(unit):
    """Products of squares left float64's range: NaN, 0 or ZeroDivisionError."""
    points = np.random.default_rng(0).normal(size=(100, 2))
    best = points * [2.0, 0.5] + 1
    found = metrics.unexplained_variance(unit * points, unit * best)
    assert found == pytest.approx(metrics.unexplained_variance(points, best))
    cosine = metrics.map_cosine(unit * best, unit * (best + points), unit * points)
    assert cosine == pytest.approx(metrics.map_cosine(best, best + points, points))
