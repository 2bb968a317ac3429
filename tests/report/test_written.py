"""A report leaves nothing of the last one that it does not write itself."""

from __future__ import annotations

import json

from wdist_bench.folders import write
from wdist_bench.report import write_report
from wdist_bench.report.figures.suites import FIGURES
from wdist_bench.report.tables import rates
from wdist_bench.report.written import NAMES, remove_others


def test_what_a_report_no_longer_writes_is_removed(make_folder, monkeypatch):
    """A suite that asks for less since: comparisons and texts are of records that do not count."""
    monkeypatch.setattr(FIGURES, "write", lambda *_: [])  # which take long
    folder = make_folder()
    for name, off in (("a", 0.1), ("b", 0.5)):
        folder.add(name, [[1 + off], [1.1 + off]], [[1.0]] * 2)
    path = folder.write()
    slopes = [write(path / f"rates.{end}", "# Slopes") for end in ("md", "csv")]
    monkeypatch.setattr(rates, "write_rates", lambda *_: slopes)
    before = {file.name for file in write_report(path)}
    assert {"rates.md", "rates.csv", "comparisons.csv"} <= before
    assert "Slopes" in (path / "report.html").read_text(encoding="utf-8")
    write(path / "notes.md", "# Of the user")
    slopes.clear()
    folder.cells = folder.cells[:1]
    folder.write()
    after = {file.name for file in write_report(path)}
    there = {file.name for file in path.iterdir()}
    assert there == after | {"journal.jsonl", "environment.json", "notes.md", NAMES}
    page = (path / "report.html").read_text(encoding="utf-8")
    assert "Slopes" not in page
    assert "Of the user" in page


def test_a_list_from_elsewhere_removes_no_more_than_files_of_a_report(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    kept = [tmp_path / "outside.md", folder / "journal.jsonl", folder / "plugin.py"]
    for path in (*kept, folder / "old.md"):
        path.write_text("x")
    (folder / "link.md").symlink_to(tmp_path / "outside.md")
    names = ["../outside.md", "", "old.md", "link.md", "gone.md", 3, *(p.name for p in kept[1:])]
    for content in (json.dumps({"files": names}), "no JSON", "[]", '{"files": 3}'):
        (folder / NAMES).write_text(content)
        remove_others(folder, [])
    assert all(path.exists() for path in (*kept, folder / "link.md"))
    assert not (folder / "old.md").exists()
    assert json.loads((folder / NAMES).read_text()) == {"files": []}
