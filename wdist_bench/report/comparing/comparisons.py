"""Which estimator is closest to the truth in a setting, and who is told apart from it there.

The error of a run is compared, run by run on the same samples: against "batch", the mean over its
evaluation batches of |estimate - exact value of that batch|; against "population", |estimate of the
run - distance of the two populations|, but for equal populations: there the smallest number wins,
whatever it measures. The closest is who loses to the fewest others by the mean over the runs that
both have. Where runs failed these means can go round in a circle: who is closer on common runs than
the closest, by more than noise, is named as that and not as told apart from it. What is said is
about this setting, and the chance is that of runs; what holds on tasks like these is in
`leaderboard.py`.

Two estimators are equal in a setting where swapping them in a run changes nothing. So the test of a
pair flips the signs of its differences, whole runs at once over all settings (run i of every
setting has the same seed), and takes the largest statistic of all settings (max-T); the p-value
times the number of pairs is the adjusted one. At most 5 % of results folders tell any two equal
estimators apart in any setting by one truth; of the two truths each has this level. With fewer than
about ten runs no p-value is that small, and none are told apart.

A sampled distance of the populations has an error of its own, within which another estimator may be
the closer one. Who is told apart by it is tested two of its standard errors below and above too:
the p-value is the largest of the three, 1 where the order turns round.
"""

from __future__ import annotations

import itertools
import json
import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from wdist_bench.report.comparing.leaderboard import NULL, claims_the_batch
from wdist_bench.report.comparing.two_samples import columns
from wdist_bench.report.tables.cells import SAMPLED, Cell, cells
from wdist_bench.report.text.escaping import inline
from wdist_bench.report.text.wording import count, p_value
from wdist_bench.results.journal import Journal
from wdist_bench.results.rearrangements import Randomized, least_of_flips, sign_flips
from wdist_bench.results.statistics import LEVEL, Difference, Interval, paired_difference

_SHARED = ("task", "dataset", "dim", "p", "norm", "n", "protocol")

COLUMNS = (
    "task", "dataset", "dim", "p", "norm", "n", "against", "best", "best_options", "best_error",
    "other", "other_options", "other_error", "runs", "failed", "difference", "ci_low", "ci_high",
    "p_value", "p_adjusted", "told_apart", "least_p", "best_variant", "other_variant", "setting",
    "task_parameters", "protocol",
)  # fmt: skip


class Contestant(NamedTuple):
    """One estimator in a setting: its record and its error in every run, NaN where it failed.

    Where the truth is sampled, `around` has the errors to what it may be as well.
    """

    record: dict[str, Any]
    errors: np.ndarray
    around: tuple[np.ndarray, ...] = ()


Contest = dict[str, Contestant]
"""The contestants of one setting by variant."""


class _Test(NamedTuple):
    """A pair in one setting: p-values alone and adjusted, and the least there can be."""

    single: float
    adjusted: float
    least: float


Tests = dict[tuple[str, str, int], _Test]
"""Of two variants in the setting of a number."""


def comparison_table(journal: Journal) -> pd.DataFrame:
    """The best estimator of each setting against each other one; empty where there is only one.

    `p_value` is of the pair in the setting alone, `p_adjusted` for all pairs and settings against
    one truth, `told_apart` where that is below .05, and `least_p` the smallest that so many runs
    could have given. The interval is Student's, 95 % by itself.
    """
    settings: dict[int, dict[str, Contest]] = {}
    for cell in cells(journal):
        if "costs" in cell.record:
            here = settings.setdefault(cell.setting, {"batch": {}, "population": {}})
            for against, errors in _errors(cell).items():
                around = _around(cell) if against == "population" else ()
                here[against][cell.variant] = Contestant(cell.record, errors, around)
    contests = {
        against: [found[against] if len(found[against]) > 1 else {} for found in settings.values()]
        for against in ("batch", "population")
    }
    tests = {against: _held(found, _tests(found)) for against, found in contests.items()}
    rows = []
    for i, number in enumerate(settings):
        for against, found in contests.items():
            made = _rows(against, i, found[i], tests[against])
            rows += [row | {"setting": number} for row in made]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _errors(cell: Cell) -> dict[str, np.ndarray]:
    """(runs,) errors against "batch" and "population", where there are two or more to compare.

    Who claims the exact value of a batch is off by rounding, and equal populations have no distance
    to be off.
    """
    equal = abs(cell.population) < NULL
    asked = {"batch": not claims_the_batch(cell.record), "population": not equal}
    found = {against: cell.errors(against) for against, wanted in asked.items() if wanted}
    return {against: e for against, e in found.items() if np.isfinite(e).sum() > 1}


def _around(cell: Cell) -> tuple[np.ndarray, ...]:
    """The errors to the ends of what a sampled distance may be; none where it is exact."""
    return tuple(cell.errors("population", off) for off in SAMPLED) if cell.sampled else ()


def _held(contests: list[Contest], tests: Tests) -> Tests:
    """The tests, those that tell apart by a sampled truth held to what it may be."""
    told = [(a, b, i) for (a, b, i), test in tests.items()
            if test.adjusted < LEVEL and contests[i][a].around]  # fmt: skip
    held = dict(tests)
    for side in range(len(SAMPLED) if told else 0):
        moved = [_moved(contest, side) for contest in contests]
        found = _tests(moved)
        for a, b, i in told:
            gaps = (np.nansum(_gaps(here[i][a], here[i][b])) for here in (contests, moved))
            turned = bool(math.prod(map(np.sign, gaps)) <= 0)
            held[a, b, i] = _larger(held[a, b, i], found[a, b, i], turned)
    return held


