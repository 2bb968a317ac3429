"""Exact transport along few pairs, against all pairs: costs, weights, ties, far points, duals."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.cards.routes.programmes import transport_cost
from wdist_bench.estimators import along_arcs
from wdist_bench.estimators.exact import Exact
from wdist_bench.solvers import sparse_exact
from wdist_bench.solvers.arcs import smallest
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.solvers.flow import cheapest_flow
from wdist_bench.solvers.matrix_free import pruned_c_transform
from wdist_bench.solvers.matrix_free.cells import Cells, parted
from wdist_bench.solvers.sparse_exact import solve_sparse

sys.path.append(str(Path(__file__).parents[1] / "costs"))
from every_cost import NAMES, cost_of, points_of


@pytest.fixture(autouse=True)
def small_problems(monkeypatch):
    """So that a few hundred points make many blocks, and several coarser problems."""
    monkeypatch.setattr(pruned_c_transform, "_BLOCK_POINTS", 8)
    monkeypatch.setattr(sparse_exact, "_DENSE_PAIRS", 400)
    monkeypatch.setattr(sparse_exact, "_ARCS", 4)


def problem(seed):
    """Points and weights of a random problem: ties, duplicates, rectangles, tiny weights."""
    rng = np.random.default_rng(seed)
    name, p = NAMES[seed % len(NAMES)], (1, 1.5, 2, 3)[seed // len(NAMES) % 4]
    n, m = rng.integers(40, 140, 2)
    x, y = points_of(name, rng, n), points_of(name, rng, m)
    if seed % 3 == 1 and name != "unit_vectors":  # a lattice, whose costs tie
        x, y = np.round(2 * x) / 2, np.round(2 * y) / 2
        x, y = (points + (name == "cosine") * 10.25 for points in (x, y))
    if seed % 5 == 2:
        x[: n // 3] = x[0]
    a, b = (rng.dirichlet(np.full(size, 0.3)) + 1e-300 for size in (n, m))
    if seed % 2:
        a = b = None
    return x, y, a, b, cost_of(name, p)


def agrees(seed):
    x, y, a, b, cost = problem(seed)
    found = solve_sparse(x, y, a, b, cost)
    matrix = cost.matrix(x, y)
    exact = solve_exact(matrix, a, b)
    assert found.converged, (cost, found)
    size = max(exact.cost, 1e-6 * matrix.max())
    assert abs(found.upper - exact.cost) <= 2e-9 * size, cost
    a = np.full(len(x), 1 / len(x)) if a is None else a
    b = np.full(len(y), 1 / len(y)) if b is None else b
    np.testing.assert_allclose(np.bincount(found.rows, found.mass, len(x)), a, atol=1e-14)
    np.testing.assert_allclose(np.bincount(found.columns, found.mass, len(y)), b, atol=1e-14)
    paid = found.mass @ matrix[found.rows, found.columns]
    assert paid == pytest.approx(found.upper, rel=1e-12)
    excess = found.phi[:, None] + found.psi[None, :] - matrix
    assert excess.max() <= 1e-12 * matrix.max()
    assert a @ found.phi + b @ found.psi == pytest.approx(found.lower, rel=1e-9, abs=1e-12 * size)


@pytest.mark.parametrize("seed", range(32))
def test_it_is_the_optimum_over_all_pairs(seed):
    agrees(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(32, 332))
def test_it_is_the_optimum_over_all_pairs_of_300_problems(seed):
    agrees(seed)


def test_a_general_solver_of_linear_programmes_agrees():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 2)), rng.normal(size=(45, 2))
    a, b = rng.dirichlet(np.ones(60)), rng.dirichlet(np.ones(45))
    for p in (1, 2):
        cost = wb.Cost(p)
        wanted = transport_cost(cost.matrix(x, y), a, b)
        assert solve_sparse(x, y, a, b, cost).upper == pytest.approx(wanted, rel=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_reduced_costs_are_those_of_all_pairs(name):
    rng = np.random.default_rng(1)
    x, y, cost = points_of(name, rng, 203), points_of(name, rng, 57), cost_of(name, 1.5)
    phi = rng.normal(size=203)
    reduced = cost.matrix(x, y) - phi[:, None]
    for count in (1, 6, 300):
        index, value = smallest(phi, x, y, cost, count)
        wanted = np.sort(reduced, axis=0)[:count].T
        np.testing.assert_allclose(value, wanted, rtol=1e-12, atol=1e-12)
        at = np.take_along_axis(reduced.T, index, 1)
        np.testing.assert_allclose(at, wanted, rtol=1e-12, atol=1e-12)
        assert all(len(set(row)) == len(row) for row in index)


def test_a_flow_by_hand():
    """Two sources, two sinks, three arcs: all of the first source must take the dear way."""
    rows, columns = np.array([0, 0, 1]), np.array([0, 1, 0])
    flow = cheapest_flow(
        rows, columns, np.array([1.0, 5.0, -2.0]), np.array([2, 3]), np.array([3, 2])
    )
    assert flow.mass.tolist() == [0, 2, 3]
    tight = flow.phi[rows] + flow.psi[columns]
    assert tight[1:] == pytest.approx([5, -2], abs=1e-12)
    assert tight[0] <= 1 + 1e-12
    with pytest.raises(RuntimeError, match="supply meets demand"):
        cheapest_flow(rows[1:], columns[1:], np.ones(2), np.array([2, 3]), np.array([2, 3]))


def test_the_potentials_of_a_long_chain_are_its_shortest_ways():
    """x_i goes to y_i at cost 0, and x_i could take y_{i+1} for -1 on and on: no cheaper cycle, so
    the last potentials are as far from the first as the chain is long.
    """
    n = 3000
    matched = np.arange(n)
    rows, columns = np.r_[matched, matched[:-1]], np.r_[matched, matched[1:]]
    costs = np.r_[np.zeros(n), np.full(n - 1, -1.0)]
    flow = cheapest_flow(rows, columns, costs, np.ones(n, int), np.ones(n, int))
    assert flow.mass.tolist() == [1] * n + [0] * (n - 1)
    assert flow.phi.tolist() == pytest.approx(list(range(n)), rel=1e-9)
    assert flow.psi.tolist() == pytest.approx([-i for i in range(n)], rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_plan_of_cells_is_parted_among_their_points(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(77, 2)), rng.normal(size=(130, 2))
    supply, demand = rng.integers(1, 99, 77), rng.integers(1, 99, 130)
    supply[0] += max(demand.sum() - supply.sum(), 0)
    demand[0] += max(supply.sum() - demand.sum(), 0)
    left, right = Cells.of(x), Cells.of(y)
    i, j = (index.ravel() for index in np.indices((len(left.size), len(right.size))))
    mass = cheapest_flow(i, j, rng.random(len(i)), left.sums(supply), right.sums(demand)).mass
    i, j, mass = i[mass > 0], j[mass > 0], mass[mass > 0]
    rows, columns, parts = parted(left, right, i, j, mass, supply, demand)
    np.testing.assert_array_equal(np.bincount(rows, parts, 77), supply)
    np.testing.assert_array_equal(np.bincount(columns, parts, 130), demand)
    cell_of_row, cell_of_column = np.empty(77, int), np.empty(130, int)
    cell_of_row[left.order] = np.repeat(np.arange(len(left.size)), left.size)
    cell_of_column[right.order] = np.repeat(np.arange(len(right.size)), right.size)
    many = len(right.size)
    between = cell_of_row[rows] * many + cell_of_column[columns]
    found = np.bincount(between, parts, len(left.size) * many)
    np.testing.assert_array_equal(found[i * many + j], mass)
    assert found.sum() == mass.sum()


def test_a_wide_gap_is_reached_before_all_points_are_solved():
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(600, 2)), rng.normal(size=(600, 2)) * 2
    for p in (1, 2):
        exact = solve_sparse(x, y, None, None, wb.Cost(p)).upper
        early = solve_sparse(x, y, None, None, wb.Cost(p), rtol=0.2)
        assert early.rounds == 0
        assert early.converged
        assert 0.8 * early.upper <= early.lower <= exact * (1 + 1e-9)
        assert exact <= early.upper * (1 + 1e-9)


def test_exact_takes_this_way_where_all_pairs_do_not_fit(monkeypatch, leave_free):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(300, 2)), rng.normal(size=(200, 2)) + 1
    a = np.r_[np.zeros(40), rng.dirichlet(np.ones(260))]
    dense = wb.estimate(x, y, p=2, a=a)
    leave_free(48 * 260 * 200)
    monkeypatch.setattr("wdist_bench.estimators.along_arcs._BYTES_A_POINT", 1_000)
    sparse = wb.estimate(x, y, p=2, a=a)
    assert sparse.status == "ok"
    assert sparse.diagnostics["arcs"] < 260 * 200
    assert sparse.value == pytest.approx(dense.value, rel=1e-9)
    assert sparse.lower <= dense.value * (1 + 1e-9)
    phi, psi = sparse.potentials
    assert phi.shape == (300,)
    assert (phi[:, None] + psi <= wb.Cost(2).matrix(x, y) + 1e-9).all()
    # A matrix has no points that could be priced in blocks.
    matrix = wb.estimate(x, y, cost=wb.costs.Matrix(wb.Cost(2).matrix(x, y), 2), a=a)
    assert matrix.status == "out_of_memory"


def test_the_ends_are_told_round_by_round_and_only_narrow():
    x, y, a, b, cost = problem(2)
    told = []
    found = solve_sparse(x, y, a, b, cost, report=lambda lower, upper: told.append((lower, upper)))
    lower, upper = np.array(told).T
    assert (np.diff(lower) >= 0).all()
    assert (np.diff(upper) <= 1e-12 * upper[0]).all()
    assert found.rounds == len(told) - 1  # the first are those of the cells
    short = solve_sparse(x, y, a, b, cost, max_rounds=1)
    assert short.lower <= found.upper * (1 + 1e-9)
    assert short.upper >= found.lower * (1 - 1e-9)


def test_an_interrupt_after_a_round_leaves_the_ends_so_far(monkeypatch):
    x, y, a, b, cost = problem(2)

    def stop(lower, upper):
        raise KeyboardInterrupt

    found = solve_sparse(x, y, a, b, cost, report=stop)
    exact = solve_sparse(x, y, a, b, cost)
    assert (found.interrupted, found.rounds) == (True, 0)
    assert not exact.interrupted
    assert found.lower <= exact.upper * (1 + 1e-9)
    assert found.upper >= exact.lower * (1 - 1e-9)

    def at_once(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sparse_exact, "_guess", at_once)
    with pytest.raises(KeyboardInterrupt):
        solve_sparse(x, y, a, b, cost)


def test_exact_goes_along_arcs_where_that_is_faster_and_logs_its_rounds(monkeypatch, caplog):
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(400, 2)), rng.normal(size=(400, 2)) * 2
    dense = wb.estimate(x, y, p=2)
    assert "arcs" not in dense.diagnostics
    monkeypatch.setattr("wdist_bench.estimators.exact._MANY", 400**2)
    with caplog.at_level("INFO", "wdist_bench"):
        sparse = wb.estimate(x, y, p=2)
    assert sparse.diagnostics["rounds"] == len(caplog.messages) - 1
    assert caplog.messages[0].startswith("exact, 400 x 400 points: round 0, gap ")
    assert sparse.value == pytest.approx(dense.value, rel=1e-12)
    for how in ({"p": 1}, {"p": 2, "a": rng.dirichlet(np.ones(400))}):
        assert "arcs" in wb.estimate(x, y, **how).diagnostics
    assert "arcs" not in wb.estimate(np.tile(x, 5), np.tile(y, 5), p=2).diagnostics  # dimension 10
    monkeypatch.setattr(along_arcs, "_log_rounds", lambda *_: _interrupting)
    stopped = wb.estimate(x, y, p=2)
    assert sparse.diagnostics["rounds"] > 1
    assert stopped.status == "timeout"
    assert "interrupted in round 0" in stopped.message
    assert stopped.lower <= dense.value <= stopped.upper


def test_exact_stops_early_and_then_claims_an_upper_bound(monkeypatch):
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(300, 3)), rng.gamma(2, size=(300, 3))
    value = wb.estimate(x, y, p=2).value
    early = wb.estimate(x, y, "exact", p=2, rtol=0.05)
    assert (early.value, early.bound) == (value, "exact")  # all pairs are solved to the end
    monkeypatch.setattr("wdist_bench.estimators.exact._MANY", 300**2)
    early = wb.estimate(x, y, "exact", p=2, rtol=0.05)
    assert early.bound == "upper"
    assert early.value == early.upper >= value * (1 - 1e-9)
    assert early.lower <= value * (1 + 1e-9)
    assert early.diagnostics["gap"] <= 0.05 * early.upper**2
    assert Exact(rtol=0.05).bound == "upper"
    assert Exact().bound == "exact"
    with pytest.raises(ValueError, match="rtol"):
        wb.estimate(x, y, "exact", rtol=0)


@pytest.mark.parametrize("p", [1, 2])
def test_bracket_hands_large_problems_over(p, monkeypatch):
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(300, 2)), rng.normal(1, 1, size=(250, 2))
    b = np.r_[0.0, rng.dirichlet(np.ones(249))]
    value = wb.estimate(x, y, p=p, b=b).value
    small = wb.estimate(x, y, "bracket", p=p, b=b)
    assert "arcs" not in small.diagnostics
    monkeypatch.setattr("wdist_bench.estimators.bracket._MANY", 300 * 200)
    large = wb.estimate(x, y, "bracket", p=p, b=b)
    assert large.status == "ok"
    assert large.diagnostics["arcs"] < 300 * 250
    assert large.lower <= value <= large.upper == large.value
    assert large.upper**p - large.lower**p <= 1e-3 * large.upper**p
    assert large.potentials[1].shape == (250,)
    monkeypatch.setattr(along_arcs, "_log_rounds", lambda *_: _interrupting)
    stopped = wb.estimate(x, y, "bracket", p=p, b=b, rtol=1e-8)
    assert stopped.status == "timeout"
    assert stopped.lower <= value * (1 + 1e-9)
    assert value <= stopped.upper * (1 + 1e-9)


def nearly_equal(rng, n=300, apart=1e-4):
    x = rng.normal(size=(n, 2))
    return x, x[rng.permutation(n)] + apart * rng.normal(size=(n, 2))


def far_clusters(rng, n=300):
    x, y = rng.normal(size=(2, n, 2))
    x[: n // 2] += 1e3
    y[: n // 2] += 1e3
    return x, y


def one_far(rng, n=300):
    x, y = rng.normal(size=(2, n, 2))
    x[0] = 1e5
    return x, y


HARD = {
    "nearly equal": nearly_equal,
    "all but equal": lambda rng: nearly_equal(rng, apart=1e-6),
    "far clusters": far_clusters,
    "one far point": one_far,
}


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("name", HARD)
def test_costs_of_many_magnitudes_keep_their_digits(name, p, weights, monkeypatch):
    """The value, or the way over all pairs, wherever that finds it."""
    rng = np.random.default_rng(7)
    x, y = HARD[name](rng)
    a = rng.dirichlet(np.ones(len(x))) if weights else None
    dense = wb.estimate(x, y, "exact", p=p, a=a)
    assert dense.status == "ok"
    for estimator, digits in (("exact", 1e-8), ("bracket", 1e-3)):
        monkeypatch.setattr(f"wdist_bench.estimators.{estimator}._MANY", 1)
        found = wb.estimate(x, y, estimator, p=p, a=a)
        if (estimator, name, p) != ("bracket", "all but equal", 2):  # whose own way may fail, too
            assert found.status == "ok"
        if found.status == "ok":
            assert found.value == pytest.approx(dense.value, rel=digits)
        assert found.lower <= dense.value * (1 + 1e-9)
        assert dense.value <= found.upper * (1 + 1e-9)


def test_all_pairs_are_taken_where_rounding_stops_the_arcs(monkeypatch, leave_free):
    rng = np.random.default_rng(8)
    x, y = nearly_equal(rng)
    wanted = wb.estimate(x, y, p=2)
    monkeypatch.setattr("wdist_bench.estimators.exact._MANY", 1)
    monkeypatch.setattr(sparse_exact, "_rounds", _never_there(sparse_exact._rounds))
    found = wb.estimate(x, y, p=2)
    assert (found.status, found.value) == ("ok", wanted.value)
    assert "arcs" not in found.diagnostics
    leave_free(300 * 300)
    monkeypatch.setattr(along_arcs, "_BYTES_A_POINT", 100)
    found = wb.estimate(x, y, p=2)
    assert found.status == "not_converged"
    assert found.lower <= wanted.value <= found.upper


def _never_there(rounds):
    def first(*given):
        found = next(rounds(*given))
        yield found._replace(lower=found.lower / 2)

    return first


def _interrupting(lower, upper):
    raise KeyboardInterrupt
