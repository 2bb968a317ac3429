"""`errors.md`: the error table for people, task by task."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from wdist_bench.folders import write
from wdist_bench.report.comparing.comparisons import sentences
from wdist_bench.report.page.data import environment
from wdist_bench.report.provenance import mixture, places
from wdist_bench.report.tables.settings import task_label
from wdist_bench.report.text.escaping import cell, code, inline, paragraphs
from wdist_bench.report.text.missing import shortcomings
from wdist_bench.report.text.wording import (
    ends,
    error_on_batches,
    number,
    plus_minus,
    scale_of,
    signed,
)
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
batch|; **paper** is the published figure on the same samples and cost, at the paper's own steps (an
error +- sd over batches, or an estimate), **paper sds** how many of its sds ours is above it.
**Gradient cosine** and **L2**: mean cosine and mean squared distance between the critic's gradient
and that of the known potential, mean +- sd over runs.
**Bound**: what the number claims to be of its target. **Failed**: runs without a number, left out
of the means beside them. Nothing ran for rows that are "refused"; the reason is below their table.
Compiling is timed apart from running; run seconds cover all runs of the
row, training and evaluation. "(shared)" marks seconds taken while another cell ran on the machine,
"(cached)" programs that an earlier cell had compiled; neither is a timing.
**Closest**: the smallest mean error of a run in this setting, and how far behind the others are,
with 95 % intervals of the paired difference, each by itself. P-values are of sign flips of whole
runs, adjusted for each truth by itself, over all pairs of estimators in all settings of this page
(at most 5 % of such pages tell any two equal ones apart by it); they speak of this setting, the
leaderboard of tasks like these. Equal populations are not ranked against their distance 0: there
the smallest number wins, whatever it is.
"""

MAPS_LEGEND = """\
**L2-UVP**: how far the estimator's map is from the optimal one, 100 E|T(x) - T*(x)|^2 / Var(nu):
the share of the variance, in percent, that it leaves; the constant map has 100. **Cosine of
moves**: between T - id and T* - id over all points together. **Inverse**: the same of the map of nu
to mu. A batch estimator has the map of the first batch of each run. **Paper's L2-UVP** was read off
a poster.
"""
"""Beside `LEGEND` where there are maps."""


def write_markdown(
    folder: Path, journal: Journal, table: pd.DataFrame, compared: pd.DataFrame
) -> Path:
    """Write `errors.md` from `labelled_table` and `comparison_table`."""
    said = paragraphs(journal.plan["description"])
    lines = [f"# {inline(journal.plan['title'])}", "", said, "", LEGEND]
    if table[["l2_uvp", "inverse_l2_uvp"]].notna().any(axis=None):
        lines.append(MAPS_LEGEND)
    notes = [f"- {inline(said)}" for said in shortcomings(journal, table["failed"])]
    lines += [*notes, ""] if notes else []
    if mixed := mixture(places(journal, environment(folder))):
        lines += [inline(mixed), ""]
    shown = table[~table["status"].isin(["skipped"])]
    closest = _by_setting(compared)
    several = shown["seed"].nunique() > 1  # in merged folders
    for group, rows in _by_setting(shown).items():
        lines += _section(rows, several)
        lines += [*itertools.chain(*((said, "") for said in sentences(closest.get(group, []))))]
    return write(folder / "errors.md", "\n".join(lines).rstrip() + "\n")


def _by_setting(table: pd.DataFrame) -> dict[int, list[Row]]:
    """The rows of each setting."""
    found: dict[int, list[Row]] = {}
    for row in table.to_dict("records"):
        found.setdefault(row["setting"], []).append(row)
    return found


