"""The site builds without warnings, and asks no other machine for anything."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from markdown_pages import ROOT

import wdist_bench as wb
from wdist_bench import experiment

pytestmark = pytest.mark.slow


class _Fetched(HTMLParser):
    """The addresses that a browser asks for by itself."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video"):
            self.addresses.append(given.get("src"))
        if tag == "link" and given.get("rel") != "canonical":
            self.addresses.append(given.get("href"))


def test_no_page_fetches_anything_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        parser = _Fetched()
        parser.feed(page.read_text("utf-8"))
        elsewhere = [a for a in parser.addresses if a and re.match(r"(https?:)?//", a)]
        assert elsewhere == [], page


def test_style_sheets_fetch_nothing_from_elsewhere(site):
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(https?:)?//", sheet.read_text("utf-8")), sheet


def test_the_pages_hold_what_is_generated(site):
    commands = (site / "reference" / "cli.html").read_text("utf-8")
    for name in ("run", "report", "compare", "data fetch"):
        assert f"wdist-bench {name}" in commands
    for kind in ("estimators", "tasks", "costs", "experiments"):
        page = (site / "reference" / f"{kind}.html").read_text("utf-8")
        registry = experiment.registry if kind == "experiments" else getattr(wb, kind)
        for name in registry.names():
            if not registry.factory(name).__module__.startswith("wdist_bench."):
                continue  # of a plug-in that another test loaded
            assert re.search(rf">\s*{name}\s*<", page), name
    assert (site / "results" / "quick" / "errors.html").is_file()
    assert (site / "changelog.html").is_file()


def test_no_page_names_the_folder_that_it_was_built_in(site):
    for page in site.rglob("*.html"):
        assert str(ROOT) not in page.read_text("utf-8"), page
