"""Lists in a suite's tasks: several values of a parameter, or one value that is a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import wdist_bench as wb
from wdist_bench.runs.suite import load_suite
from wdist_bench.runs.sweeps import takes_one_value

SUITE = """
title = "t"
n = [8, 16]
[[estimators]]
name = "exact"
[[tasks]]
"""


def parameters(tmp_path, text):
    path = tmp_path / "s.toml"
    path.write_text(SUITE + text)
    cells = load_suite(path).cells
    return [(cell.task_parameters, cell.n) for cell in cells]


def test_a_list_for_a_number_makes_a_cell_each(tmp_path):
    found = parameters(tmp_path, 'name = "gaussian_shift"\ndim = [2, 8]\nscale = [0.5, 1]\n')
    assert found == [
        ({"dim": dim, "scale": scale}, n) for dim in (2, 8) for scale in (0.5, 1) for n in (8, 16)
    ]


def test_a_list_that_is_a_value_stays_one(tmp_path):
    found = parameters(tmp_path, 'name = "gaussian_shift"\nshift = [3.0, 4.0]\n')
    assert found == [({"shift": [3.0, 4.0]}, n) for n in (8, 16)]
    found = parameters(tmp_path, 'name = "histogram"\npositions = [0.0, 1.0, 2.0, 5.0]\n')
    assert len(found) == 2


def test_any_parameter_sweeps_under_sweep(tmp_path):
    text = 'name = "gaussian_shift"\ndim = 2\nsweep = {shift = [1.0, [3.0, 4.0]]}\n'
    shifts = [given["shift"] for given, n in parameters(tmp_path, text) if n == 8]
    assert shifts == [1.0, [3.0, 4.0]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dim = []\n", "dim of task 'gaussian_shift': expected a value, .* got \\[\\]; add one"),
        ("dim = 2\nsweep = {dim = [2]}\n", "dim of task .* under sweep, got both; leave one"),
        ("sweep = {dim = []}\n", "tasks.0.sweep.dim: expected a list with at least one entry"),
        ("dim = [2, 'x']\n", "dim: expected a whole number >= 1, got 'x'"),
        ("dim = [2, [3]]\n", "dim: expected a whole number >= 1, got"),
        ("sweep = {dims = [2]}\n", "parameter of task .* did you mean 'dim'"),
        (f"dim = {list(range(1, 2000))}\nscale = {list(range(1, 2000))}\n", "at most 1,000,000"),
    ],
)
def test_mistakes_are_one_line(tmp_path, text, said):
    with pytest.raises(ValueError, match=said) as caught:
        parameters(tmp_path, 'name = "gaussian_shift"\n' + text)
    assert "\n" not in str(caught.value)
    assert "s.toml" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ['protocol = ["stream", "fixed"]\n', "[profiles.cpu]\nn = [8, 16, 32, 64]\n"],
)
def test_protocols_and_sizes_of_the_profile_count_before_cells_are_made(
    tmp_path, monkeypatch, text
):
    monkeypatch.setattr("wdist_bench.runs.suite._MOST_CELLS", 3)
    path = tmp_path / "s.toml"
    path.write_text(SUITE.replace("n = [8, 16]\n", "n = [8, 16]\n" + text) + 'name = "histogram"')
    with pytest.raises(ValueError, match="at most 3 cells, got 4; split the suite"):
        load_suite(path)


def test_a_parameter_with_the_name_of_a_key_goes_under_sweep(tmp_path, monkeypatch):
    @dataclass(frozen=True)
    class Restarts(wb.estimators.factory("nearest_neighbor")):
        name = "restarts"
        runs: int = 1

    monkeypatch.setitem(wb.estimators.registry._classes, "restarts", Restarts)
    text = 'name = "histogram"\n[[estimators]]\nname = "restarts"\n'
    with pytest.raises(ValueError, match=r"runs of 'restarts'.*give .* as sweep = {runs = \[3\]}"):
        parameters(tmp_path, text + "runs = 3\n")
    parameters(tmp_path, text + "sweep = {runs = [3]}\n")
    cell = load_suite(tmp_path / "s.toml").cells[-1]
    assert (cell.runs, cell.build_estimator().runs) == (20, 3)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"histogram"', '"mine"', "got 'mine'; .*, or load the plug-in that has it, with .*--plug"),
        ('title = "t"', 'title = "t"\nnorm = ["torus"]', "got 'torus', which needs period; call"),
        ('title = "t"', 'title = "t"\nnorm = ["mahalanobis"]', "which needs precision"),
    ],
)
def test_what_a_suite_cannot_name_is_said_with_the_way_out(tmp_path, old, new, said):
    path = tmp_path / "s.toml"
    path.write_text((SUITE + 'name = "histogram"\n').replace(old, new))
    with pytest.raises(ValueError, match=said) as caught:
        load_suite(path)
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_a_suite(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(SUITE.lstrip() + 'name = "histogram"\n', encoding="utf-8-sig")
    assert load_suite(path).title == "t"


def test_the_declared_type_decides():
    known = {
        "gaussian_shift": {"dim": True, "shift": False, "scale": True},
        "noisy": {"noise": True, "base_std": True},
        "own_data": {"samples": False, "center": False, "width": True, "transform": True},
        "clusters": {"centers": False, "weights": False, "radius": True},
        "periodic": {"x": False},
    }
    for task, expected in known.items():
        factory = wb.tasks.factory(task)
        assert {name: takes_one_value(factory, name) for name in expected} == expected

    @dataclass(frozen=True)
    class Foreign(wb.Task):
        number: int = 1
        several: list[int] | None = None
        anything: Any = None
        unknown: Nowhere = 0  # noqa: F821  (a name that is imported for type checkers alone)

    assert not takes_one_value(Foreign, "number")  # since one of the names cannot be found


def test_options_of_an_estimator_are_swept_too(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(
        'title = "t"\n[[tasks]]\nname = "gaussian_shift"\n[[estimators]]\nname = "sinkhorn"\n'
        "epsilon = [0.1, 0.01]\nsweep = {threshold = [0.1]}\n"
        '[[estimators]]\nname = "c_transform"\nhidden = [16, 16]\n'
    )
    asked = [cell.estimator_parameters for cell in load_suite(path).cells]
    assert asked[:2] == [{"epsilon": e, "threshold": 0.1} for e in (0.1, 0.01)]
    assert asked[2]["hidden"] == [16, 16]  # widths, one value
    assert len(asked) == 3
    path.write_text(path.read_text().replace("epsilon = [0.1, 0.01]", "epsilon = []"))
    with pytest.raises(ValueError, match="epsilon of estimator 'sinkhorn': expected a value"):
        load_suite(path)