def _section(rows: list[Row], several: bool) -> list[str]:
    """One setting; where there are several seeds its heading names its own."""
    # A cell that was refused, or whose process was lost, knows little of its task.
    known = (r for r in rows if pd.notna(r["dim"]) and r["status"] != "refused")
    first = next(known, rows[0])
    batches = [r["truth_batch"] for r in rows if pd.notna(r["truth_batch"])]
    scale = scale_of(first)
    batch = number(batches[0], scale=scale) if batches else ""
    truth = number(first["truth_population"], scale=scale) or "not known"
    if first["truth_population_stderr"] and first["truth_population_stderr"] > 0:
        truth += f" +- {first['truth_population_stderr']:.2g}"
    kind = f" ({inline(first['truth_kind'])})" if pd.notna(first["truth_kind"]) else ""
    head = f"Truth: population {truth}{kind}; exact batch value {batch or 'not known'} on average."
    if not math.isnan(first["finite_sample_bias"]):
        head += f" Finite-sample bias {signed(first['finite_sample_bias'], scale=scale)}."
    body = [_cells(row) for row in rows]
    columns = [name for name in body[0] if name not in _OPTIONAL or any(c[name] for c in body)]
    table = tabulate(
        [[cell(cells[name]) for name in columns] for cells in body],
        columns, "pipe", disable_numparse=True, stralign="right",
    )  # fmt: skip
    seed = f", seed {first['seed']}" if several else ""
    return [f"## {inline(task_label(first))}{seed}", "",
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
    scale = scale_of(row)
    return {
        "estimator": row["variant"],
        "network": "" if row["critic"] in _USUAL else row["critic"],
        "bound": f"{row['bound']} ({row['target']})" if row["bound"] else "",
        "estimate": _with(row),
        "certified": _certified(row),
        "width": number(row["width"], scale=scale),
        "sd of runs": number(row["estimate_sd"], scale=scale),
        "error vs batch": signed(row["bias_batch"], scale=scale),
        "vs population": signed(row["bias_population"], scale=scale),
        # Three digits, since distances of 0 and of thousands stand in one suite.
        "abs. error of a run": plus_minus(
            row["abs_error_population"], row["abs_error_population_sd"], ".3g", ".2g"
        ),
        "abs. error on batches": error_on_batches(row),
        "paper": _paper(row),
        "paper sds": signed(row["paper_sds"]),
        "gradient cosine": plus_minus(row["gradient_cosine"], row["gradient_cosine_sd"]),
        "paper's": number(row["paper_gradient_cosine"]),
        "gradient L2": plus_minus(row["gradient_l2"], row["gradient_l2_sd"]),
        "paper's L2": number(row["paper_gradient_l2"]),
        "L2-UVP %": plus_minus(row["l2_uvp"], row["l2_uvp_sd"], ".3g", ".2g"),
        "paper's L2-UVP %": number(row["paper_l2_uvp"], 3),
        "cosine of moves": plus_minus(row["map_cosine"], row["map_cosine_sd"]),
        "inverse L2-UVP %": plus_minus(
            row["inverse_l2_uvp"], row["inverse_l2_uvp_sd"], ".3g", ".2g"
        ),
        "inverse cosine": plus_minus(row["inverse_map_cosine"], row["inverse_map_cosine_sd"]),
        "failed": "" if refused else f"{row['failed']} of {row['runs']}{status}",
        "compile s": _seconds(row["compile_seconds"], row["shared"], row["compile_cached"]),
        "run s": _seconds(row["run_seconds"], row["shared"]),
    }


_USUAL = ("", "mlp", None)
_OPTIONAL = (
    "network", "certified", "width", "abs. error of a run", "paper", "paper sds",
    "gradient cosine", "paper's", "gradient L2", "paper's L2",
    "L2-UVP %", "paper's L2-UVP %", "cosine of moves", "inverse L2-UVP %", "inverse cosine",
)  # fmt: skip
"""Columns left out of a section where no row has them."""


def _paper(row: Row) -> str:
    """The published error with its sd, or the published estimate."""
    if pd.isna(row["paper_sd"]):
        return number(row["paper_estimate"])
    return plus_minus(row["paper_error"], row["paper_sd"])


def _with(row: Row) -> str:
    """The estimate with its interval."""
    if pd.isna(row["estimate"]):
        return "refused" if row["status"] == "refused" else "no number"
    scale = scale_of(row)
    interval = ends(row["estimate_ci_low"], row["estimate_ci_high"], scale)
    return f"{number(row['estimate'], scale=scale)} {interval}"


def _certified(row: Row) -> str:
    """The two certified ends, as far as there are any."""
    if pd.isna(row["lower"]) and pd.isna(row["upper"]):
        return ""
    low, high = (number(row[end], scale=scale_of(row)) for end in ("lower", "upper"))
    return f"[{low or '-inf'}, {high or 'inf'}]"


def _seconds(value: float, shared: object, cached: object = False) -> str:
    """Seconds, and what keeps them from being a timing."""
    if pd.isna(value):
        return ""
    notes = {"shared": shared is True, "cached": cached is True and value > 0}
    marks = [mark for mark, holds in notes.items() if holds]
    return f"{value:.2f}" + (f" ({', '.join(marks)})" if marks else "")
