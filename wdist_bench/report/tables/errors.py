"""The error table: one row per cell, from the journal alone."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd

from wdist_bench.costs.powers import roots
from wdist_bench.report.tables.cells import Cell, cells
from wdist_bench.report.tables.published import published, sds_from_paper
from wdist_bench.results.columns import COLUMNS, NUMBER
from wdist_bench.results.journal import Journal, failed_runs, unpack
from wdist_bench.results.statistics import bias_and_rmse, finite, mean_of, sd_of, summarize

_MISSING = {column.name: math.nan for column in COLUMNS if column.kind == NUMBER}
"""Numbers are NaN, not None, where a record has nothing: cells that were lost or skipped."""

_ENDS = ("lower", "upper")
"""What the answers of a cell certified, one number a run."""

OF_RUNS = ("gradient_cosine", "gradient_l2", "l2_uvp", "map_cosine", "inverse_l2_uvp",
            "inverse_map_cosine")  # fmt: skip
"""What gradients and maps are held to, one number a run; a run without a map has none."""


def error_table(journal: Journal) -> pd.DataFrame:
    """One row per task x estimator cell of the last suite, in its order, means over runs of W_p."""
    columns: dict[str, list[Any]] = {column.name: [] for column in COLUMNS}
    for cell in cells(journal):
        row = _row(cell)
        for name, values in columns.items():
            values.append(row[name])
    return pd.DataFrame(columns)


def _row(cell: Cell) -> dict[str, Any]:
    record, costs, truths = cell.record, cell.costs, cell.truths
    row: dict[str, Any] = {column.name: record.get(column.name) for column in COLUMNS}
    row |= {name: nan for name, nan in _MISSING.items() if row[name] is None}
    # NaN where a run with a number has no certified end, or none but inf
    row |= {name: mean_of(_answered(record[name], costs)) for name in _ENDS if record.get(name)}
    if record.get("stderr"):
        row["stderr"] = mean_of(finite(_answered(record["stderr"], costs)))
    row["width"] = row["upper"] - row["lower"]
    row["task_parameters"] = json.dumps(record["task_parameters"], sort_keys=True)
    row["estimator_parameters"] = json.dumps(record["estimator_parameters"], sort_keys=True)
    row["task_options"] = json.dumps(record["task_options"])
    row["failed"] = failed_runs(record, costs)
    row |= published(record)
    row["truth_population"] = cell.population
    if population := cell.distance:
        row["truth_population_stderr"] = population["stderr"]
        row["truth_kind"] = population["kind"]
    if costs is not None:
        exact = np.full(costs.shape, math.nan) if truths is None else truths
        row |= errors(costs, exact, record["p"], cell.population)
    if not math.isnan(row["paper_sd"]):
        row["paper_sds"] = sds_from_paper(
            row["abs_error_batch"], row["paper_error"], row["paper_sd"]
        )
    for name in OF_RUNS:
        if record.get(name) is not None:
            found = finite(_answered(record[name], costs))
            row[name], row[f"{name}_sd"] = mean_of(found), sd_of(found)
    return row


def _answered(packed: list[float | None], costs: np.ndarray | None) -> np.ndarray:
    """Those of the runs with a number."""
    values = unpack(packed)
    return values if costs is None else values[np.isfinite(costs).all(axis=1)]


def errors(costs: np.ndarray, truths: np.ndarray, p: float, population: float) -> dict[str, float]:
    """The error columns from (runs, eval_batches) costs W_p^p.

    A run's estimate is the root of its mean cost; runs with a failed evaluation are left out
    (and counted in `failed`). `abs_error_batch` is the mean over all evaluation batches of
    |estimate - exact value of that batch|, its sd over the same batches, as in the papers.
    `abs_error_population` is the mean over runs of |estimate of the run - distance of the
    populations| with its sd over runs: what one run is off, where `bias_population` is what their
    mean is off. Truths that are lost are NaN, and so is what is taken to them.
    """
    truth_runs = roots(truths.mean(axis=1), p)
    whole = np.isfinite(costs).all(axis=1)
    answer = {
        "truth_batch": float(truth_runs.mean()),
        "finite_sample_bias": float(truth_runs.mean()) - population,
    }
    if not whole.any():
        return answer
    runs = roots(costs[whole].mean(axis=1), p)
    gaps = np.abs(roots(costs[whole], p) - roots(truths[whole], p))
    batch = summarize(runs, truth_runs[whole])
    bias, rmse = bias_and_rmse(runs - population)
    off = np.abs(runs - population)
    return answer | {
        "estimate": batch.mean,
        "estimate_sd": batch.sd,
        "estimate_ci_low": batch.interval[0],
        "estimate_ci_high": batch.interval[1],
        "estimate_bca_low": batch.bootstrap[0],
        "estimate_bca_high": batch.bootstrap[1],
        "bias_batch": batch.bias,
        "rmse_batch": batch.rmse,
        "bias_population": bias,
        "rmse_population": rmse,
        "abs_error_batch": float(gaps.mean()),
        "abs_error_batch_sd": sd_of(gaps),
        "abs_error_population": float(off.mean()),
        "abs_error_population_sd": sd_of(off),
    }


def labelled_table(journal: Journal, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """The error table with what a page needs beside it.

    `table` is the journal's `error_table` where it is there already; it is left as it is.

    Added columns: `variant`, the estimator with the options in which it occurs more than once;
    `setting`, a number shared by the rows of one task at one cost and size (same samples);
    `setting_label`, its name; `seconds_per_run`, run seconds per run, NaN where the cell shared the
    machine, which is no timing; `relative_batch` and `relative_population`, the errors of one run
    (`abs_error_batch`, `abs_error_population`) over the true distance; `run_errors_batch` and
    `run_errors_population`, these errors run by run, in settings where a cell lost some of its
    runs; `relative_bias`, |bias_population| over the distance; `mean_cost` and
    `mean_cost_stderr`, W_p^p over runs, where it claims to bound that of the populations; and from
    the records `seed`, `key`, `started`, `environment`, `backend`, `estimator_version`,
    `truth_reference`.
    """
    found = cells(journal)
    table = error_table(journal) if table is None else table.copy()
    for name in ("seed", "key", "started", "environment", "backend", "estimator_version"):
        table[name] = [cell.record.get(name) for cell in found]
    table["truth_reference"] = [cell.distance.get("reference") for cell in found]
    table["variant"] = [cell.variant for cell in found]
    table["setting"] = [cell.setting for cell in found]
    table["setting_label"] = [cell.label for cell in found]
    claimed = [_claimed(cell) for cell in found]
    table["mean_cost"] = [mean_of(costs) for costs in claimed]
    table["mean_cost_stderr"] = [sd_of(costs) / math.sqrt(max(len(costs), 1)) for costs in claimed]
    number = ["failed", "runs", "run_seconds", "abs_error_batch", "abs_error_population",
              "bias_population", "truth_batch", "truth_population"]  # fmt: skip
    table = table.assign(**{name: pd.to_numeric(table[name]) for name in number})
    alone = [not cell.record.get("shared") for cell in found]
    table["seconds_per_run"] = (table["run_seconds"] / table["runs"]).where(alone)
    partly = set(table["setting"][(table["failed"] > 0) & (table["failed"] < table["runs"])])
    for truth in ("batch", "population"):
        table[f"run_errors_{truth}"] = pd.Series(
            [cell.errors(truth) if cell.setting in partly else None for cell in found],
            table.index, object,
        )  # fmt: skip
    table["relative_batch"] = table["abs_error_batch"] / _positive(table["truth_batch"])
    distance = _positive(table["truth_population"])
    table["relative_population"] = table["abs_error_population"] / distance
    table["relative_bias"] = table["bias_population"].abs() / distance
    return table


def _claimed(cell: Cell) -> np.ndarray:
    """The W_p^p of each run that claims to bound the distance of the populations."""
    record = cell.record
    claims = record.get("bound") in ("lower", "upper") and record.get("target") == "population"
    costs = cell.costs if claims else None
    return np.zeros(0) if costs is None else finite(costs.mean(axis=1))


def _positive(truth: pd.Series) -> pd.Series:
    """Truths that an error can be relative to; NaN at zero."""
    return truth.where(truth > 1e-9)
