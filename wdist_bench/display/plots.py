"""Answers as pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from wdist_bench.extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from wdist_bench.estimate import Estimate

# Dark enough on white for lines of text, and told apart by eyes that do not see red and green.
VALUE, TRUTH, RANGE, GREY = "#1f5fa8", "#c2410c", "#9db8d9", "0.55"
_CURVE = 300  # points of a history that are drawn
_BINS, _ONE_BIN = 30, 0.05  # of a histogram; half of the width of its only bin, over its place
_EQUAL = 1e-9  # relative range up to which values are equal but for rounding


def plot_estimate(answer: Estimate, axes: Axes | None = None) -> Axes:
    """The history of a critic with the value and the truth, or these alone on a line."""
    axes = current_axes() if axes is None else axes
    if answer.history is not None and len(answer.history) > 1:
        _along_training(answer, axes)
    else:
        _on_a_line(answer, axes)
    if answer.status != "ok":
        axes.set_title(f"no number: {answer.status}", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def plot_test(statistic: float, null: np.ndarray, pvalue: float, axes: Axes | None = None) -> Axes:
    """A statistic among those of random partings of the pooled rows."""
    axes = current_axes() if axes is None else axes
    if null.size:
        bins, ends = _bins(null)
        said = f"{null.size} partings at random"
        axes.hist(null, bins=bins, range=ends, color=RANGE, label=said)
    if math.isfinite(statistic):
        said = f"these samples, p = {pvalue:.2g}"
        axes.axvline(statistic, color=VALUE, lw=1.8, label=said)
    axes.set_xlabel("W_p of the two parts")
    axes.set_ylabel("partings")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    return axes


def _bins(values: np.ndarray) -> tuple[int, tuple[float, float]]:
    """How many bins, and from where to where; one where the values are equal but for rounding."""
    low, high = float(values.min()), float(values.max())
    size = max(abs(low), abs(high))
    if high - low > _EQUAL * size:
        return _BINS, (low, high)
    half = _ONE_BIN * size or 1.0
    return 1, (low - half, high + half)


def current_axes() -> Any:
    """Those of pyplot, in a new figure where there is none."""
    require("plot", "matplotlib")
    import matplotlib.pyplot as plt

    return plt.gca()


def ends_of(answer: Estimate) -> tuple[float, float, str] | None:
    """The range that an answer states, and what it is; None where it states none.

    Its bounds come first, then the interval, then the value with two standard errors.
    """
    low, high = answer.lower, answer.upper
    if low is not None and high is not None and high > low:
        sure = "certified bounds" if answer.level is None else f"{100 * answer.level:g} % interval"
        return low, high, sure
    if answer.interval is not None:
        return *answer.interval, "95 % interval"
    if answer.stderr and answer.status == "ok":
        spread = 2 * answer.stderr
        return answer.value - spread, answer.value + spread, "two standard errors"
    return None


def _along_training(answer: Estimate, axes: Axes) -> None:
    assert answer.history is not None
    curve = np.asarray(answer.history, float)
    every = max(1, len(curve) // _CURVE)
    steps = np.arange(1, len(curve) + 1)[::every]
    axes.plot(steps, curve[::every], color=GREY, lw=0.9, label="each step's minibatch")
    stated = ends_of(answer)
    if stated is not None and math.isfinite(stated[1]):
        axes.axhspan(stated[0], stated[1], color=RANGE, alpha=0.5, lw=0, label=stated[2])
    if math.isfinite(answer.value):
        axes.axhline(answer.value, color=VALUE, lw=1.6, label=f"value {answer.value:.4g}")
    if answer.truth is not None:
        axes.axhline(answer.truth, color=TRUTH, ls="--", lw=1.4, label=f"truth {answer.truth:.4g}")
    axes.set_xlabel("training step")
    axes.set_ylabel("estimate of W_p")
    axes.legend(frameon=False, fontsize=9)


def _on_a_line(answer: Estimate, axes: Axes) -> None:
    stated = ends_of(answer)
    if stated is not None:
        low, high, what = stated
        if math.isfinite(high):
            axes.plot((low, high), (0, 0), color=RANGE, lw=9, solid_capstyle="butt", label=what)
        else:
            axes.plot(low, 0, ls="none", marker=9, ms=12, color=RANGE, label=f"above: {what}")
    if answer.runs is not None:
        above = np.full(len(answer.runs), 0.25)
        axes.plot(
            answer.runs, above, ls="none", marker="|", ms=11, color=GREY,
            label=f"{len(answer.runs)} runs",
        )  # fmt: skip
    if math.isfinite(answer.value):
        axes.plot(
            answer.value, 0, ls="none", marker="o", ms=7, color=VALUE,
            label=f"value {answer.value:.4g}",
        )  # fmt: skip
    if answer.truth is not None:
        axes.axvline(answer.truth, color=TRUTH, ls="--", lw=1.4, label=f"truth {answer.truth:.4g}")
    axes.set_ylim(-0.5, 0.75)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.15)
    axes.set_xlabel(f"W_p of the {answer.target}")
    axes.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, 1.25), ncols=4)
