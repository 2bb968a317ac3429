"""What became of a cell between two results folders: its error, its failures, a verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wdist_bench.report.comparing.leaderboard import NULL
from wdist_bench.report.comparing.two_samples import Gap, Samples, paired, tests, welch
from wdist_bench.report.tables.cells import Cell
from wdist_bench.results.statistics import Interval, finite, mean_of

DISASTER = 100
"""Times by which half of the runs are worse than every one before: no test is needed."""
ROUNDING = 1e-6
"""Of float32, as a share of the batch value: a smaller change is no change."""


@dataclass(frozen=True)
class Change:
    """One cell before (A) and after (B).

    Attributes:
        estimator: its name, with the options that tell variants apart.
        setting: the task at its cost and size.
        against: the truth that the error is taken to: "population" where the estimator claims it
            and it is known, else "batch".
        paired: whether run i of both saw the same samples; then the tests are run by run.
        runs: runs of A and of B that gave a number.
        errors: mean error of A and of B: |estimate - distance of the populations|, or the mean over
            evaluation batches of |estimate - exact value of that batch| (units of the data).
        difference: errors of B minus A; positive is worse.
        interval: 95 % interval of the difference, Student's t on pairs, or Welch's.
        unit: what `relative` is a share of: "distance" of the populations; "batch value", the exact
            value of the batches, against these and where the two populations are the same; empty
            where neither is known, or both are 0.
        scale: that unit as a number; NaN where there is none.
        relative: difference / unit; NaN where there is none.
        relative_interval: its interval.
        effect: difference / sd of the differences of pairs, or / pooled sd: Cohen's d.
        p_value: two-sided, of signs or orders of whole runs, adjusted for all cells compared and
            their failures (max-T); NaN where there was nothing to test.
        failed: runs without a number, of A and of B.
        p_failed: the same test of the failures.
        least_p: the smallest p-value that so many runs could have given.
        speed: seconds a run of B over those of A; NaN where not known.
        verdict: "regression", "improvement", "unchanged" or "not testable".
        message: why, in words; empty where nothing changed.
    """

    estimator: str
    setting: str
    against: str
    paired: bool
    runs: tuple[int, int]
    errors: tuple[float, float]
    difference: float
    interval: Interval
    unit: str
    scale: float
    relative: float
    relative_interval: Interval
    effect: float
    p_value: float
    failed: tuple[int, int]
    p_failed: float
    least_p: float
    speed: float
    verdict: str
    message: str


@dataclass(frozen=True)
class _Pair:
    """A cell before and after, measured: nothing is corrected for the other cells yet."""

    a: Cell
    b: Cell
    against: str
    same_samples: bool
    errors: tuple[np.ndarray, np.ndarray]
    lost: tuple[np.ndarray, np.ndarray]
    gap: Gap

    @property
    def numbers(self) -> tuple[int, int]:
        """Runs with a number."""
        before, after = (int((lost == 0).sum()) for lost in self.lost)
        return before, after

    @property
    def failed(self) -> tuple[int, int]:
        """Runs without one."""
        before, after = self.numbers
        return int(self.a.record["runs"]) - before, int(self.b.record["runs"]) - after

    @property
    def same_laws(self) -> bool:
        """Whether the error is taken to a distance of 0."""
        return self.against == "population" and self.b.population < NULL


def _measure(a: Cell, b: Cell) -> _Pair:
    claimed = b.record.get("target") == "population"
    against = "population" if claimed and not math.isnan(b.population) else "batch"
    errors = a.errors(against), b.errors(against)
    lost = _lost(a), _lost(b)
    same = _same_samples(a, b)
    return _Pair(a, b, against, same, errors, lost, paired(*errors) if same else welch(*errors))


def changes(pairs: list[tuple[Cell, Cell]], level: float, min_effect: float) -> tuple[Change, ...]:
    """What became of each cell, before and after; the tests are of all of them together."""
    measured = [_measure(a, b) for a, b in pairs]
    samples = [Samples(*pair.errors, *pair.lost) for pair in measured]
    found = tests(samples, [pair.same_samples for pair in measured])
    return tuple(
        _change(pair, *p_values, level, min_effect)
        for pair, p_values in zip(measured, found, strict=True)
    )


def _change(
    pair: _Pair, p_value: float, p_failed: float, least_p: float, level: float, min_effect: float
) -> Change:
    gap = pair.gap
    scale, unit = _scale(pair)
    first, second = (mean_of(finite(values)) for values in pair.errors)
    enough = min_effect * scale
    if pair.same_laws:  # an error of 0 has no unit of its own
        enough = max(min(enough, first), ROUNDING * scale)
    matters = not abs(gap.difference) <= enough
    verdict, message = _verdict(pair, p_value, p_failed, least_p, matters, level)
    return Change(
        estimator=pair.a.variant,
        setting=pair.a.label,
        against=pair.against,
        paired=pair.same_samples,
        runs=pair.numbers,
        errors=(first, second),
        difference=gap.difference,
        interval=gap.interval,
        unit=unit,
        scale=scale,
        relative=gap.difference / scale,
        relative_interval=(gap.interval[0] / scale, gap.interval[1] / scale),
        effect=gap.effect,
        p_value=p_value,
        failed=pair.failed,
        p_failed=p_failed,
        least_p=least_p,
        speed=_speed(pair.a, pair.b),
        verdict=verdict,
        message=message,
    )


def _verdict(
    pair: _Pair, p_value: float, p_failed: float, least_p: float, matters: bool, level: float
) -> tuple[str, str]:
    """In words; what is worse is said before what is better."""
    (before, after), (failed_before, failed_after) = pair.numbers, pair.failed
    moved, failures_moved = matters and p_value < level, p_failed < level
    untested = not least_p < level
    if before and not after and not failed_before:
        return "regression", f"no number any more: {pair.b.record['message'] or 'every run failed'}"
    if failures_moved and failed_after > failed_before:
        return "regression", f"more runs fail: {failed_before} before, {failed_after} now"
    if moved:
        worse = pair.gap.difference > 0
        return ("regression", "error grew") if worse else ("improvement", "error shrank")
    if matters and _disaster(pair):
        return "regression", f"half of the runs or more are {DISASTER} times worse than any before"
    if after and not before:
        return "improvement", "gives a number now"
    if failures_moved:
        return "improvement", f"fewer runs fail: {failed_before} before, {failed_after} now"
    if before and not after:
        return "not testable", f"every run failed, and {failed_before} of those before"
    if math.isnan(p_value):
        return "not testable", "no error to compare: no number, or no truth, on some side"
    same = pair.gap.difference == 0 and pair.gap.interval in ((0.0, 0.0), (math.nan, math.nan))
    if untested and not same:
        return "not testable", f"{min(before, after)} runs are too few for a test at this level"
    return "unchanged", ""


def _disaster(pair: _Pair) -> bool:
    first, second = (finite(values) for values in pair.errors)
    if min(first.size, second.size) < 2 or first.max() == 0:  # no spread known, or no unit
        return False
    middle = np.sort(second)[(second.size - 1) // 2]
    return bool(middle > DISASTER * first.max())


def _lost(cell: Cell) -> np.ndarray:
    """(runs,) 1 where a run gave no number, else 0."""
    costs = cell.costs
    if costs is None:
        return np.ones(int(cell.record["runs"]))
    return 1.0 - np.isfinite(costs).all(axis=1)


def _scale(pair: _Pair) -> tuple[float, str]:
    """What a difference is a share of; NaN where nothing is known but 0."""
    truth, batches = pair.b.population, pair.b.truths
    if pair.against == "population" and truth > NULL:
        return truth, "distance"
    if batches is not None:
        value = float(pair.b.root(batches.mean(axis=1)).mean())
        if value > NULL:
            return value, "batch value"
    return math.nan, ""


def _same_samples(a: Cell, b: Cell) -> bool:
    key = a.record.get("truth_key")
    return key is not None and key == b.record.get("truth_key")


def _speed(a: Cell, b: Cell) -> float:
    """Ratio of seconds a run, B over A, without compilation; NaN where one was not run."""
    before, after = (
        cell.record.get("run_seconds", 0.0) / max(int(cell.record["runs"]), 1) for cell in (a, b)
    )
    return after / before if before > 0 and after > 0 else math.nan
