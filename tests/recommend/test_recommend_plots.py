"""The picture of a recommendation, from standings made by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from wdist_bench.recommend.plots import plot_choice
from wdist_bench.recommend.ranking import TRUSTED


def standing(name, error, low, high):
    return SimpleNamespace(estimator=name, error=error, interval=(low, high))


def test_each_estimator_is_drawn_at_its_error_and_the_best_is_on_top():
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = (
        standing("exact", 0.02, 0.01, 0.04),
        standing("a$b\n", 0.5, math.nan, math.nan),
        standing("failed", math.nan, math.nan, math.nan),
    )
    _, axes = plt.subplots()
    choice = SimpleNamespace(standings=rows, recommended="exact")
    assert plot_choice(choice, TRUSTED, axes) is axes
    names = {tick.get_text(): tick.get_fontweight() for tick in axes.get_yticklabels()}
    assert names == {r"a\$b\n": "normal", "exact": "bold"}
    heights = [tick.get_text() for tick in axes.get_yticklabels()]
    assert heights[-1] == "exact"
    marks = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert marks == pytest.approx([50, 2])
    axes.figure.canvas.draw()
    plt.close("all")
