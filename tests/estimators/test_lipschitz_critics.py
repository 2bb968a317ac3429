"""Certified critics: exact norms, and lower bounds that are never above the truth."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import wdist_bench as wb
from wdist_bench import metrics, networks
from wdist_bench.networks.lipschitz import (
    bjorck,
    certify,
    kernels,
    orthonormal,
    spectral_bound,
    spectral_projection,
)
from wdist_bench.networks.mlp import group_sort
from wdist_bench.problem import Problem, Samples

CERTIFIED = ("spectral_norm", "group_sort")
TASK = wb.tasks.get("gaussian_shift")


@cache
def fitted(name, norm="l2"):
    problem = Problem.from_sampler(TASK.sampler(), wb.Cost(1, norm), jax.random.key(1))
    estimator = wb.estimators.get(name, steps=300, hidden=(32, 32), learning_rate=5e-3)
    return estimator.fit(jax.random.key(0), problem)


def layers(params):
    return [np.asarray(kernel, np.float64) for kernel in kernels(params)]


def norms(matrices):
    return np.array([np.linalg.svd(w, compute_uv=False)[0] for w in matrices])


@pytest.mark.parametrize("name", CERTIFIED)
def test_the_product_of_the_exact_norms_is_one(name):
    product = norms(layers(fitted(name).params)).prod()
    assert 1 - 1e-4 < product <= 1


def test_in_l1_the_first_layer_is_measured_from_l1_to_l2():
    first, *rest = layers(fitted("spectral_norm", "l1").params)
    product = np.linalg.norm(first, axis=1).max() * norms(rest).prod()
    assert 1 - 1e-4 < product <= 1


@pytest.mark.parametrize(
    ("name", "norm", "order"),
    [("spectral_norm", "l2", 2), ("spectral_norm", "l1", 1), ("group_sort", "l2", 2)],
)
def test_no_gradient_and_no_difference_quotient_exceeds_one(name, norm, order):
    critic = fitted(name, norm)
    rng = np.random.default_rng(0)
    points = np.concatenate([scale * rng.normal(size=(2000, 2)) for scale in (0.1, 1, 10)])
    cost = wb.Cost(1, norm)
    steepest = metrics.max_gradient_norm(critic.critic, jnp.asarray(points, jnp.float32), cost)
    assert steepest <= 1 + 1e-5
    a, b = points, rng.permutation(points)
    distance = np.linalg.norm(a - b, order, axis=1)
    gap = np.abs(critic.potential(a) - critic.potential(b))
    assert (gap <= distance * (1 + 1e-5) + 1e-5).all()


@pytest.mark.parametrize(
    ("name", "norm"), [("spectral_norm", "l2"), ("spectral_norm", "l1"), ("group_sort", "l2")]
)
def test_the_population_value_is_below_the_truth_and_close_to_it(name, norm):
    truth = TASK.truth(1, norm).value
    phi, psi = (
        np.asarray(part, np.float64)
        for part in fitted(name, norm).potentials(
            Samples(*TASK.sample(jax.random.key(99), 50_000)), wb.Cost(1, norm)
        )
    )
    value = phi.mean() + psi.mean()
    stderr = np.sqrt((phi.var() + psi.var()) / 50_000)
    assert 0.8 * truth < value <= truth + 3 * stderr


@pytest.mark.parametrize("name", CERTIFIED)
def test_they_claim_a_lower_bound_on_batches_and_keep_it(name):
    estimator = wb.estimators.get(name, steps=60, batch_size=16, hidden=(16,), learning_rate=0.01)
    values = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(12, 2)), rng.uniform(0.2, 3) * rng.normal(size=(9, 2)) + 1
        answer = wb.estimate(x, y, estimator, seed=seed)
        exact = wb.estimate(x, y).value
        assert answer.bound == "lower"
        assert answer.lower == answer.value <= exact * (1 + 1e-5)
        values.append(answer.value / exact)
    assert np.max(values) > 0.5  # bounds that say something


def test_training_keeps_the_layers_where_they_belong():
    # before the certificate: hidden layers as the projections left them
    for name, smallest in (("spectral_norm", None), ("group_sort", 0.98)):
        for matrix in layers(fitted(name).params)[:-1]:
            values = np.linalg.svd(matrix, compute_uv=False)
            assert values[0] == pytest.approx(1, abs=0.02)
            assert smallest is None or values[-1] > smallest


@pytest.mark.parametrize("shape", [(1, 1), (2, 128), (128, 128), (200, 30), (64, 1)])
def test_the_bound_on_the_norm_is_tight_and_from_above(shape):
    rng = np.random.default_rng(0)
    for scale in (1e-6, 1.0, 1e6):
        kernel = (scale * rng.normal(size=shape)).astype(np.float32)
        exact = np.linalg.svd(kernel.astype(np.float64), compute_uv=False)[0]
        assert -1e-6 < float(spectral_bound(jnp.asarray(kernel))) / exact - 1 < 2e-5
    # all singular values equal: the widest gap between the bound and the norm
    start = np.asarray(orthonormal(jax.random.key(0), shape), np.float64)
    values = np.linalg.svd(start, compute_uv=False)
    np.testing.assert_allclose(values, 1, atol=1e-4)
    assert 0 <= float(spectral_bound(jnp.asarray(start, jnp.float32))) / values[0] - 1 + 1e-6 < 2e-5


@pytest.mark.parametrize("shape", [(2, 7), (6, 6), (9, 4), (8, 1)])
def test_bjorck_finds_the_nearest_orthonormal_matrix(shape):
    rng = np.random.default_rng(0)
    u, _, v = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    kernel = (u * rng.uniform(0.5, 1.4, size=min(shape))) @ v
    found, bias = bjorck([jnp.asarray(kernel, jnp.float32), jnp.full(3, 7.0)], 8)
    np.testing.assert_allclose(found, u @ v, atol=1e-5)
    np.testing.assert_array_equal(bias, 7.0)


def test_the_spectral_projection_follows_the_largest_singular_value():
    rng = np.random.default_rng(0)
    params = {"kernel": jnp.asarray(rng.normal(size=(30, 20)), jnp.float32), "bias": jnp.ones(20)}
    rule = spectral_projection(1)
    state, update = rule.init(params), jax.jit(rule.update)
    for _ in range(20):
        step = {
            "kernel": jnp.asarray(0.01 * rng.normal(size=(30, 20)), jnp.float32),
            "bias": jnp.full(20, 0.5),
        }
        updates, state = update(step, state, params)
        params = optax.apply_updates(params, updates)
    assert norms([np.asarray(params["kernel"])])[0] == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(params["bias"], 11.0, rtol=1e-5)


@pytest.mark.parametrize("depth", [1, 12])
def test_the_certificate_divides_the_function_by_the_product_of_norms(depth):
    graph, params = nnx.split(networks.build("mlp", 3, (6,) * depth, jax.random.key(0)))
    params = jax.tree.map(lambda leaf: leaf + 0.1 if leaf.ndim == 1 else leaf, params)
    matrices = layers(params)
    assert [m.shape[0] for m in matrices] == [3] + [6] * depth  # from input to output
    points = jax.random.normal(jax.random.key(1), (20, 3))
    before = nnx.merge(graph, params)(points)
    after = nnx.merge(graph, certify(params, wb.Cost()))(points)
    np.testing.assert_allclose(after, before / norms(matrices).prod(), rtol=1e-4)


def test_the_certificate_of_a_constant_is_that_constant():
    graph, params = nnx.split(networks.build("mlp", 2, (4,), jax.random.key(0)))
    params = jax.tree.map(lambda leaf: jnp.zeros_like(leaf) if leaf.ndim == 2 else leaf + 1, params)
    values = nnx.merge(graph, certify(params, wb.Cost()))(jnp.ones((3, 2)))
    np.testing.assert_array_equal(values, 1.0)


def test_group_sort_orders_pairs_and_keeps_the_norm_of_gradients():
    x = jax.random.normal(jax.random.key(0), (5, 8))
    sorted_pairs = np.sort(np.asarray(x).reshape(5, 2, 4), axis=1).reshape(5, 8)
    np.testing.assert_array_equal(group_sort(x), sorted_pairs)
    cotangent = jax.random.normal(jax.random.key(1), (5, 8))
    (back,) = jax.vjp(group_sort, x)[1](cotangent)
    np.testing.assert_allclose(
        jnp.linalg.norm(back, axis=1), jnp.linalg.norm(cotangent, axis=1), rtol=1e-6
    )


def test_group_sort_needs_even_widths_and_its_activation():
    with pytest.raises(ValueError, match=r"hidden: expected even widths .* got \(8, 7\)"):
        wb.estimators.get("group_sort", hidden=(8, 7))
    with pytest.raises(ValueError, match=r"activation of group_sort: expected one of group_sort"):
        wb.estimators.get("group_sort", activation="relu")
    with pytest.raises(ValueError, match=r"hidden: expected even widths"):
        networks.build("mlp", 2, (3,), jax.random.key(0), "group_sort")


@pytest.mark.parametrize(
    "name", ["spectral_norm", "group_sort", pytest.param("funnel", marks=pytest.mark.slow)]
)
def test_a_lower_bound_holds_where_float32_has_no_digits(name):
    rng = np.random.default_rng(0)
    x, y = 1e-12 * rng.normal(size=(12, 2)), 1e-12 * (rng.normal(size=(9, 2)) + 1)
    answer = wb.estimate(x, y, name, steps=30)
    assert answer.bound == "lower"
    assert answer.lower <= wb.estimate(x, y, "exact").value
    phi, psi = answer.potentials.phi, answer.potentials.psi
    rounding = 4 * np.finfo(np.float64).eps * np.abs(phi).max()
    assert (phi[:, None] + psi[None, :] - wb.Cost().matrix(x, y)).max() <= rounding
