"""Kappa calibration: what a weight-clipped critic would say in units of W1.

A critic clipped to [-c, c] estimates kappa W1 with a kappa that depends on its architecture, on c,
and, as `carry_over` measures, on how long it trained and on what. Fitted on a task with known
truth, kappa turns the critic's value on another task into an estimate of W1.

Source: Arjovsky, Chintala, Bottou 2017 (arXiv 1701.07875), equation 3: K-Lipschitz critics
estimate K W1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimator
from wdist_bench.protocol.stream import Stream, run_stream
from wdist_bench.results.statistics import t_interval
from wdist_bench.tasks import Task


@dataclass(frozen=True)
class Kappa:
    """A fitted factor.

    Attributes:
        value: mean over runs of critic value / W1.
        interval: 95 % interval over runs (Student's t).
        runs: number of runs that gave a number.
        failed: number that did not.
    """

    value: float
    interval: tuple[float, float]
    runs: int
    failed: int


@dataclass(frozen=True)
class CarryOver:
    """How a factor fitted elsewhere does on a task.

    Attributes:
        truth: W1 of the task.
        raw: mean critic value over runs.
        estimate: raw / kappa, in units of W1.
        relative_error: estimate / truth - 1.
        own: the factor fitted on this very task, for comparison.
    """

    truth: float
    raw: float
    estimate: float
    relative_error: float
    own: Kappa


def fit_kappa(estimator: Estimator, task: Task, stream: Stream | None = None) -> Kappa:
    """Fit kappa on a task with known W1 > 0: mean over runs of value / W1.

    Raises:
        ValueError: the task's W1 is not known or 0, or no run gave a positive value.
    """
    truth = _known_distance(task)
    values = _values(estimator, task, stream or Stream())
    usable = values[np.isfinite(values)] / truth
    if usable.size == 0 or usable.mean() <= 0:
        raise ValueError(
            f"kappa: expected a positive mean value of {estimator.name} on {task.name}, got "
            f"{values.tolist()}; train longer or take another task"
        )
    interval = t_interval(usable)
    return Kappa(float(usable.mean()), interval, usable.size, values.size - usable.size)


def carry_over(
    estimator: Estimator, kappa: Kappa, tasks: Iterable[Task], stream: Stream | None = None
) -> list[CarryOver]:
    """Use a factor on other tasks with known W1, and see how far it is off there."""
    rows = []
    for task in tasks:
        truth = _known_distance(task)
        own = fit_kappa(estimator, task, stream)
        raw = own.value * truth
        estimate = raw / kappa.value
        rows.append(CarryOver(truth, raw, estimate, estimate / truth - 1, own))
    return rows


def _known_distance(task: Task) -> float:
    truth = task.truth(1)
    if truth is None or truth.value == 0:
        raise ValueError(
            f"kappa: expected a task with a known W1 > 0, got {task.name} with "
            f"{'none' if truth is None else 'W1 = 0'}; calibrate on gaussian_shift, say"
        )
    return truth.value


def _values(estimator: Estimator, task: Task, stream: Stream) -> np.ndarray:
    """(runs,) values of the frozen critics, NaN where a run failed."""
    costs = run_stream(task, estimator, Cost(), stream).costs
    means = costs.mean(axis=1)
    return np.where(np.isfinite(means), means, math.nan)
