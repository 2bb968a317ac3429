"""The page as a file: self-contained, small, safe against what records hold."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest

from wdist_bench.report.compare import compare
from wdist_bench.report.page.attachments import Figures, attachments
from wdist_bench.report.page.data import embedded
from wdist_bench.report.page.page import MAX_BYTES, write_page
from wdist_bench.report.tables.errors import labelled_table
from wdist_bench.results.journal import read_journal

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def page_of(folder):
    folder.write()
    return write_page(folder.path, read_journal(folder.path)).read_text(encoding="utf-8")


def data_of(html):
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])


def two_cells(folder):
    folder.add("exact", [[1.0, 1.2]] * 2, [[1.0, 1.2]] * 2, bound="exact")
    folder.add("critic", [[1.5, 1.2], [1.1, 1.3]], [[1.0, 1.2]] * 2, history_steps=[1, 2, 3],
               history=[[0.0, 1.0, 2.0], [2.0, 3.0, None]])  # fmt: skip
    return folder


def test_the_page_carries_every_number_of_the_table(make_folder):
    folder = two_cells(make_folder())
    data = data_of(page_of(folder))
    table = labelled_table(read_journal(folder.path))
    at = data["columns"].index
    for cell, (_, row) in zip(data["cells"], table.iterrows(), strict=True):
        for name in (
            "estimate",
            "bias_batch",
            "abs_error_batch",
            "estimate_ci_low",
            "seconds_per_run",
        ):
            assert cell[at(name)] == pytest.approx(row[name], rel=1e-5)
        assert data["words"][cell[at("variant")]] == row["variant"]
    assert data["curves"][0] is None
    steps, mean, sd = data["curves"][1]
    assert (steps, mean) == ([1, 2, 3], [1, 2, 2])
    assert sd[:2] == pytest.approx([np.sqrt(2)] * 2, rel=1e-2)


def test_nothing_outside_the_file_is_loaded_and_the_same_journal_gives_the_same_bytes(make_folder):
    folder = two_cells(make_folder())
    html = page_of(folder)
    assert "default-src 'none'" in html
    markup = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href)="(?:https?:|//)""", markup)
    assert "@import" not in markup
    assert "url(" not in markup
    assert len(html.encode()) < MAX_BYTES
    assert page_of(folder) == html


def test_names_and_messages_are_shown_and_never_run(make_folder):
    folder = make_folder()
    attack = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    folder.add(attack, [[1.0]] * 2, [[1.0]] * 2, message=attack)
    folder.without_result("b", "skipped", attack)
    html = page_of(folder)
    assert attack not in html
    assert attack in data_of(html)["words"]
    assert "&lt;img src=x onerror" in html


def test_embedded_data_has_no_closing_tag_and_keeps_its_meaning():
    data = {"a": "</script><!--", "b": [1, None]}
    assert "<" not in embedded(data)
    assert json.loads(embedded(data)) == data


def test_what_failed_or_is_missing_stands_before_the_verdicts(make_folder):
    folder = two_cells(make_folder())
    for i in range(3):
        folder.add("critic", [[np.nan]] * 2, [[1.0]] * 2, task=f"task{i}")
    folder.without_result("exact", "skipped", "fetch it", dataset="cifar10")
    html = page_of(folder)
    first = html.index("3 of 6 cells failed, without a number (3 diverged): critic (3).")
    second = html.index("1 data set missing: cifar10 (1 cell not run).")
    assert first < second < html.index("Which estimator to trust")


