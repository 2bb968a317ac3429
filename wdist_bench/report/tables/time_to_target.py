"""Seconds until an estimate is within a target of the exact value: traces, shares, ratios.

An estimator that a suite runs at several budgets (temperatures, tolerances, numbers of
projections) has a rung for each, in the order of the suite, cheap ones first. It reaches a target
on a problem at the first rung whose mean error over runs is below it, in the seconds of one run
there; a rung with a failed run reaches nothing. Source: Hansen, Auger, Ros, Mersmann, Tusar,
Brockhoff 2021 (COCO, arXiv 1603.08785); ratios, Dolan and More 2002.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from wdist_bench.folders import write
from wdist_bench.report.results import Results
from wdist_bench.report.tables.cells import Cell
from wdist_bench.report.tables.settings import configuration, told_apart
from wdist_bench.report.text.escaping import csv, grid

TARGETS = (0.1, 0.01, 0.001, 0.0001)
"""Errors relative to the exact value of the same rows."""
_ARRAYS = ("fixed", "matched")  # protocols whose runs are one call on two arrays
_CLOCK = 1e-4  # seconds that records tell apart
_RUNGS, _PROBLEMS = 3, 4  # fewest that make a suite one about time to a target


@dataclass(frozen=True)
class Rung:
    """One estimator at one budget on one problem.

    Attributes:
        problem: the task at one cost and size, in words.
        estimator: its name; with the version, backend or runs where one budget has several.
        variant: with its options.
        seconds: of one run, without compilation; NaN where it shared the machine, which is no
            timing.
        error: mean over runs of |estimate - exact value of the same rows| over that value; NaN
            where a run failed or was refused.
    """

    problem: str
    estimator: str
    variant: str
    seconds: float
    error: float


def rungs(results: Results) -> list[Rung]:
    """Those of a suite about time to a target; none of another suite.

    Such a suite gives arrays ("fixed" or "matched"), has one estimator at three budgets or more,
    and at least four problems whose exact value is known and not 0.
    """
    timed = [c for c in results.cells if c.record["protocol"] in _ARRAYS and _has_truth(c)]
    records = [cell.record for cell in timed]
    places = [(cell.setting, configuration(cell.record)) for cell in timed]
    names = told_apart([record["estimator"] for record in records], places, records)
    budgets = Counter((cell.setting, name) for cell, name in zip(timed, names, strict=True))
    problems = {cell.setting for cell in timed}
    if max(budgets.values(), default=0) < _RUNGS or len(problems) < _PROBLEMS:
        return []
    return [_rung(cell, name) for cell, name in zip(timed, names, strict=True)]


def _has_truth(cell: Cell) -> bool:
    return cell.truths is not None and bool((cell.truths > 0).all())


def _rung(cell: Cell, name: str) -> Rung:
    record = cell.record
    errors, truths = cell.errors("batch"), cell.truths
    exact = math.nan if truths is None else float(cell.root(truths).mean())
    error = float(errors.mean()) / exact if errors.size else math.nan
    known = math.nan if record.get("shared") else record.get("run_seconds", math.nan)
    seconds = max(known, _CLOCK) / max(record.get("runs", 1), 1)
    return Rung(cell.label, name, cell.variant, seconds, error)


def time_to_target(found: list[Rung]) -> pd.DataFrame:
    """A row for each estimator, problem and target: `seconds`, inf where it was not reached, NaN
    where it was and nobody knows when, and the `variant` that reached it.
    """
    by_place: dict[tuple[str, str], list[Rung]] = {}
    for rung in found:
        by_place.setdefault((rung.estimator, rung.problem), []).append(rung)
    rows = []
    for (estimator, problem), ladder in by_place.items():
        for target in TARGETS:
            first = next((rung for rung in ladder if rung.error <= target), None)
            seconds, variant = (first.seconds, first.variant) if first else (math.inf, "")
            rows.append((estimator, problem, target, seconds, variant))
    return pd.DataFrame(rows, columns=["estimator", "problem", "target", "seconds", "variant"])


def summary(times: pd.DataFrame) -> pd.DataFrame:
    """A row for each estimator and target, over all problems of the suite.

    `share`: of all problems where the target was reached; a refused problem counts as not reached.
    `timed`: those where its seconds are known too. `median_seconds`: of these. `median_ratio`: its
    seconds over the fewest known of any estimator on the same problem, median of these.
    """
    problems = times["problem"].nunique()
    fewest = times.groupby(["problem", "target"])["seconds"].transform("min")
    shown = times.assign(ratio=times["seconds"] / fewest)
    rows = []
    for (estimator, target), here in shown.groupby(["estimator", "target"], sort=False):
        reached = here[~np.isinf(here["seconds"])]
        rows.append(
            {
                "estimator": estimator, "target": target, "problems": problems,
                "reached": len(reached), "share": len(reached) / problems,
                "timed": int(reached["seconds"].notna().sum()),
                "median_seconds": reached["seconds"].dropna().median(),
                "median_ratio": reached["ratio"].dropna().median(),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def write_times(folder: Path, results: Results) -> list[Path]:
    """`time_to_target.csv`, `.md` and `.png`; nothing where the suite is not about it."""
    found = rungs(results)
    if not found:
        return []
    from wdist_bench.report.drawing import save
    from wdist_bench.report.figures.time_to_target import draw

    times = time_to_target(found)
    return [
        write(folder / "time_to_target.csv", csv(times)),
        write(folder / "time_to_target.md", _markdown(summary(times))),
        save(draw(times), folder / "time_to_target.png"),
    ]


_INTRODUCTION = """# Seconds to a target

![Share of problems solved against seconds, and against the fastest](time_to_target.png)

Of {problems} problems, those where an estimator came within a target of the exact value of the same
rows, with the median of its seconds and, in brackets, of its seconds over the fewest of any
estimator there, both where it came so close. What an estimator refuses counts as not reached. Where
it was run at several budgets the first in the order of the suite that is close enough counts, with
its own seconds: someone who does not know the right budget needs more. Compiling is left out.
"""


_UNTIMED = """
Cells that shared the machine have no timing: what they reached counts, its seconds are neither in
the medians nor among the fewest.
"""


def _markdown(table: pd.DataFrame) -> str:
    """A line for each estimator, the one that reaches the finer targets on more problems first."""
    order = table.groupby("estimator")["share"].sum().sort_values(ascending=False, kind="stable")
    head = ["estimator", *(f"within {100 * target:g} %" for target in TARGETS)]
    cells = {(row["estimator"], row["target"]): row for _, row in table.iterrows()}
    lines = [[name, *(_in_words(cells[name, t]) for t in TARGETS)] for name in order.index]
    said = _INTRODUCTION.format(problems=int(table["problems"].max()))
    said += _UNTIMED if (table["timed"] < table["reached"]).any() else ""
    return f"{said}\n{grid(head, lines)}\n"


def _in_words(row: pd.Series) -> str:
    if not row["reached"]:
        return "0"
    if not row["timed"]:
        return f"{row['reached']}: no timing"
    said = f"{row['median_seconds']:.2g} s [{row['median_ratio']:.2g}]"
    said += f", {row['timed']} timed" if row["timed"] < row["reached"] else ""
    return f"{row['reached']}: {said}"
