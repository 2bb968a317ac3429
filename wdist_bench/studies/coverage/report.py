"""Report of the coverage suite: `coverage.md`, one page, and `coverage.csv`, every cell."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wdist_bench.folders import write
from wdist_bench.report.text.escaping import csv
from wdist_bench.report.text.missing import study_shortcomings
from wdist_bench.results.journal import unpack
from wdist_bench.studies.coverage.laws import pairs

BROKEN_LEVEL = 0.999
"""A cell breaks its statement where the upper limit of its coverage, at this confidence, is below
the level stated."""

LEAST_RARE = 20
"""Rows of the rarest part that must be expected in a sample before a cell counts."""

_LEGEND = f"""\
Every cell draws fresh rows from two laws whose distance W is known, asks for an interval that holds
W at the level stated, and counts. No law served to choose a number of `ours`
(`wb.population_interval`). All methods see the same rows.

- **held**: share of the answers that hold W, with its 95 % Clopper-Pearson band. **broken**: the
  {BROKEN_LEVEL:.1%} upper limit of that share is below the level stated.
- **counts**: whether the statement is made for the cell at all: the cost has two moments under both
  laws, and {LEAST_RARE} rows of the rarest part of the laws are expected in a sample.
- **width**: mean of upper - lower over W; empty where W = 0 (then `mean upper` says it).
- **error**: root mean square of the point estimate about W, over W (absolute where W = 0). That of
  `naive` is the plug-in's, the distance of the rows.
- **naive**: the rows' distance and two standard errors of its potentials. **bootstrap**: quantiles
  over 100 resamples. **subsampling**: quantiles over 100 subsamples of n^(2/3) rows, rate sqrt(n).
- **seconds** of a sample; "(shared)" marks those taken while another cell ran on the machine, which
  are no timing.
"""

_SECTION = ["p", "n", "level", "seed"]
"""What the cells of a section have in common."""


def write_coverage(folder: Path, records: list[dict[str, Any]]) -> list[Path]:
    """Write the page and the table from the records of the suite."""
    rows = pd.DataFrame([_row(record) for record in records if "lower" in record])
    if rows.empty:
        return []
    rows["place"] = rows["law"].map([*pairs()].index)
    rows = rows.sort_values([*_SECTION, "place", "method"], kind="stable").drop(columns="place")
    told = ["p", "n", *(name for name in ("level", "seed") if rows[name].nunique() > 1)]
    parts = [
        "# Do intervals for the distance of two populations hold it?\n",
        _LEGEND,
        *study_shortcomings(records),
        "## In short\n",
        _table(_summary(rows)),
        _sentences(rows, told),
        *(_section(here, told) for _, here in rows.groupby(_SECTION, sort=True)),
    ]
    return [
        write(folder / "coverage.csv", csv(rows)),
        write(folder / "coverage.md", "\n".join(parts)),
    ]


def clopper_pearson(count: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Two-sided band of a share; (0, 1) without trials.

    Source: Clopper and Pearson 1934, Biometrika 26, 404-413.
    """
    from scipy.stats import beta

    outside = (1 - level) / 2
    low = beta.ppf(outside, count, trials - count + 1) if count else 0.0
    high = beta.isf(outside, count + 1, trials - count) if count < trials else 1.0
    return float(low), float(high)


def _row(record: dict[str, Any]) -> dict[str, Any]:
    """Every number of a cell."""
    given, truth = record["parameters"], record["truth"]
    laws, p, n = pairs()[given["law"]], given["p"], given["n"]
    lower, value = unpack(record["lower"]), unpack(record["value"])
    upper = np.where(np.isnan(value), math.nan, unpack(record["upper"]))
    answers, held = record["runs"] - record["refused"], record["held"]
    low, high = clopper_pearson(held, answers)
    limit = clopper_pearson(held, answers, 2 * BROKEN_LEVEL - 1)[1]
    answered = answers > 0
    return {
        "law": given["law"],
        "kind": laws.kind,
        "p": p,
        "n": n,
        "method": given["method"],
        "level": given["level"],
        "seed": given["seed"],
        "repetitions": record["runs"],
        "counts": p in laws.moments and n * laws.rarest >= LEAST_RARE,
        "light": laws.light,
        "refused": record["refused"] / record["runs"],
        "held": held / answers if answered else math.nan,
        "held_low": low,
        "held_high": high,
        "broken": bool(limit < given["level"]),
        "truth": truth,
        "mean_lower": float(np.nanmean(lower)) if answered else math.nan,
        "mean_upper": float(np.nanmean(upper)) if answered else math.nan,
        "width": float(np.nanmean(upper - lower)) / truth if answered and truth else math.nan,
        "error": _error(value, truth),
        "seconds": record["run_seconds"] / record["runs"],
        "shared": bool(record.get("shared")),
        "reason": record["reason"],
    }


