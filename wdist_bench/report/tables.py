"""The error table: one row per cell, from the journal alone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from wdist_bench.costs.powers import roots
from wdist_bench.report.published import published, sds_from_paper
from wdist_bench.results.columns import COLUMNS, NUMBER
from wdist_bench.results.journal import Journal, failed_runs, run_costs, unpack
from wdist_bench.results.statistics import bias_and_rmse, summarize

# Columns that say on which samples a row was measured: a task at one cost and size.
SETTING = ["task", "task_parameters", "p", "norm", "n", "protocol"]
_MISSING = {column.name: math.nan for column in COLUMNS if column.kind == NUMBER}
"""Numbers are NaN, not None, where a record has nothing: cells that were lost or skipped."""

_OWN = ("lower", "upper", "stderr")
"""What the answers of a cell said of themselves, one number a run."""


def error_table(journal: Journal) -> pd.DataFrame:
    """One row per task x estimator cell of the last suite, in its order, means over runs of W_p."""
    columns: dict[str, list[Any]] = {column.name: [] for column in COLUMNS}
    for record in journal.planned():
        if "estimator" in record:
            row = _row(record, journal)
            for name, values in columns.items():
                values.append(row[name])
    return pd.DataFrame(columns)


def method_labels(rows: pd.DataFrame, by_setting: bool = False) -> list[str]:
    """The estimator of each row, with its critic and steps where these tell rows apart.

    The critic is named where it is not the usual one, the MLP; the steps of trained estimators
    where some task has the same estimator and critic twice, or, `by_setting`, the row's own has.
    """
    with_steps = rows.duplicated([*SETTING, "estimator", "critic"], keep=False)
    if not by_setting:
        same = [rows["estimator"], rows["critic"]]
        with_steps = with_steps.groupby(same, dropna=False).transform("any")
    columns = zip(rows["estimator"], rows["critic"], rows["steps"], with_steps, strict=True)
    return [_method_label(*values) for values in columns]


def _method_label(estimator: str, critic: Any, steps: float, with_steps: bool) -> str:
    usual = pd.isna(critic) or critic in ("", "mlp")
    said = [] if usual else [str(critic)]
    if with_steps and steps > 0:
        said.append(f"{steps:.0f} steps")
    return estimator + (f" [{', '.join(said)}]" if said else "")


def task_label(row: pd.Series | Mapping[str, Any]) -> str:
    """What distinguishes a task in a heading or a panel title."""
    options = json.loads(row["task_options"]) if pd.notna(row["task_options"]) else {}
    shown = row["dataset"] or ", ".join(f"{name} {value}" for name, value in options.items())
    name = row["task"] + (f" ({shown})" if shown else "")
    where = "" if pd.isna(row["dim"]) or "dim" in options else f", dim {int(row['dim'])}"
    norm = "" if row["norm"] == "l2" else f", {row['norm']} norm"
    how = "" if row["protocol"] == "stream" else f", {row['protocol']}"
    return f"{name}{where}, W{row['p']}{norm}, n = {row['n']}{how}"


def root(cost: np.ndarray, p: float) -> np.ndarray:
    """W_p from W_p^p; a negative lower bound on a cost gives 0 for p > 1."""
    return roots(cost, p)


def _row(record: dict[str, Any], journal: Journal) -> dict[str, Any]:
    row: dict[str, Any] = {column.name: record.get(column.name) for column in COLUMNS}
    row |= {name: nan for name, nan in _MISSING.items() if row[name] is None}
    row |= {name: _mean(record[name]) for name in _OWN if record.get(name)}
    row["width"] = row["upper"] - row["lower"]
    row["task_parameters"] = json.dumps(record["task_parameters"], sort_keys=True)
    row["estimator_parameters"] = json.dumps(record["estimator_parameters"], sort_keys=True)
    row["task_options"] = json.dumps(record["task_options"])
    costs = run_costs(record) if record.get("costs") else None
    row["failed"] = failed_runs(record, costs)
    row |= published(record)
    population = record.get("truth_population")
    if population is not None:
        row["truth_population"] = population["value"]
        row["truth_population_stderr"] = population["stderr"]
        row["truth_kind"] = population["kind"]
    truth = journal.truths.get(record.get("truth_key", ""))
    if costs is not None and truth is not None:
        row |= errors(
            costs,
            unpack(truth["costs"]),
            record["p"],
            math.nan if population is None else population["value"],
        )
    if not math.isnan(row["paper_sd"]):
        row["paper_sds"] = sds_from_paper(
            row["abs_error_batch"], row["paper_error"], row["paper_sd"]
        )
    for name in ("gradient_cosine", "gradient_l2"):
        if record.get(name) is not None:
            values = unpack(record[name])
            row[name] = float(values.mean())
            row[f"{name}_sd"] = float(values.std(ddof=1)) if values.size > 1 else math.nan
    return row


def _mean(packed: list[float | None]) -> float:
    """Over the runs that have a number; NaN where none has."""
    found = unpack(packed)
    found = found[np.isfinite(found)]
    return float(found.mean()) if found.size else math.nan


def errors(costs: np.ndarray, truths: np.ndarray, p: float, population: float) -> dict[str, float]:
    """The error columns from (runs, eval_batches) costs W_p^p.

    A run's estimate is the root of its mean cost; runs with a failed evaluation are left out
    (and counted in `failed`). `abs_error_batch` is the mean over all evaluation batches of
    |estimate - exact value of that batch|, its sd over the same batches, as in the papers.
    `abs_error_population` is the mean over runs of |estimate of the run - distance of the
    populations| with its sd over runs: what one run is off, where `bias_population` is what their
    mean is off.
    """
    truth_runs = root(truths.mean(axis=1), p)
    whole = np.isfinite(costs).all(axis=1)
    answer = {
        "truth_batch": float(truth_runs.mean()),
        "finite_sample_bias": float(truth_runs.mean()) - population,
    }
    if not whole.any():
        return answer
    runs = root(costs[whole].mean(axis=1), p)
    gaps = np.abs(root(costs[whole], p) - root(truths[whole], p))
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
        "abs_error_batch_sd": float(gaps.std(ddof=1)) if gaps.size > 1 else math.nan,
        "abs_error_population": float(off.mean()),
        "abs_error_population_sd": float(off.std(ddof=1)) if off.size > 1 else math.nan,
    }
