"""The site in a real browser, opened as files: headless Chromium driven by Selenium.

Needs what `tests/report/page/test_page_browser.py` needs, and the extra `docs`. Screenshots go to
the folder that WDIST_BENCH_SCREENSHOTS names, where it is set.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = ("index", "tutorial", "concepts", "adding", "reference/library", "reference/estimators",
         "reference/cli", "reproductions", "results/index", "results/quick/errors")  # fmt: skip


def _open(chrome, site, page, width):
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 600}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for log in ("browser", "performance"):
        chrome.get_log(log)  # what came before
    chrome.get((site / f"{page}.html").as_uri())


def _complaints(chrome):
    """Messages on the console, and requests other than for files."""
    said = [entry["message"] for entry in chrome.get_log("browser")]
    for entry in chrome.get_log("performance"):
        event = json.loads(entry["message"])["message"]
        if event["method"] == "Network.requestWillBeSent":
            url = event["params"]["request"]["url"]
            if not url.startswith(("file:", "data:", "blob:")):
                said.append(url)
    return said


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_from_its_file_without_a_complaint_and_fits(chrome, site, page, width):
    _open(chrome, site, page, width)
    wide = chrome.execute_script("return document.documentElement.scrollWidth")
    folder = os.environ.get("WDIST_BENCH_SCREENSHOTS")
    if folder:
        name = f"site_{page.replace('/', '_')}_{width}.png"
        chrome.save_screenshot(str(Path(folder) / name))
    assert _complaints(chrome) == []
    assert wide <= width


def test_the_search_finds_a_word_without_a_server(chrome, site):
    from selenium.webdriver.support.ui import WebDriverWait

    _open(chrome, site, "index", 1400)
    box = chrome.find_element("css selector", "input.md-search__input")
    chrome.execute_script("arguments[0].focus()", box)
    box.send_keys("overshoots")
    found = WebDriverWait(chrome, 20).until(
        lambda driver: driver.find_elements("css selector", ".md-search-result__item a")
    )
    assert any("concepts.html" in link.get_attribute("href") for link in found)
    assert _complaints(chrome) == []