def _moved(contest: Contest, side: int) -> Contest:
    return {
        name: one._replace(errors=one.around[side]) if one.around else one
        for name, one in contest.items()
    }


def _larger(first: _Test, second: _Test, turned: bool) -> _Test:
    if turned:
        return first._replace(single=1.0, adjusted=1.0)
    single, adjusted = max(first.single, second.single), max(first.adjusted, second.adjusted)
    return first._replace(single=single, adjusted=adjusted)


def _tests(contests: list[Contest]) -> Tests:
    """Of every pair of variants in every setting that has both."""
    names = list(dict.fromkeys(name for contest in contests for name in contest))
    common = {
        (a, b): [i for i, contest in enumerate(contests) if a in contest and b in contest]
        for a, b in itertools.combinations(names, 2)
    }
    pairs = {pair: where for pair, where in common.items() if where}
    found: Tests = {}
    for (a, b), where in pairs.items():
        gaps = [_gaps(contests[i][a], contests[i][b]) for i in where]
        rows = columns(gaps)
        test = sign_flips(rows)
        for column, i in enumerate(where):
            found[a, b, i] = _test(test, column, rows, len(pairs))
    return found


def _test(test: Randomized, column: int, rows: np.ndarray, pairs: int) -> _Test:
    units = int(np.isfinite(rows[:, column]).sum())
    return _Test(
        float(test.single[column]),
        float(np.minimum(pairs * test.adjusted[column], 1)),
        min(pairs * least_of_flips(units), 1.0),
    )


def _gaps(first: Contestant, second: Contestant) -> np.ndarray:
    """Over the runs that both have: run i sees the same samples however many runs follow."""
    common = min(len(first.errors), len(second.errors))
    return first.errors[:common] - second.errors[:common]


def _rows(against: str, setting: int, contest: Contest, tests: Tests) -> list[dict[str, Any]]:
    if not contest:
        return []
    means = {name: float(np.nanmean(contestant.errors)) for name, contestant in contest.items()}
    best = min(contest, key=lambda name: (_losses(contest, name), means[name]))
    rows = []
    for other in contest:
        if other != best:
            test = tests.get((best, other, setting)) or tests[other, best, setting]
            gap = _gaps(contest[other], contest[best])
            found = paired_difference(gap, np.zeros(len(gap)))
            rows.append(
                _row(contest, best, other, found, test)
                | {"best_error": means[best], "other_error": means[other], "against": against}
            )
    return rows


def _losses(contest: Contest, name: str) -> int:
    """How many others are closer on the runs that both have.

    The means of all own runs would favour one that failed where it is hard, or ran less often.
    """
    gaps = (_gaps(contest[name], other) for other in contest.values())
    return sum(np.nansum(gap) > 0 for gap in gaps)


def _row(
    contest: Contest, best: str, other: str, difference: Difference, test: _Test
) -> dict[str, Any]:
    record, rival = contest[best].record, contest[other].record
    shared = {name: record.get(name) for name in _SHARED}
    interval: Interval = difference.interval
    return shared | {
        "best": record["estimator"],
        "best_options": json.dumps(record["estimator_options"]),
        "other": rival["estimator"],
        "other_options": json.dumps(rival["estimator_options"]),
        "runs": difference.runs,
        "failed": difference.failed,
        "difference": difference.mean,
        "ci_low": interval[0],
        "ci_high": interval[1],
        "p_value": test.single,
        "p_adjusted": test.adjusted,
        "told_apart": test.adjusted < LEVEL and difference.mean > 0,
        "least_p": test.least,
        "best_variant": best,
        "other_variant": other,
        "task_parameters": json.dumps(record["task_parameters"], sort_keys=True),
    }


def sentences(comparisons: list[dict[Any, Any]]) -> list[str]:
    """One sentence for each setting and truth, for people, from rows of the `comparison_table`."""
    groups: dict[tuple[int, str], list[dict[Any, Any]]] = {}
    for row in comparisons:
        groups.setdefault((row["setting"], row["against"]), []).append(row)
    return [_sentence(against, rows) for (_, against), rows in groups.items()]


def _sentence(against: str, rows: list[dict[Any, Any]]) -> str:
    first = rows[0]
    best = inline(first["best_variant"])
    said = f"Closest to the {against} truth, paired by run: **{best}** "
    said += f"({first['best_error']:.3g})"
    behind = [_by(row) for row in rows if not _is_closer(row)]
    said += f"; behind it {', '.join(behind)}" * bool(behind)
    closer = [_by(row, -1) for row in rows if _is_closer(row)]
    return said + f"; closer on common runs {', '.join(closer)}" * bool(closer) + "."


def _is_closer(row: dict[Any, Any]) -> bool:
    """Whether the other one is closer on common runs, by more than noise."""
    return bool(row["difference"] < 0 and row["p_adjusted"] < LEVEL)


def _by(row: dict[Any, Any], sign: int = 1) -> str:
    """Who it is, and by how much behind, or with -1 closer."""
    low, high = sorted(sign * row[end] for end in ("ci_low", "ci_high"))
    gap = f"{sign * row['difference']:.3g} [{low:.3g}, {high:.3g}]"
    return f"{inline(row['other_variant'])} by {gap} ({_level(row)})"


def _level(row: dict[Any, Any]) -> str:
    if not row["least_p"] < LEVEL:
        return f"{row['runs']} common runs are too few to tell"
    level = p_value(row["p_adjusted"])
    level += "" if row["told_apart"] or _is_closer(row) else ", not told apart"
    return level + (f", without {count(row['failed'], 'failed run')}" if row["failed"] else "")
