"""Points without mass change no distance, however far they are, and get admissible potentials."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import wdist_bench as wb

FAR = 1e17


def _padded(dim: int, seed: int = 0, far: float = FAR):
    """A weighted pair with and without a far row of weight 0 in each measure."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(30, dim)), rng.normal(size=(25, dim)) + 1
    a, b = rng.dirichlet(np.ones(30)), rng.dirichlet(np.ones(25))
    row = np.full((1, dim), far)
    padded = np.vstack([x[:7], row, x[7:]]), np.vstack([y, -row])
    weights = np.insert(a, 7, 0.0), np.append(b, 0.0)
    return (x, y, a, b), (*padded, *weights)


@pytest.mark.slow
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("dim", [1, 3, 20])
@pytest.mark.parametrize("method", ["exact", "bracket"])
def test_a_far_point_without_mass_changes_nothing(method, dim, p):
    (x, y, a, b), (far_x, far_y, far_a, far_b) = _padded(dim)
    bare = wb.estimate(x, y, method, p, a=a, b=b)
    padded = wb.estimate(far_x, far_y, method, p, a=far_a, b=far_b)
    assert (padded.status, padded.value) == ("ok", pytest.approx(bare.value, rel=1e-12))
    truth = wb.estimate(x, y, "exact", p, a=a, b=b).value
    assert padded.lower * (1 - 1e-9) <= truth <= padded.upper * (1 + 1e-9)
    phi, psi = padded.potentials.phi, padded.potentials.psi
    assert (phi.shape, psi.shape) == (far_a.shape, far_b.shape)
    costs = wb.Cost(p).matrix(far_x, far_y)
    assert (phi[:, None] + psi[None, :] - costs <= 1e-12 * costs + 1e-9).all()
    dual = far_a @ phi + far_b @ psi
    assert dual == pytest.approx(padded.lower**p, rel=1e-9)


def test_the_case_that_was_reported_as_0():
    answer = wb.estimate([[0.0], [1.0], [FAR]], [[0.3], [1.3]], "bracket", a=[0.5, 0.5, 0.0])
    assert answer.lower <= 0.3 + 1e-12
    assert answer.upper >= 0.3 - 1e-12
    assert answer.value == pytest.approx(0.3, rel=1e-3)


def test_projections_keep_their_digits_beside_a_far_point_without_mass():
    (x, y, a, b), (far_x, far_y, far_a, far_b) = _padded(4)
    bare = wb.estimate(x, y, "sliced", a=a, b=b)
    assert wb.estimate(far_x, far_y, "sliced", a=far_a, b=far_b).value == pytest.approx(
        bare.value, rel=1e-9
    )


@pytest.mark.parametrize(("method", "dim"), [("exact", 3), ("one_dimensional", 1)])
def test_maps_are_centred_on_the_mass(method, dim):
    """About the mean of all rows y - mean was one number: a map was off by its own size."""
    (x, y, a, b), (far_x, far_y, far_a, far_b) = _padded(dim, far=1e20)
    bare = wb.estimate(x, y, method, 2, a=a, b=b)
    padded = wb.estimate(far_x, far_y, method, 2, a=far_a, b=far_b)
    asked = np.vstack([x, y, np.zeros((1, dim))])
    np.testing.assert_allclose(padded.map(asked), bare.map(asked), atol=1e-9)
    np.testing.assert_allclose(padded.inverse_map(asked), bare.inverse_map(asked), atol=1e-9)


def test_the_potential_of_weighted_points_is_centred_on_the_mass():
    (x, y, a, b), (far_x, far_y, far_a, far_b) = _padded(2, far=1e20)
    bare = wb.tasks.get("weighted_points", x=x, y=y, a=a, b=b).potential(x, 1)
    task = wb.tasks.get("weighted_points", x=far_x, y=far_y, a=far_a, b=far_b)
    assert np.ptp(np.asarray(task.potential(x, 1) - bare)) < 1e-5


