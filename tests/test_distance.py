"""`wb.distance` is the value of `wb.estimate`, with derivatives that finite differences confirm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.inputs.device import arrays_of_device

METHODS = {"exact": 3, "one_dimensional": 1, "sliced": 3, "nearest_neighbor": 3,
           "sinkhorn_divergence": 3}  # fmt: skip
slow_divergence = pytest.param("sinkhorn_divergence", marks=pytest.mark.slow)
each = pytest.mark.parametrize("method", METHODS)
STEP = 1e-6


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


def problem(method, seed=0, n=8, m=6):
    rng = np.random.default_rng(seed)
    dim = METHODS[method]
    x, y = rng.normal(size=(n, dim)), rng.normal(size=(m, dim)) + 1
    return x, y, rng.dirichlet(np.full(n, 3.0)), rng.dirichlet(np.full(m, 3.0))


@each
@pytest.mark.parametrize("p", [1, 2])
def test_value_and_derivatives(float64, method, p):
    arrays = [jnp.asarray(array) for array in problem(method)]

    @jax.jit
    def value(*arrays):
        return wb.distance(*arrays, p=p, method=method)

    x, y, a, b = map(np.asarray, arrays)
    known = wb.estimate(x, y, method, p, a=a, b=b)
    # The divergence of `wb.estimate` stops at a marginal error of 1e-3.
    assert value(*arrays) == pytest.approx(known.value, rel=1e-4 if "sink" in method else 1e-12)
    found = jax.jit(jax.grad(value, argnums=(0, 1, 2, 3)))(*arrays)
    rng = np.random.default_rng(1)
    for k, array in enumerate(arrays):
        along = rng.normal(size=array.shape)
        if k > 1:
            along -= along.mean()  # keeps the mass
        ends = [value(*arrays[:k], array + h * along, *arrays[k + 1 :]) for h in (STEP, -STEP)]
        slope = (ends[0] - ends[1]) / (2 * STEP)
        assert (found[k] * along).sum() == pytest.approx(float(slope), abs=1e-6)


# The tiles of nearest_neighbor have a derivative in reverse mode alone.
@pytest.mark.slow
@pytest.mark.parametrize("method", sorted(METHODS.keys() - {"nearest_neighbor"}))
def test_forward_mode_agrees_with_reverse_mode(float64, method):
    arrays = [jnp.asarray(array) for array in problem(method)]
    along = [jnp.cos(jnp.arange(array.size)).reshape(array.shape) for array in arrays]

    def value(*arrays):
        return wb.distance(*arrays, p=2, method=method)

    _, slope = jax.jit(lambda arrays, along: jax.jvp(value, arrays, along))(arrays, along)
    backward = jax.jit(jax.grad(value, argnums=(0, 1, 2, 3)))(*arrays)
    assert slope == pytest.approx(
        float(sum((g * u).sum() for g, u in zip(backward, along, strict=True))), rel=1e-9
    )


@pytest.mark.slow
@each
@pytest.mark.parametrize("p", [1, 2])
def test_where_the_optimum_is_not_unique_derivatives_are_finite(method, p):
    x, y, _, _ = (jnp.asarray(array, jnp.float32) for array in problem(method))
    twice = jnp.concatenate([x, x])
    slopes = jax.jit(jax.grad(lambda x, y: wb.distance(x, y, p=p, method=method), argnums=(0, 1)))
    for one, other in ((x, x), (twice, twice), (jnp.zeros_like(x), y), (jnp.zeros_like(x), 0 * y)):
        for slope in slopes(one, other):
            assert jnp.isfinite(slope).all()


@pytest.mark.slow
@each
@pytest.mark.parametrize("p", [1, 2])
def test_derivatives_in_weights_are_finite_for_ties_and_equal_measures(method, p):
    x, y, a, b = (jnp.asarray(array, jnp.float32) for array in problem(method))
    cases = (
        (jnp.concatenate([x, x]), y, jnp.concatenate([a, a]) / 2, b),
        (x, x, a, a),
        (jnp.zeros_like(x), y, a, b),
        (jnp.zeros_like(x), 0 * y, a, b),
        (x, y, jnp.eye(len(a))[0], b),  # all mass at one point
    )
    slopes = jax.jit(
        jax.grad(lambda *arrays: wb.distance(*arrays, p=p, method=method), argnums=(0, 1, 2, 3))
    )
    for case in cases:
        for slope in slopes(*case):
            assert jnp.isfinite(slope).all()


@pytest.mark.slow
@each
def test_a_shift_is_trained(method):
    """Points pulled by the derivative come to where the data are."""
    dim = METHODS[method]
    rng = np.random.default_rng(3)
    noise = jnp.asarray(rng.normal(size=(40, dim)), jnp.float32)
    data = jnp.asarray(rng.normal(size=(40, dim)) + 2, jnp.float32)
    slope = jax.jit(jax.grad(lambda shift: wb.distance(noise + shift, data, p=2, method=method)))
    shift = jnp.zeros(dim)
    for _ in range(60):
        shift = shift - 0.5 * slope(shift)
    first, last = (wb.distance(noise + v, data, p=2, method=method) for v in (0 * shift, shift))
    assert last < 0.6 * first
    if method != "nearest_neighbor":  # which is least where each datum has a point near it
        assert jnp.linalg.norm(shift - (data - noise).mean(0)) < 0.3


@pytest.mark.slow
@each
def test_many_problems_at_once(method):
    pairs = [problem(method, seed)[:2] for seed in range(3)]
    x, y = (jnp.asarray(np.stack(part), jnp.float32) for part in zip(*pairs, strict=True))
    found = jax.jit(jax.vmap(lambda x, y: wb.distance(x, y, method=method)))(x, y)
    alone = [wb.distance(one, other, method=method) for one, other in zip(x, y, strict=True)]
    np.testing.assert_allclose(found, alone, rtol=1e-5)


def test_translation_has_the_derivative_of_its_length(float64):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(20, 3)))
    shift = jnp.array([3.0, 0.0, 4.0])
    for p in (1, 2):
        value, slope = jax.value_and_grad(lambda v, p=p: wb.distance(x, x + v, p=p))(shift)
        assert value == pytest.approx(5)
        np.testing.assert_allclose(slope, shift / 5, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["exact", "nearest_neighbor", "sinkhorn_divergence"])
@pytest.mark.parametrize("cost", [wb.Cost(3, "linf"), wb.costs.Sphere(1), wb.costs.Torus(2, 4.0)])
def test_other_costs(float64, method, cost):
    rng = np.random.default_rng(2)
    x, y = (jnp.asarray(rng.uniform(-1, 1, size=(n, 2))) for n in (6, 5))

    @jax.jit
    def value(x, y):
        return wb.distance(x, y, method=method, cost=cost)

    known = wb.estimate(np.asarray(x), np.asarray(y), method, cost=cost)
    assert value(x, y) == pytest.approx(known.value, rel=1e-3 if "sink" in method else 1e-9)
    along = jnp.asarray(rng.normal(size=x.shape))
    slope = (value(x + STEP * along, y) - value(x - STEP * along, y)) / (2 * STEP)
    assert (jax.grad(value)(x, y) * along).sum() == pytest.approx(float(slope), abs=1e-6)


@each
def test_bad_numbers_give_nan_inside_a_program(method):
    x, y, _, _ = (jnp.asarray(array, jnp.float32) for array in problem(method))
    assert jnp.isnan(jax.jit(lambda x: wb.distance(x, y, method=method))(x.at[0, 0].set(jnp.nan)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "bracket"}, "works outside jit only"),
        ({"method": "weight_clipping"}, "works outside jit only"),
        ({"method": "one_dimensional"}, "expected points on a line"),
        ({"p": 2, "cost": wb.Cost(1)}, "leave p out"),
        ({"cost": lambda x, y: np.zeros((4, 4))}, "runs inside a compiled program"),
        ({"method": "sliced", "cost": "l1"}, "sliced"),
        (
            {
                "x": jnp.zeros((4, 1)),
                "y": jnp.zeros((4, 1)),
                "method": "one_dimensional",
                "cost": wb.costs.Torus(1.0),
            },
            "with cost torus, which works outside jit only",
        ),
        ({"a": jnp.ones(3)}, "expected one weight per point"),
        ({"y": jnp.zeros((4, 3))}, "expected equal dimensions"),
    ],
)
def test_what_has_no_meaning_is_refused(options, said):
    arrays = {"x": jnp.zeros((4, 2)), "y": jnp.ones((4, 2))}
    with pytest.raises(ValueError, match=said):
        wb.distance(**arrays | options)


@pytest.mark.parametrize("dtype", [np.int32, np.float64, jnp.bfloat16])
def test_numpy_and_other_types_are_taken(dtype):
    found = wb.distance(np.array([[0], [1]], dtype), np.array([[2], [5]], dtype))
    assert found == pytest.approx(3)
    assert found.dtype == jnp.float32


@pytest.mark.parametrize("method", ["one_dimensional", "sliced", slow_divergence])
def test_derivatives_in_weights_where_rows_have_none(float64, method):
    """It is what a little mass there changes, and far rows hurt nothing. On lines, where two such
    rows of either side stand beside each other, it is a subgradient.
    """
    x, y, a, b = problem(method)
    a[:3], b[-2:] = 0, 0
    far = np.full_like(x[:1], 1e3)
    (x, a), (y, b) = (
        (np.vstack([far, points]), np.append(0, mass)) for points, mass in ((x, a), (y, b))
    )
    weights = [a / a.sum(), b / b.sum()]
    given = wb.estimators.get(method, **({"epsilon": 1.0, "threshold": 1e-10} if "sink" in method
                                         else {}))  # fmt: skip
    value = jax.jit(jax.value_and_grad(lambda *ab: wb.distance(x, y, *ab, method=given), (0, 1)))
    at, found = value(*weights)
    step = 1e-7
    for side, row, last in ((0, 1, -1), (0, 3, -1), (1, -1, 1)):
        moved = [one.copy() for one in weights]
        moved[side][row] += step
        moved[side][last] -= step
        slope = (value(*moved)[0] - at) / step
        change = float(found[side][row] - found[side][last])
        assert change <= slope + 1e-4
        assert change == pytest.approx(float(slope), abs=1e-4) or "sink" not in method


def test_tied_levels_have_admissible_potentials_for_derivatives(float64):
    x, y, _, _ = problem("one_dimensional", n=8, m=8)
    even = np.full(8, 1 / 8)
    on_line = jax.value_and_grad(
        lambda a, b: wb.distance(x, y, a, b, method="one_dimensional"), argnums=(0, 1)
    )
    value, (phi, psi) = jax.device_get(jax.jit(on_line)(even, even))
    constant = (phi[:, None] + psi - np.abs(x - y.T)).max()  # both but for it
    assert even @ phi + even @ psi == pytest.approx(value + constant)


@pytest.mark.parametrize("method", ["exact", "one_dimensional", slow_divergence])
def test_points_next_to_each_other_keep_their_distance(method):
    """In float32, where squares of 1e-22 are 0 and the divergence's slopes are lost at 1e-9."""
    x, y, _, _ = (jnp.asarray(array, jnp.float32) for array in problem(method))
    value = jax.jit(jax.value_and_grad(lambda x, y: wb.distance(x, y, p=2, method=method)))
    at_one, slope = value(x, y)
    for power in (-75, -30):
        found, other = value(jnp.ldexp(x, power), jnp.ldexp(y, power))
        assert found * 2.0**-power == pytest.approx(float(at_one), rel=1e-5)
        assert np.asarray(other) == pytest.approx(np.asarray(slope), abs=1e-5)


