"""The pruned c-transform against all pairs: potentials of all kinds, shapes, ties, and traps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.solvers.c_transform import c_transform
from wdist_bench.solvers.matrix_free import pruned_c_transform as module
from wdist_bench.solvers.matrix_free.pruned_c_transform import nearest_costs, pruned_c_transform

COSTS = [Cost(1), Cost(2), Cost(1, "l1"), Cost(2, "l1")]
METRIC = {"l2": "euclidean", "l1": "cityblock"}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """So that a few hundred points make many blocks, tiles and tree nodes."""
    monkeypatch.setattr(module, "_BLOCK_POINTS", 5)
    monkeypatch.setattr(module, "_WIDE_BLOCK_POINTS", 9)
    monkeypatch.setattr(module, "TILE_ENTRIES", 200)


def potentials(x, rng):
    """Steep and flat ones, ones that tie along rays, rough ones, and points taken out."""
    n, d = x.shape
    along = x @ np.full(d, d**-0.5)
    holes = np.where(rng.random(n) < 0.7, -np.inf, rng.normal(size=n))
    holes[3] = 0.2
    return [np.zeros(n), -along, 5 * along, -np.linalg.norm(x, axis=1), rng.normal(size=n), holes]


def all_pairs(phi, x, y, cost):
    return (cdist(x, y, METRIC[cost.norm]) ** cost.p - phi[:, None]).min(0)


@pytest.mark.parametrize("cost", COSTS, ids=str)
@pytest.mark.parametrize(("n", "m", "d"), [(403, 217, 3), (60, 300, 1), (300, 40, 14), (257, 1, 2)])
def test_it_is_the_minimum_over_all_pairs(cost, n, m, d):
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.5
    for phi in potentials(x, rng):
        found = pruned_c_transform(phi, x, y, cost)
        np.testing.assert_allclose(found, all_pairs(phi, x, y, cost), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cost", COSTS, ids=str)
@pytest.mark.parametrize("d", [1, 3, 14])
def test_the_tree_and_the_tiles_find_the_nearest(cost, d):
    rng = np.random.default_rng(d)
    x, y = rng.normal(size=(301, d)), rng.normal(size=(199, d)) + 0.5
    expected = (cdist(x, y, METRIC[cost.norm]) ** cost.p).min(0)
    np.testing.assert_allclose(nearest_costs(x, y, cost), expected, rtol=1e-12)
    tiles = pruned_c_transform(np.zeros(301), x, y, cost)
    np.testing.assert_allclose(tiles, expected, rtol=1e-12)


@pytest.mark.parametrize("cost", COSTS, ids=str)
@pytest.mark.parametrize("d", [2, 14])
def test_equal_points_are_at_distance_exactly_zero(cost, d):
    """Far from the origin, in many copies, and with near neighbours beside them."""
    rng = np.random.default_rng(0)
    x = 1e6 + np.repeat(rng.normal(size=(40, d)), 6, axis=0)
    y = np.concatenate([x + 1e-7, x])
    np.testing.assert_array_equal(nearest_costs(y, x, cost), 0)
    assert (nearest_costs(x, y, cost)[: len(x)] > 0).all()


@pytest.mark.parametrize("cost", COSTS, ids=str)
def test_it_is_the_c_transform_of_the_device(cost):
    rng = np.random.default_rng(1)
    phi, x, y = rng.normal(size=300), rng.normal(size=(300, 3)), rng.normal(size=(200, 3))
    with jax.enable_x64(True):
        device = c_transform(*(jnp.asarray(v) for v in (phi, x, y)), cost)
        np.testing.assert_allclose(pruned_c_transform(phi, x, y, cost), device, rtol=1e-13)


def test_bounds_spare_most_pairs(monkeypatch):
    """Bounds that prune nothing would compute all 16 million costs."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 4000, 2))
    phi = 0.1 * rng.normal(size=4000)
    computed = []
    matrix = Cost.matrix

    def counted(cost, x, y):
        computed.append(len(x) * len(y))
        return matrix(cost, x, y)

    monkeypatch.setattr(Cost, "matrix", counted)
    pruned_c_transform(phi, x, y, Cost(2))
    assert sum(computed) < 0.2 * 4000**2


def test_a_potential_that_is_nowhere_leaves_no_bound_and_nan_is_refused():
    x = np.random.default_rng(3).normal(size=(50, 2))
    assert np.isposinf(pruned_c_transform(np.full(50, -np.inf), x, x, Cost())).all()
    with pytest.raises(ValueError, match="phi: expected numbers, got NaN"):
        pruned_c_transform(np.full(50, np.nan), x, x, Cost())


@pytest.mark.parametrize("sides", ["one", "both"])
@pytest.mark.parametrize("cost", COSTS, ids=str)
def test_the_estimator_weighs_the_nearest(sides, cost):
    """By brute force, over the points with mass; more pairs than one tile."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(90, 3)), rng.normal(size=(70, 3)) + 0.5
    a, b = rng.dirichlet(np.ones(90)), rng.dirichlet(np.ones(70))
    a[:30], b[:10] = 0, 0
    a, b = a / a.sum(), b / b.sum()
    matrix = cdist(x, y, METRIC[cost.norm]) ** cost.p
    one, other = b @ matrix[a > 0].min(0), a @ matrix[:, b > 0].min(1)
    expected = one if sides == "one" else max(one, other)
    found = wb.estimate(x, y, "nearest_neighbor", cost.p, norm=cost.norm, a=a, b=b, sides=sides)
    assert found.cost == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [50, 2000])
@pytest.mark.parametrize("where", ["x", "y"])
def test_nan_in_a_point_is_refused_whatever_the_size(n, where):
    points = {"x": np.zeros((n, 20)), "y": np.ones((n, 20))}
    points[where][3, 0] = np.nan
    with pytest.raises(ValueError, match=f"^{where}: expected numbers, got NaN"):
        pruned_c_transform(np.zeros(n), points["x"], points["y"], Cost())


@pytest.mark.parametrize("n", [100, 1000])
def test_a_distance_whose_square_overflows_is_right_or_refused_by_every_route(n):
    x, y = np.linspace(0, 1, n)[:, None], np.linspace(0, 1, n)[:, None]
    y[-1] = 1e160
    answer = wb.estimate(x, y, "nearest_neighbor")
    assert answer.status == "ok"
    assert answer.value == pytest.approx(1e160 / n, rel=1e-12)
    with pytest.raises(ValueError, match="another unit"):
        wb.estimate(x, y, "nearest_neighbor", p=2)
