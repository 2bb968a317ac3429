"""The figures of Example 1 by name, and what they have in common."""

from __future__ import annotations

import numpy as np

from wdist_bench.report.drawing import FigureSet
from wdist_bench.results.statistics import t_interval
from wdist_bench.studies.example1.measures import Record

FIGURES: FigureSet[list[Record]] = FigureSet()


def means_of(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows, runs) -> means over runs and (2, rows) lengths of the 95 % bars."""
    mean = np.nanmean(values, axis=1)
    ends = np.array([t_interval(row[np.isfinite(row)]) for row in values]).T
    return mean, np.nan_to_num(np.abs(ends - mean))
