"""Figures of the GAN suite: sample grids, loss against exact W1, robustness."""

from __future__ import annotations

import base64
import io
import math
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wdist_bench.folders import write
from wdist_bench.report.drawing import METADATA, grid_of, legend_above, panels, save
from wdist_bench.report.palette import BLUE, NOTE, RED, looks
from wdist_bench.results.journal import unpack
from wdist_bench.results.statistics import t_interval
from wdist_bench.studies.generators.gan.claims import ACCEPTABLE, GOOD, label, log_misfit
from wdist_bench.studies.generators.words import place

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 12
_MOST_IMAGES, _MOST_VALUES = 64, 2**20
_EDGE = 60  # pixels that an image of a grid is enlarged to, about


def decoded(record: dict[str, Any], field: str) -> np.ndarray:
    """The (n, height, width[, channels]) uint8 images that a record carries, the first 64.

    Raises:
        ValueError: images of no number, or of more than a million, which are none of ours.
    """
    shape = tuple(record["image_shape"])
    if not 0 < math.prod(shape) <= _MOST_VALUES:
        raise ValueError(
            f"{field}: expected images of at most {_MOST_VALUES:,} numbers, got the shape {shape}; "
            "remove the record from the journal"
        )
    packed = base64.b64decode(record[field])
    pixels = zlib.decompressobj().decompress(packed, _MOST_IMAGES * math.prod(shape))
    return np.frombuffer(pixels, np.uint8).reshape(-1, *shape)


def tiled(images: np.ndarray, columns: int, gap: int) -> np.ndarray:
    """One picture of (n, height, width[, 3]) images, so many a row, white pixels between them."""
    rows = -(-len(images) // columns)
    height, width = images.shape[1:3]
    canvas = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        color = image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)
        canvas[top : top + height, left : left + width] = color
    return canvas


