"""Answers as notebooks show them, and suites as calls."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.notebook import html_table

SUITE = """
title = "Tiny"
n = [8]
steps = 5
runs = 2
eval_batches = 2
[[tasks]]
name = "gaussian_shift"
[[estimators]]
name = "nearest_neighbor"
[[estimators]]
name = "exact"
"""


def test_nothing_in_a_table_is_markup():
    shown = html_table("<b>", [("a&b", "<script>"), ("number", 1 / 3), ("pair", (0.5, 2.0))])
    assert "<b>" not in shown
    assert "<script>" not in shown
    assert "a&amp;b" in shown
    assert "0.333333" in shown
    assert "[0.5, 2]" in shown


def test_an_estimate_is_a_number_a_table_and_a_frame():
    answer = wb.estimate([[0.0], [1.0]], [[2.0], [5.0]])
    assert float(answer) == 3
    assert "<td>3</td>" in answer._repr_html_()
    frame = answer.to_frame()
    assert (frame["value"][0], frame["status"][0], frame["gap"][0]) == (3, "ok", 0)
    assert math.isnan(float(wb.Estimate.failed("error", "", target="batch", bound="none")))


def test_a_test_shows_its_pvalue():
    found = wb.two_sample_test(np.zeros((4, 1)), np.ones((4, 1)), permutations=9)
    assert f"<td>{found.pvalue:.6g}</td>" in found._repr_html_()


def test_a_suite_runs_and_is_read(tmp_path):
    (tmp_path / "tiny.toml").write_text(SUITE)
    events = []
    ran = wb.run_suite(tmp_path / "tiny.toml", tmp_path / "out", progress=events.append)
    assert [event.kind for event in events] == ["started", "finished"] * 2
    table = wb.load_results(tmp_path / "out").table
    assert table.equals(ran.table)
    assert (table.set_index("estimator")["bias_batch"]["exact"], len(table)) == (0, 2)
    assert (tmp_path / "out" / "report.html").is_file()
    assert "nearest_neighbor" in ran._repr_html_()
    with pytest.raises(FileNotFoundError, match="did you mean 'quick'"):
        wb.run_suite("quik")
