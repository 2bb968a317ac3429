"""Answers as notebooks show them, and suites as calls."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.display.notebook import html_table
from wdist_bench.population.two_sample import TestResult

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
    named = wb.Estimate(1.0, 1.0, "batch", "none", diagnostics={"lower": 2.0, "gap": 3.0})
    frame = named.to_frame()  # a diagnostic of that name is no bound
    assert (frame["lower"][0], frame["gap"][0]) == (None, 3)


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


@pytest.fixture
def axes():
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    _, axes = plt.subplots()
    yield axes
    plt.close("all")


def drawn(axes):
    return {text.get_text() for text in axes.get_legend().get_texts()}


def test_an_answer_is_drawn_with_what_it_states(axes):
    answer = wb.Estimate(
        1.0, 1.0, target="population", bound="none", lower=0.5, upper=2.0, level=0.95, truth=1.5,
        runs=np.array([0.9, 1.1]),
    )  # fmt: skip
    assert answer.plot(axes) is axes
    assert drawn(axes) == {"value 1", "95 % interval", "truth 1.5", "2 runs"}
    low, high = axes.get_xlim()
    assert low < 0.5
    assert high > 2
    assert (axes.lines[0].get_xdata() == (0.5, 2)).all()


def test_a_history_is_drawn_along_its_steps(axes):
    history = np.linspace(0, 1, 1000)
    wb.Estimate(1.0, 1.0, target="batch", bound="none", stderr=0.1, history=history).plot(axes)
    assert drawn(axes) == {"each step's minibatch", "value 1", "two standard errors"}
    steps, values = axes.lines[0].get_data()
    np.testing.assert_allclose(values, history[steps - 1])
    assert axes.get_xlabel() == "training step"


@pytest.mark.parametrize("upper", [math.inf, None])
def test_an_open_end_and_a_failure_are_drawn_as_such(axes, upper):
    wb.Estimate(1.0, 1.0, target="batch", bound="none", lower=0.5, upper=upper, level=0.9).plot(
        axes
    )
    assert all(np.isfinite(axes.get_xlim()))
    failed = wb.Estimate.failed("diverged", "x", target="batch", bound="none").plot(axes)
    assert failed.get_title() == "no number: diverged"


def test_a_test_is_drawn_among_its_partings(axes):
    found = wb.two_sample_test([[0.0], [1.0], [2.0]], [[5.0], [6.0], [7.0]], permutations=50)
    found.plot(axes)
    assert drawn(axes) == {"50 partings at random", f"these samples, p = {found.pvalue:.2g}"}
    assert found.to_frame()["pvalue"][0] == found.pvalue


@pytest.mark.parametrize("place", [0.0, 1.4, 1e17])
def test_partings_that_are_equal_but_for_rounding_are_one_bar(axes, place):
    null = place * (1 + 1e-16 * np.arange(5))
    TestResult(place, 1.0, 5, null=null).plot(axes)
    assert [bar.get_height() for bar in axes.patches] == [5]


def test_a_notebook_without_widgets_gets_a_line_a_cell(monkeypatch, capsys):
    from types import SimpleNamespace

    import rich

    from wdist_bench.benchmark import _watching

    monkeypatch.setattr(rich, "get_console", lambda: SimpleNamespace(is_jupyter=True))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    cell = SimpleNamespace(label="exact on\ntask")
    with _watching(True, 2) as watch:
        for kind in ("started", "finished"):
            watch(SimpleNamespace(kind=kind, cell=cell, index=1, total=2, record={"status": "ok"}))
    assert capsys.readouterr().out == "[1/2] exact on\\ntask: ok\n"