def slug(text: str) -> str:
    """A file name out of words."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def write_grid(record: dict[str, Any], path: Path) -> Path:
    """The samples of one loss, eight a row, each pixel enlarged, white lines between images."""
    import matplotlib.image

    images = decoded(record, "grid")
    zoom = max(1, _EDGE // max(images.shape[1:3]))
    enlarged = tiled(images, min(8, len(images)), 1).repeat(zoom, axis=0).repeat(zoom, axis=1)
    content = io.BytesIO()
    matplotlib.image.imsave(content, enlarged, format="png", metadata=METADATA)
    return write(path, content.getvalue())


def write_overview(records: list[dict[str, Any]], path: Path) -> Path:
    """One row of samples per loss, real images below."""
    import matplotlib.pyplot as plt

    rows = [(_row_label(record), decoded(record, "grid")) for record in records]
    rows.append(("real, held out", decoded(records[0], "real")))
    figure, grid = plt.subplots(
        len(rows), _COLUMNS, figsize=(_COLUMNS * 0.62 + 1.9, len(rows) * 0.66 + 0.4), squeeze=False
    )
    figure.subplots_adjust(left=0.2, right=0.995, bottom=0.01, top=0.93, wspace=0.06, hspace=0.06)
    for axes, (text, images) in zip(grid, rows, strict=True):
        for axis in axes:
            axis.set_axis_off()
        for axis, image in zip(axes, images, strict=False):
            axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes[0].text(
            -0.15, 0.5, text, transform=axes[0].transAxes, ha="right", va="center", fontsize=9
        )
    steps = records[0]["parameters"]["steps"]
    figure.suptitle(
        f"{place(records[0])}: first run after {steps} generator steps, first samples as they come",
        fontsize=10,
    )
    return save(figure, path)


def _row_label(record: dict[str, Any]) -> str:
    logs = log_misfit(record)
    found = logs[np.isfinite(logs)]
    note = f"misfit {math.exp(found.mean()):.3g}" if found.size else "no finite run"
    return f"{label(record)}\n{note}"


def write_curves(records: list[dict[str, Any]], path: Path) -> Path:
    """Loss and exact W1 along training, one panel per loss, mean over runs with one sd."""
    figure, axes = panels(len(records), 4.3, 2.9)
    for axis, record in zip(axes, records, strict=True):
        _curve_panel(axis, record)
    names = ["exact W1 to held-out images", "floor: real against real", "loss (right axis)"]
    styles = (
        {"color": BLUE, "marker": "o", "ms": 3},
        {"color": "0.4", "ls": "--"},
        {"color": RED, "marker": "s", "ms": 3},
    )
    handles = [axes[0].plot([], [], **style)[0] for style in styles]
    legend_above(figure, handles, names, place(records[0]))
    figure.supxlabel(
        "generator step; mean over runs, band: one sd; r: Spearman correlation along training, "
        "mean over runs; standard GANs report a Jensen-Shannon divergence in nats",
        **NOTE,
    )
    return save(figure, path)


def _curve_panel(axis: Axes, record: dict[str, Any]) -> None:
    along, loss = unpack(record["w1_along"])[:, 1:], unpack(record["loss_along"])
    steps = record["snapshots"]
    right = axis.twinx()
    for where, values, color, marker in (
        (axis, along, BLUE, "o"),
        (right, loss, RED, "s"),
    ):
        shown = np.ma.masked_invalid(values)
        mean, sd = shown.mean(axis=0), shown.std(axis=0)
        where.plot(steps, mean, color=color, lw=1.6, marker=marker, ms=3)
        where.fill_between(steps, mean - sd, mean + sd, color=color, alpha=0.2, lw=0)
        where.tick_params(axis="y", labelcolor=color, labelsize=8)
        where.spines["top"].set_visible(False)
    axis.axhline(float(np.mean(unpack(record["floor_along"]))), color="0.4", ls="--", lw=1.2)
    axis.set_ylim(bottom=0)
    axis.set_xscale("log")
    axis.set_xticks(steps[::3], [str(step) for step in steps[::3]], fontsize=8)
    axis.minorticks_off()
    correlation = unpack(record["rank_correlation"])
    found = correlation[np.isfinite(correlation)]
    note = f"r = {found.mean():.2f}" if found.size else "r not defined"
    axis.set_title(f"{label(record)}, {note}", fontsize=9.5)


def write_robustness(records: list[dict[str, Any]], settings: list[str], path: Path) -> Path:
    """Misfit of every loss at every architecture, with 95 % intervals; dots left are better."""
    styles = looks((label(record), record["parameters"]["loss"]) for record in records)
    losses = list(styles)
    places = list(dict.fromkeys(settings))
    figure, grid = grid_of(1, 1, 7.2, 0.62 * len(places) + 1.9)
    axis = grid[0, 0]
    largest = ACCEPTABLE
    for record, setting in zip(records, settings, strict=True):
        logs = log_misfit(record)
        logs = logs[np.isfinite(logs)]
        if not logs.size:
            continue
        rank = losses.index(label(record))
        height = places.index(setting) + 0.62 * ((rank + 0.5) / len(losses) - 0.5)
        middle = math.exp(logs.mean())
        low, high = (
            math.exp(max(end, 0.0)) if math.isfinite(end) else middle for end in t_interval(logs)
        )
        axis.errorbar(
            middle,
            height,
            xerr=[[middle - low], [high - middle]],
            ms=5,
            capsize=2.5,
            **styles[label(record)].mark,
        )
        largest = max(largest, middle)
    for threshold, word, side in ((GOOD, "good ", "right"), (ACCEPTABLE, " acceptable", "left")):
        axis.axvline(threshold, color="0.6", ls="--", lw=1)
        axis.text(threshold, -0.72, word, fontsize=8, color="0.35", va="top", ha=side)
    axis.set(
        xscale="log",
        xlim=(0.9, 1.3 * largest),  # longer bars are cut, the table has them
        ylim=(len(places) - 0.5, -0.75),
        ylabel="hidden layers x units",
        xlabel="misfit: worst ratio of generated to real (1 is perfect)",
    )
    ticks = [t for t in (1, 1.2, 1.5, 2, 3, 5, 10, 30, 100, 1000) if t <= axis.get_xlim()[1]]
    axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axis.minorticks_off()
    axis.set_yticks(range(len(places)), places, fontsize=9)
    handles = [axis.plot([], [], **look.mark)[0] for look in styles.values()]
    legend_above(figure, handles, losses)
    axis.set_title(f"{place(records[0])}: mean over runs, 95 % interval", fontsize=9.5)
    return save(figure, path)
