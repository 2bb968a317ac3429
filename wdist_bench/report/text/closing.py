"""How a run ends on the terminal: the errors in short, one sentence, and the page's address."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from wdist_bench.report.page.data import environment
from wdist_bench.report.provenance import mixture, places
from wdist_bench.report.results import Results
from wdist_bench.report.tables.settings import SETTING, task_label
from wdist_bench.report.text.verdicts import verdicts
from wdist_bench.report.text.wording import error_on_batches, number, scale_of, signed
from wdist_bench.results.progress import counted

ROWS = 5
"""Rows of a task that a terminal shows."""

TASKS = 200
"""Tasks that a terminal shows."""

HEADER = ("estimator", "estimate", "vs batch", "vs population", "abs. error", "failed")
LEGEND = (
    "W_p in the units of the data, with signed errors against the exact value of the batches and "
    "the distance of the two populations. The +- of an estimate is half its 95 % interval over "
    "runs, that of an absolute error the sd over evaluation batches. "
    f"At most {ROWS} rows a task at one cost and size: the smallest absolute errors against the "
    "exact value of the batches; errors.md has all."
)


@dataclass(frozen=True)
class TaskErrors:
    """The rows of one task at one cost and size, as text under `HEADER`.

    Attributes:
        heading: the task.
        rows: at most `ROWS` of them, the smallest absolute error on batches first.
        more: how many rows are left out, in words; empty where none is.
    """

    heading: str
    rows: list[list[str]]
    more: str


@dataclass(frozen=True)
class Closing:
    """What to say of a results folder whose report is written.

    Attributes:
        tasks: of the first tasks that ran, in the suite's order; none where there are only
            experiments.
        more_tasks: how many tasks are left out, in words; empty where none is.
        headline: one sentence.
        mixture: one sentence where the cells come from several environments; else empty.
        page: where the whole report is.
    """

    tasks: list[TaskErrors]
    more_tasks: str
    headline: str
    mixture: str
    page: Path


def closing(folder: Path, results: Results | None = None) -> Closing:
    """Read from the journal of a results folder; `results` are its where they are read already."""
    results = results or Results(folder)
    table = results.labelled
    ran = table[table["status"] != "skipped"].groupby(SETTING, sort=False)
    tasks = [_task(rows) for _, rows in itertools.islice(ran, TASKS)]
    left = ran.ngroups - len(tasks)
    more = f"and {left} more tasks; errors.md has them" if left else ""
    mixed = mixture(places(results.journal, environment(folder)))
    return Closing(tasks, more, _headline(results), mixed, folder / "report.html")


def _task(rows: pd.DataFrame) -> TaskErrors:
    known = rows.sort_values("dim", kind="stable", na_position="last").iloc[0]
    rows = rows.sort_values("abs_error_batch", kind="stable", na_position="last")
    shown = [_cells(row) for _, row in rows.head(ROWS).iterrows()]
    return TaskErrors(task_label(known), shown, _more(rows.iloc[ROWS:]))


def _more(left_out: pd.DataFrame) -> str:
    if left_out.empty:
        return ""
    without = left_out.loc[left_out["estimate"].isna(), "status"].value_counts()
    said = ", ".join(f"{count} {status}" for status, count in without.items())
    return f"and {len(left_out)} more" + (f" ({said})" if said else "")


def _cells(row: pd.Series) -> list[str]:
    failed = f"{row['failed']:.0f} of {row['runs']:.0f}" if row["failed"] else ""
    if pd.isna(row["estimate"]):
        return [row["variant"], str(row["status"]), "", "", "", failed]
    half = (row["estimate_ci_high"] - row["estimate_ci_low"]) / 2
    scale = scale_of(row)
    return [
        row["variant"],
        number(row["estimate"], scale=scale) + ("" if pd.isna(half) else f" +- {half:.2g}"),
        signed(row["bias_batch"], scale=scale),
        signed(row["bias_population"], scale=scale),
        error_on_batches(row),
        failed,
    ]


def _headline(results: Results) -> str:
    """The first verdict of the page; how the cells ended where there is none."""
    journal, table = results.journal, results.labelled
    said = verdicts(table, results.compared) if len(table) else []
    if said:
        return said[0].replace("**", "")
    records = journal.planned()
    ended = counted(Counter(record["status"] for record in records))
    return f"{len(records)} of {len(journal.keys)} cells: {ended}."
