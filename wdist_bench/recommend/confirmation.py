"""Errors of an estimator that is recommended, on fresh runs that had no part in choosing it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from wdist_bench.estimate import Estimator
from wdist_bench.recommend.ranking import relative_errors
from wdist_bench.recommend.recommendation import Errors
from wdist_bench.recommend.trials import FEWEST, YARDSTICK, Clock, Price, Trial, Trials

# Shares of the budget that are spent when fresh runs end, and those at half of the rows.
_CONFIRMED, _HALVED = 0.8, 0.86
_CONFIRMATION = 39  # fresh runs: their extremes are a 95 % interval, (39 - 1) / (39 + 1)
_HALF_SIZE = 12  # runs at half of the rows, or one a task where there are more tasks

Truths = dict[tuple[str, int], float]


def batch_truths(trials: list[Trial]) -> Truths:
    """The exact distance of each run's samples, by stage and run."""
    return {(t.stage, t.run): t.value for t in trials if t.estimator == YARDSTICK}


def relative(target: str, trials: list[Trial], truths: Truths, name: str, stage: str) -> np.ndarray:
    """(runs,) signed relative errors of one estimator, by run; NaN where a run gave none."""
    own = [t for t in trials if t.estimator == name and t.stage == stage]
    errors = np.full(max((t.run + 1 for t in own), default=0), np.nan)
    for trial in own:
        truth = trial.truth
        if target == "batch":
            truth = truths.get((stage, trial.run), math.nan)
        errors[trial.run] = relative_errors(np.array(trial.value), np.array(truth))
    return errors


@dataclass(frozen=True, eq=False)
class Confirmation:
    """Further runs of the recommended estimator, with the yardstick where the target needs it."""

    target: str
    estimator: Estimator
    yardstick: Estimator
    prices: dict[str, Price]
    name: str
    clock: Clock

    def confirm(
        self, trials: Trials, kept: list[Trial]
    ) -> tuple[np.ndarray, Errors | None, Errors | None]:
        """Errors of fresh runs, what they say, and the same at half of the rows."""
        n, m = trials.n, trials.m
        fresh = self.errors(trials, "confirmation", _CONFIRMATION, _CONFIRMED, kept)
        confirmed = Errors.of(fresh, n, m) if fresh.size >= FEWEST else None
        if min(n, m) < 8:
            return fresh, confirmed, None
        halves, wanted = replace(trials, n=n // 2, m=m // 2), max(_HALF_SIZE, len(trials.tasks))
        found = self.errors(halves, "half size", wanted, _HALVED, kept)
        # Fewer would have seen other tasks than the runs at full size.
        half_size = Errors.of(found, n // 2, m // 2) if found.size == wanted else None
        return fresh, confirmed, half_size

    def errors(
        self, trials: Trials, stage: str, count: int, share: float, kept: list[Trial]
    ) -> np.ndarray:
        """Signed relative errors of up to `count` runs, as long as time is left."""
        price = self.prices[self.name]
        with_yardstick = self.target == "batch" and self.name != YARDSTICK
        each = price.run + (self.prices[YARDSTICK].run if with_yardstick else 0)
        compiling = price.compile if stage == "half size" else 0.0
        if compiling + FEWEST * each > self.clock.left(share):
            return np.zeros(0)
        for run in range(count):
            left = self.clock.left(share)
            if each > left:
                break
            first = stage == "half size" and run == 0
            if with_yardstick:
                kept.append(trials.run(YARDSTICK, self.yardstick, run, left, stage))
            kept.append(trials.run(self.name, self.estimator, run, left, stage, first))
        return relative(self.target, kept, batch_truths(kept), self.name, stage)
