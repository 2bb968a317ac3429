"""Figures: estimate along training, and estimate against truth."""

from __future__ import annotations

import io
import itertools
import json
import math
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from wdist_bench.folders import write
from wdist_bench.report.escaping import label
from wdist_bench.report.tables import SETTING, method_labels, root
from wdist_bench.results.journal import Journal, failed_runs, unpack

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette, told apart by colour-blind readers; one colour an estimator, by order.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
_MARKERS = "os^D"
_DASHES = ("-", (0, (5, 1.5)))
_METADATA = {"Software": None}  # no version string: the same journal gives the same bytes
_PDF_METADATA = {"Creator": None, "Producer": None, "CreationDate": None}
_WIDEST = 3  # panels side by side
_MOST_DOTS = 5e7  # of a figure, 4 bytes each

# What a figure can show. More is left out by the order of the suite, whole panels or settings at a
# time, and the figure says so.
_PANELS, _CURVES = 30, 400
_COLUMNS, _ROWS, _MARKS = 40, 100, 1000  # settings of a panel, cells of a setting, cells in all


def write_figures(
    folder: Path, journal: Journal, table: pd.DataFrame, kind: str = "png"
) -> list[Path]:
    """Write every figure that the journal has the data for; `kind` is "png" or "pdf"."""
    import matplotlib as mpl

    mpl.use("Agg")
    written = []
    trained = [r for r in journal.planned() if r.get("history_steps")]
    gaussians = [r for r in trained if r.get("task") == "gaussian_shift"]
    if gaussians:
        written.append(_training_curves(gaussians, journal, folder / f"figure2.{kind}"))
    if table["estimate"].notna().any():
        written.append(_estimates(table, folder / f"estimates.{kind}"))
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

    kind, content = path.suffix[1:], io.BytesIO()
    metadata: Any = _PDF_METADATA if kind == "pdf" else _METADATA
    with warnings.catch_warnings():  # of characters that the font lacks, and labels too long
        warnings.filterwarnings("ignore", "Glyph |constrained_layout", UserWarning)
        figure.savefig(content, format=kind, dpi=_dots(figure), metadata=metadata)
    plt.close(figure)
    return write(path, content.getvalue())


def _dots(figure: Any) -> float:
    """Dots per inch: fewer where a figure of very many panels would fill the memory."""
    width, height = figure.get_size_inches()
    return float(min(150, math.sqrt(_MOST_DOTS / (width * height))))


def _training_curves(records: list[dict[str, Any]], journal: Journal, path: Path) -> Path:
    """Estimate over training per method, mean over runs with a band of one sd, and the truths."""
    by_place = _by_place(records)
    places = _fitting({place: len(here) for place, here in by_place.items()})
    cells = [record for record in journal.planned() if "estimator" in record]
    names = list(dict.fromkeys(record["estimator"] for record in cells))
    figure, axes = _panels(len(places), 5.2 if len(places) > 1 else 7.2, 4.2)
    for axis, place in zip(axes, places, strict=True):
        here = by_place[place][:_CURVES]
        for record in here:
            style = _line(names, record["estimator"])
            runs = np.ma.masked_invalid(root(unpack(record["history"]), record["p"]))
            mean, sd = runs.mean(axis=0), runs.std(axis=0, ddof=min(1, len(runs) - 1))
            steps = record["history_steps"][:]
            axis.plot(steps, mean, **style, lw=1.8, label=label(_curve_label(record)))
            axis.fill_between(steps, mean - sd, mean + sd, color=style["color"], alpha=0.2, lw=0)
        exact = root(unpack(journal.truths[place]["costs"]).mean(axis=1), here[0]["p"])
        axis.axhline(exact.mean(), color="black", ls="--", lw=1.2, label="exact on batches")
        known = f"exact on batches {exact.mean():.3f}"
        truth = here[0]["truth_population"]
        if truth is not None:
            axis.axhline(truth["value"], color="0.45", ls=":", lw=1.6, label="population")
            known = f"population {truth['value']:.3f}, {known}"
        axis.set(
            xlabel="training step",
            ylabel=f"estimate of $W_{here[0]['p']}$ (units of the data)",
            xlim=(0, max(steps)),
        )
        axis.set_title(
            f"{label(here[0]['task'])}, dim {here[0]['dim']}, batches of {here[0]['n']}"
            f"{_how(here[0]['protocol'])}\n{known}",
            fontsize=10,
        )
        axis.spines[["top", "right"]].set_visible(False)
    _shared_legend(figure, axes)
    said = f"line: mean of the minibatch estimates over {records[0]['runs']} runs; "
    said += "band: one sd of the runs"
    if len(places) < len(by_place):
        said += f"; the first {len(places)} of {len(by_place):,} settings of the suite"
    figure.supxlabel(said, fontsize=8.5, color="0.3")
    return _save(figure, path)


