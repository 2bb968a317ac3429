"""Other libraries' neural solvers: maps to the target, values of the distance, their claims."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest_peers import ENTRIES, ROOT, peer_class

import wdist_bench as wb
from wdist_bench.conformance.estimator_rules import ESTIMATOR_RULES
from wdist_bench.costs import L1, L2
from wdist_bench.runs.suite import load_suite

TRAINED = [name for name in ENTRIES if "_neural" in ENTRIES[name]]
SMALL = {
    "ott_neural_dual": {"steps": 3, "batch_size": 16, "pos_weights": False},
    "ott_enot": {"steps": 3, "batch_size": 16},
}
COST = L2(2)
pytestmark = pytest.mark.filterwarnings("ignore:JAXopt:DeprecationWarning")
BENT = wb.tasks.get("convex_gradient", direction=(1.0, -0.5), strength=1.0)


def fitted(name, **options):
    pytest.importorskip("diffrax")
    one = peer_class(name)(**SMALL[name] | options)
    keys = jax.random.split(jax.random.key(4))
    return one.fit(keys[0], wb.Problem.from_sampler(BENT.sampler(), COST, keys[1]))


def missed(images, wanted):
    return ((images - wanted) ** 2).sum(1).mean()


@pytest.mark.slow
def test_a_trained_map_goes_most_of_the_way_and_back():
    x, y = (np.asarray(rows, np.float64) for rows in BENT.pairs(jax.random.key(1), 1000, 2))
    found = fitted("ott_enot", steps=400, batch_size=128)
    assert missed(found.map(x), y) < 0.3 * missed(x, y)
    assert missed(found.inverse_map(y), x) < 0.3 * missed(y, x)
    answer = found.estimate(wb.Samples(x, y), COST)
    assert answer.value == pytest.approx(BENT.truth(2).value, rel=0.3)
    assert (answer.bound, answer.target) == ("none", "batch")


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_maps_are_those_of_potentials_in_units_of_the_squared_distance(name):
    """T(x) = x - grad phi(x) / 2, also in other coordinates than those of training."""
    found = fitted(name)
    x = np.random.default_rng(2).normal(size=(20, 2))
    slopes = jax.vmap(jax.grad(lambda z: found.trained.phi(z[None])[0]))(x.astype(np.float32))
    assert found.map(x) == pytest.approx(x - np.asarray(slopes) / 2, abs=1e-4)
    moved = type(found)(found.estimator, found.trained, np.array([3.0, -1.0]), 4.0)
    assert moved.map(4 * x + [3, -1]) == pytest.approx(4 * found.map(x) + [3, -1], abs=1e-4)


@pytest.mark.slow
def test_ott_itself_goes_half_of_the_way():
    """Its potentials are those of half the cost; where this fails, it has been repaired."""
    one = peer_class("ott_neural_dual")(**SMALL["ott_neural_dual"])
    found = fitted("ott_neural_dual")
    solver = one.solver(2, jax.random.key(0))
    x = np.random.default_rng(3).normal(size=(20, 2)).astype(np.float32)
    half, whole = solver.to_dual_potentials().transport(x), one.trained(solver).forward(x)
    assert np.asarray(half) == pytest.approx((x + np.asarray(whole)) / 2, abs=1e-4)
    assert found.estimator == one


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize(
    "rule",
    [
        "declares name, version, target and bound",
        "is plain data: hashable, picklable, equal by value",
        "changes neither its input nor global state",
    ],
)
def test_neural_peers_keep_the_rules_of_plug_ins(name, rule):
    pytest.importorskip("diffrax")
    ESTIMATOR_RULES[rule](peer_class(name)(**SMALL[name]))


def test_rows_without_mass_have_no_say():
    """0 times the NaN of a far row was called divergence."""
    from wdist_bench_peers_neural.ott import FittedNeural, Trained

    def potential(z):
        return jnp.where(jnp.abs(z).max(1) > 1e3, jnp.nan, z[:, 0])

    found = FittedNeural(peer_class("ott_enot")(), Trained(*[potential] * 4), np.zeros(2), 1.0)
    x, y = np.array([[1.0, 0.0], [1e20, 0.0]]), np.array([[3.0, 0.0]])
    assert found.estimate(wb.Samples(x, y, np.array([1.0, 0.0])), COST).cost == pytest.approx(4)


@pytest.mark.parametrize("name", TRAINED)
def test_other_costs_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}: expected l2 at p = 2, got l1 at p = 1"):
        peer_class(name)().check_cost(L1(1))


@pytest.mark.parametrize("name", TRAINED)
def test_what_is_not_installed_is_named(name, monkeypatch):
    monkeypatch.setattr("wdist_bench_peers_neural.ott.find_spec", lambda module: None)
    with pytest.raises(ValueError, match="expected ott-jax with its extra neural to be installed"):
        peer_class(name)().check_cost(COST)


def test_the_suite_has_them_beside_ours_at_p_2(peers_registered):
    cells = load_suite(ROOT / "benchmarks" / "w2_peers.toml").cells
    asked = {cell.estimator for cell in cells}
    assert asked >= {*TRAINED, "icnn", "maximin", "w2gn", "monge_gap"}
    assert {cell.cost for cell in cells} == {COST}
