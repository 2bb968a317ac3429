"""Tables for papers: the best in bold, who is not told apart from it marked, studies too."""

from __future__ import annotations

import numpy as np
import pytest

from wdist_bench.report.export import export
from wdist_bench.report.tables.latex import TIE


@pytest.fixture
def folder(make_folder):
    made = make_folder()
    generator = np.random.default_rng(0)
    truths = np.ones((14, 3))
    for name, size in (("near", 0.05), ("like_near", 0.05), ("far", 0.5)):
        noise = size * np.abs(generator.normal(1, 0.2, truths.shape))
        made.add(name, truths + noise, truths, population=1.0)
    made.keep({"type": "cell", "experiment": "descent_of_nobody", "version": 1, "level": 0.25,
               "parameters": {"seed": 0}, "status": "ok", "message": "", "runs": 2, "failed": 0,
               "environment": "e"})  # fmt: skip
    return made.write()


def test_the_best_is_bold_and_a_tie_marked_by_the_rule_of_comparisons(folder):
    summary = export(folder, "latex")[0].read_text("utf-8")
    row = next(line for line in summary.splitlines() if line.startswith("gaussian\\_shift"))
    cells = [cell.strip() for cell in row.removesuffix(r"\\").split("&")][1:]
    best = [cell for cell in cells if cell.startswith(r"\textbf")]
    tied = [cell for cell in cells if cell.endswith(TIE)]
    assert len(best) == len(tied) == 1
    assert {cells.index(best[0]), cells.index(tied[0])} == {0, 1}
    assert not cells[2].endswith(TIE), "far is told apart"


def test_a_study_is_exported_in_every_format(folder, tmp_path):
    names = {path.name for path in export(folder, "latex", tmp_path)}
    assert {"summary.tex", "errors.tex", "descent_of_nobody.tex", "errors_document.tex"} == names
    assert "0.25" in (tmp_path / "descent_of_nobody.tex").read_text("utf-8")
    assert {p.name for p in export(folder, "csv", tmp_path)} == {
        "errors.csv", "descent_of_nobody.csv",
    }  # fmt: skip


def test_a_width_is_for_pdf_alone(folder, tmp_path):
    with pytest.raises(ValueError, match="width: expected one or two with the format pdf"):
        export(folder, "csv", tmp_path, column="two")
    with pytest.raises(ValueError, match="width: expected one or two"):
        export(folder, "pdf", tmp_path, column="three")
    assert all(path.suffix == ".pdf" for path in export(folder, "pdf", tmp_path, column="one"))


def test_the_bold_one_is_the_closest_of_the_comparisons(make_folder, tmp_path):
    """Not the smallest mean error, which one that failed where it is hard may have."""
    folder, truths = make_folder(), np.ones((8, 1))
    off = np.linspace(0.1, 0.8, 8)[:, None]
    folder.add("whole", truths + off, truths)
    folder.add("lucky", np.where(off < 0.5, truths + 1.1 * off, np.nan), truths)
    summary = export(folder.write(), "latex", tmp_path)[0].read_text("utf-8")
    row = next(line for line in summary.splitlines() if line.startswith("gaussian\\_shift"))
    whole, lucky = row.removesuffix(r"\\").split("&")[1:]
    assert r"\textbf" in whole
    assert r"\textbf" not in lucky
