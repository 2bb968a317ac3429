"""The statistics of tables. The unit is the independent run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def t_interval(values: Any, confidence: float = 0.95) -> tuple[float, float]:
    """Student's interval for the mean of independent values; (nan, nan) below two of them."""
    from scipy.stats import t

    values = np.asarray(values, np.float64)
    if values.size < 2:
        return math.nan, math.nan
    mean = float(values.mean())
    half = float(t.ppf((1 + confidence) / 2, values.size - 1) * standard_error(values))
    return mean - half, mean + half


def standard_error(values: np.ndarray) -> float:
    """Sd / sqrt(n), with n - 1 in the sd."""
    return float(values.std(ddof=1) / math.sqrt(values.size))
