"""Costs against scipy's distances, where they are hard: far from the origin, close together."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist

import wdist_bench as wb

METRIC = {"l2": "euclidean", "l1": "cityblock"}


def points(dim, offset=0.0, scale=1.0):
    rng = np.random.default_rng(dim)
    return offset + scale * rng.normal(size=(2, 40, dim))


@pytest.mark.parametrize("dim", [1, 3, 50])
@pytest.mark.parametrize("norm", ["l2", "l1"])
@pytest.mark.parametrize("p", [1, 2])
def test_matrix_equals_scipy(dim, norm, p):
    x, y = points(dim)
    expected = cdist(x, y, METRIC[norm]) ** p
    np.testing.assert_allclose(wb.Cost(p, norm).matrix(x, y), expected, rtol=1e-12)
    on_device = wb.Cost(p, norm).pairwise(jnp.float32(x), jnp.float32(y))
    np.testing.assert_allclose(on_device, expected, rtol=2e-5, atol=1e-6)
    matched = wb.Cost(p, norm).between(jnp.float32(x), jnp.float32(y))
    np.testing.assert_allclose(matched, np.diag(expected), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("dim", [2, 50])
def test_far_from_the_origin_nothing_is_lost(dim):
    x, y = points(dim, offset=1e6)
    np.testing.assert_allclose(wb.Cost().matrix(x, y), cdist(x, y), rtol=1e-11)


@pytest.mark.parametrize("dim", [2, 50])
def test_equal_and_nearly_equal_points_are_exact(dim):
    x, _ = points(dim)
    near = x + 1e-9
    assert (np.diag(wb.Cost().matrix(x, x)) == 0).all()
    distances = np.diag(wb.Cost().matrix(x, near))
    np.testing.assert_allclose(distances, np.linalg.norm(near - x, axis=1), atol=2e-15)


@pytest.mark.parametrize("cluster", [1e-7, 0.0])
def test_two_tight_clusters_far_apart(cluster):
    rng = np.random.default_rng(1)
    x = np.repeat([[0.0] * 20, [1.0] * 20], 30, axis=0) + cluster * rng.normal(size=(60, 20))
    expected = cdist(x, x)
    np.testing.assert_allclose(wb.Cost().matrix(x, x), expected, rtol=1e-7, atol=1e-16)


def test_the_root_of_a_negative_lower_bound_is_zero_for_p_2_and_kept_for_p_1():
    assert wb.Cost(2).root(-0.5) == 0
    assert wb.Cost(2).root(9.0) == 3
    assert wb.Cost(1).root(-0.5) == -0.5


def test_dual_norms():
    gradient = jnp.array([[3.0, -4.0], [0.0, 0.0]])
    np.testing.assert_allclose(wb.Cost(1, "l2").dual_norm(gradient), [5, 0])
    np.testing.assert_allclose(wb.Cost(1, "l1").dual_norm(gradient), [4, 0])


def test_the_gradient_of_a_distance_is_finite_where_points_coincide():
    gradient = jax.grad(lambda x: wb.Cost().pairwise(x, x).sum())(jnp.ones((3, 2)))
    np.testing.assert_array_equal(gradient, 0)


def test_nan_is_not_hidden():
    x = jnp.full((2, 3), jnp.nan)
    assert np.isnan(wb.Cost().pairwise(x, x)).all()