SLOW_FUNNEL = pytest.param(
    "funnel", 1, FAR, {"centers": 8, "planes": 4, "held_out": 2}, marks=pytest.mark.slow
)
SLOW_MAP = pytest.param("monge_gap", 2, 1e150, {"width": 8}, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("method", "p", "far", "options"),
    [("spectral_norm", 1, 1e150, {"hidden": (8,)}), SLOW_FUNNEL, SLOW_MAP],
)
def test_what_is_trained_is_asked_of_points_with_mass_alone(method, p, far, options):
    """The rounding of the far row came off the bound, or inf - inf was called divergence."""
    (x, y, a, b), (far_x, far_y, far_a, far_b) = _padded(3, far=far)
    options = {"steps": 3, "batch_size": 16, **options}
    bare = wb.estimate(x, y, method, p, a=a, b=b, **options)
    padded = wb.estimate(far_x, far_y, method, p, a=far_a, b=far_b, **options)
    assert padded.status == bare.status == "ok"
    assert padded.value == pytest.approx(bare.value, rel=1e-6)
    if bare.potentials is not None:
        assert (padded.potentials.phi[7], padded.potentials.psi[-1]) > (-np.inf, -np.inf)
        np.testing.assert_allclose(padded.potentials.psi[:-1], bare.potentials.psi, atol=1e-6)


def test_critics_are_centred_on_the_mass():
    # Half of the rows are padding; in float32 a step at 5e7 is 4, more than the shift of 2.
    rng = np.random.default_rng(0)
    points = 1e8 + rng.normal(size=(50, 2))
    x = np.vstack([points, np.zeros((50, 2))])
    y = np.vstack([points + np.array([2.0, 0.0]), np.zeros((50, 2))])
    weights = np.repeat([0.02, 0.0], 50)
    answer = wb.estimate(x, y, "lipschitz_penalty", a=weights, b=weights)
    assert answer.value == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("seed", range(3))
def test_bracket_takes_weights_that_underflow_in_float32(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 1
    logits = rng.permutation(np.linspace(-100, 0, 200))
    a = np.exp(logits) / np.exp(logits).sum()
    answer = wb.estimate(x, y, "bracket", a=a)
    assert answer.status == "ok"
    assert answer.steps < 200  # without Newton's steps it takes thousands
    assert answer.lower <= wb.estimate(x, y, "exact", a=a).value * (1 + 1e-9)
    assert answer.value <= (1 + 1e-3) * answer.lower * (1 + 1e-6)


def test_ok_means_the_gap_that_was_asked_for():
    # The outliers' cost hides the others' digits from the solver in 20 dimensions.
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 20)), rng.normal(size=(100, 20))
    x[0] = y[0] = 1e8 * np.eye(20)[0]
    answer = wb.estimate(x, y, "bracket")
    exact = wb.estimate(x, y, "exact").value
    assert answer.lower <= exact * (1 + 1e-6)
    assert exact <= answer.upper * (1 + 1e-6)
    if answer.status == "ok":
        assert answer.upper - answer.lower <= 1.1e-3 * answer.upper
    else:
        assert answer.status == "not_converged"
        assert np.isnan(answer.value)


SLOW_DIVERGENCE = pytest.param("sinkhorn_divergence", marks=pytest.mark.slow)


@pytest.mark.parametrize("method", ["exact", "sliced", "nearest_neighbor", SLOW_DIVERGENCE])
def test_a_sentinel_without_mass_does_no_harm_inside_a_program(method):
    """1e20 has no square in single precision, and 0 times that is no number."""
    (x, y, a, b), padded = ([np.float32(part) for part in parts] for parts in _padded(2, far=1e20))
    p = 2 if "sink" in method else 3
    value = jax.value_and_grad(lambda *xyab: wb.distance(*xyab, p, method), (0, 1))
    found, slopes = value(*padded)
    wanted, others = value(x, y, a, b)
    assert found == pytest.approx(float(wanted), rel=1e-5)
    np.testing.assert_allclose(np.delete(slopes[0], 7, 0), others[0], atol=1e-4)
    np.testing.assert_allclose(slopes[1][:-1], others[1], atol=1e-4)


@pytest.mark.parametrize("method", ["nearest_neighbor", SLOW_DIVERGENCE])
def test_padding_leaves_the_others_their_digits_inside_a_program(method):
    """Beyond 16 columns squared distances come from products, about the mean of the rows."""
    rng = np.random.default_rng(0)
    x, y = np.float32(1e4 + np.array([[[0.0]], [[1.0]]]) + rng.normal(size=(2, 32, 20)))
    mass = np.full(32, 1 / 32, np.float32)
    padded = [np.vstack([points, np.zeros_like(points)]) for points in (x, y)]
    found = wb.distance(*padded, *[np.append(mass, 0 * mass)] * 2, p=2, method=method)
    wanted = wb.distance(x, y, mass, mass, p=2, method=method)
    assert found == pytest.approx(float(wanted), rel=2e-2)
