"""The figures of Example 1 by name, and what they have in common."""

from __future__ import annotations

import numpy as np

from wdist_bench.report.drawing import FigureSet
from wdist_bench.results.statistics import finite, t_interval
from wdist_bench.studies.example1.measures import Record, over_runs

FIGURES: FigureSet[list[Record]] = FigureSet()


def means_of(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows, runs) -> means over runs and (2, rows) lengths of the 95 % bars."""
    mean = over_runs(values)
    ends = np.array([t_interval(finite(row)) for row in values]).T
    return mean, np.nan_to_num(np.abs(ends - mean))
