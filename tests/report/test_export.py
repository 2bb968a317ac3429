"""Exports hold what the error table holds, and are what their format demands."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from wdist_bench.report.export import export, flat
from wdist_bench.report.tables.errors import error_table, labelled_table
from wdist_bench.report.tables.latex import escape
from wdist_bench.results.columns import COLUMNS
from wdist_bench.results.journal import JournalReader, read_journal
from wdist_bench.results.journal_writing import append
from wdist_bench.results.merge import merge


@pytest.fixture
def folder(make_folder):
    made = make_folder()
    truths = np.full((3, 2), 2.0)
    noise = np.arange(6).reshape(3, 2) / 100
    made.add("exact", truths, truths, bound="exact")
    made.add("a_b", truths + noise, truths, estimator_options={"rate": 1})
    made.add("a_b", truths + 3e-5 + 0 * noise, truths, estimator_options={"rate": 2})
    made.add("lost", truths * np.nan, truths, task="other & more", message="50 % \\ #1", runs=3)
    made.without_result("absent", "skipped", "no data", dataset="cifar10")
    return made.write()


def test_parquet_gives_back_the_error_table(folder):
    pytest.importorskip("pyarrow")
    (path,) = export(folder, "parquet")
    found, expected = pd.read_parquet(path), error_table(read_journal(folder))
    assert len(found) == len(expected) == 5
    assert {column.name for column in COLUMNS} <= set(found.columns)
    for name in ("estimate", "bias_batch", "abs_error_batch_sd", "truth_population"):
        assert found[name].dtype == np.float64
        np.testing.assert_array_equal(found[name], expected[name].astype(float))
    assert list(found["estimator"]) == list(expected["estimator"])
    assert list(found["variant"])[1:3] == ["a_b (rate 1)", "a_b (rate 2)"]
    assert found["failed"].tolist() == expected["failed"].tolist()


def test_words_that_look_like_numbers_stay_words(make_folder):
    made = make_folder()
    made.add("1", [[1.1]] * 2, [[1.0]] * 2, task="2", family="3", dataset="4")
    made.cells[-1]["key"] = "12345678901e4567"
    shown = flat(labelled_table(read_journal(made.write())))
    names = ["estimator", "task", "family", "dataset", "key"]
    assert shown[names].iloc[0].tolist() == ["1", "2", "3", "4", "12345678901e4567"]


def test_csv_goes_where_it_is_asked_to(folder, tmp_path):
    (path,) = export(folder, "csv", tmp_path / "elsewhere")
    assert path == tmp_path / "elsewhere" / "errors.csv"
    expected = error_table(read_journal(folder))
    np.testing.assert_allclose(pd.read_csv(path)["estimate"], expected["estimate"].astype(float))


def test_latex_has_a_whole_table_for_each_setting(folder):
    _, tables, document = export(folder, "latex")
    text = tables.read_text()
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 2
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert text.count(rule) == 2
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 2 + 4, "heads and cells; what was not run is left out"
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", row)) == 7
    assert r"a\_b (rate 1) & $2.025$ &" in text
    assert r"$+3 \cdot 10^{-5}$" in text
    assert r"lost & -- &" in text
    assert r"3 of 3" in text
    assert r"other \& more" in text
    assert r"\input{errors.tex}" in document.read_text()


def test_latex_compiles(folder):
    if not shutil.which("pdflatex"):
        pytest.skip("no pdflatex: install Debian's texlive-latex-recommended")
    export(folder, "latex")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "errors_document.tex"]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout[-2000:]
    assert (folder / "errors_document.pdf").read_bytes().startswith(b"%PDF")


def test_text_is_escaped_for_latex():
    assert escape("50 %_#1 {x} \\ a^b ~ é") == (
        r"50 \%\_\#1 \{x\} \textbackslash{} a\textasciicircum{}b \textasciitilde{} ?"
    )


def test_figures_come_as_pdf_the_same_each_time(folder):
    (path,) = export(folder, "pdf")
    first = path.read_bytes()
    assert path.name == "estimates.pdf"
    assert first.startswith(b"%PDF")
    assert export(folder, "pdf")[0].read_bytes() == first


def test_mistakes_say_what_was_expected(folder, make_folder):
    with pytest.raises(ValueError, match="expected csv, parquet, latex, pdf, journal, got 'xlsx'"):
        export(folder, "xlsx")
    with pytest.raises(FileNotFoundError, match="run a suite first"):
        export(folder / "nowhere", "csv")
    with pytest.raises(ValueError, match="expected cells, got none"):
        export(make_folder("empty").write(), "csv")


def test_the_command_names_what_it_wrote(folder, command):
    code, said, _ = command("export", folder, "--format", "latex")
    assert code == 0
    assert f"wrote {folder / 'errors.tex'}" in said


def test_the_compact_journal_gives_the_same_report_and_no_run_takes_from_it(folder, tmp_path):
    (path,) = export(folder, "journal", tmp_path / "passed_on")
    assert path.read_bytes() == export(folder, "journal", tmp_path / "again")[0].read_bytes()
    table = error_table(read_journal(folder))
    pd.testing.assert_frame_equal(error_table(read_journal(path.parent)), table)
    assert read_journal(path.parent).planned() == read_journal(folder).planned()
    assert not JournalReader(path.parent).refresh().cells


def test_what_no_revision_gives_is_passed_on_only_where_that_is_said(make_folder, tmp_path):
    made = make_folder()
    made.add("a", [[1.0]] * 2, [[1.0]] * 2)
    made.add("b", [[1.0]] * 2, [[1.0]] * 2, environment="changed")
    made.environments = {"e": made.environment, "changed": made.environment | {"git_dirty": True}}
    path = made.write()
    with pytest.raises(ValueError, match="got 1 of 2 measured with uncommitted changes; commit"):
        export(path, "journal", tmp_path)
    assert not list(tmp_path.iterdir())
    assert export(path, "journal", tmp_path, dirty=True)[0].exists()
    assert export(path, "csv", tmp_path)[0].exists()


def test_a_journal_of_its_own_is_read_instead_of_the_compact_one(folder, tmp_path):
    export(folder, "journal", tmp_path)
    append(tmp_path, {"type": "plan", "title": "new", "description": "", "keys": []})
    found = read_journal(tmp_path)
    assert found.plan["title"] == "new"
    assert not found.cells


def test_merging_beside_a_compact_journal_loses_nothing(folder, tmp_path):
    export(folder, "journal", tmp_path)
    merge([folder], tmp_path)
    merged, wanted = JournalReader(tmp_path).refresh(), read_journal(folder)
    assert merged.truths.keys() == wanted.truths.keys()
    assert [r["key"] for r in merged.planned()] == [r["key"] for r in wanted.planned()]
    pd.testing.assert_frame_equal(error_table(merged), error_table(wanted))
