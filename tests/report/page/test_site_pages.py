"""The site of all results: every number, a link to each cell, nothing from elsewhere."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from wdist_bench.report.comparing.leaderboard import leaderboard
from wdist_bench.report.page.site import Entry, _joined, _Page, result_folders, write_site
from wdist_bench.report.results import Results
from wdist_bench.report.tables.settings import named


@pytest.fixture(scope="module")
def root(make_folder, tmp_path_factory):
    """Two suites and a study; in both suites `near` is closer than `far`."""
    place = tmp_path_factory.mktemp("root")
    generator = np.random.default_rng(0)
    for suite in ("first", "second"):
        folder = make_folder()
        folder.path = place / suite
        for i in range(7):
            truths = np.full((4, 3), 1.0 + i)
            for name, factor, steps in (("near", 1.02, 0), ("far", 1.4, 500)):
                noise = generator.normal(size=truths.shape) / 100
                folder.add(name, factor * truths + noise, truths, task=f"{suite}{i}",
                           population=1.0 + i, steps=steps, dim=2 + i, bound="none",
                           task_parameters={"dim": i})  # fmt: skip
        folder.write()
    study = make_folder()
    study.path = place / "study"
    study.keep({"type": "cell", "experiment": "descent", "version": 1, "parameters": {"seed": 0},
                "status": "ok", "message": "", "runs": 2, "failed": 0,
                "environment": "e"})  # fmt: skip
    study.write()
    (place / "second" / "submission.json").write_text(json.dumps({"name": "<b>me</b>"}))
    (place / "nothing").mkdir()
    return place


@pytest.fixture(scope="module")
def site(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    write_site(root, out)
    return out


def test_a_folder_with_the_name_of_the_index_is_refused(make_folder, tmp_path):
    folder = make_folder()
    folder.path = tmp_path / "index"
    folder.write()
    with pytest.raises(ValueError, match=r"index: expected another name .* rename the folder"):
        write_site(tmp_path, tmp_path / "site")


@pytest.mark.slow
def test_every_cell_can_be_downloaded_with_its_numbers(root, site):
    cells = pd.read_csv(site / "cells.csv")
    listed = pd.read_json(site / "cells.json", orient="split")
    assert list(listed["key"]) == list(cells["key"])
    assert len(cells) == 28
    for suite in ("first", "second"):
        wanted = Results(root / suite).labelled
        found = cells[cells["suite"] == suite]
        np.testing.assert_allclose(found["relative_population"], wanted["relative_population"])
        assert list(found["key"]) == list(wanted["key"])
    assert "@software{wdist_bench" in (site / "citations.bib").read_text("utf-8")


@pytest.mark.slow
def test_the_statement_is_that_of_the_leaderboard_over_all_suites(root, site):
    html = (site / "index.html").read_text("utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])
    tables = [Results(root / s).labelled for s in ("first", "second")]
    tables[1] = tables[1].assign(setting=tables[1]["setting"] + 100)
    wanted = leaderboard(pd.concat(tables, ignore_index=True), "population")
    board = data["boards"]["population"]
    assert [s["variant"] for s in board] == [s.variant for s in wanted] == ["near", "far"]
    assert board[1]["apart"] is wanted[1].apart is True
    assert board[1]["tasks"] == 14
    assert "submitted as &lt;b&gt;me&lt;/b&gt;" in html


def test_nothing_is_asked_of_any_network(site):
    for page in site.glob("*.html"):
        html = page.read_text("utf-8")
        assert "default-src 'none'" in html
        markup = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
        assert not re.findall(r"""(?:src|href)="(?:https?:|//)""", markup)


def test_a_folder_without_results_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected folders with a journal"):
        result_folders(tmp_path)


@pytest.mark.browser
@pytest.mark.parametrize("width", [1400, 1200, 390])
def test_filters_links_and_width(chrome, site, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    chrome.get_log("browser")
    chrome.get((site / "index.html").as_uri())
    run = chrome.execute_script
    assert run("return document.documentElement.scrollWidth") <= width
    names = (
        "return [...document.querySelectorAll('#leaderboard tbody th button')]"
        ".map(button => button.innerText)"
    )
    assert run(names) == ["near", "far"]
    box = run("const b = document.querySelector('#leaderboard td.error').getBoundingClientRect();"
              "return [b.left, b.right]")  # fmt: skip
    assert 0 <= box[0] < box[1] <= width
    run("const s = document.getElementById('budget'); s.value = 'steps:0';"
        "s.dispatchEvent(new Event('change'))")  # fmt: skip
    assert run(names) == ["near"]
    assert chrome.find_element("css selector", "#count").text.startswith("14 of 28")
    link = run("return document.querySelector('#leaderboard td.error a').href")
    chrome.get(link)
    assert chrome.find_element("css selector", "#details").get_attribute("open")
    assert chrome.find_element("css selector", "#details-title").text.startswith("near on")
    assert chrome.get_log("browser") == []


def test_variants_of_all_suites_are_named_together(make_folder):
    """Two estimators of one name were ranked and tested as one; an option may be the default."""
    pages = []
    for suite, asked in (("first", {}), ("second", {"steps": 500}), ("third", {"steps": 5000})):
        folder = make_folder()
        whole = {"steps": 500, "clip": 0.01} | asked
        folder.add("critic", [[1.1]], [[1.0]], estimator_options=asked, estimator_parameters=whole)
        folder.add("exact", [[1.0]], [[1.0]])
        results = Results(folder.write())
        records = [named(cell.record) for cell in results.cells]
        entry = Entry(suite, suite, "", 2, "", False)
        pages.append(_Page(entry, results.labelled, records))
        assert list(results.labelled["variant"]) == ["critic", "exact"]
    assert list(_joined(pages)["variant"]) == [
        "critic (steps 500)", "exact", "critic (steps 500)", "exact", "critic (steps 5000)",
        "exact",
    ]  # fmt: skip
