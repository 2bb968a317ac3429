"""The tables and the figure of errors against n and dimension, from records made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from wdist_bench.report import write_report
from wdist_bench.report.figures.rates import draw
from wdist_bench.report.results import Results
from wdist_bench.report.tables.rates import _markdown, _support, laws, slopes

SIZES, DIMS = (32, 128, 512, 2048), (2, 16)


def folder_of(make_folder, sizes, known=True):
    """Errors n^-0.5 of "centered" and n^(-1 / dim) of "exact", in three runs each."""
    folder, population = make_folder(), 2.0
    for dim in DIMS:
        for n in sizes:
            shared = {"task_parameters": {"dim": dim}, "dim": dim, "n": n, "family": "moved laws",
                      "population": population if known else None}  # fmt: skip
            runs = np.array([[1.0], [-2.0], [3.0]])
            truths = population + runs * n ** (-1 / dim)
            folder.add("exact", truths, truths, **shared)
            folder.add("centered", population + runs / n**0.5, truths, **shared)
    return folder.write()


def test_slopes_are_those_of_the_errors_with_theory_beside_the_plug_in(make_folder):
    path = folder_of(make_folder, SIZES)
    write_report(path)
    table = pd.read_csv(path / "rates.csv").set_index(["estimator", "dim"])
    for dim in DIMS:
        assert table.loc[("exact", dim), "slope"] == pytest.approx(-1 / dim)
        assert table.loc[("centered", dim), "slope"] == pytest.approx(-0.5)
        assert table.loc[("exact", dim), "theory"] == -min(0.5, 2 / dim)
    assert table.loc["centered", "theory"].isna().all()
    last = table.loc[("centered", 16), "error_at_most_points"]
    assert last == pytest.approx(np.sqrt(14 / 3) / 2048**0.5)
    text = (path / "rates.md").read_text()
    assert "| 16 | 32 to 2048 | -0.12 | -0.06 [-0.06, -0.06] | -0.50 [-0.50, -0.50] |" in text
    assert (path / "rates.png").stat().st_size > 10_000
    assert "How errors fall" in (path / "report.html").read_text()


def test_the_panels_stand_where_most_cells_are(make_folder):
    [law] = laws(Results(folder_of(make_folder, SIZES)))
    assert (law.family, law.p, law.truths) == ("moved laws", 1, {2: 2.0, 16: 2.0})
    assert law.n in SIZES
    sizes, errors = law.over_n("exact", 16)
    assert sizes.tolist() == list(SIZES)
    assert errors[1] == pytest.approx(2 * np.array(SIZES) ** (-1 / 16))
    dims, errors = law.over_dim("exact", 32)
    assert (dims.tolist(), errors.shape) == ([2, 16], (3, 2))


def test_laws_of_one_dimension_are_told_apart_and_lost_cells_counted(make_folder):
    folder = make_folder()
    for shift, power, sizes in ((0.0, 0.5, SIZES), (2.0, 0.1, (512, 2048, 8192, 32768))):
        for n in sizes:
            costs = shift + np.array([[0.9], [1.0], [1.1]]) * n**-power
            folder.add("exact", costs, costs, population=shift, n=n, target="population",
                       task_parameters={"dim": 2, "shift": shift})  # fmt: skip
    folder.add("exact", [[np.nan], [1.0], [1.0]], [[1.0]] * 3, population=2.0, n=8,
               task_parameters={"dim": 2, "shift": 2.0})  # fmt: skip
    found = laws(Results(folder.write()))
    table = slopes(found)
    assert table["family"].tolist() == [f"gaussian_shift, shift {s}" for s in (0.0, 2.0)]
    assert table["slope"].tolist() == pytest.approx([-0.5, -0.1])
    assert [law.lost for law in found] == [0, 1]
    assert "Left out, since a run gave no number: 1 cell." in _markdown(table, 1)


def test_a_law_all_of_whose_cells_are_lost_is_counted_among_them(make_folder):
    folder = make_folder()
    for shift, first in ((1.0, 1.2), (2.0, np.nan)):
        for n in SIZES:
            costs = [[first], [1.1], [1.3]]
            folder.add("exact", costs, [[1.0]] * 3, population=1.0, n=n, target="population",
                       task_parameters={"dim": 2, "shift": shift})  # fmt: skip
    path = folder.write()
    write_report(path)
    text = (path / "rates.md").read_text()
    assert "Left out, since a run gave no number: 4 cells." in text
    assert "shift 2" not in text


@pytest.mark.parametrize(
    ("task", "given", "support"),
    [("gaussian_shift", {}, 8), ("concentric_spheres", {}, 7), ("weighted_points", {}, None),
     ("gaussian_shift", {"std": 0}, None), ("radial", {"x": [["law", "sphere"]]}, None),
     ("radial", {"x": [["law", "ball"]]}, 8), ("spiked_gaussian", {"spike": 0.0}, None),
     ("spiked_gaussian", {"spike": 4.0}, 8), ("gaussian_shift", {"scale": 0.0}, None),
     ("radial", {"x": [["law", "gaussian"], ["std", 0.0]]}, None),
     ("radial", {"y": {"law": "ball", "radius": 0}}, None),
     ("concentric_spheres", {"radius_x": 0.0}, None)],
)  # fmt: skip
def test_theory_is_of_laws_with_a_density(task, given, support):
    assert _support({"task": task, "dim": 8, "task_parameters": given}) == support


def test_a_dimension_without_an_error_has_no_label(make_folder):
    folder = make_folder()
    for dim, off in ((2, 1.0), (4, 0.0), (8, 0.0)):
        for n in SIZES:
            folder.add("exact", 1 + off * np.array([[1.0], [2.0]]) / n, [[1.0]] * 2, n=n, dim=dim,
                       task_parameters={"dim": dim})  # fmt: skip
    assert draw(laws(Results(folder.write()))) is not None


def test_other_suites_have_none(make_folder):
    path = folder_of(make_folder, SIZES[:3])
    write_report(path)
    assert not (path / "rates.csv").exists()
    assert laws(Results(folder_of(make_folder, SIZES, known=False))) == []


def test_names_from_elsewhere_are_text(make_folder):
    path = make_folder()
    for n in SIZES:
        runs = [[1.0 + 1 / n], [1.0 - 1 / n], [1.0 + 2 / n]]
        path.add("exact", runs, runs, family="a | <b> $x$ _y_", n=n)
    written = path.write()
    write_report(written)
    text = (written / "rates.md").read_text()
    assert "<b>" not in text.replace("\\<b", "")