def test_what_the_host_holds_is_read_as_estimate_reads_it():
    """Columns by name, weights by label, whole numbers as they are; masked ones are refused."""
    pd = pytest.importorskip("pandas")
    rows = pd.DataFrame({"a": [0.0, 1.0], "b": [10.0, 20.0]}, index=["u", "v"])
    assert wb.distance(rows, rows[["b", "a"]]) == 0
    mass = pd.Series([0.25, 0.75], index=["v", "u"])
    assert wb.distance(rows, rows[:1], mass) == pytest.approx(
        wb.estimate(rows, rows[:1], a=mass).value
    )
    large = np.array([[0], [2**32]])
    assert wb.distance(large, large + 2**33) == pytest.approx(2**33)
    seconds = 1_700_000_000_000_000_000 + np.array([[0], [10**9]])  # in nanoseconds
    assert wb.distance(seconds, seconds + 3 * 10**9) == pytest.approx(3e9)
    with pytest.raises(ValueError, match="x: expected no missing values"):
        wb.distance(np.ma.masked_equal([[0.0], [1.0]], 0), large)
    with pytest.raises(TypeError, match="x: expected numbers in an array, got the text"):
        wb.distance("x.csv", large)


@pytest.mark.parametrize("kind", [np.array, list, jnp.asarray])
def test_whole_numbers_beside_rows_in_double_precision_keep_their_digits(float64, kind):
    found = wb.distance(np.array([[1e9 + 1]]), kind([[10**9 + 1]]))
    assert found == 0
    assert found.dtype == jnp.float64


