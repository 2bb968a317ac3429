"""Two results folders, before and after: what got worse or better beyond noise, and faster."""

from __future__ import annotations

import json
import math
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wdist_bench.report.comparisons import batch_errors, population_errors
from wdist_bench.report.leaderboard import NULL
from wdist_bench.report.page_data import environment
from wdist_bench.report.provenance import hardware, mixture, places
from wdist_bench.report.settings import names
from wdist_bench.report.tables import root
from wdist_bench.report.two_samples import Gap, Samples, paired, tests, welch
from wdist_bench.results.journal import Journal, read_run, run_costs, unpack
from wdist_bench.results.statistics import LEVEL, Interval, t_interval
from wdist_bench.validation import check_number

MIN_EFFECT = 0.001
DISASTER = 100
"""Times by which half of the runs are worse than every one before: no test is needed."""
ROUNDING = 1e-6
"""Of float32, as a share of the batch value: a smaller change is no change."""
TIMED = 6
"""Cells from which the speed of a folder has an interval."""

_IDENTITY = (
    "task", "task_parameters", "p", "norm", "n", "protocol", "estimator", "estimator_options",
)  # fmt: skip


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
class Comparison:
    """All cells that two folders share.

    Attributes:
        changes: one for each shared cell, in A's order.
        only_a: cells that B lacks, or could not run for want of data.
        only_b: cells that A lacks.
        speed: geometric mean over cells of the ratio of seconds a run, B over A.
        speed_interval: its 95 % interval over cells, Student's t on logarithms; (nan, nan) below
            six cells.
        hardware: where A and where B ran.
    """

    changes: tuple[Change, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    speed: float
    speed_interval: Interval
    hardware: tuple[str, str]

    def verdict(self, verdict: str) -> list[Change]:
        """The changes with this verdict."""
        return [change for change in self.changes if change.verdict == verdict]

    def plain(self) -> dict[str, Any]:
        """All of it as data that JSON can hold; NaN is null."""
        return _plain(asdict(self))


@dataclass(frozen=True)
class _Cell:
    """A record with its labels, and the truth of its batches where it is known."""

    record: dict[str, Any]
    variant: str
    setting: str
    truth: dict[str, Any] | None
    identity: str

    @property
    def label(self) -> str:
        return f"{self.variant} on {self.setting}"


def compare(a: Path, b: Path, level: float = LEVEL, min_effect: float = MIN_EFFECT) -> Comparison:
    """Compare the cells of two results folders, A the baseline and B the candidate.

    Cells are the same when task, cost, size, protocol, estimator and the options given to it are;
    versions and defaults may differ, that is what is compared. Where the batches of both are the
    same (the hash of their data, seed and sizes), runs are paired.

    A regression is

    - an error that grew beyond noise (adjusted p below `level`) and by at least `min_effect` of the
      distance; of the batch value where the two populations are the same, or, if that is less, to
      twice what it was;
    - more failed runs beyond noise (the same test, the same family);
    - by rule, a cell all of whose runs fail where none did. For equal estimators that fail with
      probability q the rule speaks with probability q^runs (1 - q)^runs, at most 4^-runs a cell;
    - by rule, with two runs or more on each side, half of B's 100 times worse than all of A's.

    The tests flip whole runs (of pairs) or shuffle them, all cells at once: at most `level` of
    comparisons of equal folders say that any cell changed, whatever the law of the errors.

    Raises:
        ValueError: the folders share no cell.
    """
    check_number(level, "level", above=0)
    check_number(min_effect, "min_effect", minimum=0)
    before, after = read_run(a), read_run(b)
    cells_a, cells_b = _cells(before), _cells(after)
    pairs, only_a, only_b = _match(cells_a, cells_b)
    if not pairs:
        raise ValueError(
            f"compare: expected folders that share a cell, got none in common between {a} "
            f"({len(cells_a)} cells) and {b} ({len(cells_b)}); run one suite into both"
        )
    changes = _changes(pairs, level, min_effect)
    logs = [math.log(change.speed) for change in changes if change.speed > 0]
    interval = t_interval(logs if len(logs) >= TIMED else [])
    return Comparison(
        changes,
        tuple(cell.label for cell in only_a),
        tuple(cell.label for cell in only_b),
        math.exp(float(np.mean(logs))) if logs else math.nan,
        (math.exp(interval[0]), math.exp(interval[1])),
        (_hardware(a, before), _hardware(b, after)),
    )


def _cells(journal: Journal) -> list[_Cell]:
    records = [record for record in journal.planned() if "estimator" in record]
    named = names(records)
    return [
        _Cell(
            record,
            str(variant),
            str(setting),
            journal.truths.get(record.get("truth_key", "")),
            json.dumps([record[name] for name in _IDENTITY], sort_keys=True),
        )
        for record, variant, setting in zip(
            records, named["variant"], named["setting_label"], strict=True
        )
        if record["status"] != "skipped"
    ]


def _match(
    before: list[_Cell], after: list[_Cell]
) -> tuple[list[tuple[_Cell, _Cell]], list[_Cell], list[_Cell]]:
    """Pairs of one identity, those of one seed first; then what is left of each.

    What an estimator refuses in both has nothing to compare.
    """
    left = _Left(after)
    pairs, alone = [], []
    for cell in before:
        other = left.take(cell)
        if other is None:
            alone.append(cell)
        elif not cell.record["status"] == other.record["status"] == "refused":
            pairs.append((cell, other))
    return pairs, alone, left.rest()


class _Left:
    """Cells that have no counterpart yet; each is looked at once or twice, however many there are.

    Args:
        cells: in their order.
    """

    def __init__(self, cells: list[_Cell]) -> None:
        self._cells = cells
        self._taken: set[int] = set()
        self._places: dict[tuple[Any, ...], deque[int]] = {}
        for place, cell in enumerate(cells):
            for key in ((cell.identity, cell.record["seed"]), (cell.identity,)):
                self._places.setdefault(key, deque()).append(place)

    def take(self, cell: _Cell) -> _Cell | None:
        """The first of the same identity and seed, else of the identity; None if none is left."""
        for key in ((cell.identity, cell.record["seed"]), (cell.identity,)):
            places = self._places.get(key, deque())
            while places:
                place = places.popleft()
                if place not in self._taken:
                    self._taken.add(place)
                    return self._cells[place]
        return None

    def rest(self) -> list[_Cell]:
        """Those that nobody took, in their order."""
        return [cell for place, cell in enumerate(self._cells) if place not in self._taken]


@dataclass(frozen=True)
class _Pair:
    """A cell before and after, measured: nothing is corrected for the other cells yet."""

    a: _Cell
    b: _Cell
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
        return self.against == "population" and _population(self.b) < NULL


def _measure(a: _Cell, b: _Cell) -> _Pair:
    against = _against(b)
    costs = _costs(a), _costs(b)
    errors = _errors(a, against, costs[0]), _errors(b, against, costs[1])
    lost = _lost(a, costs[0]), _lost(b, costs[1])
    same = _same_samples(a, b)
    return _Pair(a, b, against, same, errors, lost, paired(*errors) if same else welch(*errors))


def _changes(
    pairs: list[tuple[_Cell, _Cell]], level: float, min_effect: float
) -> tuple[Change, ...]:
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
    first, second = (_mean(values) for values in pair.errors)
    enough = min_effect * scale
    if pair.same_laws:  # an error of 0 has no unit of its own
        enough = max(min(enough, first), ROUNDING * scale)
    matters = not abs(gap.difference) <= enough
    verdict, message = _verdict(pair, p_value, p_failed, least_p, matters, level)
    return Change(
        estimator=pair.a.variant,
        setting=pair.a.setting,
        against=pair.against,
        paired=pair.same_samples,
        runs=pair.numbers,
        errors=(first, second),
        difference=gap.difference,
        interval=gap.interval,
        unit=unit,
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
    first, second = (values[np.isfinite(values)] for values in pair.errors)
    if min(first.size, second.size) < 2 or first.max() == 0:  # no spread known, or no unit
        return False
    middle = np.sort(second)[(second.size - 1) // 2]
    return bool(middle > DISASTER * first.max())


def _against(cell: _Cell) -> str:
    claimed = cell.record.get("target") == "population"
    return "population" if claimed and cell.record.get("truth_population") else "batch"


def _costs(cell: _Cell) -> np.ndarray | None:
    """(runs, eval_batches) costs; None where nothing ran."""
    return run_costs(cell.record) if "costs" in cell.record else None


def _errors(cell: _Cell, against: str, costs: np.ndarray | None) -> np.ndarray:
    """(runs,) errors; NaN where a run gave no number, empty where nothing ran or is known."""
    if costs is None:
        return np.zeros(0)
    if against == "population":
        known = cell.record.get("truth_population") is not None
        return population_errors(cell.record, costs) if known else np.zeros(0)
    return np.zeros(0) if cell.truth is None else batch_errors(cell.record, cell.truth, costs)


def _lost(cell: _Cell, costs: np.ndarray | None) -> np.ndarray:
    """(runs,) 1 where a run gave no number, else 0."""
    if costs is None:
        return np.ones(int(cell.record["runs"]))
    return 1.0 - np.isfinite(costs).all(axis=1)


def _population(cell: _Cell) -> float:
    """Distance of the two populations; NaN where it is not known."""
    return float((cell.record.get("truth_population") or {}).get("value", math.nan))


def _scale(pair: _Pair) -> tuple[float, str]:
    """What a difference is a share of; NaN where nothing is known but 0."""
    truth = _population(pair.b)
    if pair.against == "population" and truth > NULL:
        return truth, "distance"
    if pair.b.truth is not None:
        costs = unpack(pair.b.truth["costs"]).mean(axis=1)
        value = float(root(costs, pair.b.record["p"]).mean())
        if value > NULL:
            return value, "batch value"
    return math.nan, ""


def _same_samples(a: _Cell, b: _Cell) -> bool:
    key = a.record.get("truth_key")
    return key is not None and key == b.record.get("truth_key")


def _speed(a: _Cell, b: _Cell) -> float:
    """Ratio of seconds a run, B over A, without compilation."""
    before, after = (cell.record.get("run_seconds", 0.0) / cell.record["runs"] for cell in (a, b))
    return after / before if before > 0 and after > 0 else math.nan


def _hardware(folder: Path, journal: Journal) -> str:
    """Where cells ran; and how their environments differ, where there are several."""
    found = places(journal, environment(folder))
    return "; ".join(filter(None, (hardware(found), mixture(found).rstrip("."))))


def _mean(values: np.ndarray) -> float:
    """Of the runs with a number."""
    found = values[np.isfinite(values)]
    return float(found.mean()) if found.size else math.nan


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
