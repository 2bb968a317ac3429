"""Cells that an estimator refuses: rows with their reason, which rank nowhere and fail nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from wdist_bench.report import write_report
from wdist_bench.report.compare import compare
from wdist_bench.report.comparing.comparisons import comparison_table
from wdist_bench.report.comparing.leaderboard import leaderboard
from wdist_bench.report.export import export
from wdist_bench.report.tables.errors import labelled_table
from wdist_bench.report.text.closing import closing
from wdist_bench.report.text.missing import shortcomings
from wdist_bench.report.text.verdicts import verdicts
from wdist_bench.results.journal import read_journal

REASON = "picky: expected p = 1, got p = 2; use another"


@pytest.fixture(scope="module")
def folders(make_folder):
    """Two settings, the same twice: as it is, and with a refusal before everything else."""
    made = []
    for refused in (False, True):
        folder = make_folder()
        for n in (64, 128):
            if refused:
                folder.without_result("picky", "refused", REASON, n=n, runs=0, failed=0)
                folder.cells[-1] |= {"runs": 0, "failed": 0, "dim": 2, "target": "batch"}
            rng = np.random.default_rng(n)
            truths = 1 + 0.1 * rng.random((4, 3))
            for k, name in enumerate("abcdefg"):
                costs = truths + 0.01 * (k + 1 + 0.1 * rng.random((4, 3)))
                folder.add(name, costs, truths, n=n, population=0.9)
        folder.write()
        write_report(folder.path)
        made.append(folder.path)
    return made


def test_a_refusal_is_a_row_in_the_tables_and_on_the_page(folders):
    _, folder = folders
    table = pd.read_csv(folder / "errors.csv")
    refused = table[table["estimator"] == "picky"]
    assert list(refused["status"]) == ["refused"] * 2
    assert set(refused["message"]) == {REASON}
    written = (folder / "errors.md").read_text()
    assert written.count(f"Refused: {REASON}.") == 2
    assert "0 of 0" not in written
    assert "cells failed" not in written
    page = (folder / "report.html").read_text()
    assert f"<li>2 cells: {REASON}.</li>" in page
    assert "Not complete" not in page


def test_the_other_rows_and_the_truths_are_as_without_it(folders):
    without, folder = folders
    for name in ("errors.csv", "comparisons.csv"):
        rows = [line for line in (folder / name).read_text().splitlines() if "picky" not in line]
        assert rows == (without / name).read_text().splitlines()
    tables = [labelled_table(read_journal(path)) for path in folders]
    assert shortcomings(read_journal(folder), tables[1]["failed"]) == []
    assert verdicts(tables[0]) == verdicts(tables[1])
    for truth in ("population", "batch"):
        # As text, in which NaN is NaN.
        assert repr(leaderboard(tables[0], truth)) == repr(leaderboard(tables[1], truth))
    assert repr(compare(without, folder).changes) == repr(compare(without, without).changes)
    tex = next(path for path in export(folder, "latex") if path.name == "errors.tex")
    assert "truth not known" not in tex.read_text()
    assert tex.read_text().count("refused") == 2


def test_the_terminal_shows_the_five_closest_and_counts_the_rest(folders):
    without, folder = (closing(path) for path in folders)
    assert [task.heading for task in folder.tasks] == [task.heading for task in without.tasks]
    for task, other in zip(folder.tasks, without.tasks, strict=True):
        assert [row[0] for row in task.rows] == list("abcde")
        assert task.rows == other.rows
        assert (other.more, task.more) == ("and 2 more", "and 3 more (1 refused)")
    journal = read_journal(folders[1])
    said = verdicts(labelled_table(journal), comparison_table(journal))
    assert folder.headline == said[0].replace("**", "")
    assert folder.page.is_file()
