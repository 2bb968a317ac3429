"""Estimators on the same samples, one call each, within a budget of wall-clock seconds.

Every estimator sees the runs 0, 1, 2 ... in this order, and run i is the same two arrays for all,
so any two are paired over the runs that both have. They enter in one order: quick solvers, other
solvers, then critics by the points that they train on; timings decide how far down the list a
budget reaches, not who comes first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from wdist_bench import estimators
from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimator
from wdist_bench.estimators.given import check_cost
from wdist_bench.recommend.caller import QUICK, Caller, is_quick
from wdist_bench.recommend.likeness import exact_value
from wdist_bench.recommend.similar_tasks import SimilarTask

STAGES = ("ranking", "fresh")
"""The runs that rank, and those of the best alone, which had no part in choosing it."""

FEWEST = 5  # runs that an estimator needs to be ranked
_CHEAP = 0.05  # share of the budget that the runs of one estimator may take at once
_AT_ONCE = 1.0  # seconds that they may take whatever the budget is
# Seconds that a first call is thought to take at least, before anyone of its kind was called: on
# two cores critics compile for one to three seconds, other solvers for half of that.
_FIRST_CALL = {True: 2.0, False: 1.0}


@dataclass(frozen=True)
class Trial:
    """One call of one estimator.

    Attributes:
        stage: "ranking" or "fresh".
        run: number of the run: the same samples for every estimator.
        estimator: its label.
        task: the task behind the samples.
        n: rows of mu.
        m: rows of nu.
        value: the estimate of W_p; NaN where it failed.
        truth: W_p of the two populations, or of the samples where the target is the batch.
        status: "ok", or what went wrong.
        message: what happened.
        seconds: of this call.
        first: whether the call may have compiled.
    """

    stage: str
    run: int
    estimator: str
    task: str
    n: int
    m: int
    value: float
    truth: float
    status: str
    message: str
    seconds: float
    first: bool

    @property
    def family(self) -> str:
        """The family of the task, as in "dilate"."""
        return self.task.split()[0]


class Clock:
    """A budget of wall-clock seconds, running from its creation."""

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self._start = time.perf_counter()

    @property
    def spent(self) -> float:
        """Seconds of wall clock since this object was made."""
        return time.perf_counter() - self._start

    def left(self, share: float = 1.0) -> float:
        """Seconds until that share of the budget is spent."""
        return share * self.budget - self.spent


@dataclass(frozen=True, eq=False)
class Trials:
    """Makes the samples of each run, calls estimators on them, and keeps what they said.

    Attributes:
        tasks: taken in turn, run by run.
        target: "population" or "batch": what the truth of a run is of.
        cost: ground cost.
        n: rows of mu.
        m: rows of nu.
        seed: of the samples, and of the estimators.
        clock: the budget.
        share: of the budget, that is spent when the runs that rank end.
        watch: told of every trial as soon as it is done.
        call: calls the estimators.
        kept: all trials so far.
        refused: why an estimator takes no such samples, by label.
        not_tried: seconds that an estimator would need at least, by label.
    """

    tasks: list[SimilarTask]
    target: str
    cost: Cost
    n: int
    m: int
    seed: int
    clock: Clock
    share: float
    watch: Callable[[Trial], None]
    call: Caller
    kept: list[Trial] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    not_tried: dict[str, float] = field(default_factory=dict)
    _truths: dict[tuple[str, int], float] = field(default_factory=dict)
    _runs: dict[str, int] = field(default_factory=dict)
    _longest: dict[str, float] = field(default_factory=dict)

    def compete(self, contestants: dict[str, Estimator], runs: int) -> None:
        """All runs that the budget allows: the fewest of each estimator in their order, more at
        once of the cheap, then the others' in turn.
        """
        if not self.tasks:
            return
        rate = 0.0  # seconds per point of training, compiling included
        for name, estimator in contestants.items():
            rate = max(rate, self._enter(name, estimator, rate, runs))
        for run in range(FEWEST, runs):
            going = [name for name in contestants if run <= self._had(name) < runs]
            going = [name for name in going if self._fits(name)]
            if not going:
                return
            for name in going:
                if self._had(name) == run and self._fits(name):
                    self.run(name, contestants[name], run, self.clock.left(self.share))

    def _fits(self, name: str) -> bool:
        """Whether one more run is likely to end in time."""
        return self.seconds(name) < self.clock.left(self.share)

    def fresh(self, name: str, estimator: Estimator, runs: int) -> list[Trial]:
        """Runs of the best that had no part in choosing it, as the budget allows."""
        found: list[Trial] = []
        while len(found) < runs and self.seconds(name) < self.clock.left():
            found.append(self.run(name, estimator, len(found), self.clock.left(), "fresh"))
        return found

    def seconds(self, name: str) -> float:
        """Of the longest call of an estimator that compiled nothing."""
        return self._longest.get(name, 0.0)

    def run(
        self, label: str, estimator: Estimator, run: int, limit: float, stage: str = "ranking"
    ) -> Trial:
        """One call, cut off after `limit` seconds; an exception is a failed trial that says which.

        Raises:
            ValueError, TypeError: at the first run, where the estimator takes no such samples.
        """
        task, truth, x, y = self._samples(stage, run)
        first = stage == "ranking" and run == 0
        seed = int(np.random.default_rng([self.seed, 7 + STAGES.index(stage), run]).integers(2**31))
        answer, seconds = self.call(x, y, estimator, self.cost.p, seed, limit, first)
        trial = Trial(
            stage, run, label, task.name, self.n, self.m, answer.value, truth, answer.status,
            answer.message, seconds, first,
        )  # fmt: skip
        self.kept.append(trial)
        if trial.status != "timeout":
            self._runs[label] = self._had(label) + 1
        if not first:
            self._longest[label] = max(self.seconds(label), seconds)
        self.watch(trial)
        return trial

    def _enter(self, name: str, estimator: Estimator, rate: float, runs: int) -> float:
        """The fewest runs where they are likely to fit, and all of the cheap.

        Returns:
            Seconds per point of training; 0 for who does not train.
        """
        quick, points = is_quick(estimator), work(estimator)
        needed = max(_FIRST_CALL[points > 0], FEWEST * rate * points)
        if not quick and self.clock.left(self.share) < needed:
            self.not_tried[name] = needed
            return 0.0
        start = self.clock.spent
        try:
            check_cost(estimator, self.cost)
            for run in range(runs):
                at_once = max(_CHEAP * self.clock.budget, _AT_ONCE) + start - self.clock.spent
                left = at_once if run >= FEWEST else self.clock.left(self.share)
                if self.seconds(name) * max(FEWEST - run, 1) > left and not (
                    quick and run < FEWEST
                ):
                    break
                if self.run(name, estimator, run, left).status == "timeout":
                    break
        except (ValueError, TypeError) as refusal:
            self.refused[name] = str(refusal)
            return 0.0
        spent, had = self.clock.spent - start, self._had(name)
        if had < FEWEST:
            self.not_tried[name] = (FEWEST - had + 1) * max(spent / max(had, 1), 1.0)
        return spent / max(had, 1) / points if points else 0.0

    def _had(self, name: str) -> int:
        """Calls that were not cut off."""
        return self._runs.get(name, 0)

    def _samples(self, stage: str, run: int) -> tuple[SimilarTask, float, np.ndarray, np.ndarray]:
        """The task of a run, its truth, and its two samples."""
        task = self.tasks[run % len(self.tasks)]
        generator = np.random.default_rng([self.seed, 1 + STAGES.index(stage), run])
        x, y = task.pair.draw(generator, self.n, self.m)
        if self.target == "population":
            return task, task.truth, x, y
        if (stage, run) not in self._truths:
            self._truths[stage, run] = exact_value(x, y, self.cost)
        return task, self._truths[stage, run], x, y


def work(estimator: Estimator) -> int:
    """Points that an estimator trains on; 0 for those that do not train."""
    return estimator.steps * estimator.batch_size


def label(estimator: Estimator) -> str:
    """The name, with the options that are not the default ones."""
    options = [
        f"{f.name}={getattr(estimator, f.name)!r}"
        for f in fields(estimator)  # type: ignore[arg-type]
        if f.init and getattr(estimator, f.name) != f.default
    ]
    return estimator.name + (f"({', '.join(options)})" if options else "")


def chosen(methods: Any) -> dict[str, Estimator]:
    """Estimators by label in the order in which they enter; None for all but baselines, and those
    of which an option has to be given.
    """
    usual = [name for name in estimators.names() if not estimators.factory(name).baseline]
    usual = [name for name in usual if not estimators.registry.needed(name)]
    given = usual if methods is None else methods
    given = [given] if isinstance(given, (str, Estimator)) else given
    found = [estimators.get(m) if isinstance(m, str) else m for m in given]
    for method in found:
        if not isinstance(method, Estimator):
            raise TypeError(
                f"methods: expected names or Estimators, got {type(method).__name__}; "
                f"names are {', '.join(estimators.names())}"
            )
    if not found:
        raise ValueError("methods: expected at least one, got none; leave it out for all")
    labelled: dict[str, Estimator] = {}
    for method in sorted(found, key=_place):
        if labelled.setdefault(label(method), method) != method:
            raise ValueError(
                f"methods: expected other names for other estimators, got two that are called "
                f"{label(method)}; give one another `name`"
            )
    return labelled


def _place(estimator: Estimator) -> tuple[int, int]:
    """Quick solvers in their order, other solvers, then critics by what they train on."""
    if is_quick(estimator):
        return -1, QUICK.index(estimator.name)
    return work(estimator), 0
