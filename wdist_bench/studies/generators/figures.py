"""Figures of the study: distance against seconds, rows as they come, classes, architectures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from wdist_bench.report.drawing import FigureSet, grid_of, legend_above, panels
from wdist_bench.report.palette import BLACK, BLUE, NOTE, ORANGE, looks
from wdist_bench.results.journal import unpack
from wdist_bench.results.statistics import mean_interval
from wdist_bench.studies.generators import mixture
from wdist_bench.studies.generators.claims import varied
from wdist_bench.studies.generators.gan.figures import decoded, tiled
from wdist_bench.studies.generators.judging.controls import CONTROLS
from wdist_bench.studies.generators.judging.verdicts import (
    ACCEPTABLE,
    GOOD,
    fault,
    seconds_along,
    verdict,
)
from wdist_bench.studies.generators.pool import MIXTURE
from wdist_bench.studies.generators.words import by_place, label, name_of, place

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Record = dict[str, Any]
FIGURES: FigureSet[list[Record]] = FigureSet()
_SHOWN = 10  # pictures of a generator side by side
_DOTS = 300


def _compared(records: list[Record]) -> list[Record]:
    return [r for r in records if r["parameters"]["group"] == "comparison"]


def _trained(records: list[Record]) -> list[Record]:
    return [r for r in _compared(records) if name_of(r) not in CONTROLS]


@FIGURES("generators_seconds")
def seconds(records: list[Record]) -> Any:
    """W1 along training against seconds, a panel for each set of rows."""
    trained = _trained(records)
    if not trained:
        return None
    places = by_place(trained)
    styles = looks((label(r), name_of(r)) for r in trained)
    figure, axes = panels(len(places), 4.6, 3.6)
    for axis, (where, here) in zip(axes, places.items(), strict=True):
        for r in here:
            along = np.ma.masked_invalid(unpack(r["w1_along"])[:, 1:]).mean(0)
            look = styles[label(r)]
            axis.plot(seconds_along(r), along, lw=1.3, ms=3.5, marker=look.marker, **look.line)
        floor = mean_interval(unpack(here[0]["floor_along"]))[0]
        axis.axhline(floor, color="0.3", lw=1.2, ls=(0, (1, 1)))
        axis.set(xscale="log", yscale="log", xlabel="seconds of training, one core",
                 ylabel="exact W1 to held-out rows")  # fmt: skip
        axis.set_title(where, fontsize=10)
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("{x:g}")
        axis.tick_params(axis="y", which="both", labelsize=7.5)
        axis.xaxis.set_major_formatter("{x:g}")
    handles = [axes[0].plot([], [], marker=s.marker, ms=4, **s.line)[0] for s in styles.values()]
    floor_line = axes[0].plot([], [], color="0.3", ls=(0, (1, 1)))[0]
    legend_above(figure, [*handles, floor_line], [*styles, "real against real"])
    figure.supxlabel("mean over runs; by W1 alone averages and copies look good", **NOTE)
    return figure


@FIGURES("generators_samples")
def samples(records: list[Record]) -> Any:
    """Pictures of the first run: a row a generator, a column a set of rows."""
    pictured = [r for r in _compared(records) if "grid" in r]
    if not pictured:
        return None
    places = by_place(pictured)
    names = list(dict.fromkeys(map(label, pictured)))
    rows, columns = len(names) + 1, len(places)
    figure, grid = _bare_grid(rows, columns)
    for column, (where, here) in enumerate(places.items()):
        found = {label(r): r for r in here}
        for row, name in enumerate(names):
            if name in found:
                word = f"{verdict(found[name])}"
                _strip(grid[row, column], decoded(found[name], "grid"), word)
        _strip(grid[rows - 1, column], decoded(here[0], "real"), "")
        grid[0, column].text(0.5, 1.6, where, transform=grid[0, column].transAxes, ha="center",
                             fontsize=10)  # fmt: skip
    for row, name in enumerate([*names, "real, held out"]):
        grid[row, 0].text(-0.02, 0.5, name, transform=grid[row, 0].transAxes, ha="right",
                          va="center", fontsize=9)  # fmt: skip
    return figure


def _bare_grid(rows: int, columns: int) -> Any:
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(
        rows, columns, figsize=(5.2 * columns + 2.2, 0.78 * rows + 0.5), squeeze=False,
        gridspec_kw={"hspace": 0.42, "wspace": 0.04, "left": 2.2 / (5.2 * columns + 2.2),
                     "right": 0.995, "top": 0.94, "bottom": 0.01},
    )  # fmt: skip
    for axis in grid.flat:
        axis.set_axis_off()
    return figure, grid


def _strip(axis: Axes, images: np.ndarray, note: str) -> None:
    """Ten pictures side by side, white between them."""
    shown = images[:_SHOWN]
    picture = tiled(shown, len(shown), max(1, shown.shape[2] // 16))
    axis.imshow(picture, interpolation="nearest")
    axis.set_title(note, fontsize=7.5, pad=1.5, color="0.35")


@FIGURES("generators_mixture")
def on_modes(records: list[Record]) -> Any:
    """The first rows on the mixture, a panel a generator."""
    here = [r for r in _compared(records) if r["parameters"]["dataset"] == MIXTURE]
    if not here:
        return None
    columns = 5
    rows = -(-len(here) // columns)
    figure, grid = grid_of(rows, columns, 2.1 * columns, 2.3 * rows)
    edge = 1.5 * mixture.RADIUS
    for axis in list(grid.flat)[len(here) :]:
        axis.remove()
    for axis, record in zip(grid.flat, here, strict=False):
        points = unpack(record["points_shown"])[:_DOTS]
        axis.scatter(*mixture.CENTRES.T, s=500 * mixture.WEIGHTS, color=ORANGE, alpha=0.5, lw=0)
        axis.scatter(*points.T, s=2.5, color=BLUE, lw=0)
        axis.set(xlim=(-edge, edge), ylim=(-edge, edge), xticks=[], yticks=[], aspect="equal")
        axis.set_title(f"{label(record)}\n{verdict(record)}", fontsize=8.5)
    figure.supxlabel(
        f"first {_DOTS} rows of the first run; discs: the modes, as large as their weights", **NOTE
    )
    return figure


@FIGURES("generators_classes")
def classes(records: list[Record]) -> Any:
    """W1 by class of generators that are told one, a panel for each set of rows."""
    told = [r for r in _trained(records) if "class_w1" in r and _some(r["class_w1"])]
    if not told:
        return None
    figure, axes = panels(len(told), 4.6, 3.2)
    for axis, record in zip(axes, told, strict=True):
        _class_bars(axis, record)
    handles = [axes[0].bar([0], [0], color=c) for c in (BLUE, ORANGE)]
    legend_above(figure, handles, ["generated", "real: training rows"])
    figure.supxlabel("exact W1 to the held-out rows of the class, mean over runs, 95 % interval; "
                     "equally many rows of a class", **NOTE)  # fmt: skip
    return figure


def _some(values: Any) -> bool:
    return bool(np.isfinite(unpack(values)).any())


def _class_bars(axis: Axes, record: Record) -> None:
    names = [str(c) for c in record["known_classes"]]
    for shift, field, color in ((-0.2, "class_w1", BLUE), (0.2, "class_w1_real", ORANGE)):
        means = [mean_interval(column) for column in unpack(record[field]).T]
        middle, low, high = (np.array(ends) for ends in zip(*means, strict=True))
        bars = np.nan_to_num(np.stack([middle - low, high - middle]))
        places = np.arange(len(names)) + shift
        axis.bar(places, np.nan_to_num(middle), 0.38, color=color)
        axis.errorbar(places, middle, yerr=bars, color=BLACK, ls="none", lw=0.8, capsize=1.5)
    axis.set_xticks(range(len(names)), names)
    axis.set_ylim(bottom=0)
    axis.set_title(f"{label(record)}: {place(record)}", fontsize=9.5)


@FIGURES("generators_architectures")
def architectures(records: list[Record]) -> Any:
    """Fault of every varied generator at every size and rate; dots left are better."""
    here = [r for r in records if r["parameters"]["group"] == "architectures"]
    if not here:
        return None
    styles = looks((label(r), name_of(r)) for r in here)
    settings = list(dict.fromkeys(map(varied, here)))
    figure, grid = grid_of(1, 1, 7.4, 0.62 * len(settings) + 1.9)
    axis = grid[0, 0]
    names = list(styles)
    for r in here:
        mean, low, high = mean_interval(fault(r))
        if math.isnan(mean):
            continue
        height = settings.index(varied(r)) + 0.64 * (
            (names.index(label(r)) + 0.5) / len(names) - 0.5
        )
        bars = [[mean - max(low, 0)], [high - mean]] if math.isfinite(low) else None
        axis.errorbar(mean, height, xerr=bars, ms=5, capsize=2, **styles[label(r)].mark)
    for threshold, word in ((GOOD, "works"), (ACCEPTABLE, "nearly")):
        axis.axvline(threshold, color="0.6", ls="--", lw=1)
        axis.text(threshold, -0.72, f"{word} ", fontsize=8, color="0.35", va="top", ha="right")
    axis.set(xlim=(0, 2), ylim=(len(settings) - 0.5, -0.75), xlabel="fault (0: as real rows)")
    axis.set_yticks(range(len(settings)), settings, fontsize=9)
    handles = [axis.plot([], [], **look.mark)[0] for look in styles.values()]
    legend_above(figure, handles, names)
    axis.set_title(f"{place(here[0])}: mean over runs, 95 % interval", fontsize=9.5)
    return figure
