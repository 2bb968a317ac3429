"""Neural methods for p = 2: near the truth, maps inverse to each other, and a bound that holds."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import L1, L2
from wdist_bench.problem import Problem, Samples
from wdist_bench.protocol.maps import images_of_fitted

COST = L2(2)
BENT = wb.tasks.get("convex_gradient", direction=(2.0, -1.0, 0.5), strength=1.5)
SMALL = {"steps": 300, "batch_size": 256, "hidden": (32, 32)}


def uvp(found, wanted):
    """L2-UVP in per cent: squared distance over the total variance."""
    return 100 * ((found - wanted) ** 2).sum(1).mean() / wanted.var(0).sum()


def fitted(name, task=BENT, seed=0, **options):
    estimator = wb.estimators.get(name, **SMALL | options)
    keys = jax.random.split(jax.random.key(seed))
    return estimator.fit(keys[0], Problem.from_sampler(task.sampler(), COST, keys[1]))


@pytest.fixture(scope="module")
def convex():
    """One trained potential for several tests."""
    return fitted("icnn")


@pytest.fixture(scope="module")
def pairs():
    x, y = BENT.pairs(jax.random.key(9), 2000, 2)
    return np.asarray(x, np.float64), np.asarray(y, np.float64)


def test_maps_are_near_the_optimal_ones_and_inverse_to_each_other(convex, pairs):
    x, y = pairs
    linear = uvp(_linear(x, y), y)
    assert uvp(convex.map(x), y) < 0.3 * linear
    assert uvp(convex.inverse_map(y), x) < 0.3 * linear
    assert uvp(convex.inverse_map(convex.map(x)), x) < 1e-3


def test_the_bound_holds_at_every_pair_of_points(convex):
    """phi(x) + psi(y) <= |x - y|^2 on all of space, far outside of the data too."""
    rng = np.random.default_rng(3)
    for spread in (1, 30):
        x, y = spread * rng.normal(size=(2, 300, 3))
        answer = convex.estimate(Samples(x, y), COST)
        phi, psi = answer.potentials
        excess = phi[:, None] + psi - ((x[:, None] - y) ** 2).sum(-1)
        assert excess.max() <= 1e-9 * spread**2
        assert answer.bound == "lower"
        assert answer.value <= wb.estimate(x, y, "exact", p=2).value
        assert answer.diagnostics["slack"] >= 0


def test_an_untrained_mover_and_no_solver_still_bound(convex):
    """Any u bounds: the slack alone makes up for what the points miss."""
    x, y = (np.asarray(rows, np.float64) for rows in BENT.sample(jax.random.key(4), 500))
    nowhere = jax.tree.map(lambda weights: 3 * weights + 1, convex.mover)
    broken = dataclasses.replace(convex, mover=nowhere)
    exact = wb.estimate(x, y, "exact", p=2).value
    for one in (convex, broken):
        assert one.estimate(Samples(x, y), COST).value <= exact


@pytest.mark.slow
def test_the_population_is_bounded_from_below_and_nearly_reached():
    truth = BENT.truth(2).value
    answer = wb.evaluate(BENT, wb.estimators.get("icnn", **SMALL), p=2, eval_samples=20_000)
    assert (answer.bound, answer.target) == ("lower", "population")
    assert 0.97 * truth < answer.value < truth + 4 * answer.stderr
    assert answer.lower < answer.value
    assert answer.diagnostics["slack"] < 1e-3


def test_it_starts_at_the_optimal_map_of_gaussians():
    """Whatever the units and the place of the data; the one step is too short to leave it."""
    task = wb.tasks.get(
        "gaussians", mean_x=[100.0, 0.0], cov_x=[[200.0, 90.0], [90.0, 100.0]],
        mean_y=[-300.0, 5.0], cov_y=[[100.0, -70.0], [-70.0, 300.0]],
    )  # fmt: skip
    one = fitted("icnn", task, steps=1, learning_rate=1e-9)
    x, y = (np.asarray(rows, np.float64) for rows in task.pairs(jax.random.key(5), 2000, 2))
    assert uvp(one.map(x), y) < 0.2
    assert uvp(one.inverse_map(y), x) < 0.2


@pytest.mark.slow
def test_equal_laws_get_no_distance():
    same = wb.tasks.get("gaussian_shift", dim=2, shift=0.0)
    answer = wb.evaluate(same, wb.estimators.get("icnn", **SMALL), p=2, eval_samples=20_000)
    assert answer.status == "ok"
    assert answer.lower == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [("maximin", {}), ("maximin", {"reverse": True}), ("w2gn", {})],
    ids=str,
)
def test_other_methods_come_near_and_claim_no_bound(name, options, pairs):
    x, y = pairs
    one = fitted(name, **options)
    linear = uvp(_linear(x, y), y)
    assert uvp(one.map(x), y) < 0.6 * linear
    assert uvp(one.inverse_map(y), x) < 0.6 * linear
    answer = one.estimate(Samples(x, y), COST)
    assert answer.bound == "none"
    assert answer.lower is None
    assert answer.value == pytest.approx(BENT.truth(2).value, rel=0.05)


def test_what_is_evaluated_has_float32_products_on_accelerators(convex):
    """TF32 is off by 1e-3 of |x|^2, in differences of squares."""
    x = jax.numpy.ones((4, 3), np.float32)
    for said in (
        lambda x: convex.batch_cost(Samples(x, x), COST),
        lambda x: images_of_fitted(convex, x, x),
    ):
        program = jax.jit(said).lower(x).as_text()
        assert "precision = [HIGHEST, HIGHEST]" in program
        assert "precision = [DEFAULT, DEFAULT]" not in program


def test_maps_are_those_of_the_reported_potentials(convex, pairs):
    """x - grad phi / 2, here of the potential that the dual value is made of."""
    x = pairs[0][:200]
    np.testing.assert_allclose(convex.map(x), x - convex.gradient(x) / 2, atol=1e-5)


@pytest.mark.slow
def test_reversed_potentials_give_the_inverse_map(pairs):
    """y - grad psi / 2 by finite differences."""
    y = pairs[1][:20]
    one = fitted("maximin", reverse=True, steps=20)
    step, slopes = 1e-4, np.zeros_like(y)
    for k in range(y.shape[1]):
        away = step * np.eye(y.shape[1])[k]
        up, down = (
            one.estimate(Samples(y, y + side * away), COST).potentials.psi for side in (1, -1)
        )
        slopes[:, k] = (up - down) / (2 * step)
    np.testing.assert_allclose(one.inverse_map(y), y - slopes / 2, atol=1e-3)


def test_other_costs_are_refused_in_a_sentence():
    for name in ("icnn", "maximin", "w2gn", "monge_gap"):
        for cost in (L2(1), L1(2), L2(3)):
            with pytest.raises(ValueError, match="expected norm l2 at p = 2"):
                wb.estimators.get(name).check_cost(cost)


def test_training_is_float32_inside_64_bit_programs():
    """Samplers that need float64 put the whole program there."""
    with jax.enable_x64(True):
        one = fitted("icnn", steps=2)
    dtypes = {str(leaf.dtype) for leaf in jax.tree.leaves(one) if hasattr(leaf, "dtype")}
    assert dtypes == {"float32", "float64"}  # float64: the centre, which is of the host
    assert str(one.history.dtype) == str(one.frame.matrix.dtype) == "float32"


def test_options_that_mean_nothing_are_refused():
    for options, words in (
        ({"strong_convexity": 1.0}, "below 1"),
        ({"hidden": ()}, "tuple of layer widths"),
        ({"schedule": "sometimes"}, "schedule"),
        ({"beta1": 1.0}, "beta1"),
    ):
        with pytest.raises((ValueError, TypeError), match=words):
            wb.estimators.get("icnn", **options)


@pytest.mark.slow
def test_the_map_of_w2gn_does_not_run_to_where_its_potential_is_flat():
    """Where it descended <u, y> - phi(u) too, this pair ended at 25 times the distance."""
    task = wb.tasks.get("convex_pairs", dim=2, seed=100)
    found = fitted("w2gn", task, learning_rate=0.05)
    x, y = (np.asarray(rows, np.float64) for rows in task.pairs(jax.random.key(9), 2000, 2))
    assert found.estimate(Samples(x, y), COST).value == pytest.approx(task.truth(2).value, rel=0.1)
    assert uvp(found.map(x), y) < 0.3 * uvp(_linear(x, y), y)


def test_presets_are_those_of_the_benchmark():
    published = wb.estimators.get("maximin", preset="w2_benchmark")
    assert (published.steps, published.inner_steps, published.batch_size) == (50_000, 15, 1024)
    assert published.widths(8) == (64, 64, 32)
    assert published.widths(128) == (256, 256, 128)
    cyclic = wb.estimators.get("w2gn", preset="w2_benchmark")
    assert (cyclic.steps, cyclic.cycle) == (250_000, 2)


def _linear(x, y):
    """The optimal map of Gaussians with the moments of the pairs."""
    task = wb.tasks.get(
        "gaussians", mean_x=x.mean(0).tolist(), cov_x=np.cov(x.T).tolist(),
        mean_y=y.mean(0).tolist(), cov_y=np.cov(y.T).tolist(),
    )  # fmt: skip
    return task.map(x, 2)
