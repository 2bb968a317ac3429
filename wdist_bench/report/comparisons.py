"""Which estimator is closest to the truth on a task, and which of the others it is told apart from.

The error of a run is compared, run by run on the same samples: against "batch", the mean over its
evaluation batches of |estimate - exact value of that batch|; against "population", |estimate of the
run - distance of the two laws|, but for equal laws: there the smallest number wins, whatever it
measures. The estimator with the smallest mean error is compared with every other one. It was chosen
by the same runs, so its p-values are Holm's over all pairs of the task, not only over those shown.
"""

from __future__ import annotations

import itertools
import json
import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from wdist_bench.bench.journal import Journal, unpack
from wdist_bench.bench.statistics import Difference, holm, paired_difference
from wdist_bench.report.leaderboard import NULL
from wdist_bench.report.tables import root

GROUP = ("task", "task_parameters", "p", "norm", "n")
COLUMNS = (
    "task", "dataset", "dim", "p", "norm", "n", "against", "best", "best_options", "best_error",
    "other", "other_options", "other_error", "runs", "failed", "difference", "ci_low", "ci_high",
    "p_value", "p_holm", "task_parameters",
)  # fmt: skip


class Contestant(NamedTuple):
    """One estimator of a task: its record and its error in every run, NaN where it failed."""

    record: dict[str, Any]
    errors: np.ndarray


def comparison_table(journal: Journal) -> pd.DataFrame:
    """The best estimator of each task against each other one; empty where there is only one."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for record in journal.planned():
        if "estimator" in record and "costs" in record:
            key = tuple(json.dumps(record[name], sort_keys=True) for name in GROUP)
            groups.setdefault(key, []).append(record)
    rows = []
    for records in groups.values():
        for against in ("batch", "population"):
            rows += _rows(against, _contestants(against, records, journal))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _contestants(against: str, records: list[dict[str, Any]], journal: Journal) -> list[Contestant]:
    """Those with an error in at least two runs. The exact value of a batch has none to compare."""
    found = []
    for record in records:
        if against == "batch":
            exact = record["bound"] == "exact" and record["target"] == "batch"
            truth = journal.truths.get(record.get("truth_key", ""))
            errors = None if exact or truth is None else batch_errors(record, truth)
        else:
            errors = population_errors(record)
        if errors is not None and np.isfinite(errors).sum() > 1:
            found.append(Contestant(record, errors))
    return found


def batch_errors(record: dict[str, Any], truth: dict[str, Any]) -> np.ndarray:
    """(runs,) mean |W_p - exact W_p| over the evaluation batches of a run."""
    p = record["p"]
    return np.abs(root(unpack(record["costs"]), p) - root(unpack(truth["costs"]), p)).mean(axis=1)


def population_errors(record: dict[str, Any]) -> np.ndarray | None:
    """(runs,) |W_p of the run - population W_p|; None where the latter is not known, or 0."""
    truth = record.get("truth_population")
    if truth is None or abs(truth["value"]) < NULL:
        return None
    return np.abs(root(unpack(record["costs"]).mean(axis=1), record["p"]) - truth["value"])


def _rows(against: str, contestants: list[Contestant]) -> list[dict[str, Any]]:
    if len(contestants) < 2:
        return []
    means = [float(np.nanmean(contestant.errors)) for contestant in contestants]
    best = int(np.argmin(means))
    pairs = list(itertools.combinations(range(len(contestants)), 2))
    differences = [_difference(contestants[b], contestants[a]) for a, b in pairs]
    adjusted = holm([difference.p_value for difference in differences])
    rows = []
    for (a, b), difference, p_holm in zip(pairs, differences, adjusted, strict=True):
        if best in (a, b):
            other = b if best == a else a
            rows.append(
                _row(
                    against,
                    contestants[best],
                    means[best],
                    contestants[other],
                    means[other],
                    difference if best == a else _mirrored(difference),
                    float(p_holm),
                )
            )
    return rows


def _difference(first: Contestant, second: Contestant) -> Difference:
    """Over the runs that both have: run i sees the same samples however many runs follow."""
    common = min(len(first.errors), len(second.errors))
    return paired_difference(first.errors[:common], second.errors[:common])


def _mirrored(difference: Difference) -> Difference:
    low, high = difference.interval
    return Difference(
        difference.runs, difference.failed, -difference.mean, (-high, -low), difference.p_value
    )


def _row(
    against: str,
    best: Contestant,
    best_error: float,
    other: Contestant,
    other_error: float,
    difference: Difference,
    p_holm: float,
) -> dict[str, Any]:
    record = best.record
    shared = {name: record.get(name) for name in ("task", "dataset", "dim", "p", "norm", "n")}
    return shared | {
        "against": against,
        "best": record["estimator"],
        "best_options": json.dumps(record["estimator_options"]),
        "best_error": best_error,
        "other": other.record["estimator"],
        "other_options": json.dumps(other.record["estimator_options"]),
        "other_error": other_error,
        "runs": difference.runs,
        "failed": difference.failed,
        "difference": difference.mean,
        "ci_low": difference.interval[0],
        "ci_high": difference.interval[1],
        "p_value": difference.p_value,
        "p_holm": p_holm,
        "task_parameters": json.dumps(record["task_parameters"], sort_keys=True),
    }


def sentences(comparisons: pd.DataFrame) -> list[str]:
    """One sentence per truth of a task, for people; `comparisons` are the rows of one task."""
    return [
        _sentence(str(against), rows)
        for against, rows in comparisons.groupby("against", sort=False)
    ]


def _sentence(against: str, rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    names = _names(rows)
    said = f"Closest to the {against} truth, paired by run: **{names[-1]}** "
    said += f"({first['best_error']:.3g}); behind it "
    parts = []
    for name, (_, row) in zip(names, rows.iterrows(), strict=False):
        interval = f"[{row['ci_low']:.3g}, {row['ci_high']:.3g}]"
        level = "p < 1e-4" if row["p_holm"] < 1e-4 else f"p = {row['p_holm']:.2g}"
        apart = "" if row["p_holm"] < 0.05 else ", not told apart"
        if math.isnan(row["p_holm"]):
            level, apart = "too few common runs", ""
        parts.append(f"{name} by {row['difference']:.3g} {interval} ({level}{apart})")
    return said + ", ".join(parts) + "."


def _names(rows: pd.DataFrame) -> list[str]:
    """The others in order, then the best; with options where a name occurs twice."""
    named = list(zip(rows["other"], rows["other_options"], strict=True))
    named.append((rows.iloc[0]["best"], rows.iloc[0]["best_options"]))
    every = [name for name, _ in named]
    return [
        f"{name} {_options(options)}" if every.count(name) > 1 else name for name, options in named
    ]


def _options(text: str) -> str:
    options = json.loads(text)
    shown = ", ".join(f"{name} {value}" for name, value in options.items())
    return f"[{shown}]"
