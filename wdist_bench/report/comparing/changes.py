"""What became of a cell between two results folders: its error, its failures, a verdict."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np

from wdist_bench.report.comparing.leaderboard import NULL
from wdist_bench.report.comparing.two_samples import Gap, Samples, paired, tests, welch
from wdist_bench.report.tables.cells import SAMPLED, Cell
from wdist_bench.results.statistics import Interval, finite, mean_of

DISASTER = 100
"""Times by which more than half of the runs are worse than every one before: no test is needed."""
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
            their failures (max-T); NaN where there was nothing to test. What changed against a
            sampled distance is tested two standard errors of that off too: the largest, 1 where
            the direction is another.
        failed: runs without a number, of A and of B.
        p_failed: the same test of the failures.
        least_p: the smallest p-value that so many runs could have given.
        speed: seconds a run of B over those of A; NaN where one has no timing.
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
    def tested(self) -> tuple[np.ndarray, np.ndarray]:
        """`lost` of the runs whose failures are tested: of pairs those that both have."""
        common = min(map(len, self.lost)) if self.same_samples else None
        return self.lost[0][:common], self.lost[1][:common]

    @property
    def sampled(self) -> bool:
        """Whether the error is taken to a distance that has an error itself."""
        return self.against == "population" and (self.a.sampled or self.b.sampled)

    @property
    def same_laws(self) -> bool:
        """Whether the error is taken to a distance of 0."""
        return self.against == "population" and self.b.population < NULL


@dataclass(frozen=True)
class _Tested:
    """A pair with the p-values of its errors and failures, and the least that there could be.

    `others` is the pair against what a sampled distance may be as well: what is said to have
    changed has done so there too.
    """

    pair: _Pair
    p_value: float
    p_failed: float
    least_p: float
    others: tuple[_Pair, ...] = ()

    def beside(self, other: _Pair, p_value: float) -> _Tested:
        """With one of those, and the p-value of its errors."""
        same = math.copysign(1, other.gap.difference) == math.copysign(1, self.pair.gap.difference)
        largest = max(self.p_value, p_value) if same else 1.0
        return replace(self, p_value=largest, others=(*self.others, other))

    def matters(self, min_effect: float) -> bool:
        """Whether the change is large enough to count."""
        return all(_matters(pair, min_effect) for pair in (self.pair, *self.others))

    @property
    def disaster(self) -> bool:
        """Whether no test is needed."""
        return all(map(_disaster, (self.pair, *self.others)))


def _measure(a: Cell, b: Cell, off: tuple[float, float] = (0.0, 0.0)) -> _Pair:
    """Both, against what is known of the truth, or so many of its standard errors off in each."""
    claimed = b.record.get("target") == "population"
    against = "population" if claimed and not math.isnan(b.population) else "batch"
    errors = a.errors(against, off[0]), b.errors(against, off[1])
    lost = _lost(a), _lost(b)
    same = same_samples(a, b)
    return _Pair(a, b, against, same, errors, lost, paired(*errors) if same else welch(*errors))


def changes(pairs: list[tuple[Cell, Cell]], level: float, min_effect: float) -> tuple[Change, ...]:
    """What became of each cell, before and after; the tests are of all of them together."""
    measured = [_measure(a, b) for a, b in pairs]
    found = [_Tested(pair, *p) for pair, p in zip(measured, _tests(measured), strict=True)]
    held = [i for i, one in enumerate(found)
            if one.pair.sampled and (one.p_value < level or one.disaster)]  # fmt: skip
    for off in itertools.product(SAMPLED, SAMPLED) if held else ():
        moved = [_moved(pair, off) for pair in measured]
        again = _tests(moved)
        for i in held:
            found[i] = found[i].beside(moved[i], again[i][0])
    return tuple(_change(one, level, min_effect) for one in found)


def _tests(measured: list[_Pair]) -> list[tuple[float, float, float]]:
    samples = [Samples(*pair.errors, *pair.lost) for pair in measured]
    return tests(samples, [pair.same_samples for pair in measured])


def _moved(pair: _Pair, off: tuple[float, float]) -> _Pair:
    """Against another distance, one and the same where both have the same."""
    if not pair.sampled:
        return pair
    one = pair.a.distance == pair.b.distance
    return _measure(pair.a, pair.b, (off[0], off[0] if one else off[1]))


def _change(found: _Tested, level: float, min_effect: float) -> Change:
    pair = found.pair
    gap = pair.gap
    scale, unit = _scale(pair)
    first, second = (mean_of(finite(values)) for values in pair.errors)
    verdict, message = _verdict(found, level, min_effect)
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
        p_value=found.p_value,
        failed=pair.failed,
        p_failed=found.p_failed,
        least_p=found.least_p,
        speed=_speed(pair.a, pair.b),
        verdict=verdict,
        message=message,
    )


def _matters(pair: _Pair, min_effect: float) -> bool:
    scale, _ = _scale(pair)
    enough = min_effect * scale
    if pair.same_laws:  # an error of 0 has no unit of its own
        enough = max(min(enough, mean_of(finite(pair.errors[0]))), ROUNDING * scale)
    return not abs(pair.gap.difference) <= enough


def _verdict(found: _Tested, level: float, min_effect: float) -> tuple[str, str]:
    """In words; what is worse is said before what is better."""
    pair, matters = found.pair, found.matters(min_effect)
    (before, after), failed_before = pair.numbers, pair.failed[0]
    moved, failures_moved = matters and found.p_value < level, found.p_failed < level
    untested = not found.least_p < level
    if before and not after and not failed_before:
        return "regression", f"no number any more: {pair.b.record['message'] or 'every run failed'}"
    if failures_moved and _more_fail(pair):
        return "regression", f"more runs fail: {_failures(pair)}"
    if moved:
        worse = pair.gap.difference > 0
        return ("regression", "error grew") if worse else ("improvement", "error shrank")
    if matters and found.disaster:
        return (
            "regression",
            f"more than half of the runs are {DISASTER} times worse than any before",
        )
    if after and not before:
        return "improvement", "gives a number now"
    if failures_moved:
        return "improvement", f"fewer runs fail: {_failures(pair)}"
    if before and not after:
        return "not testable", f"every run failed, and {failed_before} of those before"
    if found.others and _matters(pair, min_effect):
        error = max(cell.distance.get("stderr", 0) for cell in (pair.a, pair.b))
        return "not testable", f"the distance itself has a standard error of {error:.2g}: too large"
    if math.isnan(found.p_value):
        return "not testable", "no error to compare: no number, or no truth, on some side"
    same = pair.gap.difference == 0 and pair.gap.interval in ((0.0, 0.0), (math.nan, math.nan))
    if untested and not same:
        return "not testable", f"{min(before, after)} runs are too few for a test at this level"
    return "unchanged", ""


def _more_fail(pair: _Pair) -> bool:
    """Whether a larger share of the runs that were tested failed: there may be other numbers."""
    before, after = pair.tested
    return bool(after.mean() > before.mean())


def _failures(pair: _Pair) -> str:
    before, after = (f"{lost.sum():.0f} of {len(lost)}" for lost in pair.tested)
    return f"{before} before, {after} now"


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


def same_samples(a: Cell, b: Cell) -> bool:
    """Whether run i of both had the same batches, however many runs follow."""
    key = a.record.get("truth_key")
    if key is not None and key == b.record.get("truth_key"):
        return True
    if a.record["seed"] != b.record["seed"] or a.record["runs"] == b.record["runs"]:
        return False
    first, second = a.truths, b.truths
    if first is None or second is None:
        return False
    common = min(len(first), len(second))
    return np.array_equal(first[:common], second[:common])


def _speed(a: Cell, b: Cell) -> float:
    """Ratio of seconds a run, B over A, without compilation; NaN where one was not run, or shared
    the machine with other cells.
    """
    if a.record.get("shared") or b.record.get("shared"):
        return math.nan
    before, after = (
        cell.record.get("run_seconds", 0.0) / max(int(cell.record["runs"]), 1) for cell in (a, b)
    )
    return after / before if before > 0 and after > 0 else math.nan