def test_points_of_two_types_take_the_finer(float64):
    """The divergence stops at a mixture with an error of types."""
    for one, other, finer in (
        (np.float32, float, float), (float, np.float32, float), (float, int, float),
        (np.float32, int, np.float32), (int, bool, float),
    ):  # fmt: skip
        for kind in (np.ones, jnp.ones):
            given = kind((2, 1), one), kind((2, 1), other), None, [1, 0]
            x, y, _, b = arrays_of_device(*given, may_move=True)
            assert (x.dtype, y.dtype, b.dtype) == (finer, finer, float)


def test_a_divergence_below_0_is_no_distance():
    x, y = jnp.array([[-1.0], [1.0]]), jnp.zeros((2, 1))
    method = wb.estimators.get("sinkhorn_divergence", epsilon=20.0)
    assert jnp.isnan(wb.distance(x, y, p=3, method=method))


@pytest.mark.parametrize(
    ("dim", "cost", "said"),
    [
        (1, wb.costs.Torus((1.0, 24.0)), "period: expected one for each of the 1 coordinates"),
        (4, wb.costs.Sphere(), "expected two columns"),
        (3, wb.costs.Mahalanobis(np.eye(2)), "precision: expected one row for each of the 3"),
    ],
)
def test_coordinates_that_a_cost_does_not_take_are_refused_when_tracing(dim, cost, said):
    points = jnp.ones((4, dim))
    for method in ("exact", "nearest_neighbor"):
        with pytest.raises(ValueError, match=said):
            jax.jit(lambda x, m=method: wb.distance(x, points, method=m, cost=cost))(points)


