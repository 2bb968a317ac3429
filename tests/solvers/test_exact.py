"""The exact solver against the assignment problem, its known traps, and its use inside jit."""

import math
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import ot
import pytest
from scipy.optimize import linear_sum_assignment, linprog

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.solvers.differentiable import exact_cost
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.solvers.flow import cheapest_flow


def pair(n=120, d=3, seed=0, m=None):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(m or n, d)) + 0.2


def assignment(matrix):
    rows, columns = linear_sum_assignment(matrix)
    return matrix[rows, columns].mean()


def weights(n, seed, zeros=0):
    mass = np.random.default_rng(seed).random(n)
    mass[:zeros] = 0
    return mass / mass.sum()


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("scale", [1e-140, 1e-6, 1.0, 1e6, 1e100])
def test_any_scale_equals_the_assignment(p, scale):
    x, y = pair()
    matrix = Cost(p).matrix(x * scale, y * scale)
    solution = solve_exact(matrix)
    assert solution.converged
    assert solution.cost == pytest.approx(assignment(matrix), rel=1e-12)
    assert 0 <= solution.gap + 1e-12 * solution.cost <= 1e-9 * solution.cost


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("far", [1e3, 1e6])
def test_an_outlier_does_not_cost_the_others_their_digits(p, far):
    """POT alone is 0.3 % off at p = 2, far = 1e6, with code "optimal"."""
    x, y = pair(200)
    x[0], y[3] = far, far + 1
    matrix = Cost(p).matrix(x, y)
    solution = solve_exact(matrix)
    assert solution.converged
    assert solution.cost == pytest.approx(assignment(matrix), rel=1e-9)


def test_the_outlier_trap_of_the_solver_still_exists():
    x, y = pair(200)
    x[0], y[3] = 1e6, 1e6 + 1
    matrix = Cost(2).matrix(x, y)
    plain = ot.emd2([], [], matrix / matrix.max(), numItermax=10**7) * matrix.max()
    assert abs(plain / assignment(matrix) - 1) > 1e-6


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (6, 9)])
def test_weights_and_rectangles_equal_a_general_linear_program(p, shape):
    n, m = shape
    x, y = pair(n, 2, 1, m)
    a, b = weights(n, 2, zeros=n // 3), weights(m, 3)
    matrix = Cost(p).matrix(x, y)
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.tile(np.eye(m), n)
    program = linprog(matrix.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b]))
    solution = solve_exact(matrix, a, b)
    assert solution.converged
    assert solution.cost == pytest.approx(program.fun, rel=1e-9)
    np.testing.assert_allclose(solution.plan.sum(1), a, atol=1e-15)
    np.testing.assert_allclose(solution.plan.sum(0), b, atol=1e-15)


def test_potentials_are_admissible_everywhere_and_prove_the_value():
    x, y = pair(50, 2, 4, 70)
    a, b = weights(50, 5, zeros=20), weights(70, 6, zeros=9)
    matrix = Cost(1).matrix(x, y)
    s = solve_exact(matrix, a, b)
    assert (s.phi[:, None] + s.psi[None, :] - matrix).max() <= 1e-14
    assert a @ s.phi + b @ s.psi == pytest.approx(s.cost, rel=1e-12)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("d", [2, 40])
def test_equal_sets_are_at_distance_exactly_zero(p, d):
    x, _ = pair(64, d)
    for y in (x, x[::-1]):
        solution = solve_exact(Cost(p).matrix(x, y))
        assert solution.converged
        assert solution.cost == 0.0


def test_duplicated_points_are_merged_weights():
    x, y = pair(8, 2, 7)
    copies = np.arange(1, 9)
    many = solve_exact(Cost(1).matrix(np.repeat(x, copies, 0), y)).cost
    few = solve_exact(Cost(1).matrix(x, y), copies / copies.sum()).cost
    assert many == pytest.approx(few, rel=1e-12)


def test_a_gap_of_rounding_is_not_refined_into_a_worse_one():
    """Equal measures whose first gap is 1e-17: solving again in costs of that size lost 0.1."""
    x = np.array([[0.0], [1.0], [39.0], [2.0], [39.0]])
    weights = np.array([1, 1, 8, 1, 8]) / 19
    solution = solve_exact(Cost(1).matrix(x, x), weights, weights)
    assert solution.converged, solution.message
    assert solution.cost == 0
    assert abs(solution.gap) <= 1e-14


def test_the_iteration_cap_is_no_number():
    x, y = pair(200)
    solution = solve_exact(Cost(1).matrix(x, y), max_iterations=5)
    assert not solution.converged
    assert "max_iterations" in solution.message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_cost_that_is_not_finite_is_refused(bad):
    matrix = np.ones((4, 4))
    matrix[2, 1] = bad
    with pytest.raises(ValueError, match="expected finite costs"):
        solve_exact(matrix)


