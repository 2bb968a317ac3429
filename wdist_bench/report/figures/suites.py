"""Figures: estimate along training, and estimate against truth."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from wdist_bench.report.drawing import FigureSet, legend_above, panels
from wdist_bench.report.palette import NOTE, Look, looks
from wdist_bench.report.results import Results
from wdist_bench.report.tables.cells import Cell
from wdist_bench.report.tables.settings import SETTING
from wdist_bench.report.text.escaping import label
from wdist_bench.results.journal import unpack

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# What a figure can show. More is left out by the order of the suite, whole panels or settings at a
# time, and the figure says so.
_PANELS, _CURVES = 30, 400
_LOOKS = 40  # estimators that a figure tells apart; of more the page alone has every one
_COLUMNS, _ROWS, _MARKS = 40, 100, 1000  # settings of a panel, cells of a setting, cells in all


FIGURES: FigureSet[Results] = FigureSet()
"""Of task x estimator cells, each shown by the page in its own way too."""


@FIGURES("figure2")
def training_curves(results: Results) -> Any:
    """Estimate over training per method, mean over runs with a band of one sd, and the truths."""
    found = [cell for cell in results.cells if cell.record["task"] == "gaussian_shift"]
    by_place = _by_place([cell for cell in found if cell.record.get("history_steps")])
    if not by_place:
        return None
    places = _fitting({place: len(here) for place, here in by_place.items()})
    styles = looks((cell.variant, cell.record["estimator"]) for cell in results.cells)
    figure, axes = panels(len(places), 5.2 if len(places) > 1 else 7.2, 4.2)
    for axis, place in zip(axes, places, strict=True):
        _curves(axis, by_place[place][:_CURVES], styles)
    _shared_legend(figure, axes)
    runs = next(iter(by_place.values()))[0].record["runs"]
    said = f"line: mean of the minibatch estimates over {runs} runs; band: one sd of the runs"
    if len(places) < len(by_place):
        said += f"; the first {len(places)} of {len(by_place):,} settings of the suite"
    figure.supxlabel(said, **NOTE)
    return figure


def _curves(axis: Axes, here: list[Cell], styles: dict[str, Look]) -> None:
    """The training curves of one setting, and its truths."""
    for cell in here:
        line, record = styles[cell.variant].line, cell.record
        runs = np.ma.masked_invalid(cell.root(unpack(record["history"])))
        mean, sd = runs.mean(axis=0), runs.std(axis=0, ddof=min(1, len(runs) - 1))
        steps = record["history_steps"][:]
        axis.plot(steps, mean, **line, lw=1.8, label=label(_curve_label(cell)))
        axis.fill_between(steps, mean - sd, mean + sd, color=line["color"], alpha=0.2, lw=0)
    first, population = here[0].record, here[0].population
    known = []
    if not math.isnan(population):
        known.append(f"population {population:.3f}")
        axis.axhline(population, color="0.45", ls=":", lw=1.6, label="population")
    if (batches := here[0].truths) is not None:
        exact = here[0].root(batches.mean(axis=1)).mean()
        known.append(f"exact on batches {exact:.3f}")
        axis.axhline(exact, color="black", ls="--", lw=1.2, label="exact on batches")
    axis.set(
        xlabel="training step", ylabel=f"estimate of $W_{first['p']}$ (units of the data)",
        xlim=(0, max(max(cell.record["history_steps"][:]) for cell in here)),
    )  # fmt: skip
    place = f"{label(first['task'])}, dim {first['dim']}, batches of {first['n']}"
    axis.set_title(f"{place}{_how(first['protocol'])}\n{', '.join(known)}", fontsize=10)


def _by_place(found: list[Cell]) -> dict[str, list[Cell]]:
    """Cells by the batches that they were measured on."""
    places: dict[str, list[Cell]] = {}
    for cell in found:
        places.setdefault(cell.record["truth_key"], []).append(cell)
    return places


def _fitting(sizes: dict[str, int]) -> list[str]:
    """The first panels, at least one, that a figure has room for with all of their curves."""
    room = itertools.accumulate(sizes.values())
    fits = [place for place, curves in zip(sizes, room, strict=True) if curves <= _CURVES]
    return fits[:_PANELS] or list(sizes)[:1]


def _shared_legend(figure: Any, axes: list[Axes]) -> None:
    """One legend above all panels, each label once."""
    entries: dict[str, Any] = {}
    for axis in axes:
        for handle, name in zip(*axis.get_legend_handles_labels(), strict=True):
            entries.setdefault(name, handle)
    legend_above(figure, [*entries.values()], [*entries])


def _curve_label(cell: Cell) -> str:
    failed = cell.failed
    note = f" ({failed} of {cell.record['runs']} runs failed)" if failed else ""
    return cell.variant + note


@FIGURES("estimates")
def estimates(results: Results) -> Any:
    """Estimate of every method against both truths, one panel per family of tasks."""
    table = results.labelled
    known = table[table["estimate"].notna()]
    if known.empty or table["variant"].nunique() > _LOOKS:
        return None
    shown = known[_room_for(known)]
    families = list(shown.groupby("family", sort=False))
    named = table if len(shown) == len(known) else shown
    styles = looks(zip(named["variant"], named["estimator"], strict=True))
    widest = max(rows.groupby(SETTING, sort=False).ngroups for _, rows in families)
    column = 0.9 * max(1, len(styles) / 10)
    figure, axes = panels(len(families), 2.6 + column * min(widest, 4), 3.6)
    for axis, (family, rows) in zip(axes, families, strict=True):
        _family_panel(axis, rows, styles)
        axis.set_title(label(family), fontsize=11)
    drawn = [*({**look.mark, **_DOT} for look in styles.values()),
             {"color": "black", "lw": 2}, {"color": "0.82", "lw": 4}]  # fmt: skip
    handles = [axes[0].plot([], [], **style)[0] for style in drawn]
    labels = [*map(label, styles), "exact value of the batches", "population distance"]
    legend_above(figure, handles, labels)
    said = "dot: mean over runs; bar: 95 % interval over runs"
    if len(shown) < len(known):
        said += f"; the first settings of the suite, {len(shown):,} of {len(known):,} cells"
    figure.supxlabel(said, **NOTE)
    return figure


_DOT: dict[str, Any] = {"ms": 5, "mec": "white", "mew": 0.6}


def _room_for(table: pd.DataFrame) -> list[bool]:
    """Whether each row is shown: whole settings in the order of the suite, while there is room."""
    groups = list(zip(*(table[name] for name in ("family", *SETTING)), strict=True))
    sizes, columns = Counter(groups), Counter[str]()
    taken: dict[tuple[Any, ...], int] = {}  # setting -> how many more of its cells are shown
    marks, shown = 0, []
    for group in groups:
        if group not in taken:
            size, family = min(sizes[group], _ROWS), group[0]
            panel = family in columns or len(columns) < _PANELS
            fits = panel and columns[family] < _COLUMNS and marks + size <= _MARKS
            taken[group] = size if fits else 0
            marks += taken[group]
            if fits:
                columns[family] += 1
        shown.append(taken[group] > 0)
        taken[group] -= 1
    return shown


def _family_panel(axis: Axes, rows: pd.DataFrame, styles: dict[str, Look]) -> None:
    """One column per task: both truths as levels, the estimates side by side."""
    labels, order = [], {name: i for i, name in enumerate(styles)}
    for column, (_, cells) in enumerate(rows.groupby(SETTING, sort=False)):
        left, right = column - 0.42, column + 0.42
        population, batch = cells["truth_population"].iloc[0], cells["truth_batch"].iloc[0]
        axis.hlines(population, left, right, color="0.82", lw=4, zorder=1)
        axis.hlines(batch, left, right, color="black", lw=2, zorder=1)
        for _, row in cells.iterrows():
            offset = (order[row["variant"]] + 0.5) / len(order) - 0.5
            low, high = row["estimate_ci_low"], row["estimate_ci_high"]
            bar = [[row["estimate"] - low], [high - row["estimate"]]]
            axis.errorbar(
                column + 0.7 * offset,
                row["estimate"],
                yerr=bar if np.isfinite(bar).all() else None,
                capsize=2.5,
                **styles[row["variant"]].mark,
                **_DOT,
            )
        labels.append(_setting_label(cells.iloc[0]))
    axis.set_xticks(range(len(labels)), labels, fontsize=8)
    axis.set_xlim(-0.6, len(labels) - 0.4)
    axis.set_ylabel("$W_p$ (units of the data)", fontsize=9)


def _setting_label(row: pd.Series) -> str:
    file = json.loads(row["task_options"]).get("file")
    stem = Path(file).stem if isinstance(file, str) else ""  # a plug-in's may be anything
    where = label(row["dataset"] or stem or f"dim {int(row['dim'])}")
    norm = "" if row["norm"] == "l2" else label(f" {row['norm']}")
    task = label(row["task"]).replace("_", "\n")
    return f"{task}\n{where}, $W_{{{row['p']:g}}}${norm}\nn = {row['n']}{_how(row['protocol'])}"


def _how(protocol: str) -> str:
    """The protocol, where it is not the usual one."""
    return "" if protocol == "stream" else f", {label(protocol)}"
