"""Two results folders, before and after: what got worse or better beyond noise, and faster."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wdist_bench.display.printable import plain
from wdist_bench.report.comparing.changes import Change, changes
from wdist_bench.report.page.data import environment
from wdist_bench.report.provenance import hardware, mixture, places
from wdist_bench.report.tables.cells import Cell, cells
from wdist_bench.results.journal import Journal, read_run
from wdist_bench.results.statistics import LEVEL, Interval, t_interval
from wdist_bench.validation import check_number

MIN_EFFECT = 0.001
TIMED = 6
"""Cells from which the speed of a folder has an interval."""


class NothingSharedError(ValueError):
    """Two folders have no cell in common."""


@dataclass(frozen=True)
class Comparison:
    """All cells that two folders share.

    Attributes:
        changes: one for each shared cell, in A's order.
        only_a: cells that B lacks, or could not run for want of data.
        only_b: cells that A lacks.
        speed: geometric mean over cells of the ratio of seconds a run, B over A; cells that shared
            the machine have none.
        speed_interval: its 95 % interval over cells, Student's t on logarithms; (nan, nan) below
            six cells.
        hardware: where A and where B ran.
        keys_only_b: the journal's keys of the cells that A lacks.
    """

    changes: tuple[Change, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    speed: float
    speed_interval: Interval
    hardware: tuple[str, str]
    keys_only_b: tuple[str, ...] = ()

    def verdict(self, verdict: str) -> list[Change]:
        """The changes with this verdict."""
        return [change for change in self.changes if change.verdict == verdict]

    @property
    def speed_in_words(self) -> str:
        """The ratio of seconds with its interval."""
        timed = sum(change.speed > 0 for change in self.changes)
        if not timed:
            return "not known: no cell was timed alone on the machine in both"
        low, high = self.speed_interval
        ends = "" if math.isnan(low) else f" [{low:.2f}, {high:.2f}] over {timed} cells"
        return f"{self.speed:.2f} times the seconds a run{ends}"

    def plain(self) -> dict[str, Any]:
        """All of it as data that JSON can hold; NaN is null."""
        return plain(asdict(self))


def compare(a: Path, b: Path, level: float = LEVEL, min_effect: float = MIN_EFFECT) -> Comparison:
    """Compare the cells of two results folders, A the baseline and B the candidate.

    Cells are the same when task, cost, size, evaluation batches, protocol, estimator and the
    options given to it are; versions and defaults may differ, that is what is compared. Where the
    batches of both are the same (the hash of their data, seed and sizes; between other numbers of
    runs, the exact values), runs are paired.

    A regression is

    - an error that grew beyond noise (adjusted p below `level`) and by at least `min_effect` of the
      distance; of the batch value where the two populations are the same, or, if that is less, to
      twice what it was;
    - more failed runs beyond noise (the same test, the same family);
    - by rule, a cell all of whose runs fail where none did. For equal estimators that fail with
      probability q the rule speaks with probability q^runs (1 - q)^runs, at most 4^-runs a cell;
    - by rule, with two runs or more on each side, more than half of B's 100 times worse than all
      of A's. With half of them it would speak by chance: of two runs with log-normal errors
      (sigma 2) in 2.4 % of equal cells, not 0.1 %.

    The tests flip whole runs (of pairs) or shuffle them, all cells at once: at most `level` of
    comparisons of equal folders say that any cell changed, whatever the law of the errors. Where
    the distance is sampled, what is said holds two of its standard errors below and above it too.

    Raises:
        NothingSharedError: the folders share no cell, a ValueError.
    """
    if check_number(level, "level", above=0) >= 1:
        raise ValueError(f"level: expected a share below 1, got {level:g}; write 0.05 for 5 %")
    check_number(min_effect, "min_effect", minimum=0)
    before, after = read_run(a), read_run(b)
    cells_a, cells_b = _ran(before), _ran(after)
    pairs, only_a, only_b = _match(cells_a, cells_b)
    if not pairs:
        raise NothingSharedError(
            f"compare: expected folders that share a cell, got none in common between {a} "
            f"({len(cells_a)} cells) and {b} ({len(cells_b)}); run one suite into both, with the "
            "same numbers of points and evaluation batches"
        )
    found = changes(pairs, level, min_effect)
    logs = [math.log(change.speed) for change in found if change.speed > 0]
    interval = t_interval(logs if len(logs) >= TIMED else [])
    several = len({cell.record["eval_batches"] for cell in cells_a + cells_b}) > 1
    return Comparison(
        found,
        tuple(_named(cell, several) for cell in only_a),
        tuple(_named(cell, several) for cell in only_b),
        math.exp(float(np.mean(logs))) if logs else math.nan,
        (math.exp(interval[0]), math.exp(interval[1])),
        (_hardware(a, before), _hardware(b, after)),
        tuple(cell.record["key"] for cell in only_b),
    )


def matched(a: Path, b: Path) -> list[tuple[Cell, Cell]]:
    """The cells of two folders that `compare` holds against each other."""
    return _match(_ran(read_run(a)), _ran(read_run(b)))[0]


def _ran(journal: Journal) -> list[Cell]:
    """The cells that were not left out for want of data."""
    return [cell for cell in cells(journal) if cell.record["status"] != "skipped"]


def _named(cell: Cell, batches: bool) -> str:
    said = f"{cell.variant} on {cell.label}"
    return f"{said}, {cell.record['eval_batches']} batches" if batches else said


def _match(
    before: list[Cell], after: list[Cell]
) -> tuple[list[tuple[Cell, Cell]], list[Cell], list[Cell]]:
    """Pairs of one identity, those of one seed first; then what is left of each.

    What an estimator refuses in both has nothing to compare. Each cell is looked at once or twice,
    however many there are.
    """
    places: dict[tuple[Any, ...], deque[int]] = defaultdict(deque)
    for place, cell in enumerate(after):
        for key in _keys(cell):
            places[key].append(place)
    counterparts: list[int | None] = [None] * len(before)
    taken: set[int] = set()
    for rank in range(2):  # all that have one of their seed, before another takes it
        for place, cell in enumerate(before):
            if counterparts[place] is None:
                queue = places[_keys(cell)[rank]]
                found = next((i for i in _emptied(queue) if i not in taken), None)
                if found is not None:
                    counterparts[place] = found
                    taken.add(found)
    pairs, alone = [], []
    for cell, found in zip(before, counterparts, strict=True):
        if found is None:
            alone.append(cell)
        elif not cell.record["status"] == after[found].record["status"] == "refused":
            pairs.append((cell, after[found]))
    return pairs, alone, [cell for i, cell in enumerate(after) if i not in taken]


def _keys(cell: Cell) -> tuple[tuple[Any, ...], ...]:
    """What a counterpart has in common with it, the best one first."""
    return (cell.identity, cell.record["seed"]), (cell.identity,)


def _emptied(queue: deque[int]) -> Iterator[int]:
    while queue:
        yield queue.popleft()


def _hardware(folder: Path, journal: Journal) -> str:
    """Where cells ran; and how their environments differ, where there are several."""
    found = places(journal, environment(folder))
    return "; ".join(filter(None, (hardware(found), mixture(found).rstrip("."))))
