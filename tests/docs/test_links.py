"""Every link of the pages leads to a file, and every anchor to a heading."""

from __future__ import annotations

import os

import pytest
from markdown_pages import NAMES, ROOT, anchors, links


def _broken(page):
    for link in links(page):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = os.path.relpath((ROOT / page).parent / path if path else ROOT / page, ROOT)
        if not (ROOT / target).exists():
            yield f"{link}: no such file"
        elif anchor and anchor not in anchors(target):
            yield f"{link}: {target} has no such heading, only {sorted(anchors(target))}"


@pytest.mark.parametrize("page", NAMES)
def test_every_link_leads_somewhere(page):
    assert list(_broken(page)) == []


def test_a_broken_link_would_be_found(monkeypatch, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One two\n[a](page.md#one-two) [b](page.md#three) ![c](none.png) [d](#one)\n")
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    monkeypatch.setattr("markdown_pages.ROOT", tmp_path)
    assert [found.partition(":")[0] for found in _broken("page.md")] == [
        "page.md#three", "none.png", "#one",
    ]  # fmt: skip
