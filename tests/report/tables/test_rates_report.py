"""The tables and the figure of errors against n and dimension, from records made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from wdist_bench.report import write_report
from wdist_bench.report.results import Results
from wdist_bench.report.tables.rates import laws

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