@pytest.mark.parametrize("row", [[120.0, 10.0], [1.0, 1.0, 0.0]])
def test_points_that_a_cost_does_not_take_give_nan_inside_a_program(row):
    x = jnp.array([row])
    y = jnp.array([[1.0, 0.0, 0.0][: len(row)]])
    assert jnp.isnan(wb.distance(x, y, method="nearest_neighbor", cost="sphere"))
    assert wb.distance(y, y, method="nearest_neighbor", cost="sphere") == 0


def test_a_distance_of_one_between_points_next_to_each_other_is_one():
    """Coordinates of 1e-20 whose unit is that of the matrix."""
    x, y, _, _ = problem("exact")
    for p in (1, 2):
        near = wb.costs.Mahalanobis(np.eye(3) * 1e40, p)
        found = wb.distance(np.float32(x * 1e-20), np.float32(y * 1e-20), cost=near)
        assert found == pytest.approx(wb.estimate(x, y, p=p).value, rel=1e-5)


def test_powers_that_single_precision_loses_are_no_distance_of_0():
    x = np.random.default_rng(0).uniform(size=(9, 1)).astype(np.float32)
    for method in ("exact", "one_dimensional"):
        assert jnp.isnan(wb.distance(x, x + np.float32(5e-6), p=8, method=method))
        assert wb.distance(x, x[::-1], p=8, method=method) == 0
    grid = wb.costs.Torus(5e-10, 5)
    assert jnp.isnan(wb.distance(5e-10 * x, 5e-10 * x[::-1] ** 2, cost=grid))


