"""Colours, sizes and axes that the figures of Example 1 have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from wdist_bench.report.figures import _COLORS
from wdist_bench.results.statistics import t_interval

BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK, GREY = _COLORS
NOTE: dict[str, Any] = {"fontsize": 8.5, "color": "0.3"}


def grid_of(rows: int, columns: int, width: float, height: float, **options: Any) -> Any:
    """A figure with its (rows, columns) axes, without the upper and right frame."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        rows, columns, figsize=(width, height), squeeze=False, layout="constrained", **options
    )
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def means_of(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows, runs) -> means over runs and (2, rows) lengths of the 95 % bars."""
    mean = np.nanmean(values, axis=1)
    ends = np.array([t_interval(row[np.isfinite(row)]) for row in values]).T
    return mean, np.nan_to_num(np.abs(ends - mean))
