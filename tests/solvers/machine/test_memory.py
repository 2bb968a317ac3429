"""Problems too large for a cost matrix: a status before anything is allocated, with a way out."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import as_cost
from wdist_bench.estimators import along_arcs
from wdist_bench.problem import Samples
from wdist_bench.solvers.machine import memory

MATRIX = ("exact", "sinkhorn", "sinkhorn_divergence")


@pytest.mark.parametrize("method", MATRIX)
@pytest.mark.parametrize("dim", [1, 2])
def test_all_pairs_that_do_not_fit_are_a_status_before_they_are_made(method, dim, leave_free):
    """10^6 points: 8 TB of costs, which no machine of this test has, and no room for arcs."""
    leave_free(2**33)
    x = np.zeros((10**6, dim))
    x[:, 0] = np.arange(10**6)
    tracemalloc.start()
    found = wb.estimate(x, x + 1, method)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.status == "out_of_memory"
    assert np.isnan(found.value)
    assert ("one_dimensional" in found.message) == (dim == 1)
    assert "bracket" in found.message
    assert "nearest_neighbor" in found.message
    assert most < 2**30
    if dim == 1:
        assert wb.estimate(x, x + 1, "one_dimensional").value == pytest.approx(1)


@pytest.mark.parametrize("method", MATRIX)
def test_what_fits_is_what_the_free_memory_says(method, leave_free):
    x, y = np.random.default_rng(0).normal(size=(2, 50, 2))
    leave_free(51 * 2500)
    assert wb.estimate(x, y, method).status == "ok"
    leave_free(49 * 2500 - 1)
    assert wb.estimate(x, y, method).status == "out_of_memory"


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("method", [*MATRIX, "bracket", "nearest_neighbor", "gaussian"])
def test_points_without_mass_take_no_memory(method, p, leave_free):
    """Two points of 3,000 have mass; potentials are admissible at all of them."""
    grid = np.argwhere(np.ones((60, 50))).astype(float)
    a, b = np.zeros((2, len(grid)))
    a[0], b[3 * 50 + 4] = 1, 1
    leave_free(2**10)
    found = wb.estimate(grid, grid, method, p, a=a, b=b)
    assert found.status == "ok", found.message
    assert found.value == pytest.approx(5, rel=1e-9)
    if found.potentials is not None:
        phi, psi = found.potentials
        costs = wb.Cost(p).matrix(grid, grid[:500])
        assert (phi[:, None] + psi[None, :500] <= costs + 1e-9).all()


@pytest.mark.parametrize("method", ["exact", "sinkhorn", "bracket"])
def test_costs_of_ones_own_that_do_not_fit_are_never_made(method, leave_free):
    """`bracket` made all of them, where it was named as linear in the points."""
    leave_free(2**10)
    x, y = np.arange(20.0)[:, None], np.arange(20.0)[:, None] + 1

    def parts(x, y):
        assert len(x) * len(y) < 400
        return np.abs(x - y.T)

    for cost in (parts, np.abs(x - y.T)):
        found = wb.estimate(x, y, method, cost=cost)
        assert found.status == "out_of_memory"
        assert "use nearest_neighbor" in found.message
        assert "bracket" not in found.message


@pytest.mark.parametrize(
    ("method", "solver"),
    [("bracket", "bracket"), ("exact", "solve_exact"), ("sinkhorn", "certify")],
)
def test_memory_that_runs_out_on_the_way_is_the_same_status(method, solver, monkeypatch):
    def fails(*_, **__):
        raise MemoryError("no room for more")

    module = __import__(f"wdist_bench.estimators.{method}", fromlist=[method])
    monkeypatch.setattr(module, solver, fails)
    found = wb.estimate([[0.0], [1.0]], [[2.0], [3.0]], method)
    assert (found.status, found.message) == ("out_of_memory", "no room for more")


def test_costs_of_a_function_are_never_asked_for_pair_by_pair():
    """A function gives k x k costs, of which k pairs are the diagonal: arcs would need them all."""
    few = Samples(np.zeros((3, 2)), np.ones((3, 2)))
    assert along_arcs.possible(few, wb.Cost(1))
    assert not along_arcs.possible(few, as_cost(lambda x, y: np.ones((len(x), len(y)))))


def test_a_compiled_distance_says_how_much_memory_is_missing(leave_free):
    leave_free(100)
    with pytest.raises(Exception, match="all pairs of 3 x 4 points need about"):
        wb.distance(np.zeros((3, 2)), np.ones((4, 2))).block_until_ready()


def test_files_that_a_container_has_read_are_no_memory_in_use(monkeypatch, tmp_path):
    """The kernel gives their pages back when they are needed."""
    gib = 2**30
    held = {"max": 2 * gib, "current": 2 * gib - 2**20}
    for name, size in held.items():
        (tmp_path / f"memory.{name}").write_text(f"{size}\n")
    monkeypatch.setattr(memory, "Path", lambda path: tmp_path / path.rsplit("/", 1)[1])
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=9 * gib))
    assert memory.available() == 2**20
    (tmp_path / "memory.stat").write_text(f"anon {gib}\ninactive_file {gib}\nactive_file 0\n")
    assert memory.available() == gib + 2**20
