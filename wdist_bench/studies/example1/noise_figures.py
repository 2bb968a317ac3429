"""Figures of the theorems: noise and the descent of theta, bounds, heavy tails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wdist_bench.report.drawing import grid_of, panel_legend
from wdist_bench.report.palette import BLACK, BLUE, COLORS, GREEN, NOTE, ORANGE, PINK, RED
from wdist_bench.results.journal import unpack
from wdist_bench.studies.example1.figures import FIGURES, means_of
from wdist_bench.studies.example1.measures import Record, of, thetas

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@FIGURES("example1_noise")
def noise(records: list[Record]) -> Any:
    """The gradient that noise restores, and theta descending."""
    if not (of(records, "noise") and of(records, "descent")):
        return None
    figure, axes = grid_of(1, 2, 11.5, 4.6)
    left, right = axes[0]
    record = of(records, "noise")[0]
    stds = record["parameters"]["noise_stds"]
    trained = of(records, "discriminator")
    for theta, color in zip(thetas(record), COLORS, strict=False):
        row = list(thetas(record)).index(theta)
        left.plot(stds, unpack(record["closed_form"])[row], color=color, lw=1.5,
                  label=rf"$\theta$ = {theta:g}")  # fmt: skip
        left.plot(stds, unpack(record["theorem"])[row], color=color, marker="x", ms=6, ls="none")
        for other in trained:
            std = other["parameters"]["noise_std"]
            if std > 0 and theta in thetas(other):
                values = unpack(other["saturating"])[list(thetas(other)).index(theta)]
                mean, bar = means_of(values[None])
                left.errorbar(std, mean, yerr=np.minimum(bar, 0.9 * np.abs(mean)), color=color,
                              marker="o", mfc="white", ms=6, capsize=2.5)  # fmt: skip
    left.set(xscale="log", yscale="log", ylim=(1e-6, 20), xlabel="noise sd on both laws",
             ylabel=r"gradient to $\theta$ of E log(1 - D(g(z)))")  # fmt: skip
    left.plot([], [], color="0.3", label="closed form")
    left.plot([], [], color="0.3", marker="x", ls="none", label="Theorem 3.2, integrals")
    left.plot(
        [], [], color="0.3", marker="o", mfc="white", ls="none", label="trained discriminator"
    )
    panel_legend(left, fontsize=8.5, loc="lower right")
    left.set_title("restored gradient (without noise: 0)", fontsize=10)
    _paths(right, records)
    figure.supxlabel("bars: 95 % intervals over runs; right: mean over runs, band: all runs",
                     **NOTE)  # fmt: skip
    return figure


def _paths(axis: Axes, records: list[Record]) -> None:
    """Draw theta along the steps of each descent."""
    for record in of(records, "descent"):
        p = record["parameters"]
        path = unpack(record["path"])
        network = p["discriminator"] == "network"
        start, end = p["noise_start"], p["noise_end"]
        color = _noise_color(start, end)
        style = {"ls": "--", "lw": 1.4} if network else {"lw": 5.0, "alpha": 0.4}
        axis.plot(record["path_steps"], path.mean(0), color=color, **style,
                  label=f"{noise_words(start, end)}, {p['discriminator']} D")  # fmt: skip
        axis.fill_between(record["path_steps"], path.min(0), path.max(0), color=color, alpha=0.2,
                          lw=0)  # fmt: skip
    axis.axhline(0, color="0.6", lw=0.8)
    axis.set(xlabel=r"steps of $\theta$", ylabel=r"$\theta$", ylim=(-0.1, 2.2))
    axis.set_title(r"gradient descent of $\theta$", fontsize=10)
    panel_legend(axis, fontsize=8.5, loc="center right")


def noise_words(start: float, end: float) -> str:
    """How the noise changed along a descent, in words."""
    if start == 0:
        return "no noise"
    return f"noise {start:g}" if start == end else f"noise {start:g} to {end:g}"


def _noise_color(start: float, end: float) -> str:
    if start == 0:
        return RED
    if start != end:
        return BLUE
    return GREEN if start >= 0.5 else ORANGE


@FIGURES("example1_bounds")
def bounds(records: list[Record]) -> Any:
    """Lemma 4 and Theorem 3.3 along noise levels."""
    if not (of(records, "bounds")):
        return None
    held = of(records, "bounds")
    figure, axes = grid_of(1, 2, 11.5, 4.4)
    left, right = axes[0]
    first = held[0]
    stds = first["parameters"]["noise_stds"]
    left.plot(stds, unpack(first["lemma"]), color=BLACK, lw=1.5, label=r"bound $\sqrt{V}$")
    left.plot(stds, unpack(first["moved"]), color=BLUE, marker="o", ms=5, ls="none",
              label=r"$W_1(X, X + \epsilon)$, segment, linear programme")  # fmt: skip
    left.fill_between(stds, unpack(first["moved_lower"]), unpack(first["moved_upper"]),
                      color=BLUE, alpha=0.15, lw=0,
                      label=r"$E|\epsilon_1|$ to $E\|\epsilon\|$")  # fmt: skip
    left.plot(stds, unpack(first["noisy_lemma"]), color=BLACK, lw=1.2, ls="--",
              label=r"bound $\sqrt{V}$, one dimension")  # fmt: skip
    left.plot(stds, unpack(first["noisy_w1"]), color=RED, marker="s", ms=4.5, ls="none",
              label=r"$W_1$ of U(-$\sqrt{3}$, $\sqrt{3}$), quantiles")  # fmt: skip
    left.set(
        xscale="log", yscale="log", xlabel="noise sd per coordinate", ylabel="units of the data"
    )
    left.set_title("Lemma 4", fontsize=10)
    panel_legend(left, fontsize=8.5)
    for record, color in zip(held, COLORS, strict=False):
        theta = record["parameters"]["theta"]
        right.plot(stds, unpack(record["theorem"]), color=color, lw=1.5, marker="o", ms=4,
                   label=rf"bound, $\theta$ = {theta:g}")  # fmt: skip
        right.axhline(record["w1"], color=color, ls="--", lw=1.3, label=rf"$W_1$ = {theta:g}")
    right.set(xscale="log", yscale="log", xlabel="noise sd per coordinate")
    right.set_title(r"Theorem 3.3: $2\sqrt{V} + 2 C \sqrt{JSD}$", fontsize=10)
    panel_legend(right, fontsize=8.5, ncols=2)
    figure.supxlabel("noise uniform on a square, V its E||e||^2, C the diameter of the noisy "
                     "supports", **NOTE)  # fmt: skip
    return figure


@FIGURES("example1_tails")
def tails(records: list[Record]) -> Any:
    """How often the gradient is how large, and what a larger minibatch does."""
    if not (of(records, "instability")):
        return None
    figure, axes = grid_of(1, 2, 11.5, 4.4)
    left, right = axes[0]
    for record in of(records, "instability"):
        p = record["parameters"]
        control = p["noise"] == "gradient_only"
        levels, survival = unpack(record["levels"]), unpack(record["survival"])
        sizes = p["batch_sizes"]
        word = "noise on the gradient alone" if control else "noise on D and its gradient"
        for row, size, marker, color in zip(survival, sizes, "osD^", (BLUE, RED, GREEN, PINK),
                                            strict=False):  # fmt: skip
            shown = row > 0
            left.plot(levels[shown], row[shown], color=color, marker=marker, ms=3.5,
                      mfc="white" if control else color, lw=0,
                      label=f"m = {size}, {word}")  # fmt: skip
        mean, bar = means_of(unpack(record["scale"]) / record["scale_of_law"])
        right.errorbar(sizes, mean, yerr=bar, color=ORANGE if control else BLUE, marker="o",
                       capsize=2.5, lw=1.2, label=word)  # fmt: skip
    grid = np.geomspace(0.1, 1000, 200)
    left.plot(grid, 1 - 2 / np.pi * np.arctan(grid), color=BLACK, lw=1.2, label="Cauchy law")
    left.set(xscale="log", yscale="log", xlabel=r"level $t$, in units of $s_r / s_e$",
             ylabel=r"share of $|$gradients$| > t$", ylim=(1e-6, 1.5))  # fmt: skip
    panel_legend(left, fontsize=8)
    right.axhline(1, color=BLACK, lw=1.2, ls="--", label="theorem")
    right.set(xscale="log", yscale="log", xlabel="points in a minibatch m",
              ylabel=r"median $|$gradient$|$, in units of $s_r / s_e$")  # fmt: skip
    panel_legend(right, fontsize=8.5)
    figure.supxlabel("Theorem 2.6; bars (hidden by the dots): 95 % intervals over runs", **NOTE)
    return figure
