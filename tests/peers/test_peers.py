"""Other libraries' solvers: units of W_p, their claims, and one sentence where they cannot."""

from __future__ import annotations

import numpy as np
import pytest
from conftest_peers import DECLARED, ENTRIES, ROOT, peer_class

import wdist_bench as wb
from wdist_bench.conformance.estimator_rules import ESTIMATOR_RULES
from wdist_bench.conformance.findings import Broken
from wdist_bench.runs.suite import load_suite

RULES = [
    "declares name, version, target and bound",
    "is plain data: hashable, picklable, equal by value",
    "keeps what it claims on batches",
    "changes neither its input nor global state",
]
BROKEN = {"pot_min_sliced_plan": "keeps what it claims on batches"}
"""Of POT itself (results/claims/peers.md): with weights its cost is not that of its plan."""
OURS = {"exact", "bracket", "sinkhorn", "sinkhorn_divergence", "nearest_neighbor", "sliced"}
RNG = np.random.default_rng(11)
X, Y = RNG.normal(size=(30, 2)), RNG.normal(size=(30, 2)) * 1.5 + 1.0
HEAVY = ("ott", "geomloss", "pot_lowrank", "pot_sinkhorn_divergence")  # they compile, or iterate
SOLVERS = [name for name in ENTRIES if "_neural" not in ENTRIES[name]]  # the others are trained
MARKED = [pytest.param(name, marks=pytest.mark.slow) if name.startswith(HEAVY) else name
          for name in SOLVERS]  # fmt: skip
SCALED = {"geomloss_sinkhorn", "ott_lowrank_sinkhorn", "pot_bsp"}
"""Another number at another scale: a blur that is a length, a step size, cuts of space."""
SMALL = {
    "pot_lowrank_sinkhorn": {"rank": 8, "numItermax": 200},
    "ott_lowrank_sinkhorn": {"rank": 8},
}


def costs_of(one):
    for norm, p in (("l2", 1), ("l2", 2), ("l1", 1)):
        try:
            one.check_cost(wb.Cost(p, norm))
        except ValueError:
            continue
        yield wb.Cost(p, norm)


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_point_is_a_peer_of_that_name(name):
    factory = peer_class(name)
    assert factory.name == name
    wb.estimators.registry.interface.check_class.__func__(factory)


@pytest.mark.parametrize("name", MARKED)
def test_values_are_in_units_of_the_distance_and_keep_their_claim(name, peer):
    """Twice the points, twice the value; exact ones equal ours, bounds are on their side."""
    one = peer(name, **SMALL.get(name, {}))
    costs = list(costs_of(one))
    assert costs
    for cost in costs:
        answer = wb.estimate(X, Y, one, cost=cost)
        assert answer.status == "ok", answer.message
        exact = wb.estimate(X, Y, cost=cost).value
        room = 1e-6 * exact
        assert (answer.bound != "exact") or abs(answer.value - exact) <= room
        assert (answer.bound != "lower") or answer.value <= exact + room
        assert (answer.bound != "upper") or answer.value >= exact - room
        assert 0.2 * exact < answer.value < 3 * exact  # a factor p, a root or a square more is out
        twice = wb.estimate(2 * X, 2 * Y, one, cost=cost).value
        assert twice == pytest.approx(2 * answer.value, rel=0.2 if name in SCALED else 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "off"),
    [
        ("pot_sinkhorn_log", {"reg": 0.002, "numItermax": 5000}, 0.02),
        ("pot_bsp", {"n_plans": 1024}, 0.05),
        ("ott_sinkhorn", {"epsilon": 0.002}, 0.02),
        ("ott_sinkhorn_divergence", {"epsilon": 0.01}, 0.02),
        ("geomloss_sinkhorn", {"blur": 0.01, "scaling": 0.9}, 0.02),
    ],
)
def test_approximations_come_near_where_their_option_is_fine(name, options, off, peer):
    one = peer(name, **options)
    for p in (1, 2):
        exact = wb.estimate(X, Y, p=p).value
        assert wb.estimate(X, Y, one, p=p).value == pytest.approx(exact, rel=off)


@pytest.mark.parametrize("name", ["scipy_assignment", "lapx_lapjv", "pot_bsp"])
def test_solvers_of_assignments_refuse_other_samples_in_a_sentence(name, peer):
    uneven = wb.estimate(X[:9], Y, peer(name))
    weighted = wb.estimate(X, Y, peer(name), a=np.arange(1, 31) / 465)
    for answer in (uneven, weighted):
        assert answer.status == "refused"
        assert "as many points" in answer.message


def test_a_library_that_is_not_there_is_named():
    class Absent(peer_class("lapx_lapjv")):
        module, costs = "no_such_library", (("l2", 1),)

        check_cost = peer_class("pyemd_emd").check_cost

    with pytest.raises(ValueError, match="expected lapx to be installed"):
        wb.estimate(X, Y, Absent())


def test_a_cost_without_a_meaning_is_refused_with_those_that_have_one(peer):
    with pytest.raises(ValueError, match=r"pot_bures: expected l2 at p = 2, got l2 at p = 1"):
        wb.estimate(X, Y, peer("pot_bures"), p=1)


def test_an_exact_solver_that_stops_early_gives_no_number(peer):
    answer = wb.estimate(X, Y, peer("pot_emd", numItermax=5))
    assert answer.status == "not_converged"
    assert np.isnan(answer.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", SOLVERS)
def test_peers_keep_the_rules_of_plug_ins(name, peer):
    one = peer(name)
    for rule in RULES:
        if BROKEN.get(name) == rule:
            with pytest.raises(Broken, match="claims upper"):
                ESTIMATOR_RULES[rule](one)
        else:
            ESTIMATOR_RULES[rule](one)


def test_the_suite_runs_every_peer_beside_ours(peers_registered):
    cells = load_suite(ROOT / "benchmarks" / "peers.toml").cells
    asked = {cell.estimator for cell in cells}
    assert asked == OURS | set(SOLVERS) - {"scipy_wasserstein_nd"}  # for hundreds of points
    ladder = {cell.estimator_parameters.get("n_plans") for cell in cells
              if cell.estimator == "pot_bsp"}  # fmt: skip
    assert ladder == {16, 64, 256, 1024}


def test_every_library_is_declared():
    needed = {peer_class(name).package.lower() for name in ENTRIES}
    listed = f"{DECLARED['dependencies']} {DECLARED['optional-dependencies']}"
    others = needed - {"pot", "ott-jax", "scipy"}
    assert others
    assert all(package in listed for package in others)


def test_what_a_library_warns_of_stands_in_the_message(peer):
    answer = wb.estimate(X, Y, peer("pot_greenkhorn", numItermax=3))
    assert answer.status == "ok"  # POT returns a number all the same
    assert "did not converge" in answer.message


@pytest.mark.parametrize("profile", ["cpu", "full"])
def test_the_suite_of_many_points_knows_every_distance_without_a_solver(profile, peers_registered):
    cells = load_suite(ROOT / "benchmarks" / "large_n.toml", profile).cells
    assert {cell.protocol for cell in cells} == {"matched"}
    assert not [cell.label for cell in cells if "coupling" in cell.refusal]
    assert {cell.n for cell in cells if cell.estimator == "pot_emd"} == {10_000}
    assert (max(cell.n for cell in cells) == 100_000) is (profile == "full")
