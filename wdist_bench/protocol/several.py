"""The answers of several independent runs as one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from wdist_bench.estimate import Estimate
from wdist_bench.protocol.answers import stacked
from wdist_bench.results.statistics import standard_error, t_interval

_SIGNED = "signed_cost"  # of a run at p > 1 whose cost is below 0 and reads 0


def mean_of_runs(answers: Sequence[Estimate]) -> Estimate:
    """Mean value over the runs that gave a number, with its standard error over runs.

    The interval (95 %, Student's t over runs) is that of an exact estimator alone: of a number that
    is a bound or neither, the mean has a standard error, and no interval about it holds the target.
    No limit of one run is that of several, so `lower` and `upper` are None. The mean of costs is
    that of signed ones, and reads 0 below 0 where one of a run does.
    """
    values = np.array([answer.value for answer in answers])
    good = [answer for answer in answers if answer.status == "ok"]
    shared: dict[str, Any] = {"target": answers[0].target, "bound": answers[0].bound}
    if not good:
        worst = Counter((a.status, a.message) for a in answers).most_common(1)[0][0]
        return Estimate.failed(*worst, **shared, runs=values)
    found = values[np.isfinite(values)]
    counted = {"runs": float(len(answers)), "failed": float(len(answers) - len(good))}
    exact = answers[0].bound == "exact" and len(found) > 1
    mean = float(np.mean([answer.diagnostics.get(_SIGNED, answer.cost) for answer in good]))
    cut = any(_SIGNED in answer.diagnostics for answer in good)
    if cut and mean < 0:
        counted[_SIGNED] = mean
    return Estimate(
        float(found.mean()),
        max(mean, 0.0) if cut else mean,
        **shared,
        stderr=standard_error(found) if len(found) > 1 else None,
        interval=t_interval(found) if exact else None,
        message=_message(answers, good),
        steps=answers[0].steps,
        history=_mean_history(good),
        diagnostics=_mean_diagnostics(good) | counted,
        runs=values,
    )


def _message(answers: Sequence[Estimate], good: Sequence[Estimate]) -> str:
    """How many runs gave no number, or what the first of them says of itself."""
    bad = [answer for answer in answers if answer.status != "ok"]
    if not bad:
        return next((answer.message for answer in good if answer.message), "")
    return (
        f"{len(bad)} of {len(answers)} runs gave no number ({bad[0].status}: {bad[0].message}); "
        "they are left out of the mean"
    )


def _mean_history(good: Sequence[Estimate]) -> np.ndarray | None:
    """Of the runs that reached a step; the longest has them all."""
    curves = [answer.history for answer in good if answer.history is not None]
    return np.nanmean(stacked(curves), axis=0) if curves else None


def _mean_diagnostics(good: Sequence[Estimate]) -> dict[str, float]:
    names = [name for name in good[0].diagnostics if all(name in a.diagnostics for a in good)]
    return {name: float(np.mean([a.diagnostics[name] for a in good])) for name in names}


def with_truth(answer: Estimate, truth: float | None) -> Estimate:
    """The answer beside the distance of the populations, where that is known."""
    known = truth is not None and math.isfinite(truth)
    return replace(answer, truth=truth) if known else answer
