"""The batch c-transform by loops, in tiles, and with points that carry no mass."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wdist_bench.costs import Cost
from wdist_bench.solvers import c_transform as module
from wdist_bench.solvers.c_transform import c_transform, nearest_neighbor_cost
from wdist_bench.solvers.exact import solve_exact

COSTS = [Cost(1), Cost(2), Cost(1, "l1"), Cost(2, "l1")]


def problem(seed=0, n=37, m=53, d=3):
    rng = np.random.default_rng(seed)
    arrays = rng.normal(size=n), rng.normal(size=(n, d)), rng.normal(size=(m, d))
    return [jnp.asarray(array, jnp.float32) for array in arrays]


def tiled_by(monkeypatch, rows, columns, by_rows=True):
    """Tiles of these sizes; in few dimensions a row at a time as on processors, or not."""
    monkeypatch.setattr(module, "_WHOLE_ENTRIES", 1)
    monkeypatch.setattr(module, "SMALL_ENTRIES", 1)
    monkeypatch.setattr(module, "_by_rows", lambda x: by_rows and x.shape[1] <= 16)
    monkeypatch.setattr(module, "_tile", lambda: (rows, columns))
    monkeypatch.setattr(module, "_FEW_X", rows)
    monkeypatch.setattr(module, "_LONG_Y", columns)


@pytest.mark.parametrize("cost", COSTS, ids=str)
def test_it_is_the_minimum_over_points_one_by_one(cost):
    phi, x, y = problem()
    matrix = cost.matrix(x, y)
    wanted = [min(matrix[i, j] - float(phi[i]) for i in range(37)) for j in range(53)]
    np.testing.assert_allclose(c_transform(phi, x, y, cost), wanted, rtol=2e-5, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("cost", COSTS, ids=str)
@pytest.mark.parametrize("tile", [(1, 10), (10, 10), (16, 64)])
@pytest.mark.parametrize("by_rows", [True, False])
def test_tiles_give_the_value_and_gradient_of_the_whole(cost, tile, by_rows, monkeypatch):
    phi, x, y = problem()

    def total(phi, x):
        return (c_transform(phi, x, y, cost) ** 2).sum()

    whole, slope = jax.value_and_grad(total, argnums=(0, 1))(phi, x)
    tiled_by(monkeypatch, *tile, by_rows)
    tiled, tiled_slope = jax.value_and_grad(total, argnums=(0, 1))(phi, x)
    assert tiled == pytest.approx(float(whole), rel=1e-5)
    for found, wanted in zip(tiled_slope, slope, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_in_high_dimension_tiles_agree_too(monkeypatch):
    phi, x, y = problem(d=40)
    whole = c_transform(phi, x, y, Cost(1))
    tiled_by(monkeypatch, 20, 10)
    np.testing.assert_allclose(c_transform(phi, x, y, Cost(1)), whole, rtol=1e-5)


@pytest.mark.parametrize("tiled", ["no", "by rows", "by tiles"])
def test_nan_is_passed_on_and_never_hidden_by_a_minimum(tiled, monkeypatch):
    if tiled != "no":
        tiled_by(monkeypatch, 10, 10, tiled == "by rows")
    phi, x, y = problem()
    assert jnp.isnan(c_transform(phi.at[3].set(jnp.nan), x, y, Cost(1))).all()
    assert jnp.isnan(c_transform(phi, x.at[3, 1].set(jnp.nan), y, Cost(1))).all()
    one = jnp.isnan(c_transform(phi, x, y.at[5, 0].set(jnp.nan), Cost(1)))
    assert one[5]
    assert one.sum() == 1
    value, _ = jax.value_and_grad(lambda phi: c_transform(phi, x, y, Cost(1)).sum())(
        phi.at[3].set(jnp.nan)
    )
    assert jnp.isnan(value)


@pytest.mark.parametrize("tiled", [False, True])
def test_a_potential_of_minus_infinity_takes_the_point_out(tiled, monkeypatch):
    if tiled:
        tiled_by(monkeypatch, 8, 64)
    phi, x, y = problem()
    without = c_transform(phi[1:], x[1:], y, Cost(2))
    with_it = phi.at[0].set(-jnp.inf)
    np.testing.assert_array_equal(c_transform(with_it, x, y, Cost(2)), without)
    slope = jax.grad(lambda phi: c_transform(phi, x, y, Cost(2)).sum())(with_it)
    assert slope[0] == 0
    assert slope.sum() == -53


@pytest.mark.parametrize("dim", [3, 64])
@pytest.mark.parametrize("gradient", [False, True])
def test_memory_is_that_of_a_tile(dim, gradient):
    """30,000 x 30,000 costs are 3.6 GB; the compiled program may hold 100 MB, on accelerators,
    whose tiles are larger, 400.
    """
    n = 30_000
    shapes = [jax.ShapeDtypeStruct(s, jnp.float32) for s in ((n,), (n, dim), (n, dim))]

    def total(phi, x, y):
        return c_transform(phi, x, y, Cost(1)).sum()

    function = jax.grad(total, argnums=(0, 1)) if gradient else total
    program = jax.jit(function).lower(*shapes).compile()
    allowed = 100e6 if jax.default_backend() == "cpu" else 400e6
    assert program.memory_analysis().temp_size_in_bytes < allowed


@pytest.mark.parametrize("cost", COSTS, ids=str)
@pytest.mark.parametrize("tiled", [False, True])
def test_the_nearest_neighbour_takes_its_root_last(cost, tiled, monkeypatch):
    """The same number as the minimum over the costs themselves, with its gradient."""
    if tiled:
        tiled_by(monkeypatch, 20, 10)
    _, x, y = problem()
    b = jnp.linspace(0, 1, 53) / 26.5
    present = jnp.arange(37) % 3 > 0

    def wanted(x):
        return jnp.where(present[:, None], cost.pairwise(x, y), jnp.inf).min(0) @ b

    def found(x):
        return nearest_neighbor_cost(x, y, b, cost, present)

    np.testing.assert_allclose(found(x), wanted(x), rtol=1e-6)
    np.testing.assert_allclose(jax.grad(found)(x), jax.grad(wanted)(x), rtol=1e-4, atol=1e-6)


def test_the_gradient_in_tiles_is_finite_where_points_coincide(monkeypatch):
    tiled_by(monkeypatch, 2, 2)
    x = jnp.ones((5, 3))
    phi = jnp.zeros(5)
    gradient = jax.grad(lambda x: c_transform(phi, x, jnp.ones((4, 3)), Cost(1)).sum())(x)
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("cost", COSTS, ids=str)
def test_any_potential_is_a_lower_bound_on_200_problems(cost):
    """50 problems a cost, in shapes that compile once; zero weights vary the number of points."""

    @jax.jit
    def bounds(phi, x, y, a, b):
        present = jnp.where(a > 0, phi, -jnp.inf)
        dual = jnp.where(a > 0, a * phi, 0).sum() + b @ c_transform(present, x, y, cost)
        return dual, nearest_neighbor_cost(x, y, b, cost, a > 0)

    for seed in range(50):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(9, 2)), rng.normal(size=(12, 2))
        a, b = rng.dirichlet(np.ones(9)), rng.dirichlet(np.ones(12))
        a[: rng.integers(0, 9)] = 0
        a /= a.sum()
        exact = solve_exact(cost.matrix(x, y), a, b).cost
        with jax.enable_x64(True):
            found = bounds(*(jnp.asarray(v) for v in (rng.normal(size=9), x, y, a, b)))
            dual, nearest = (float(v) for v in found)
        assert max(dual, nearest) <= exact * (1 + 1e-12)
