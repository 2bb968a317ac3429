"""Figures of Example 1: distances, gradients to theta, kappa."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from wdist_bench.report.drawing import FigureSet, grid_of, panel_legend
from wdist_bench.report.palette import (
    BLACK,
    BLUE,
    COLORS,
    GREEN,
    MARKERS,
    NOTE,
    ORANGE,
    PINK,
    RED,
    SKY,
)
from wdist_bench.results.journal import unpack
from wdist_bench.results.statistics import finite, t_interval
from wdist_bench.studies.example1.claims import JSD_ERROR
from wdist_bench.studies.example1.measures import (
    Record,
    architecture,
    fit_line,
    of,
    over_runs,
    shape,
    snapshots,
    thetas,
    widest,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


FIGURES: FigureSet[list[Record]] = FigureSet()
_LOSSES = (("saturating", RED, r"$\log(1 - D)$"), ("non_saturating", GREEN, r"$-\log D$"))


def means_of(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows, runs) -> means over runs and (2, rows) lengths of the 95 % bars."""
    mean = over_runs(values)
    ends = np.array([t_interval(finite(row)) for row in values]).T
    return mean, np.nan_to_num(np.abs(ends - mean))


@FIGURES("example1_distances")
def distances(records: list[Record]) -> Any:
    """W1, JSD, KL, critics in units of W1 and the discriminator's estimate; residuals below."""
    if not (widest(records) and snapshots(records)):
        return None
    critics, shots = widest(records), snapshots(records)
    figure, axes = grid_of(3, 1, 7.8, 8.6, sharex=True, height_ratios=[2.4, 1, 1])
    top, middle, low = axes[:, 0]
    places = thetas(critics[0])
    top.plot(places, np.abs(places), color=BLACK, lw=1.4, label=r"$W_1 = |\theta|$")
    middle.axhline(0, color=BLACK, lw=1.2)
    for record, color, side in zip(critics, (BLUE, SKY), (-1, 1), strict=False):
        places = thetas(record)
        kappa = float(np.nanmean(fit_line(record).kappa))
        mean, bar = means_of(unpack(record["values"]) / kappa)
        style = _dots(color, "o")
        label = rf"critic / $\kappa$, one $\kappa$ = {kappa:.4f}: {architecture(record)}"
        top.errorbar(places + 0.01 * side, mean, yerr=bar, label=label, **style)
        middle.errorbar(places + 0.01 * side, mean - np.abs(places), yerr=bar, **style)
    _information(top, low, shots, places)
    middle.set_ylabel("critic / $\\kappa$ - $|\\theta|$")
    low.set(xlabel=r"$\theta$", ylabel="log 2 - estimate (nats)")
    runs = ", ".join(str(record["runs"]) for record in (*critics, shots[-1]))
    figure.supxlabel(f"means over runs ({runs}), bars: 95 % intervals", **NOTE)
    return figure


def _dots(color: str, marker: str) -> dict[str, Any]:
    return {"color": color, "marker": marker, "ms": 4.5, "capsize": 2.5, "ls": "none"}


def _information(top: Axes, low: Axes, shots: list[Record], places: np.ndarray) -> None:
    """JSD with its estimates, KL, and how far the estimates are from log 2."""
    last = shots[-1]
    where = thetas(last)
    mean, bar = means_of(unpack(last["jsd"]))
    top.axhline(math.log(2), color=RED, ls="--", lw=1.4, label=r"JSD = log 2 for $\theta \neq 0$")
    label = f"discriminator's JSD, {last['parameters']['steps']:,} steps"
    top.errorbar(where, mean, yerr=bar, label=label, **_dots(RED, "s"))
    ceiling = 1.12 * places.max()
    apart = places[places != 0]
    top.plot(apart, np.full(len(apart), ceiling), color=GREEN, marker="^", ls="none", ms=6,
             label=r"KL = $\infty$ for $\theta \neq 0$", clip_on=False)  # fmt: skip
    top.plot(0, 0, color=BLACK, marker="D", ms=5, ls="none", zorder=5,
             label=r"$\theta = 0$: $W_1$ = JSD = KL = 0")  # fmt: skip
    top.set(ylabel=r"$W_1$ (units of the data), JSD and KL (nats)", ylim=(-0.1, ceiling))
    panel_legend(top, fontsize=8.5, ncols=2, above=True)
    for record, color in zip(shots[-3:], (ORANGE, PINK, RED), strict=False):
        places = thetas(record)
        far = places != 0
        gap = math.log(2) - over_runs(unpack(record["jsd"])[far])
        low.plot(places[far], gap, color=color, marker="s", ms=4.5, lw=0.8,
                 label=f"discriminator, {record['parameters']['steps']:,} steps")  # fmt: skip
    low.axhline(JSD_ERROR, color="0.4", ls=":", lw=1.2, label=f"{JSD_ERROR:g}")
    low.set_yscale("log")
    low.set_ylim(top=3.0)
    panel_legend(low, fontsize=8.5, ncols=2, loc="upper center")


