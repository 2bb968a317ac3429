"""`errors.md`: the error table for people, task by task."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from wdist_bench.estimate import NOT_RUN
from wdist_bench.folders import write
from wdist_bench.report.comparisons import sentences
from wdist_bench.report.escaping import cell, code, inline, paragraphs
from wdist_bench.report.page_data import environment
from wdist_bench.report.provenance import mixture, places
from wdist_bench.report.tables import SETTING, method_labels, task_label
from wdist_bench.results.journal import Journal

Row = dict[Any, Any]
"""A row of the error table."""

LEGEND = """\
Distances are W_p in the units of the data (the p-th root, no factor 1/2).
**Estimate**: mean over runs with its 95 % interval over runs (Student's t).
**Certified**: means over runs of the lower and upper bounds that hold for each batch, and
**width**, how far they are apart.
**Error vs batch** and **vs population**: signed, estimate minus the exact value of the evaluation
batches, and minus the distance of the two populations; the two differ by the finite-sample bias.
**|Error| of a run**: mean +- sd over runs of |estimate of the run - distance of the populations|,
what one run is off, where "vs population" is what the mean of the runs is off.
**|Error| on batches**: mean +- sd over all evaluation batches of |estimate - exact value of that
batch|; **paper** is the published figure for the same protocol (an error +- sd over batches, or
an estimate), **paper sds** how many of its sds our error is above it.
**Gradient cosine** and **L2**: mean cosine and mean squared distance between the critic's gradient
and that of the known potential, mean +- sd over runs.
**Bound**: what the number claims to be of its target. **Failed**: runs without a number, left out
of the means beside them. Nothing ran for rows that are "refused"; the reason is below their table.
Compiling is timed apart from running; run seconds cover all runs of the
row, training and evaluation. "(shared)" marks seconds taken while another cell ran on the machine,
"(cached)" programs that an earlier cell had compiled; neither is a timing.
**Closest**: the smallest mean error of a run in this setting, and how far behind the others are,
with 95 % intervals of the paired difference, each by itself. P-values are of sign flips of whole
runs, adjusted for all pairs of estimators in all settings of this page (at most 5 % of such pages
tell any two equal ones apart); they speak of this setting, the leaderboard of tasks like these.
Equal populations are not ranked against their distance 0: there the smallest number wins, whatever
it is.
"""


def write_markdown(
    folder: Path, journal: Journal, table: pd.DataFrame, compared: pd.DataFrame
) -> Path:
    """Write `errors.md` from `error_table` and `comparison_table`."""
    said = paragraphs(journal.plan["description"])
    lines = [f"# {inline(journal.plan['title'])}", "", said, "", LEGEND]
    lines += _notes(journal, table)
    lines += _origin(folder, journal)
    shown = table[~table["status"].isin(["skipped"])]
    shown = shown.assign(method=method_labels(shown, by_setting=True))
    closest = _by_setting(compared)
    for group, rows in _by_setting(shown).items():
        lines += _section(rows)
        lines += [*itertools.chain(*((said, "") for said in sentences(closest.get(group, []))))]
    return write(folder / "errors.md", "\n".join(lines).rstrip() + "\n")


def _by_setting(table: pd.DataFrame) -> dict[tuple[Any, ...], list[Row]]:
    """The rows of each setting."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in table.to_dict("records"):
        found.setdefault(tuple(row[name] for name in SETTING), []).append(row)
    return found


def _notes(journal: Journal, table: pd.DataFrame) -> list[str]:
    """What is missing, said first."""
    notes = []
    skipped = table[table["status"] == "skipped"]
    for message, rows in skipped.groupby("message", sort=False):
        notes.append(f"- Not run ({len(rows)} cells): {inline(message)}")
    missing = len(journal.plan["keys"]) - len(table)
    if missing:
        notes.append(f"- Not run yet: {missing} cells; run the suite again to finish it.")
    broken = table[table["status"].isin(["error", "timeout", "out_of_memory"])]
    for row in broken.to_dict("records"):
        what = str(row["status"]).replace("_", " ").capitalize()
        where = f"{row['estimator']} on {task_label(row)}: {row['message']}"
        notes.append(f"- {inline(what)}: {inline(where)}")
    failed = table[~table["status"].isin(["ok", *NOT_RUN])]["status"].value_counts(sort=False)
    if not failed.empty:
        counts = ", ".join(f"{count} {status}" for status, count in failed.items())
        notes.append(f"- Cells that failed: {inline(counts)}; each says so in its row.")
    notes += [f"- {inline(warning)}" for warning in journal.warnings()]
    return [*notes, ""] if notes else []


def _origin(folder: Path, journal: Journal) -> list[str]:
    """Where cells were measured, if not all in one environment."""
    said = mixture(places(journal, environment(folder)))
    return [inline(said), ""] if said else []


def _section(rows: list[Row]) -> list[str]:
    # A cell that was refused, or whose process was lost, knows little of its task.
    known = (r for r in rows if pd.notna(r["dim"]) and r["status"] != "refused")
    first = next(known, rows[0])
    batches = [r["truth_batch"] for r in rows if pd.notna(r["truth_batch"])]
    batch = _number(batches[0]) if any(batches) else ""
    truth = _number(first["truth_population"]) or "not known"
    if first["truth_population_stderr"] and first["truth_population_stderr"] > 0:
        truth += f" +- {first['truth_population_stderr']:.2g}"
    kind = f" ({inline(first['truth_kind'])})" if pd.notna(first["truth_kind"]) else ""
    head = f"Truth: population {truth}{kind}; exact batch value {batch or 'not known'} on average."
    if not math.isnan(first["finite_sample_bias"]):
        head += f" Finite-sample bias {_signed(first['finite_sample_bias'])}."
    body = [_cells(row) for row in rows]
    columns = [name for name in body[0] if name not in _OPTIONAL or any(c[name] for c in body)]
    table = tabulate(
        [[cell(cells[name]) for name in columns] for cells in body],
        columns, "pipe", disable_numparse=True, stralign="right",
    )  # fmt: skip
    return [f"## {inline(task_label(first))}", "",
            f"Parameters: {code(first['task_parameters'])}. {head}", "",
            table, "", *_refusals(rows)]  # fmt: skip


def _refusals(rows: list[Row]) -> list[str]:
    """Why rows of a section have no number, each reason once."""
    reasons = dict.fromkeys(r["message"] for r in rows if r["status"] == "refused")
    return [*itertools.chain(*((f"Refused: {inline(reason)}.", "") for reason in reasons))]


def _cells(row: Row) -> dict[str, str]:
    """One line of a section."""
    refused = row["status"] == "refused"
    status = "" if row["status"] == "ok" else f" ({row['status']})"
    return {
        "estimator": row["method"],
        "bound": f"{row['bound']} ({row['target']})" if row["bound"] else "",
        "estimate": "refused"
        if refused
        else _with(row["estimate"], row["estimate_ci_low"], row["estimate_ci_high"]),
        "certified": _ends(row["lower"], row["upper"]),
        "width": _number(row["width"]),
        "sd of runs": _number(row["estimate_sd"]),
        "error vs batch": _signed(row["bias_batch"]),
        "vs population": _signed(row["bias_population"]),
        "abs. error of a run": _run_error(
            row["abs_error_population"], row["abs_error_population_sd"]
        ),
        "abs. error on batches": _plus_minus(row["abs_error_batch"], row["abs_error_batch_sd"]),
        "paper": _paper(row),
        "paper sds": _signed(row["paper_sds"]),
        "gradient cosine": _plus_minus(row["gradient_cosine"], row["gradient_cosine_sd"]),
        "paper's": _number(row["paper_gradient_cosine"]),
        "gradient L2": _plus_minus(row["gradient_l2"], row["gradient_l2_sd"]),
        "paper's L2": _number(row["paper_gradient_l2"]),
        "failed": "" if refused else f"{row['failed']} of {row['runs']}{status}",
        "compile s": _seconds(row["compile_seconds"], row["shared"], row["compile_cached"]),
        "run s": _seconds(row["run_seconds"], row["shared"]),
    }


_OPTIONAL = (
    "certified",
    "width",
    "abs. error of a run",
    "paper",
    "paper sds",
    "gradient cosine",
    "paper's",
    "gradient L2",
    "paper's L2",
)
"""Columns left out of a section where no row has them."""


def _paper(row: Row) -> str:
    """The published error with its sd, or the published estimate."""
    if pd.isna(row["paper_sd"]):
        return _number(row["paper_estimate"])
    return _plus_minus(row["paper_error"], row["paper_sd"])


def _number(value: float) -> str:
    if pd.isna(value):
        return ""
    return "0" if abs(value) < 5e-7 else f"{value:.4g}"


def _signed(value: float) -> str:
    text = _number(value)
    return text if text in ("", "0") or text.startswith("-") else f"+{text}"


def _with(value: float, low: float, high: float) -> str:
    if pd.isna(value):
        return "no number"
    return f"{_number(value)} [{_number(low)}, {_number(high)}]"


def _ends(lower: float, upper: float) -> str:
    """The two certified ends, as far as there are any."""
    if pd.isna(lower) and pd.isna(upper):
        return ""
    return f"[{_number(lower) or '-inf'}, {_number(upper) or 'inf'}]"


def _plus_minus(value: float, sd: float) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.3f}" if pd.isna(sd) else f"{value:.3f} +- {sd:.3f}"


def _run_error(value: float, sd: float) -> str:
    """Three digits, since distances of 0 and of thousands stand in one suite."""
    if pd.isna(value):
        return ""
    return f"{value:.3g}" if pd.isna(sd) else f"{value:.3g} +- {sd:.2g}"


def _seconds(value: float, shared: object, cached: object = False) -> str:
    """Seconds, and what keeps them from being a timing."""
    if pd.isna(value):
        return ""
    notes = {"shared": shared is True, "cached": cached is True and value > 0}
    marks = [mark for mark, holds in notes.items() if holds]
    return f"{value:.2f}" + (f" ({', '.join(marks)})" if marks else "")
