"""No text of a figure lies on another, whatever its labels are, on a screen and in a paper."""

from __future__ import annotations

import itertools

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axis import Axis
from matplotlib.text import Text

from wdist_bench.report.drawing import (
    FigureSet,
    Style,
    grid_of,
    legend_above,
    panel_legend,
    panels,
    save,
    styled,
)
from wdist_bench.report.figures import fitting
from wdist_bench.report.figures.fitting import LEAST, SMALLEST, fit
from wdist_bench.report.figures.suites import FIGURES
from wdist_bench.report.results import Results

mpl.use("Agg")
STYLES = [Style(), Style(column="two"), Style(column="one")]
EACH = pytest.mark.parametrize("style", STYLES, ids=["screen", "two", "one"])


def crowded():
    """Three panels with long names of ticks, titles, a note and a legend above."""
    figure, axes = panels(3, 4.2, 3.0)
    names = [f"a task of some name\ndim {k}, $W_{{1}}$\nn = 64, fixed" for k in range(9)]
    handles = []
    for axis in axes:
        handles = [axis.plot(range(9), np.arange(9) * k)[0] for k in range(7)]
        axis.set_xticks(range(9), names, fontsize=8)
        axis.set_title("a title that is longer than any panel is wide in a column of a paper")
        axis.set_ylabel("an error, in units of the data and of $W_{1}$")
    legend_above(figure, handles, [f"estimator with options {k}, steps {10**k}" for k in range(7)])
    figure.supxlabel("what the lines and bars of this figure are, said in one long line " * 2)
    return figure


def collisions(figure):
    """Pairs of texts of which one lies on the other, and texts beyond the edge with ""."""
    for _ in range(3):  # rounds until what constrains each other has settled
        fitting._lay_out(figure)
    edge = figure.bbox
    boxes = [(text, text.get_window_extent()) for text in shown(figure)]
    found = [
        (one.get_text(), other.get_text())
        for (one, first), (other, second) in itertools.combinations(boxes, 2)
        if fitting._meet(first, second)
    ]
    beyond = [
        (text.get_text(), "")
        for text, box in boxes
        if min(box.x0, box.y0) < -1 or box.x1 > edge.x1 + 1 or box.y1 > edge.y1 + 1
    ]
    return found + beyond


def shown(figure):
    """Every text that is drawn: those of ticks that lie on their axis, too."""
    ticks = {
        label
        for axes in figure.axes
        for axis in axes.findobj(Axis)
        for label in axis.get_ticklabels(which="both")
    }
    drawn = {label for axes in figure.axes if axes.get_visible() for label in tick_labels(axes)}
    hidden = {t for axes in figure.axes if not axes.get_visible() for t in axes.findobj(Text)}
    for text in dict.fromkeys(figure.findobj(Text)):
        kept = text in drawn or (text not in ticks and text not in hidden)
        if kept and text.get_visible() and text.get_text().strip():
            yield text


def tick_labels(axes):
    for axis, (low, high) in (
        (axes.xaxis, sorted(axes.get_xlim())),
        (axes.yaxis, sorted(axes.get_ylim())),
    ):
        if not axis.get_visible():
            continue
        for minor in (False, True):
            places = axis.get_ticklocs(minor=minor)
            labels = axis.get_ticklabels(minor=minor)
            for place, label in zip(places, labels, strict=False):
                if low <= place <= high and label.get_visible():
                    yield label


@EACH
def test_crowded_labels_are_brought_apart(style):
    with styled(style):
        figure = crowded()
        if not style.column:
            assert collisions(figure), "there is something to bring apart"
        fit(figure, bool(style.column))
        assert collisions(figure) == []
        for axes in figure.axes:
            assert axes.bbox.height / figure.dpi > 0.95 * LEAST
            for label in axes.get_xticklabels():
                assert label.get_fontsize() >= SMALLEST


@EACH
def test_a_figure_has_the_width_of_its_column(style):
    with styled(style):
        figure, axes = grid_of(1, 2, 11.0, 4.0)
        assert axes.shape == (1, 2)
        wanted = {"": 11.0, "one": 3.35, "two": 6.9}[style.column]
        assert figure.get_size_inches()[0] == pytest.approx(wanted)


def test_a_long_legend_of_a_panel_is_no_wider_than_the_panel():
    with styled(Style(column="one")):
        figure, axes = grid_of(1, 1, 6.0, 4.0)
        for k in range(4):
            axes[0, 0].plot([k], label=f"words that take more than a column has, number {k} " * 2)
        panel_legend(axes[0, 0], fontsize=8.5, ncols=2, above=True)
        fit(figure, printed=True)
        legend = axes[0, 0].get_legend().get_window_extent()
        assert legend.width <= figure.bbox.width


def test_a_pdf_embeds_truetype_and_a_png_has_300_dots_an_inch(tmp_path):
    from PIL import Image

    drawn: FigureSet[int] = FigureSet()

    @drawn("curve")
    def draw(power):
        figure, axes = panels(1, 4.0, 3.0)
        axes[0].plot(np.arange(5.0) ** power)
        axes[0].set_title("$W_2$ and words")
        return figure

    with styled(Style("pdf", column="two")):
        (pdf,) = drawn.write(tmp_path, 2)
    content = pdf.read_bytes()
    assert pdf.suffix == ".pdf"
    assert b"/FontFile2" in content
    assert b"/Type3" not in content
    (png,) = drawn.write(tmp_path, 2)
    with Image.open(png) as picture:
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert picture.size == (1200, 900)
    assert save(draw(2), tmp_path / "again.png").read_bytes() == png.read_bytes()


@EACH
@pytest.mark.slow
@pytest.mark.parametrize("suite", ["quick", "closed_forms", "figure2", "mallasto", "w1_pairs"])
def test_committed_figures_have_no_label_under_another(style, suite, monkeypatch, tmp_path):
    from pathlib import Path

    found = []

    def spy(figure, printed):
        fit(figure, printed)
        found.extend(collisions(figure))

    monkeypatch.setattr("wdist_bench.report.drawing.fit", spy)
    with styled(style):
        FIGURES.write(tmp_path, Results(Path(__file__).parents[3] / "results" / suite))
    assert found == []


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")])
def test_a_figure_is_what_its_name_says(tmp_path, name, start):
    figure, axes = panels(1, 3.0, 2.5)
    axes[0].plot([0, 1])
    assert save(figure, tmp_path / name) == tmp_path / name
    assert (tmp_path / name).read_bytes().startswith(start)