@FIGURES("example1_gradients")
def gradients(records: list[Record]) -> Any:
    """What each loss gives to theta, over theta and along training."""
    if not (widest(records) and snapshots(records)):
        return None
    critics, shots = widest(records), snapshots(records)
    figure, axes = grid_of(1, 2, 11.5, 5.1)
    left, right = axes[0]
    left.axhline(1, color=BLACK, lw=1.4, label=r"$W_1$: $|d|\theta|/d\theta| = 1$")
    for critic, color in zip(critics, (BLUE, SKY), strict=False):
        places, kappa = thetas(critic), float(np.nanmean(fit_line(critic).kappa))
        apart = places != 0
        mean, bar = means_of(np.abs(unpack(critic["gradients"])[apart]) / kappa)
        law = critic["parameters"]["initial"]
        left.errorbar(places[apart], mean, yerr=bar, color=color, marker="o", ms=4.5, capsize=2.5,
                      lw=1.2, label=rf"clipped critic / $\kappa$, {law} initial")  # fmt: skip
    shown = [shots[0], shots[len(shots) // 2], shots[-1]]
    for record, style in zip(shown, (":", "--", "-"), strict=True):
        where = thetas(record)
        far = where != 0
        steps = f"{record['parameters']['steps']:,} steps"
        for name, color, word in _LOSSES:
            size = over_runs(np.abs(unpack(record[name])[far]))
            left.plot(where[far], size, color=color, ls=style, lw=1.5, marker=".",
                      label=f"{word}, {steps}")  # fmt: skip
    left.set(yscale="log", xlabel=r"$\theta$", ylabel=r"$|$gradient to $\theta|$, mean over runs")
    left.set_title("over the distance of the segments", fontsize=10)
    panel_legend(left, fontsize=8, ncols=2, above=True)
    _along_training(right, shots)
    figure.supxlabel("the optimal discriminator (Theorem 2.1) and JSD itself give 0 everywhere but "
                     "at 0; bars: 95 % intervals over runs", **NOTE)  # fmt: skip
    return figure


def _along_training(axis: Axes, shots: list[Record]) -> None:
    """Gradient sizes along the discriminator's training, one line per theta."""
    steps = [record["parameters"]["steps"] for record in shots]
    places = thetas(shots[0])
    chosen = [t for t in (0.1, 0.5, 1.0, 2.0) if t in places]
    for name, color, word in _LOSSES:
        for theta, marker in zip(chosen, "osD^", strict=False):
            row = list(places).index(theta)
            values = np.array([np.abs(unpack(record[name])[row]) for record in shots])
            mean, bar = means_of(values)
            axis.errorbar(steps, mean, yerr=np.minimum(bar, 0.9 * mean), color=color,
                          marker=marker, ms=4.5, lw=1.2, capsize=2,
                          label=rf"{word}, $\theta$ = {theta:g}")  # fmt: skip
    axis.set(xscale="log", yscale="log", xlabel="training steps of the discriminator")
    axis.set_title("along training: one vanishes, the other grows", fontsize=10)
    panel_legend(axis, fontsize=8, ncols=2, above=True)


def _training(record: Record) -> str:
    p = record["parameters"]
    return f"{p['initial']}, {p['steps']:,}{'' if p['clip_biases'] else ', free'}"


@FIGURES("example1_kappa")
def kappa(records: list[Record]) -> Any:
    """Kappa over theta > 0, as a share of the largest slope that the clip box allows."""
    if not widest(records):
        return None
    critics = of(records, "critic")
    reference = widest(records)[0]["parameters"]

    def same(record: Record, *names: str) -> bool:
        return all(record["parameters"][name] == reference[name] for name in names)

    fixed = "clip_biases", "initial", "steps"
    panels = {
        "depth x width": [(shape(r), r) for r in critics if same(r, "clip", *fixed)],
        "clip": [
            (f"clip {r['parameters']['clip']:g}", r) for r in critics if same(r, "hidden", *fixed)
        ],
        "initial law, steps, biases": [
            (_training(r), r) for r in critics if same(r, "hidden", "clip")
        ],
    }
    figure, axes = grid_of(1, 3, 12.6, 5.4, sharey=True)
    for axis, (title, shown) in zip(axes[0], panels.items(), strict=True):
        for index, (name, record) in enumerate(shown):
            fit, places = fit_line(record), thetas(record)
            mean, bar = means_of(fit.ratios[places > 0] / record["slope_limit"])
            shift = 1.07 ** (index - (len(shown) - 1) / 2)
            label = rf"{name}: $\kappa$ = {np.nanmean(fit.kappa):.3g}"
            axis.errorbar(places[places > 0] * shift, mean, yerr=bar, lw=0.6,
                          marker=MARKERS[index % 9], color=COLORS[index % 8], ms=4.5, capsize=2,
                          label=label)  # fmt: skip
        axis.set(xscale="log", xlabel=r"$\theta$", ylim=(0, None))
        axis.set_xticks([0.1, 0.25, 0.5, 1, 2], ["0.1", "0.25", "0.5", "1", "2"])
        axis.minorticks_off()
        axis.set_title(title, fontsize=10)
        panel_legend(axis, fontsize=8.5, above=True)
    axes[0, 0].set_ylabel(r"value / $\theta$ as a share of $c^{L+1} w^L$")
    figure.supxlabel(f"{architecture(widest(records)[0])} where nothing else is said; means over "
                     "runs, bars: 95 % intervals; the table has both signs", **NOTE)  # fmt: skip
    return figure
