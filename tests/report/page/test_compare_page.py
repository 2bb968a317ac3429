"""Two folders side by side: the page says what `compare` says, of every cell."""

from __future__ import annotations

import re

import numpy as np
import pytest

from wdist_bench.report.compare import compare
from wdist_bench.report.page.compare import Axis, _boards, write_compare_page
from wdist_bench.report.results import Results


@pytest.fixture(scope="module")
def folders(make_folder):
    before, after = make_folder(), make_folder()
    generator = np.random.default_rng(0)
    truths = np.full((12, 4), 2.0)
    for name, grows in (("steady", 1.0), ("worse", 3.0)):
        noise = generator.normal(size=truths.shape) / 50
        before.add(name, truths + 0.1 + noise, truths, population=2.0)
        after.add(name, truths + 0.1 * grows + noise, truths, population=2.0)
    before.add("<b>gone</b>", truths, truths)
    return before.write(), after.write()


def test_every_cell_has_its_two_errors_and_the_verdict_of_compare(folders, tmp_path):
    found = compare(*folders)
    html = write_compare_page(tmp_path / "page.html", folders, found).read_text("utf-8")
    rows = dict(re.findall(r'data-verdict="(\w[\w ]*)"><th scope="row">(\w+)<', html))
    assert rows == {"regression": "worse", "unchanged": "steady"}
    worse = next(change for change in found.changes if change.estimator == "worse")
    shares = [100 * error / 2 for error in worse.errors]
    assert f"{shares[0]:.1f}\u00a0% → {shares[1]:.0f}\u00a0%" in html
    assert "&lt;b&gt;gone&lt;/b&gt;" in html
    assert "<b>gone" not in html
    assert "default-src 'none'" in html
    assert not re.findall(r"""(?:src|href)="(?:https?:|//)""", html)


def test_an_estimator_with_other_options_has_a_row_of_its_own(make_folder):
    """Each folder has one funnel, so neither says of how many steps it is."""
    both = []
    for steps in (500, 4000):
        folder = make_folder()
        for name, options in (("funnel", {"steps": steps}), ("exact", {})):
            folder.add(name, [[1.1]] * 2, [[1.0]] * 2, estimator_options=options)
        both.append(Results(folder.write()))
    names = {row["variant"] for row in _boards(both, "population")}
    assert names == {"funnel (steps 500)", "funnel (steps 4000)", "exact"}


def test_the_axis_is_logarithmic_and_keeps_what_lies_outside_on_it():
    axis = Axis(-2, 0)
    assert [round(place) for place, _ in axis.ticks] == [2, 50, 98]
    assert axis.at(0.1) == pytest.approx(50)
    assert axis.at(0.0) == 2
    assert axis.at(50.0) == 98


@pytest.mark.browser
@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_opens_without_a_complaint_and_filters(chrome, folders, tmp_path, width):
    path = write_compare_page(tmp_path / "page.html", folders, compare(*folders))
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    chrome.get_log("browser")
    chrome.get(path.as_uri())
    assert chrome.get_log("browser") == []
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= width
    chrome.execute_script(
        "const box = document.getElementById('verdict'); box.value = 'regression';"
        "box.dispatchEvent(new Event('change'))"
    )
    shown = [row.text for row in chrome.find_elements("css selector", "#lines tr") if row.text]
    assert len(shown) == 1
    assert "worse" in shown[0]
