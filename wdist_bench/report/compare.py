"""Two results folders, before and after: what got worse or better beyond noise, and faster."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wdist_bench.bench.journal import read_run, unpack
from wdist_bench.bench.statistics import Interval, holm, t_interval
from wdist_bench.estimate import NOT_RUN
from wdist_bench.report.comparisons import batch_errors, population_errors
from wdist_bench.report.page_data import environment
from wdist_bench.report.settings import labelled_table
from wdist_bench.report.tables import root
from wdist_bench.report.two_samples import Gap, fisher, paired, welch

LEVEL = 0.05
MIN_EFFECT = 0.001

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
        errors: mean error of A and of B: |estimate - distance of the laws|, or the mean over
            evaluation batches of |estimate - exact value of that batch| (units of the data).
        difference: errors of B minus A; positive is worse.
        interval: 95 % interval of the difference, Student's t on pairs, or Welch's.
        relative: difference / true distance; NaN where that is zero.
        relative_interval: its interval.
        effect: difference / sd of the differences of pairs, or / pooled sd: Cohen's d.
        p_value: two-sided, Holm's over all cells compared; NaN where there was nothing to test.
        failed: runs without a number, of A and of B.
        p_failed: Fisher's exact test of the two counts, Holm's over all cells compared.
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
    relative: float
    relative_interval: Interval
    effect: float
    p_value: float
    failed: tuple[int, int]
    p_failed: float
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
        speed_interval: its 95 % interval over cells, Student's t on logarithms.
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

    @property
    def label(self) -> str:
        return f"{self.variant} on {self.setting}"


def compare(a: Path, b: Path, level: float = LEVEL, min_effect: float = MIN_EFFECT) -> Comparison:
    """Compare the cells of two results folders, A the baseline and B the candidate.

    Cells are the same when task, cost, size, protocol, estimator and the options given to it are;
    versions and defaults may differ, that is what is compared. Where the batches of both are the
    same (the hash of their data, seed and sizes), runs are paired.

    A regression is an error that grew beyond noise (Holm-corrected p below `level`) by at least
    `min_effect` of the true distance, more failed runs beyond noise (Fisher, Holm-corrected), or
    a cell without any number where there was one.

    Raises:
        ValueError: the folders share no cell.
    """
    cells_a, cells_b = _cells(a), _cells(b)
    pairs, only_a, only_b = _match(cells_a, cells_b)
    if not pairs:
        raise ValueError(
            f"compare: expected folders that share a cell, got none in common between {a} "
            f"({len(cells_a)} cells) and {b} ({len(cells_b)}); run one suite into both"
        )
    changes = _changes(pairs, level, min_effect)
    logs = [math.log(change.speed) for change in changes if change.speed > 0]
    low, high = t_interval(logs)
    return Comparison(
        changes,
        tuple(cell.label for cell in only_a),
        tuple(cell.label for cell in only_b),
        math.exp(float(np.mean(logs))) if logs else math.nan,
        (math.exp(low), math.exp(high)),
        (_hardware(a), _hardware(b)),
    )


def _cells(folder: Path) -> list[_Cell]:
    journal = read_run(folder)
    table = labelled_table(journal)
    records = [record for record in journal.planned() if "estimator" in record]
    return [
        _Cell(record, str(variant), str(setting), journal.truths.get(record.get("truth_key", "")))
        for record, variant, setting in zip(
            records, table["variant"], table["setting_label"], strict=True
        )
        if record["status"] not in NOT_RUN
    ]


def _match(
    before: list[_Cell], after: list[_Cell]
) -> tuple[list[tuple[_Cell, _Cell]], list[_Cell], list[_Cell]]:
    """Pairs of one identity, those of one seed first; then what is left of each."""
    left = list(after)
    pairs, alone = [], []
    for cell in before:
        same = [other for other in left if _identity(other) == _identity(cell)]
        if not same:
            alone.append(cell)
            continue
        seeded = [other for other in same if other.record["seed"] == cell.record["seed"]]
        other = (seeded or same)[0]
        left.remove(other)
        pairs.append((cell, other))
    return pairs, alone, left


def _identity(cell: _Cell) -> str:
    return json.dumps([cell.record[name] for name in _IDENTITY], sort_keys=True)


@dataclass(frozen=True)
class _Pair:
    """A cell before and after, measured: nothing is corrected for the other cells yet."""

    a: _Cell
    b: _Cell
    against: str
    same_samples: bool
    errors: tuple[np.ndarray, np.ndarray]
    gap: Gap
    failed: tuple[int, int]
    p_failed: float

    @property
    def numbers(self) -> tuple[int, int]:
        """Runs with a number."""
        first, second = (int(np.isfinite(values).sum()) for values in self.errors)
        return first, second


def _measure(a: _Cell, b: _Cell) -> _Pair:
    against = _against(b)
    errors = _errors(a, against), _errors(b, against)
    same = _same_samples(a, b)
    failed = _failed(a), _failed(b)
    return _Pair(
        a,
        b,
        against,
        same,
        errors,
        paired(*errors) if same else welch(*errors),
        failed,
        fisher(failed, (a.record["runs"], b.record["runs"])),
    )


def _changes(
    pairs: list[tuple[_Cell, _Cell]], level: float, min_effect: float
) -> tuple[Change, ...]:
    measured = [_measure(a, b) for a, b in pairs]
    p_values = holm([pair.gap.p_value for pair in measured])
    p_failed = holm([pair.p_failed for pair in measured])
    return tuple(
        _change(pair, float(p), float(lost), level, min_effect)
        for pair, p, lost in zip(measured, p_values, p_failed, strict=True)
    )


def _change(
    pair: _Pair, p_value: float, p_failed: float, level: float, min_effect: float
) -> Change:
    gap = pair.gap
    distance = _distance(pair.b, pair.against) or math.nan
    moved = p_value < level and not abs(gap.difference) <= min_effect * distance
    verdict, message = _verdict(pair, p_value, moved, p_failed < level)
    first, second = (_mean(values) for values in pair.errors)
    return Change(
        estimator=pair.a.variant,
        setting=pair.a.setting,
        against=pair.against,
        paired=pair.same_samples,
        runs=pair.numbers,
        errors=(first, second),
        difference=gap.difference,
        interval=gap.interval,
        relative=gap.difference / distance,
        relative_interval=(gap.interval[0] / distance, gap.interval[1] / distance),
        effect=gap.effect,
        p_value=p_value,
        failed=pair.failed,
        p_failed=p_failed,
        speed=_speed(pair.a, pair.b),
        verdict=verdict,
        message=message,
    )


def _verdict(pair: _Pair, p_value: float, moved: bool, failures_moved: bool) -> tuple[str, str]:
    """In words; what is worse is said before what is better."""
    (before, after), (failed_before, failed_after) = pair.numbers, pair.failed
    if before and not after:
        return "regression", f"no number any more: {pair.b.record['message'] or 'every run failed'}"
    if failures_moved and failed_after > failed_before:
        return "regression", f"more runs fail: {failed_before} before, {failed_after} now"
    if moved:
        worse = pair.gap.difference > 0
        return ("regression", "error grew") if worse else ("improvement", "error shrank")
    if after and not before:
        return "improvement", "gives a number now"
    if failures_moved:
        return "improvement", f"fewer runs fail: {failed_before} before, {failed_after} now"
    if math.isnan(p_value):
        return "not testable", "fewer than two runs with a number on each side"
    return "unchanged", ""


def _against(cell: _Cell) -> str:
    claimed = cell.record.get("target") == "population"
    return "population" if claimed and cell.record.get("truth_population") else "batch"


def _errors(cell: _Cell, against: str) -> np.ndarray:
    """(runs,) errors; NaN where a run gave no number, empty where nothing ran."""
    if "costs" not in cell.record:
        return np.zeros(0)
    if against == "population":
        found = population_errors(cell.record)
        return np.zeros(0) if found is None else found
    return np.zeros(0) if cell.truth is None else batch_errors(cell.record, cell.truth)


def _distance(cell: _Cell, against: str) -> float | None:
    """The truth that the error is taken to; the mean batch value where that is zero."""
    value = (cell.record.get("truth_population") or {}).get("value", 0.0)
    if (against == "batch" or value < 1e-9) and cell.truth is not None:
        costs = unpack(cell.truth["costs"]).mean(axis=1)
        value = float(root(costs, cell.record["p"]).mean())
    return value if value > 1e-9 else None


def _same_samples(a: _Cell, b: _Cell) -> bool:
    key = a.record.get("truth_key")
    return key is not None and key == b.record.get("truth_key")


def _failed(cell: _Cell) -> int:
    return int(cell.record.get("failed", cell.record["runs"]))


def _speed(a: _Cell, b: _Cell) -> float:
    """Ratio of seconds a run, B over A, without compilation."""
    before, after = (cell.record.get("run_seconds", 0.0) / cell.record["runs"] for cell in (a, b))
    return after / before if before > 0 and after > 0 else math.nan


def _hardware(folder: Path) -> str:
    found = environment(folder)
    if not found:
        return "not recorded"
    devices = ", ".join(found.get("devices", []))
    return f"{found.get('cpu')}, {found.get('cores')} cores, {found.get('backend')} ({devices})"


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
