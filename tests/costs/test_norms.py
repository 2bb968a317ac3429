"""Costs against scipy's distances, where they are hard: far from the origin, close together."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist

import wdist_bench as wb
from wdist_bench.costs import l2

METRIC = {"l2": "euclidean", "l1": "cityblock"}


def points(dim, offset=0.0, scale=1.0):
    rng = np.random.default_rng(dim)
    return offset + scale * rng.normal(size=(2, 40, dim))


@pytest.mark.parametrize("dim", [1, 3, 50])
@pytest.mark.parametrize("norm", ["l2", "l1"])
@pytest.mark.parametrize("p", [1, 2])
def test_every_way_to_a_cost_equals_scipy(dim, norm, p):
    """All pairs, matched points, and the base of the cost; on the host and on a device."""
    x, y = points(dim)
    cost, expected = wb.Cost(p, norm), cdist(x, y, METRIC[norm]) ** p
    np.testing.assert_allclose(cost.matrix(x, y), expected, rtol=1e-12)
    np.testing.assert_allclose(cost.matched(x, y), np.diag(expected), rtol=1e-12)
    np.testing.assert_allclose(cost.matched(x[:, None], y), expected, rtol=1e-12)
    u, v, close = jnp.float32(x), jnp.float32(y), {"rtol": 2e-5, "atol": 1e-6}
    np.testing.assert_allclose(cost.pairwise(u, v), expected, **close)
    np.testing.assert_allclose(cost.between(u, v), np.diag(expected), **close)
    np.testing.assert_allclose(cost.from_base(cost.base.pairwise(u, v)), expected, **close)


@pytest.mark.parametrize("dim", [2, 50])
@pytest.mark.parametrize(("offset", "scale"), [(1.0, 1.0), (1e6, 1.0), (1e160, 1e150)])
def test_far_from_the_origin_nothing_is_lost(dim, offset, scale):
    x, y = points(dim, offset, scale)
    np.testing.assert_allclose(wb.Cost().matrix(x, y), cdist(x, y), rtol=1e-11)


@pytest.mark.parametrize("dim", [2, 50])
@pytest.mark.parametrize("gap", [3.0, 1e6])
def test_clouds_far_from_each_other_lose_nothing(dim, gap):
    x, y = points(dim)
    for left, right in ((x + gap, y), (x, y + gap)):
        expected = cdist(left, right)
        np.testing.assert_allclose(wb.Cost().matrix(left, right), expected, rtol=1e-11)


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


def test_a_matrix_of_many_blocks_is_that_of_one(monkeypatch):
    """Close and equal points included, which the Gram form computes again."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 20))
    y = np.concatenate([x[:10], x[10:20] + 1e-9, rng.normal(size=(11, 20))])
    whole = wb.Cost().matrix(x, y)
    monkeypatch.setattr(l2, "_BLOCK_ENTRIES", 100)
    blocks = wb.Cost().matrix(x, y)
    np.testing.assert_allclose(blocks, whole, rtol=1e-12)
    np.testing.assert_array_equal(np.diag(blocks)[:10], 0)


@pytest.mark.parametrize("cost", [wb.Cost(1), wb.Cost(2), wb.Cost(1, "l1"), wb.Cost(2, "l1")])
@pytest.mark.parametrize("dim", [1, 3, 16])
def test_many_entries_and_their_gradient_are_those_of_few(monkeypatch, cost, dim):
    rng = np.random.default_rng(dim)
    x, y = (jnp.float32(rng.normal(size=(n, dim))) for n in (150, 120))
    x = x.at[0].set(y[0])

    def squares(x):
        costs = cost.pairwise(x, y)
        return (costs**2).sum(), costs

    gradient, many = jax.grad(squares, has_aux=True)(x)
    monkeypatch.setattr(l2, "SMALL_ENTRIES", many.size)
    wanted, few = jax.grad(squares, has_aux=True)(x)
    np.testing.assert_allclose(many, few, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-2)
    assert many[0, 0] == 0
    distances = cdist(x, y, METRIC[cost.norm])
    np.testing.assert_allclose(many, distances**cost.p, rtol=1e-5, atol=1e-6)
