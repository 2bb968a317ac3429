"""The page in a real browser: headless Chromium driven by Selenium.

Needs Chromium and its driver (Debian: chromium, chromium-driver) and the package selenium. The
accessibility test also needs the file that WDIST_BENCH_AXE names: axe.min.js of npm's axe-core.
Screenshots go to the folder that WDIST_BENCH_SCREENSHOTS names, where it is set.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from wdist_bench.report.page.page import MAX_BYTES, write_page
from wdist_bench.results.journal import read_journal

pytestmark = pytest.mark.browser

LOOKS = pytest.mark.parametrize(("width", "theme"), [(1400, "light"), (390, "dark")])


class Page:
    """What a reader does with the page."""

    def __init__(self, chrome, path, width=1400):
        self.chrome = chrome
        size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 600}
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        for log in ("browser", "performance"):
            chrome.get_log(log)  # what came before
        chrome.get(path.as_uri())
        self.run("try { localStorage.clear() } catch {}")
        self.run("document.documentElement.style.scrollBehavior = 'auto'")

    def run(self, script, *arguments):
        return self.chrome.execute_script(script, *arguments)

    def one(self, css):
        return self.chrome.find_element("css selector", css)

    def click(self, css):
        self.run("arguments[0].click()", self.one(css))

    def choose(self, css, value):
        self.run(
            "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change'))",
            self.one(css), value,
        )  # fmt: skip

    def column(self, number, table="#table"):
        return self.run(
            "return [...document.querySelectorAll(arguments[0])]"
            ".map(row => row.cells[arguments[1]].innerText.trim())",
            f"{table} tbody tr", number,
        )  # fmt: skip

    def draw_all(self):
        """Scroll every figure into view and wait until it is drawn."""
        from selenium.webdriver.support.ui import WebDriverWait

        plots = self.chrome.find_elements("css selector", ".plot")
        for plot in plots:
            self.run("arguments[0].scrollIntoView()", plot)
            WebDriverWait(self.chrome, 20).until(
                lambda _, plot=plot: plot.find_elements("css selector", ".main-svg")
            )
        return [plot.get_attribute("id") for plot in plots]

    def complaints(self):
        """Messages on the console, and requests other than for the file itself."""
        said = [entry["message"] for entry in self.chrome.get_log("browser")]
        for entry in self.chrome.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                url = event["params"]["request"]["url"]
                if not url.startswith(("file:", "data:", "blob:")):
                    said.append(url)
        return said

    def screenshot(self, name):
        folder = os.environ.get("WDIST_BENCH_SCREENSHOTS")
        if folder:
            self.run("window.scrollTo(0, 0)")
            self.chrome.save_screenshot(str(Path(folder) / f"{name}.png"))


@pytest.fixture(scope="module")
def results(make_folder):
    """Three estimators on eight tasks; three cells fail, a data set is missing."""
    folder = make_folder()
    generator = np.random.default_rng(0)
    for i in range(8):
        level = 1.0 + i
        truths = np.full((5, 4), level)
        for name, factor, bound in (
            ("exact", 1.0, "exact"),
            ("under", 0.8, "lower"),
            ("over", 1.3, "none"),
        ):
            costs = factor * truths + generator.normal(size=truths.shape) / 50 * (name != "exact")
            lost = name == "over" and i < 3
            curve = {"history_steps": [1, 50, 100], "history": (factor * truths[:, :3]).tolist()}
            paper = {"dataset": "mnist"} if i == 7 else {}
            folder.add(name, costs * np.nan if lost else costs, truths, task=f"task{i}",
                       population=level - 0.1, bound=bound, dim=2**i, run_seconds=1.0 + factor,
                       message="the loss became NaN at step 7" if lost else "",
                       estimator_parameters={"steps": 100, "rate": factor},
                       **(curve if name != "exact" else {}), **paper)  # fmt: skip
    folder.without_result(
        "over", "skipped", "fetch cifar10 first", dataset="cifar10", task="image_batches"
    )
    folder.keep({"type": "cell", "experiment": "descent", "version": 1, "parameters": {"seed": 0},
                 "status": "ok", "message": "", "runs": 2, "failed": 0,
                 "environment": "e"})  # fmt: skip
    folder.write()
    report = "# Descent\n\n## Claims\n\n| a claim | verdict |\n|---|---|\n| holds | **yes** |\n"
    (folder.path / "descent.md").write_text(report)
    (folder.path / "two figures.md").write_text(report + "\n[elsewhere](https://example.org)\n")
    return write_page(folder.path, read_journal(folder.path))


@LOOKS
def test_opens_and_draws_without_a_complaint_and_fits_its_width(chrome, results, width, theme):
    page = Page(chrome, results, width)
    if page.run("return document.documentElement.dataset.theme") != theme:
        page.click("#theme")
    drawn = page.draw_all()
    assert {"plot-estimates", "plot-split", "plot-budget", "plot-training"} <= set(drawn)
    for plot in drawn:
        points = page.run(
            f"return document.querySelectorAll('#{plot} .point, #{plot} .js-line').length"
        )
        assert points > 0, f"{plot} is empty"
    assert page.run("return document.documentElement.scrollWidth") <= width
    page.screenshot(f"page_{width}_{theme}")
    assert page.complaints() == []


def test_what_is_missing_is_on_the_first_screen(chrome, results):
    page = Page(chrome, results)
    note = page.one(".notes")
    assert "3 of 26 cells failed" in note.text
    assert "1 data set missing: cifar10" in note.text
    assert note.location["y"] + note.size["height"] < 1000


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_it(chrome, results):
    page = Page(chrome, results)
    page.click("#table th[data-by='truth_batch'] button")
    truths = [float(text) for text in page.column(5) if text]
    assert truths == sorted(truths)
    assert page.one("#table th[data-by='truth_batch']").get_attribute("aria-sort") == "ascending"
    page.click("#table th[data-by='truth_batch'] button")
    turned = page.column(5)
    assert [float(text) for text in turned if text] == truths[::-1]
    assert turned[-1] == "", "a cell without the number is last either way"


def test_search_and_filters_leave_what_they_say(chrome, results):
    page = Page(chrome, results)
    page.one("#search").send_keys("under TASK3")
    assert page.column(0) == ["under"]
    assert page.one("#count").text.startswith("1 of 25 cells")
    page.click("#reset")
    assert len(page.column(0)) == 25
    page.choose("#filter-bound", "lower")
    assert page.column(0) == ["under"] * 8
    page.choose("#filter-task", "task2")
    assert page.column(2) == ["task2, dim 4, W1, n = 64"]


def test_the_truth_and_the_bound_change_the_leaderboard(chrome, results):
    page = Page(chrome, results)
    assert page.column(0, "#leaderboard") == ["1. exact", "2. under", "3. over"]
    page.choose("#truth", "batch")
    assert page.column(0, "#leaderboard") == ["1. under", "2. over"]
    page.choose("#bound", "lower")
    assert page.column(0, "#leaderboard") == []
    assert "Nothing to rank" in page.one("#leaderboard-note").text


def test_details_open_and_close_by_keyboard(chrome, results):
    from selenium.webdriver.common.keys import Keys

    page = Page(chrome, results)
    page.choose("#filter-status", "diverged")
    link = page.one("#table tbody td.error a")
    link.send_keys(Keys.ENTER)
    dialog = page.one("#details")
    assert dialog.get_attribute("open")
    said = dialog.text
    for wanted in (
        "over on task0",
        "the loss became NaN at step 7",
        '"rate": 1.3',
        "Test CPU",
        "wdist-bench 0.1.0",
    ):
        assert wanted in said
    page.chrome.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not dialog.get_attribute("open")
    assert page.run("return document.activeElement === arguments[0]", link)
    assert "#cell-" not in page.chrome.current_url


def test_a_click_on_a_point_opens_its_cell(chrome, results):
    page = Page(chrome, results)
    page.draw_all()
    page.run(
        "document.getElementById('plot-estimates')"
        ".emit('plotly_click', {points: [{customdata: 4}]})"
    )
    assert page.one("#details-title").text == "under on task1, dim 2, W1, n = 64"


def test_the_theme_changes_page_and_figures_and_is_remembered(chrome, results):
    page = Page(chrome, results)
    page.draw_all()
    paper = "return getComputedStyle(document.body).backgroundColor"
    plot = "return document.querySelector('#plot-estimates .main-svg').style.background"
    before = page.run(paper), page.run(plot)
    page.click("#theme")
    after = page.run(paper), page.run(plot)
    assert before[0] != after[0]
    assert before[1] != after[1]
    page.chrome.refresh()
    assert page.run(paper) == after[0]


@pytest.mark.slow
def test_5000_records_are_small_and_drawn_as_they_are_needed(chrome, make_folder):
    folder = make_folder()
    generator = np.random.default_rng(0)
    for i in range(5000):
        truths = np.full((2, 2), 1 + i // 10 / 100)
        history = np.round(1 + generator.normal(size=(2, 100)), 6).tolist()
        folder.add(f"estimator{i % 10}", truths + generator.normal(size=(2, 2)) / 10, truths,
                   task=f"task{i // 10 % 50}", population=float(truths[0, 0]), history=history,
                   history_steps=list(range(1, 101)), task_parameters={"dim": i // 10},
                   dim=i // 10)  # fmt: skip
    folder.write()
    path = write_page(folder.path, read_journal(folder.path))
    assert path.stat().st_size < MAX_BYTES
    page = Page(chrome, path)
    assert len(page.column(0)) == 100
    page.click("#more")
    assert len(page.column(0)) == 200
    page.choose("#filter-variant", "estimator3")
    assert page.one("#count").text.startswith("500 of 5000 cells")
    assert set(page.column(0)) == {"estimator3"}
    page.draw_all()
    assert page.complaints() == []


@LOOKS
def test_axe_finds_nothing_serious(chrome, results, width, theme):
    axe = os.environ.get("WDIST_BENCH_AXE", "")
    if not Path(axe).is_file():
        pytest.skip("no axe-core: set WDIST_BENCH_AXE to axe.min.js of npm's axe-core")
    page = Page(chrome, results, width)
    if page.run("return document.documentElement.dataset.theme") != theme:
        page.click("#theme")
    page.draw_all()
    page.run("window.scrollTo(0, 0)")
    page.run(Path(axe).read_text(encoding="utf-8") + "; window.axe = axe;")
    found = page.chrome.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "axe.run().then(found => done(found.violations),"
        " error => done([{id: String(error), impact: 'serious', nodes: []}]));"
    )
    serious = [
        (v["id"], [n["html"][:160] for n in v["nodes"]][:3])
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize(("width", "theme"), [(1200, "light"), (390, "dark")])
def test_the_error_is_second_and_on_screen(chrome, results, width, theme):
    page = Page(chrome, results, width)
    for table in ("#leaderboard", "#table"):
        shown = page.run(
            "return [...document.querySelectorAll(arguments[0] + ' tbody tr')].slice(0, 30).map(row"
            " => { const box = row.cells[1].getBoundingClientRect();"
            " return [row.cells[1].classList.contains('error'), box.left, box.right]; })",
            table,
        )
        assert shown
        for is_error, left, right in shown:
            assert is_error
            assert 0 <= left < right <= width


def test_an_address_opens_its_cell_and_a_name_what_it_is(chrome, results):
    page = Page(chrome, results)
    page.chrome.get(f"{results.as_uri()}#cell-cell4")
    page.chrome.refresh()
    assert page.one("#details-title").text == "under on task1, dim 2, W1, n = 64"
    page.click("#close")
    page.run("[...document.querySelectorAll('#leaderboard button')][0].click()")
    said = page.one("#details").text
    assert "W_p of the two weighted samples" in said
    assert "equal to the distance of the batch in hand" in said
    assert "@article{flamary2021" in said
    page.click("#close")
    page.run("[...document.querySelectorAll('#leaderboard button')][1].click()")
    assert "A plug-in that was not installed" in page.one("#details").text
    assert page.complaints() == []


def test_numbers_only_leaves_the_tables_and_their_errors(chrome, results):
    page = Page(chrome, results)
    errors = page.column(1)
    page.click("#mode")
    assert page.one("#mode").get_attribute("aria-pressed") == "true"
    assert not page.one("#charts").is_displayed()
    assert not page.one(".verdicts").is_displayed()
    assert page.column(1) == errors
    page.chrome.refresh()
    assert not page.one("#charts").is_displayed(), "the choice is remembered"


def test_the_contents_lead_to_every_heading(chrome, results):
    page = Page(chrome, results)
    page.click("#contents summary")
    links = page.run("return [...document.querySelectorAll('#contents-list a')].map(a => a.hash)")
    assert len(links) > 8
    assert page.run("return arguments[0].every(hash => document.getElementById(hash.slice(1)))",
                    links)  # fmt: skip


def test_one_error_has_one_number(chrome, results):
    page = Page(chrome, results)
    page.choose("#filter-variant", "under")
    own = page.column(1)
    middle = sorted(float(text.replace("\u2009%", "")) for text in own)
    board = float(page.column(1, "#leaderboard")[1].replace("\u2009%", ""))
    assert middle[3] <= board <= middle[4], "the leaderboard has the median of what the table shows"
