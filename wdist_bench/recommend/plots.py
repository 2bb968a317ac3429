"""A recommendation as a picture: how far off each estimator is on tasks like the pair."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from wdist_bench.display.plots import GREY, TRUTH, VALUE, current_axes
from wdist_bench.display.printable import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from wdist_bench.recommend.ranking import Standing
    from wdist_bench.recommend.recommendation import Choice


def plot_choice(choice: Choice, trusted: float, axes: Axes | None = None) -> Axes:
    """Size of the relative error of each estimator with its 95 % interval, the best on top.

    Args:
        choice: standings, and who is recommended.
        trusted: the error up to which one is trusted, drawn as a line.
        axes: where to draw; the current ones by default.
    """
    axes = current_axes() if axes is None else axes
    rows = [row for row in choice.standings if math.isfinite(row.error)][::-1]
    for place, row in enumerate(rows):
        _one(axes, place, row, VALUE if row.estimator == choice.recommended else GREY)
    axes.axvline(100 * trusted, color=TRUTH, ls="--", lw=1.2, label="limit of trust")
    names = [printable(row.estimator).replace("$", r"\$") for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=9)
    for tick, row in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if row.estimator == choice.recommended else "normal")
    axes.set_xscale("symlog", linthresh=10)
    axes.set_xlim(left=0)
    axes.set_xlabel("size of the relative error, %, and its 95 % interval; bold: recommended")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    return axes


def _one(axes: Axes, place: int, row: Standing, color: str) -> None:
    low, high = (100 * end for end in row.interval)
    if math.isfinite(low) and math.isfinite(high):
        axes.plot((low, high), (place, place), color=color, lw=2)
    axes.plot(100 * row.error, place, marker="o", ms=6, color=color)
