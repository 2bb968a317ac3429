"""The figure of a recommendation: each estimator's relative errors, run by run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wdist_bench.report.drawing import legend_above, save
from wdist_bench.report.escaping import label
from wdist_bench.report.palette import COLORS, MARKERS

_LINEAR = 0.1  # errors up to here are drawn on a linear scale


def write_figure(
    answer: dict[str, Any], runs: pd.DataFrame, questions: dict[str, str], caption: str, path: Path
) -> Path:
    """Signed relative errors against both truths: every run by map, mean and 95 % interval.

    Args:
        answer: the recommendation as plain data.
        runs: its runs, with `error_population` and `error_batch`.
        questions: what each target asks, in words; the target that was asked comes first.
        caption: the size of the tasks.
        path: of the figure.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    order = [row["estimator"] for row in answer[answer["target"]]["standings"]][::-1]
    targets = [answer["target"], *(t for t in questions if t != answer["target"])]
    figure, axes = plt.subplots(
        1, 2, figsize=(10.5, 1.9 + 0.36 * len(order)), sharey=True, layout="constrained"
    )
    runs = runs[runs["stage"] == "ranking"]
    families = list(dict.fromkeys(task.split()[0] for task in runs["task"]))
    for axis, target in zip(axes, targets, strict=True):
        _panel(axis, answer, runs, order, families, target)
        axis.set_title(f"against {questions[target]}", fontsize=10.5)
    axes[0].set_yticks(range(len(order)), list(map(label, order)), fontsize=9)
    recommended = answer[answer["target"]]
    for tick, name in zip(axes[0].get_yticklabels(), order, strict=True):
        if name == recommended["recommended"] and recommended["trusted"]:
            tick.set_fontweight("bold")
    handles, labels = axes[0].get_legend_handles_labels()
    legend_above(figure, handles, labels)
    figure.supxlabel(
        f"signed relative error; {caption}; small marks: runs; "
        "grey: within a factor of 1.25, the limit of trust; bold: recommended",
        fontsize=9, color="0.3",
    )  # fmt: skip
    return save(figure, path)


def _panel(
    axis: Any,
    answer: dict[str, Any],
    runs: pd.DataFrame,
    order: list[str],
    families: list[str],
    target: str,
) -> None:
    axis.set_xscale("symlog", linthresh=_LINEAR, linscale=1.0)
    axis.axvspan(1 / 1.25 - 1, 0.25, color="0.94", lw=0)
    axis.axvline(0, color="0.4", lw=1)
    for index, family in enumerate(families):
        own = runs[runs["task"].str.startswith(family)]
        places = own["estimator"].map({name: i for i, name in enumerate(order)})
        shown = places.notna() & own[f"error_{target}"].notna()
        axis.plot(
            own[f"error_{target}"][shown],
            places[shown] + 0.24 - 0.16 * index,
            ls="none", marker=MARKERS[index], ms=3.2, alpha=0.55, mew=0,
            color=COLORS[index], label=label(family),
        )  # fmt: skip
    rows = {row["estimator"]: row for row in answer[target]["standings"]}
    for place, name in enumerate(order):
        row = rows[name]
        if row["bias"] is None:
            continue
        low, high = (row["bias"] if end is None else end for end in row["bias_interval"])
        axis.errorbar(
            row["bias"], place, xerr=[[row["bias"] - low], [high - row["bias"]]], color="black",
            marker="|", ms=9, capsize=3, lw=1.4, label="mean, 95 % interval" if not place else None,
        )  # fmt: skip
    errors = runs.loc[runs["estimator"].isin(order), f"error_{target}"].abs()
    _percent_ticks(axis, float(np.nanmax(errors)) if errors.notna().any() else 0.1)
    axis.grid(axis="y", color="0.92", lw=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def _percent_ticks(axis: Any, largest: float) -> None:
    """Ticks at 10 %, 100 % ... on both sides, as far as the errors go."""
    decades = max(1, math.ceil(math.log10(max(largest, 0.1) / 0.1) - 1e-9))
    ticks = [0.1 * 10**k for k in range(decades + 1)]
    ticks = [-t for t in reversed(ticks) if t <= 1] + [0.0] + ticks
    axis.set_xticks(ticks, [f"{100 * t:+.0f} %" if t else "0" for t in ticks], fontsize=8)
    axis.minorticks_off()
    axis.set_xlim(-1.3, 1.3 * max(largest, 0.1))
