"""Figures: estimate along training, and estimate against truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from wdist_bench.bench.journal import Journal, unpack
from wdist_bench.report.markdown import task_label
from wdist_bench.report.tables import root

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette, told apart by colour-blind readers; one colour an estimator, by order.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
_METADATA = {"Software": None}  # no version string: the same journal gives the same bytes
_WIDEST = 3  # panels side by side


def write_figures(folder: Path, journal: Journal, table: pd.DataFrame) -> list[Path]:
    """Write every figure that the journal has the data for."""
    import matplotlib as mpl

    mpl.use("Agg")
    written = []
    trained = [r for r in journal.planned() if r.get("history_steps")]
    gaussians = [r for r in trained if r["task"] == "gaussian_shift"]
    if gaussians:
        written.append(_training_curves(gaussians, journal, table, folder / "figure2.png"))
    if table["estimate"].notna().any():
        written.append(_estimates(table, folder / "estimates.png"))
    return written


def _panels(count: int, width: float, height: float) -> tuple[Any, list[Axes]]:
    import matplotlib.pyplot as plt

    columns = min(count, _WIDEST)
    rows = -(-count // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(width * columns, height * rows), squeeze=False, layout="constrained"
    )
    axes = list(grid.flat)
    for spare in axes[count:]:
        spare.remove()
    return figure, axes[:count]


def _save(figure: Any, path: Path) -> Path:
    import matplotlib.pyplot as plt

    figure.savefig(path, dpi=150, metadata=_METADATA)
    plt.close(figure)
    return path


def _training_curves(
    records: list[dict[str, Any]], journal: Journal, table: pd.DataFrame, path: Path
) -> Path:
    """Estimate over training per method, mean over runs with a band of one sd, and the truths."""
    places = list(dict.fromkeys(record["truth_key"] for record in records))
    names = list(dict.fromkeys(record["estimator"] for record in records))
    figure, axes = _panels(len(places), 6.4 if len(places) > 1 else 7.2, 4.4)
    for axis, place in zip(axes, places, strict=True):
        here = [record for record in records if record["truth_key"] == place]
        for record in here:
            color = _COLORS[names.index(record["estimator"]) % len(_COLORS)]
            runs = np.ma.masked_invalid(root(unpack(record["history"]), record["p"]))
            mean, sd = runs.mean(axis=0), runs.std(axis=0, ddof=min(1, len(runs) - 1))
            steps = record["history_steps"]
            axis.plot(
                steps, mean, color=color, lw=1.8, label=record["estimator"] + _failures(record)
            )
            axis.fill_between(steps, mean - sd, mean + sd, color=color, alpha=0.2, lw=0)
        exact = root(unpack(journal.truths[place]["costs"]).mean(axis=1), here[0]["p"])
        label = f"exact on batches, {exact.mean():.3f}"
        axis.axhline(exact.mean(), color="black", ls="--", lw=1.2, label=label)
        truth = here[0]["truth_population"]
        if truth is not None:
            label = f"population, {truth['value']:.3f}"
            axis.axhline(truth["value"], color="0.45", ls=":", lw=1.4, label=label)
        row = table[table["estimator"] == here[0]["estimator"]]
        row = row[row["task"] == here[0]["task"]].iloc[0]
        axis.set(
            xlabel="training step",
            ylabel=f"estimate of $W_{here[0]['p']}$ (units of the data)",
            title=f"{here[0]['task']}, dim {here[0]['dim']}, batches of {here[0]['n']}",
            xlim=(0, max(steps)),
        )
        axis.legend(loc="center right", frameon=False, fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel(
        f"line: mean of the minibatch estimates over {records[0]['runs']} runs; "
        "band: one sd of the runs",
        fontsize=8.5,
        color="0.3",
    )
    return _save(figure, path)


def _curve_label(record: dict[str, Any]) -> str:
    failed = record["failed"]
    note = f" ({failed} of {record['runs']} runs failed)" if failed else ""
    return record["estimator"] + note


def _estimates(table: pd.DataFrame, path: Path) -> Path:
    """Estimate of every method against both truths, one panel per task."""
    shown = table[table["estimate"].notna()]
    groups = [rows for _, rows in shown.groupby(["task", "task_parameters", "p", "n"], sort=False)]
    names = list(dict.fromkeys(shown["estimator"]))
    figure, axes = _panels(len(groups), 4.6, 0.9 + 0.33 * len(names))
    for axis, rows in zip(axes, groups, strict=True):
        places = [len(names) - names.index(name) for name in rows["estimator"]]
        for place, (_, row) in zip(places, rows.iterrows(), strict=True):
            color = _COLORS[names.index(row["estimator"]) % len(_COLORS)]
            low, high = row["estimate_ci_low"], row["estimate_ci_high"]
            bar = [[row["estimate"] - low], [high - row["estimate"]]]
            half = bar if np.isfinite(bar).all() else None
            axis.errorbar(row["estimate"], place, xerr=half, fmt="o", ms=5, color=color, capsize=3)
        axis.axvline(rows["truth_batch"].iloc[0], color="black", ls="--", lw=1.2)
        if rows["truth_population"].notna().any():
            axis.axvline(rows["truth_population"].iloc[0], color="0.45", ls=":", lw=1.6)
        axis.set_yticks(places, rows["estimator"])
        axis.set(
            xlabel=f"$W_{rows['p'].iloc[0]}$ (units of the data)", ylim=(0.4, len(names) + 0.6)
        )
        axis.set_title(task_label(rows.iloc[0]), fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel(
        "dot: mean over runs, bar: 95 % interval over runs; dashed: exact on the same batches; "
        "dotted: population",
        fontsize=8.5,
        color="0.3",
    )
    return _save(figure, path)
