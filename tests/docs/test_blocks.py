"""Every code block of README, CONTRIBUTING, docs and examples does what the page says."""

from __future__ import annotations

import numpy as np
import pytest
from markdown_pages import NAMES, ROOT, blocks
from page_session import PageSession
from plugin_state import without_plugins

SLOW = {"docs/comparing.md": "runs a suite twice in worker processes"}
LARGEST_FIGURE = 60_000
"""Bytes."""
UNLIKE = 2.0
"""Mean difference of grey levels (of 255) over squares of 20 pixels from which on two figures are
not the same one. For the tutorial's: 1.0 when moved by 2 pixels, as other fonts may do, 3.0 when
moved by 5, 5.8 without its histograms, 12.5 when empty.
"""


def _page(name):
    return pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])


@pytest.mark.parametrize("page", [_page(name) for name in NAMES if blocks(name)])
def test_the_blocks_of_a_page_do_what_it_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("benchmarks", "examples"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    session = PageSession(page, tmp_path)
    with without_plugins():
        for block in blocks(page):
            session.run(block)
    session.finish()
    for figure in tmp_path.glob("*.png"):
        shown = (ROOT / page).parent / figure.name
        assert shown.stat().st_size <= LARGEST_FIGURE
        assert unlikeness(figure, shown) < UNLIKE, f"{shown} is not what the page draws: {figure}"


def unlikeness(one, other):
    from PIL import Image

    images = [Image.open(path).convert("L") for path in (one, other)]
    if images[0].size != images[1].size:
        return 255.0
    first, second = (np.asarray(image.reduce(20), np.float64) for image in images)
    return float(np.abs(first - second).mean())


def test_another_figure_is_told_apart(tmp_path):
    from PIL import Image

    shown = ROOT / "docs" / "tutorial.png"
    pixels = np.asarray(Image.open(shown).convert("L"))
    other = tmp_path / "other.png"
    for change, same in ((pixels, True), (np.roll(pixels, 5, 1), False)):
        Image.fromarray(change).save(other)
        assert (unlikeness(other, shown) < UNLIKE) is same
