"""What the runs of a cell gave: every answer that an estimator returned, kept as arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimate
from wdist_bench.results.statistics import negative_runs

_NOTHING = np.zeros(0)


@dataclass(frozen=True)
class Measured:
    """The runs of one estimator on one task.

    Attributes:
        costs: (runs, batches) estimates of E[c] = W_p^p, NaN where an evaluation failed.
        history: (runs, steps) estimates of E[c] along training, NaN after the end of a run that
            stopped early; zero steps where nothing trains.
        statuses: one per run.
        messages: one per run, empty where it is fine.
        compile_seconds: tracing and compiling, 0 where nothing is compiled.
        run_seconds: training and evaluating all runs, samples included.
        agreement: (runs,) `gradient_cosine` and `gradient_l2` of critics, where the task's
            potential is known, and the numbers of `protocol.maps` where it knows its map.
        lower: (runs, batches) certified lower bounds on W_p, NaN where an answer had none; empty
            where none had.
        upper: the same of upper bounds.
        stderr: the same of the answers' own standard errors.
        diagnostics: (runs,) means over the batches of each number that the answers named.
    """

    costs: np.ndarray
    history: np.ndarray
    statuses: list[str]
    messages: list[str]
    compile_seconds: float
    run_seconds: float
    agreement: dict[str, np.ndarray] = field(default_factory=dict)
    lower: np.ndarray = field(default_factory=lambda: _NOTHING)
    upper: np.ndarray = field(default_factory=lambda: _NOTHING)
    stderr: np.ndarray = field(default_factory=lambda: _NOTHING)
    diagnostics: dict[str, np.ndarray] = field(default_factory=dict)


def measured(
    answers: list[list[Estimate]],
    cost: Cost,
    histories: list[np.ndarray],
    compile_seconds: float,
    run_seconds: float,
    agreement: dict[str, np.ndarray],
    target: str = "",
) -> Measured:
    """From the answers of every run on its batches, and its training history in units of E[c].

    A run has the status of its last failed answer; one whose mean is below 0 beyond its noise, and
    no lower bound that may be, is "not_converged". `target` is what the estimator speaks of, by
    default what its answers do.
    """
    first = answers[0][0]
    costs = np.array([[_signed(answer) for answer in run] for run in answers], np.float64)
    failed = [[answer for answer in run if answer.status != "ok"] for run in answers]
    statuses = [bad[-1].status if bad else "ok" for bad in failed]
    messages = [bad[-1].message if bad else "" for bad in failed]
    for run, message in negative_runs(costs, cost.p, first.bound, target or first.target).items():
        statuses[run], messages[run] = "not_converged", message
    names = dict.fromkeys(name for run in answers for one in run for name in one.diagnostics)
    return Measured(
        costs,
        stacked(histories),
        statuses,
        messages,
        compile_seconds,
        run_seconds,
        agreement,
        diagnostics={
            name: np.array([np.mean([one.diagnostics.get(name, math.nan) for one in run])
                            for run in answers])
            for name in names
        },
        lower=_gathered(answers, "lower", certified=True),
        upper=_gathered(answers, "upper", certified=True),
        stderr=_gathered(answers, "stderr"),
    )  # fmt: skip


def _signed(answer: Estimate) -> float:
    """The cost, with its sign where `wb.estimate` reads one below 0 as 0: means need it."""
    return answer.diagnostics.get("signed_dual", answer.cost)


def stacked(histories: list[np.ndarray]) -> np.ndarray:
    """(runs, steps), NaN after the end of a run that stopped early."""
    longest = max(map(len, histories))
    if all(len(history) == longest for history in histories):
        return np.stack(histories)
    found = np.full((len(histories), longest), math.nan)
    for row, history in zip(found, histories, strict=True):
        row[: len(history)] = history
    return found


def _gathered(answers: list[list[Estimate]], name: str, certified: bool = False) -> np.ndarray:
    """(runs, batches) of a field; empty where every answer leaves it at None.

    `certified` leaves out what holds with a confidence alone.
    """
    found = [
        [None if certified and one.level is not None else getattr(one, name) for one in run]
        for run in answers
    ]
    if all(value is None for run in found for value in run):
        return _NOTHING
    return np.array([[math.nan if value is None else value for value in run] for run in found])
