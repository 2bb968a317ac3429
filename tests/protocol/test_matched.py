"""The protocol "matched": the exact distance of its arrays needs no solver."""

from __future__ import annotations

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import L1, L2
from wdist_bench.protocol.matched import matched_truths, refuses_matched, run_matched
from wdist_bench.protocol.stream import Stream
from wdist_bench.runs.cell import Cell
from wdist_bench.runs.suite import load_suite

STREAM = Stream(n=150, runs=2, eval_batches=1, seed=3)
# Tasks whose couplings are optimal for these p, affine or not.
COUPLED = [
    ("gaussian_shift", {"dim": 3}, (1, 1.5, 3)),
    ("gaussians", {}, (2,)),
    ("convex_gradient", {}, (1, 2)),
    ("radial", {"dim": 3}, (1, 2)),
    ("dilation", {}, (1, 2)),
    ("funnels", {"dim": 2}, (1,)),
    ("convex_pairs", {"dim": 4}, (2,)),
    ("blurred_images", {}, (2,)),
    ("one_dimensional", {}, (1, 2)),
]


@pytest.mark.parametrize(
    ("name", "options", "p"), [(name, options, p) for name, options, ps in COUPLED for p in ps]
)
def test_the_mean_cost_of_the_pairs_is_the_exact_value(name, options, p):
    task = wb.tasks.get(name, **options)
    truths = matched_truths(task, L2(p), STREAM)
    found = run_matched(task, wb.estimators.get("exact"), L2(p), STREAM)
    np.testing.assert_allclose(found.costs, truths, rtol=3e-6)
    assert truths[0, 0] != truths[1, 0] or name == "gaussian_shift"


def test_the_rows_come_in_no_order_that_shows_the_plan(monkeypatch):
    task = wb.tasks.get("gaussian_shift")
    seen = []
    monkeypatch.setattr(
        "wdist_bench.protocol.fixed.estimate",
        lambda x, y, *a, **k: seen.append((x, y)) or wb.estimate(x, y, "exact"),
    )
    run_matched(task, wb.estimators.get("exact"), L2(1), STREAM)
    x, y = seen[0]
    assert np.ptp(np.linalg.norm(x - y, axis=1)) > 1  # 0 in order: all rows move alike


def test_a_cell_has_the_truth_of_its_arrays():
    cell = Cell("convex_gradient", {}, "exact", {}, 2, n=200, runs=2, protocol="matched")
    truths = {}
    record = cell.run(truths, lambda truth: truth)
    (truth,) = truths.values()
    np.testing.assert_allclose(record["costs"], truth["costs"], rtol=3e-6)
    assert truth["key"] != Cell("convex_gradient", {}, "exact", {}, 2, n=200, runs=2,
                                protocol="fixed").truth_key("cpu")  # fmt: skip


def test_what_has_no_coupling_is_refused_in_a_sentence(tmp_path):
    noisy = wb.tasks.get("noisy", noise="uniform")
    assert "expected an optimal coupling" in refuses_matched(noisy, L2(2))
    assert "expected an optimal coupling" in refuses_matched(wb.tasks.get("gaussians"), L1(1))
    with pytest.raises(ValueError, match='use the protocol "fixed"'):
        matched_truths(noisy, L2(2), STREAM)
    suite = tmp_path / "s.toml"
    suite.write_text(
        'title = "t"\ndescription = "d"\nprotocol = ["matched"]\np = [2]\nn = [8]\n'
        '[[tasks]]\nname = "noisy"\nnoise = "uniform"\n[[estimators]]\nname = "exact"\n'
    )
    (cell,) = load_suite(suite, "cpu").cells
    assert "optimal coupling" in cell.refusal
