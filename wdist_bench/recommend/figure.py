"""The figure of a recommendation: errors on the tasks, and values for the pair."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from wdist_bench.recommend.ranking import TRUSTED
from wdist_bench.report.drawing import grid_of, legend_above, save
from wdist_bench.report.palette import BLUE, COLORS, MARKERS, NOTE, RED
from wdist_bench.report.text.escaping import label

_LINEAR = 0.1  # errors up to here are drawn on a linear scale


def write_figure(answer: dict[str, Any], path: Path) -> Path:
    """Left every run by family and the mean of each estimator; right each one's value for the
    pair, on the band of the interval (or of the certified bounds), where there is a pair.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    rows = [row for row in answer["choice"]["standings"] if row["ranked"]][::-1]
    paired = answer["pair"] is not None
    figure, axes = grid_of(1, 1 + paired, 5.4 * (1 + paired), 2.0 + 0.34 * len(rows), sharey=True)
    _errors(axes[0, 0], answer, rows)
    if paired:
        _values(axes[0, 1], answer, rows)
    axes[0, 0].set_yticks(range(len(rows)), [label(row["estimator"]) for row in rows], fontsize=9)
    for tick, row in zip(axes[0, 0].get_yticklabels(), rows, strict=True):
        if row["estimator"] == answer["choice"]["recommended"]:
            tick.set_fontweight("bold")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    if handles:
        legend_above(figure, handles, labels)
    return save(figure, path)


def _errors(axis: Any, answer: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    axis.set_xscale("symlog", linthresh=_LINEAR, linscale=1.0)
    axis.axvspan(1 / (1 + TRUSTED) - 1, TRUSTED, color="0.93", lw=0)
    axis.axvline(0, color="0.4", lw=1)
    places = {row["estimator"]: place for place, row in enumerate(rows)}
    found = [
        (trial["value"] / trial["truth"] - 1, places[trial["estimator"]], trial["task"].split()[0])
        for trial in answer["trials"]
        if trial["value"] is not None and trial["truth"] and trial["estimator"] in places
        and trial["stage"] == "ranking"
    ]  # fmt: skip
    for index, family in enumerate(dict.fromkeys(family for _, _, family in found)):
        own = [(error, place) for error, place, its in found if its == family]
        axis.plot(
            [error for error, _ in own], [place + 0.24 - 0.08 * index for _, place in own],
            ls="none", marker=MARKERS[index], ms=3.2, alpha=0.55, mew=0, color=COLORS[index],
            label=label(family),
        )  # fmt: skip
    for place, row in enumerate(rows):
        axis.plot(row["bias"], place, color="black", marker="|", ms=11, mew=1.6, ls="none",
                  label=None if place else "mean")  # fmt: skip
    _percent_ticks(axis, max((abs(error) for error, _, _ in found), default=_LINEAR))
    axis.set_xlabel("signed error on the tasks; grey: within a factor of 1.25", **NOTE)


def _values(axis: Any, answer: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    pair = answer["pair"]
    values = [row["value"] for row in rows if row["value"] is not None]
    ends = [end for end in (pair["lower"], pair["upper"]) if end is not None]
    right = 1.08 * max([*values, *ends, 1e-9])
    low, high = pair["lower"] or 0.0, right if pair["upper"] is None else pair["upper"]
    if ends:
        axis.axvspan(low, high, color=BLUE, alpha=0.15, lw=0)
    if pair["value"] is not None:
        axis.axvline(pair["value"], color=BLUE, lw=1.4)
    for place, row in enumerate(rows):
        if row["value"] is not None:
            color = RED if row["outside"] else "black"
            axis.plot(row["value"], place, marker="o", ms=5, color=color, ls="none")
    axis.set_xlim(0, right)
    axis.set_xlabel(f"W{answer['p']} of your pair; blue: what is known of it; red: outside", **NOTE)


def _percent_ticks(axis: Any, largest: float) -> None:
    """Ticks at 10 %, 100 % ... on both sides, as far as the errors go."""
    decades = max(1, math.ceil(math.log10(max(largest, _LINEAR) / _LINEAR) - 1e-9))
    ticks = [_LINEAR * 10**k for k in range(decades + 1)]
    ticks = [-t for t in reversed(ticks) if t <= 1] + [0.0] + ticks
    axis.set_xticks(ticks, [f"{100 * t:+.0f} %" if t else "0" for t in ticks], fontsize=8)
    axis.minorticks_off()
    axis.set_xlim(-1.3, 1.3 * max(largest, _LINEAR))
