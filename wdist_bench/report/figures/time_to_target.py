"""How many problems are solved in how many seconds, and in how many times the fewest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from wdist_bench.report.drawing import grid_of, legend_above
from wdist_bench.report.palette import NOTE, Look, looks
from wdist_bench.report.tables.time_to_target import TARGETS
from wdist_bench.report.text.escaping import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = 10  # told apart in print; the table has all
_FAR = 1e3  # ratios beyond are drawn at the edge


def draw(times: pd.DataFrame) -> Any:
    """A column for each target: shares of problems over seconds, and over the ratio to the fewest.

    The estimators that reach the most of all targets are drawn.
    """
    reached = times.assign(reached=~np.isinf(times["seconds"]))
    order = reached.groupby("estimator")["reached"].sum().sort_values(ascending=False)
    names = list(order.index[:_LINES])
    styles = looks((name, name) for name in names)
    problems = times["problem"].nunique()
    figure, axes = grid_of(2, len(TARGETS), 3.1 * len(TARGETS), 5.6, sharey=True)
    for column, target in enumerate(TARGETS):
        here = times[times["target"] == target]
        fewest = here.groupby("problem")["seconds"].min()
        _shares(axes[0, column], here, styles, problems)
        axes[0, column].set(xlabel="seconds of a run", title=f"within {100 * target:g} %")
        over = here.assign(seconds=_ratios(here, fewest))
        _shares(axes[1, column], over, styles, problems)
        axes[1, column].set(xlabel="seconds / fewest on the problem", xlim=(0.9, _FAR))
    for axis in axes[:, 0]:
        axis.set_ylabel("share of problems", fontsize=9)
    handles = [axes[0, 0].plot([], [], marker=s.marker, **s.line)[0] for s in styles.values()]
    legend_above(figure, handles, [label(name) for name in styles])
    rest = times["estimator"].nunique() - len(names)
    more = f"; {rest} that reach fewer are in the table" if rest else ""
    more += "; without cells that shared the machine" if times["seconds"].isna().any() else ""
    figure.supxlabel(f"of {problems} problems; higher and further left is better{more}", **NOTE)
    return figure


def _ratios(here: pd.DataFrame, fewest: pd.Series) -> pd.Series:
    """Seconds over the fewest of the problem; inf where nobody reached it."""
    least = here["problem"].map(fewest)
    return (here["seconds"] / least).where(np.isfinite(least), np.inf)


def _shares(axis: Axes, here: pd.DataFrame, styles: dict[str, Look], problems: int) -> None:
    """Steps of the share of problems whose seconds are at most those of the axis."""
    for name, look in styles.items():
        seconds = np.sort(here.loc[here["estimator"] == name, "seconds"].to_numpy())
        seconds = seconds[np.isfinite(seconds)]
        if not len(seconds):
            continue
        shares = np.arange(1, len(seconds) + 1) / problems
        axis.step(
            np.r_[seconds[0], seconds], np.r_[0, shares], where="post", color=look.color,
            ls=look.dashes, marker=look.marker, ms=4, lw=1.4, markevery=max(1, len(seconds) // 4),
        )  # fmt: skip
    axis.set(xscale="log", ylim=(0, 1.02))