def test_the_pivots_allowed_are_those_of_the_method():
    x, y, _, _ = problem("exact")
    assert jnp.isnan(wb.distance(x, y, method=wb.estimators.get("exact", max_iterations=1)))


@pytest.mark.parametrize(
    ("method", "p", "power"),
    [
        ("exact", 4, -12),
        pytest.param("sinkhorn_divergence", 2, 20, marks=pytest.mark.slow),
    ],
)
def test_slopes_at_coordinates_of_zero_do_not_depend_on_the_unit(method, p, power):
    """`jnp.ldexp`, which brings rows near one, has the slope 1 at 0."""
    x = jnp.array([[0.0, 1.0], [2.0, 0.0], [0.3, 0.7]], jnp.float32)
    y = jnp.array([[0.5, 0.3], [0.9, 2.0], [0.0, 0.1]], jnp.float32)
    slope = jax.grad(lambda x, y: wb.distance(x, y, p=p, method=method), argnums=(0, 1))
    unit = np.float32(2.0**power)
    for found, wanted in zip(slope(unit * x, unit * y), slope(x, y), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("far", [1e6 + 0.03, 1.7e9 + 60])
def test_rows_of_the_host_in_double_precision_keep_their_digits_far_from_zero(far):
    """Epoch seconds, map coordinates: single precision has none left for them there."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(20, 2)) + 1
    wanted = wb.estimate(x, y).value
    assert wb.distance(x + far, (y + far).tolist()) == pytest.approx(wanted, rel=1e-5)
    padded, mass = np.vstack([[0, 0], x + far]), np.append(0, np.full(20, 1 / 20))
    assert wb.distance(padded, y + far, mass) == pytest.approx(wanted, rel=1e-5)
    day = wb.costs.Torus(86_400.0)
    seconds = 1_700_000_000 + np.array([[0], [500]])
    assert wb.distance(seconds, seconds + 60, cost=day) == pytest.approx(60)
    near = arrays_of_device(x, y, None, None, may_move=True)
    assert (near[0] == np.float32(x)).all()  # and others are what they are


@dataclass(frozen=True)
class Capped(wb.Cost):
    """The size of x - y, below 1."""

    name: ClassVar[str] = "capped"
    moves: ClassVar[bool] = True
    p: float = 1

    def distance(self, x, y, xp):
        return 1 - 1 / (1 + xp.abs(x - y).sum(-1))


def test_a_cost_that_points_may_be_moved_under_keeps_the_digits_of_far_ones():
    x, y = np.array([[1.7e9 + 0.5]]), np.array([[1.7e9 + 3.5]])
    assert wb.estimate(x, y, cost=Capped()).value == pytest.approx(0.75)
    assert wb.distance(x, y, cost=Capped()) == pytest.approx(0.75)
    assert Capped().origin(x[0]) == x[0]  # of critics


def test_complex_numbers_are_refused():
    with pytest.raises(TypeError, match="y: expected real numbers, got dtype complex64; stack"):
        wb.distance(jnp.zeros((2, 1)), jnp.zeros((2, 1), jnp.complex64))