def _by_place(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Records by the batches that they were measured on."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        found.setdefault(record["truth_key"], []).append(record)
    return found


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
    columns = min(len(entries), 2 + 2 * len(axes))
    figure.legend(
        list(entries.values()), list(entries), loc="outside upper center", ncols=columns,
        frameon=False, fontsize=9,
    )  # fmt: skip


def _curve_label(record: dict[str, Any]) -> str:
    failed = failed_runs(record)
    note = f" ({failed} of {record['runs']} runs failed)" if failed else ""
    return record["estimator"] + note


def _estimates(table: pd.DataFrame, path: Path) -> Path:
    """Estimate of every method against both truths, one panel per family of tasks."""
    table = table.assign(method=method_labels(table))
    known = table[table["estimate"].notna()]
    shown = known[_room_for(known)]
    families = list(shown.groupby("family", sort=False))
    names = list(dict.fromkeys((table if len(shown) == len(known) else shown)["method"]))
    widest = max(rows.groupby(SETTING, sort=False).ngroups for _, rows in families)
    column = 0.9 * max(1, len(names) / 10)
    figure, axes = _panels(len(families), 2.6 + column * min(widest, 4), 3.6)
    for axis, (family, rows) in zip(axes, families, strict=True):
        _family_panel(axis, rows, names)
        axis.set_title(label(family), fontsize=11)
    handles = [axes[0].plot([], [], **_mark(names, name))[0] for name in names]
    handles += [axes[0].plot([], [], color="black", lw=2)[0]]
    handles += [axes[0].plot([], [], color="0.82", lw=4)[0]]
    labels = [*map(label, names), "exact value of the batches", "population distance"]
    columns = max(2, int(figure.get_figwidth() / 2.2))
    figure.legend(
        handles, labels, loc="outside upper center", ncols=columns, frameon=False, fontsize=9
    )
    said = "dot: mean over runs; bar: 95 % interval over runs"
    if len(shown) < len(known):
        said += f"; the first settings of the suite, {len(shown):,} of {len(known):,} cells"
    figure.supxlabel(said, fontsize=8.5, color="0.3")
    return _save(figure, path)


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


def _color(names: list[str], name: str) -> str:
    return _COLORS[names.index(name) % len(_COLORS)]


def _line(names: list[str], name: str) -> dict[str, Any]:
    """Colours repeat after eight; then the dashes tell them apart."""
    return {"color": _color(names, name), "ls": _DASHES[names.index(name) // len(_COLORS) % 2]}


def _mark(names: list[str], name: str) -> dict[str, Any]:
    """Colours repeat after eight; then the marker tells them apart."""
    marker = _MARKERS[names.index(name) // len(_COLORS) % len(_MARKERS)]
    return {
        "color": _color(names, name), "marker": marker, "ms": 5, "mec": "white", "mew": 0.6,
        "ls": "none",
    }  # fmt: skip


def _family_panel(axis: Axes, rows: pd.DataFrame, names: list[str]) -> None:
    """One column per task: both truths as levels, the estimates side by side."""
    labels = []
    for column, (_, cells) in enumerate(rows.groupby(SETTING, sort=False)):
        left, right = column - 0.42, column + 0.42
        population, batch = cells["truth_population"].iloc[0], cells["truth_batch"].iloc[0]
        axis.hlines(population, left, right, color="0.82", lw=4, zorder=1)
        axis.hlines(batch, left, right, color="black", lw=2, zorder=1)
        for _, row in cells.iterrows():
            offset = (names.index(row["method"]) + 0.5) / len(names) - 0.5
            low, high = row["estimate_ci_low"], row["estimate_ci_high"]
            bar = [[row["estimate"] - low], [high - row["estimate"]]]
            axis.errorbar(
                column + 0.7 * offset,
                row["estimate"],
                yerr=bar if np.isfinite(bar).all() else None,
                capsize=2.5,
                **_mark(names, row["method"]),
            )
        labels.append(_setting_label(cells.iloc[0]))
    axis.set_xticks(range(len(labels)), labels, fontsize=8)
    axis.set_xlim(-0.6, len(labels) - 0.4)
    axis.set_ylabel("$W_p$ (units of the data)", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)


def _setting_label(row: pd.Series) -> str:
    file = Path(json.loads(row["task_options"]).get("file", "")).stem
    where = label(row["dataset"] or file or f"dim {int(row['dim'])}")
    norm = "" if row["norm"] == "l2" else label(f" {row['norm']}")
    task = label(row["task"]).replace("_", "\n")
    return f"{task}\n{where}, $W_{{{row['p']:g}}}${norm}\nn = {row['n']}{_how(row['protocol'])}"


def _how(protocol: str) -> str:
    """The protocol, where it is not the usual one."""
    return "" if protocol == "stream" else f", {label(protocol)}"