def test_experiment_reports_are_inlined_with_their_figures(make_folder):
    folder = make_folder()
    folder.keep({"type": "cell", "experiment": "descent", "version": 1, "parameters": {"seed": 0},
                 "status": "error", "message": "ValueError: <b>", "runs": 2})  # fmt: skip
    folder.write()
    (folder.path / "descent.md").write_text(
        "# Descent\n\n| a | b |\n|---|---|\n| 1 | <i>x</i> |\n\n![curve](one.png)\n"
        "![far](https://example.org/x.png)\n"
    )
    (folder.path / "one.png").write_bytes(DOT)
    (folder.path / "two.png").write_bytes(DOT)
    html = page_of(folder)
    assert html.count("data:image/png;base64," + base64.b64encode(DOT).decode()) == 2
    assert "<td>1</td>" in html
    assert "&lt;i&gt;x&lt;/i&gt;" in html
    assert 'src="http' not in html
    assert "ValueError: &lt;b&gt;" in html
    assert "1 of 1 cells failed, without a number (1 error): descent." in html
    assert len(html) < 100_000  # no cell of the error table, so no Plotly


def test_figures_beyond_the_budget_are_linked(make_folder):
    folder = make_folder()
    folder.write()
    for name in ("a.png", "b.png"):
        (folder.path / name).write_bytes(DOT * 20)
    figures = Figures(folder.path, budget=len(DOT) * 20 * 2)
    first, second = attachments(folder.path, figures)
    assert first.html.startswith('<img class="photo" src="data:image/png')
    assert second.html == '<a href="b.png">b (b.png)</a>'
    assert figures.linked == ["b.png"]
    assert figures.source("../journal.jsonl") is None


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, "[1]", "{", '{"devices": 3, "packages": {"a": NaN}, "cpu": [{}], "x": 1e999}'],
)
def test_an_environment_that_is_none_leaves_the_page_as_it_is(make_folder, content):
    folder = two_cells(make_folder())
    folder.write()
    (folder.path / "environment.json").write_text(content)
    journal = read_journal(folder.path)
    data = data_of(write_page(folder.path, journal).read_text(encoding="utf-8"))
    [place] = data["environments"]
    assert set(place["description"]) <= {"devices", "packages", "cpu", "x"}
    assert compare(folder.path, folder.path).hardware


def test_reports_are_shown_whole_or_named(make_folder):
    folder = make_folder()
    folder.path.mkdir(exist_ok=True)
    (folder.path / "long.md").write_text("# Long\n\n" + "x" * 2_000_000)
    (folder.path / "other.md").write_bytes(b"# Other \xff\n\nshown")
    long, other = attachments(folder.path, Figures(folder.path, 1000))
    assert (long.file, long.html) == ("long.md", "<p>Too large for this page.</p>")
    assert "shown" in other.html
    assert other.title == "Other \ufffd"


def test_a_chart_is_told_from_a_photo_by_its_paper(make_folder):
    from PIL import Image, ImageDraw

    folder = make_folder()
    folder.write()
    chart = Image.new("RGB", (200, 100), "white")
    ImageDraw.Draw(chart).line((0, 0, 200, 100), fill="blue", width=3)
    chart.save(folder.path / "chart.png")
    Image.new("RGB", (200, 100), (90, 60, 30)).save(folder.path / "photo.png")
    (folder.path / "none.png").write_bytes(b"no picture")
    figures = Figures(folder.path, 0)
    assert [figures.kind(f"{name}.png") for name in ("chart", "photo", "none")] == [
        "chart", "photo", "photo",
    ]  # fmt: skip


def test_the_page_says_who_is_told_apart_and_what_an_estimator_is(make_folder):
    folder = make_folder()
    generator = np.random.default_rng(0)
    truths = np.ones((12, 3))
    for name, size in (("exact", 0.0), ("near", 0.01), ("far", 0.5), ("equal", 0.01)):
        costs = truths + size * np.abs(generator.normal(1, 0.1, truths.shape))
        folder.add(name, costs, truths, bound="exact" if name == "exact" else "none")
    data = data_of(page_of(folder))
    assert data["behind"]["batch"]["0"] == ["far"]
    assert set(data["estimators"]) == {"exact"}, "nothing is known of plug-ins that are not here"
    assert "never" not in data["estimators"]["exact"]["claim"]
