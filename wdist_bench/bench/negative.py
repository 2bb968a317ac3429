"""Estimates below zero: within their noise they stay as measured, beyond it they are failures."""

from __future__ import annotations

import numpy as np

_ERRORS = 3.0
"""Standard errors below 0 that are no chance: one in 740 by a normal law where the truth is 0."""


def is_negative(mean: float, error: float) -> bool:
    """Whether an estimate of W^p is below 0 by more than 3 of its standard errors."""
    return bool(mean < -_ERRORS * error)


def negative_message(mean: float, error: float) -> str:
    """What such an estimate says, in units of W^p."""
    return (
        f"the estimate of W^p is {mean:.4g} with a standard error of {error:.2g}, and no distance "
        "is below 0: training went the wrong way or not far enough; train longer, lower the "
        "learning rate, or look for far outliers"
    )


def negative_runs(costs: np.ndarray) -> dict[int, str]:
    """The runs whose mean over evaluation batches is such an estimate, with their message.

    Args:
        costs: (runs, batches) estimates of W^p.
    """
    if costs.shape[1] < 2:
        return {}
    means = costs.mean(axis=1)
    errors = costs.std(axis=1, ddof=1) / np.sqrt(costs.shape[1])
    return {
        run: negative_message(mean, error)
        for run, (mean, error) in enumerate(zip(means.tolist(), errors.tolist(), strict=True))
        if is_negative(mean, error)
    }