def _error(values: np.ndarray, truth: float) -> float:
    found = values[~np.isnan(values)]
    return math.sqrt(np.mean((found - truth) ** 2)) / (truth or 1.0) if found.size else math.nan


def _summary(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each method, p, n, level and seed, of the cells that count."""
    found = []
    counted = rows[rows["counts"]]
    for key, cells in counted.groupby([*_SECTION, "method"], sort=True):
        found.append(
            dict(zip([*_SECTION, "method"], key, strict=True))
            | {
                "laws": len(cells),
                "repetitions": int(cells["repetitions"].min()),
                "worst held": cells["held"].min(),
                "mean held": cells["held"].mean(),
                "broken": int(cells["broken"].sum()),
                "refused": cells["refused"].mean(),
                "median width": cells["width"].median(),
                "error": math.sqrt((cells["error"] ** 2).mean()),
                "seconds": _seconds(cells["seconds"].mean(), cells["shared"].any()),
            }
        )
    return pd.DataFrame(found)


def _sentences(rows: pd.DataFrame, told: list[str]) -> str:
    """What `ours` states and what was found, in words; cells by law and the columns `told`."""
    mine = rows[rows["method"] == "ours"]
    broken = mine[mine["broken"] & mine["counts"]]
    beyond = mine[mine["broken"] & ~mine["counts"]]
    light = mine[mine["light"] & mine["counts"] & (mine["n"] >= 400) & (mine["refused"] > 0)]
    lines = [
        f"- `ours` is broken in {len(broken)} of {int(mine['counts'].sum())} cells that count"
        f"{_named(broken, told)}, and in {len(beyond)} of the {int((~mine['counts']).sum())} others"
        f"{_named(beyond, told)}.",
        f"- It refuses {mine.loc[mine['counts'], 'refused'].mean():.1%} of the samples of the "
        f"cells that count; on bounded and sub-Gaussian laws with 400 rows or more it refuses in "
        f"{len(light)} cells{_named(light, told)}.",
    ]
    return "\n".join(["", *lines, ""])


def _named(cells: pd.DataFrame, told: list[str]) -> str:
    names = [
        f"{cell['law']} ({_title(cell, told)}: {cell['held']:.1%} held)"
        for cell in cells.to_dict("records")
    ]
    return f": {'; '.join(names)}" if names else ""


def _title(cell: dict[Any, Any], told: list[str]) -> str:
    return ", ".join(f"{name} = {cell[name]}" for name in told)


def _seconds(value: float, shared: bool) -> Any:
    """As a table shows them."""
    return f"{value:.3g} (shared)" if shared else value


def _section(here: pd.DataFrame, told: list[str]) -> str:
    """One row a law: the share held by each method, and what `ours` says.

    Args:
        here: the cells of the section.
        told: columns that its heading names.
    """
    title = _title(here.iloc[0].to_dict(), told)
    found = []
    for law, cells in here.groupby("law", sort=False):
        by_method = {cell["method"]: cell for cell in cells.to_dict("records")}
        row = {"law": law, "counts": "yes" if cells["counts"].iloc[0] else "no"}
        row |= {"W": cells["truth"].iloc[0]}
        for method, cell in by_method.items():
            row[method] = _share(cell)
        if mine := by_method.get("ours"):
            row |= {name.replace("_", " "): mine[name] for name in (
                "refused", "mean_lower", "mean_upper", "width", "error")}  # fmt: skip
            row["seconds"] = _seconds(mine["seconds"], mine["shared"])
        if plain := by_method.get("naive"):
            row["error of plug-in"] = plain["error"]
        found.append(row)
    return f"\n## {title}\n\n" + _table(pd.DataFrame(found))


def _share(cell: dict[str, Any]) -> str:
    if math.isnan(cell["held"]):
        return "refused"
    mark = " **broken**" if cell["broken"] else ""
    return f"{cell['held']:.2f} [{cell['held_low']:.2f}, {cell['held_high']:.2f}]{mark}"


def _table(rows: pd.DataFrame) -> str:
    shown = rows.astype(object)
    return shown.where(shown.notna(), "").to_markdown(index=False, floatfmt=".3g") + "\n"
