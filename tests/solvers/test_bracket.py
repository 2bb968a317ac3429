"""The bracket against the simplex: it contains the exact value, reaches its gap, says so if not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.problem import Samples
from wdist_bench.solvers import certificate
from wdist_bench.solvers.bracket import bracket
from wdist_bench.solvers.certificate import certify
from wdist_bench.solvers.exact import solve_exact

COSTS = [Cost(1), Cost(2), Cost(1, "l1"), Cost(2, "l1")]


def pair(n=64, d=2, seed=0, m=None, shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(m or n, d)) + shift


def solve(x, y, a, b, cost, **options):
    """The solver in float64, as NumPy arrays."""
    a = np.full(len(x), 1 / len(x)) if a is None else a
    b = np.full(len(y), 1 / len(y)) if b is None else b
    with jax.enable_x64(True):
        arrays = (jnp.asarray(v, jnp.float64) for v in (x, y, a, b))
        return jax.tree.map(np.asarray, bracket(*arrays, cost, **options))


def weighted_problem(seed):
    """Random weights, a third of them zero, and duplicated points."""
    rng, n, m = np.random.default_rng(seed), 10, 13
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(m, 2)) + rng.normal()
    y[0], y[1] = x[0], x[0]
    a, b = rng.dirichlet(np.full(n, 0.5)), rng.dirichlet(np.full(m, 0.5))
    a[: rng.integers(0, n)], b[: rng.integers(0, m)] = 0, 0
    return x, y, a / a.sum(), b / b.sum()


@pytest.mark.parametrize("cost", COSTS, ids=str)
def test_200_weighted_problems_are_contained(cost):
    """50 a cost, over three gaps; the loosest also stops early, where both ends are rough."""
    for seed in range(50):
        x, y, a, b = weighted_problem(seed)
        exact = solve_exact(cost.matrix(x, y), a, b).cost
        for rtol in (0.5, 1e-3, 1e-6):
            found = solve(x, y, a, b, cost, rtol=rtol)
            assert found.converged
            assert found.lower <= exact * (1 + 1e-9)
            assert found.upper >= exact * (1 - 1e-9)
            assert found.upper - found.lower <= rtol * found.upper + 1e-12


@pytest.mark.parametrize(("cost", "seed"), [(Cost(2), 985), (Cost(2, "l1"), 945)], ids=str)
def test_steps_below_the_rounding_of_the_value_are_taken(cost, seed):
    """Where the gain of a step is less than that, a line search by values alone stays for good."""
    found = solve(*weighted_problem(seed), cost, rtol=1e-6)
    assert found.converged
    assert found.newton < 100


@pytest.mark.parametrize(("cost", "seed"), [(Cost(2), 450), (Cost(2, "l1"), 63)], ids=str)
def test_the_rows_of_a_cold_plan_have_their_mass(cost, seed):
    """A potential over 1e-8 is rounded by 1e-8, and so was the mass of a row: too cheap a plan."""
    x, y, a, b = weighted_problem(seed)
    exact = solve_exact(cost.matrix(x, y), a, b).cost
    assert solve(x, y, a, b, cost, rtol=1e-6).upper >= exact * (1 - 1e-12)


@pytest.mark.parametrize("cost", COSTS, ids=str)
def test_the_potentials_prove_the_lower_end(cost):
    x, y, a, b = weighted_problem(7)
    found = solve(x, y, a, b, cost)
    assert (found.phi[:, None] + found.psi[None, :] - cost.matrix(x, y)).max() <= 1e-13
    assert a @ found.phi + b @ found.psi == pytest.approx(found.lower, rel=1e-12)


@pytest.mark.parametrize("cost", COSTS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_any_potential_and_any_temperature_are_certified_on_the_host(cost, seed):
    """Bounds may be poor for a bad potential, never wrong."""
    x, y, a, b = weighted_problem(seed)
    exact = solve_exact(cost.matrix(x, y), a, b).cost
    rng = np.random.default_rng(seed)
    for eps in (1e-6, 1e-2, 1.0, 100.0):
        found = certify(Samples(x, y, a, b), cost, rng.normal(size=len(y)), eps)
        assert 0 <= found.lower <= exact * (1 + 1e-12)
        assert found.upper >= exact * (1 - 1e-12)
        assert (found.phi[:, None] + found.psi[None, :] - cost.matrix(x, y)).max() <= 1e-13


@pytest.mark.parametrize("held", [0, 2**24])
def test_tiles_on_the_host_change_nothing(monkeypatch, held):
    x, y, a, b = weighted_problem(3)
    g = np.random.default_rng(0).normal(size=len(y))
    whole = certify(Samples(x, y, a, b), Cost(1), g, 0.1)
    monkeypatch.setattr(certificate, "_TILE_ENTRIES", 3 * len(y))
    monkeypatch.setattr(certificate, "_HELD_ENTRIES", held)
    tiled = certify(Samples(x, y, a, b), Cost(1), g, 0.1)
    for one, other in zip(whole, tiled, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)


@pytest.mark.slow
@pytest.mark.parametrize(("cost", "entries"), [(Cost(1), 65 * 24), (Cost(2, "l1"), 65 * 3 + 1)])
@pytest.mark.parametrize("held", [0, 65**2])
def test_tiles_on_the_device_change_nothing(cost, entries, held):
    x, y = pair(65)
    whole = solve(x, y, None, None, cost)
    tiled = solve(x, y, None, None, cost, tile_entries=entries, held_entries=held)
    assert tiled.converged
    # Held, the plan of a step is in float32; computed again, in float64: steps differ a little.
    assert tiled.lower == pytest.approx(float(whole.lower), rel=1e-4)
    assert tiled.upper == pytest.approx(float(whole.upper), rel=1e-4)
    np.testing.assert_allclose(tiled.phi, whole.phi, atol=1e-2)


def test_memory_is_linear_in_the_points():
    """20,000 x 20,000 costs are 3.2 GB in float64; the compiled program may hold 200 MB, and on a
    GPU, whose tiles are larger, 600.
    """
    n, most = 20_000, 200e6 if jax.default_backend() == "cpu" else 600e6
    with jax.enable_x64(True):
        shapes = [jax.ShapeDtypeStruct(s, jnp.float64) for s in ((n, 3), (n, 3), (n,), (n,))]
        program = bracket.lower(*shapes, Cost(1)).compile()
    assert program.memory_analysis().temp_size_in_bytes < most


def test_under_vmap_every_problem_is_solved_as_alone():
    cost = Cost(1)
    problems = [pair(32, 2, seed, shift=seed / 2) for seed in range(4)]
    x, y = (np.stack(side) for side in zip(*problems, strict=True))
    even = np.full(32, 1 / 32)
    with jax.enable_x64(True):
        many = jax.jit(jax.vmap(lambda u, v: bracket(u, v, even, even, cost)))
        found = many(jnp.asarray(x), jnp.asarray(y))
        lower, upper, converged = (np.asarray(v) for v in (found.lower, found.upper, found[4]))
    assert converged.all()
    for i, (u, v) in enumerate(problems):
        alone = solve(u, v, None, None, cost)
        exact = solve_exact(cost.matrix(u, v)).cost
        assert lower[i] <= exact * (1 + 1e-9)
        assert upper[i] >= exact * (1 - 1e-9)
        assert upper[i] == pytest.approx(float(alone.upper), rel=1e-6)


@pytest.mark.parametrize(
    ("n", "d", "p", "shift"),
    [
        (64, 2, 1, 0),
        (256, 2, 2, 0),
        (256, 2, 1, 2),
        (512, 2, 1, 0),
        (512, 16, 2, 0),
        (256, 784, 1, 0),
    ],
)
def test_the_estimator_reaches_its_gap_around_the_exact_value(n, d, p, shift):
    """Also the hard case: two samples of one law in the plane, where W_p is far below the costs."""
    x, y = pair(n, d, shift=shift)
    found = wb.estimate(x, y, "bracket", p)
    exact = wb.estimate(x, y, "exact", p).value
    assert found.status == "ok"
    assert found.lower <= exact * (1 + 1e-9)
    assert found.value == found.upper >= exact * (1 - 1e-9)
    assert found.lower**p >= (1 - 1e-3) * found.upper**p


@pytest.mark.slow
@pytest.mark.parametrize(("n", "d", "p"), [(2048, 2, 1), (2048, 2, 2), (4096, 784, 2)])
def test_the_estimator_reaches_its_gap_on_large_batches(n, d, p):
    test_the_estimator_reaches_its_gap_around_the_exact_value(n, d, p, 0)


def test_without_the_steps_it_is_not_converged_and_still_certified():
    x, y = pair(256)
    found = wb.estimate(x, y, "bracket", max_steps=3)
    exact = wb.estimate(x, y, "exact").value
    assert found.status == "not_converged"
    assert np.isnan(found.value)
    assert found.lower < exact < found.upper
    assert "max_steps" in found.message


def test_sizes_share_programs():
    """Between 97 and 112 points on either side there is one; each took a second to compile."""
    wb.estimate(*pair(112, 3), "bracket")
    programs = bracket._cache_size()
    for n, m in ((97, 112), (98, 99), (111, 104)):
        x, y = pair(n, 3, n, m)
        found = wb.estimate(x, y, "bracket")
        exact = wb.estimate(x, y).value
        assert found.lower <= exact * (1 + 1e-9)
        assert exact <= found.value * (1 + 1e-9)
        assert len(found.potentials.phi) == n
        assert len(found.potentials.psi) == m
    assert bracket._cache_size() == programs


def test_an_outlier_beyond_float64_is_not_converged_and_no_number():
    """At p = 2 an outlier at 1e6 leaves costs of order one 1e-12 of the largest."""
    x, y = pair(40)
    x[0], y[0] = 1e6, 1e6
    found = wb.estimate(x, y, "bracket", 2)
    exact = wb.estimate(x, y, "exact", 2).value
    assert found.status == "not_converged"
    assert found.lower <= exact <= found.upper
    assert "outliers" in found.message


@pytest.mark.parametrize("sides", ["x", "y"])
def test_one_point_against_many_costs_their_mean(sides):
    x, y = pair(1, 3, m=9)
    wanted = np.linalg.norm(x - y, axis=1).mean()
    found = wb.estimate(x, y, "bracket") if sides == "x" else wb.estimate(y, x, "bracket")
    assert found.value == pytest.approx(wanted, rel=1e-12)
    assert found.lower == pytest.approx(wanted, rel=1e-12)