@pytest.mark.parametrize("p", [1, 2])
def test_inside_jit_and_vmap_it_is_the_host_value(p):
    cost = Cost(p)
    batches = [pair(20, 3, seed, 30) for seed in range(4)]
    x, y = (jnp.asarray(np.stack(side), jnp.float32) for side in zip(*batches, strict=True))
    b = jnp.asarray(weights(30, 1), jnp.float32)

    @jax.jit
    def many(x, y):
        return jax.vmap(lambda u, v: exact_cost(u, v, None, b, cost))(x, y)

    found = many(x, y)
    mass = np.asarray(b, np.float64)
    wanted = [
        solve_exact(cost.matrix(u, v), None, mass / mass.sum()).cost
        for u, v in zip(np.asarray(x), np.asarray(y), strict=True)
    ]
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, wanted, rtol=2e-7)


def test_inside_jit_float64_keeps_its_digits():
    x, y = pair(30)
    with jax.enable_x64(True):
        found = jax.jit(exact_cost)(jnp.asarray(x), jnp.asarray(y))
    assert float(found) == pytest.approx(assignment(Cost(1).matrix(x, y)), rel=1e-12)


@pytest.mark.parametrize(
    ("x", "a"),
    [
        (np.array([[0.0], [np.nan]]), None),
        (np.array([[0.0], [np.inf]]), None),
        (np.array([[0.0], [1.0]]), np.array([2.0, -1.0])),
        (np.array([[0.0], [1.0]]), np.array([0.0, 0.0])),
        (np.array([[0.0], [1.0]]), np.array([0.5, 0.6])),
    ],
)
def test_inside_jit_bad_input_is_nan(x, a):
    x = jnp.asarray(x, jnp.float32)
    a = None if a is None else jnp.asarray(a, jnp.float32)
    assert math.isnan(jax.jit(exact_cost)(x, jnp.zeros((2, 1)), a))


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize(
    ("x", "y", "a", "b", "text"),
    [
        ((4,), (4,), None, None, "x: expected shape"),
        ((4, 2), (4, 2, 1), None, None, "y: expected shape"),
        ((0, 2), (4, 2), None, None, "x: expected shape"),
        ((4, 2), (4, 3), None, None, "equal dimensions"),
        ((4, 2), (5, 2), (5,), None, "a: expected one weight per point"),
        ((4, 2), (5, 2), None, (5, 1), "b: expected one weight per point"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_when_tracing(x, y, a, b, text, traced):
    arrays = [None if shape is None else jnp.ones(shape) for shape in (x, y, a, b)]
    with pytest.raises(ValueError, match=text):
        (jax.jit(exact_cost) if traced else exact_cost)(*arrays)


def test_no_warning_leaves_the_solver():
    x, y = pair(200)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        solve_exact(Cost(1).matrix(x, y), max_iterations=5)
    assert caught == []


def circling():
    """Points on a line, many of them equal, on which POT's simplex walks in a circle at p = 2."""
    generator = np.random.default_rng(1162)
    levels = np.r_[0, np.round(generator.gamma(1, 1, 5), 3)]
    some = generator.random(29) < 0.5
    x = np.where(some, 0, generator.choice(np.round(generator.gamma(1, 1, 13), 3), 29))
    share = generator.random()
    x = np.where(generator.random(29) < share, generator.choice(levels, 29), x)
    y = np.where(generator.random(970) < 0.7, 0, generator.choice(levels, 970))
    cost = wb.estimate(x[:, None], y[:, None], "one_dimensional", p=2).cost
    return (x[:, None] - y) ** 2, cost


def test_a_simplex_that_walks_in_a_circle_is_given_exact_sums():
    """It had the value after 20,000 pivots and no end after 10^6; ours took hours."""
    matrix, cost = circling()
    found = solve_exact(matrix)
    assert found.converged
    assert found.cost == pytest.approx(cost, rel=1e-9)
    np.testing.assert_allclose(found.plan.sum(0), 1 / 970)
    np.testing.assert_allclose(found.plan.sum(1), 1 / 29)
    assert (found.phi[:, None] + found.psi <= matrix + 1e-9).all()


def test_arcs_end_where_it_walks_in_a_circle_too():
    matrix, cost = circling()
    rows, columns = np.indices(matrix.shape).reshape(2, -1)
    flow = cheapest_flow(rows, columns, matrix.ravel(), np.full(29, 970), np.full(970, 29))
    assert flow.mass @ matrix.ravel() / matrix.size == pytest.approx(cost, rel=1e-9)
    assert (flow.phi[:, None] + flow.psi <= matrix + 1e-9).all()


def test_a_refinement_that_reaches_the_cap_takes_no_solution_away():
    """It was NaN then, and the advice to remove far points, where more pivots are what helps."""
    x, y = pair(60, 2)
    x[0], y[0] = (1e7, 0), (1e7, 1)
    matrix = Cost(2).matrix(x, y)
    for cap in range(20, 400, 20):
        solution = solve_exact(matrix, max_iterations=cap)
        assert solution.converged or "raise max_iterations" in solution.message
        assert math.isfinite(solution.cost)
