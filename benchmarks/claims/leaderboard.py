"""How often equal estimators are told apart: on leaderboards, and in the settings of a folder.

Equal estimators are exchangeable in every setting: which of them suits a task is chance, and so is
the noise of runs, which they share through the samples. Each line draws results folders of such
estimators and counts those in which any two are told apart, beside its Clopper-Pearson
band (95 %). No share may be above 5 % by the band that holds for all lines at once. A last part
says how good one better estimator must be.

    python benchmarks/claims/leaderboard.py --tables 200 --out results/claims/leaderboard.csv
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from wdist_bench.report.comparing.comparisons import comparison_table
from wdist_bench.report.comparing.leaderboard import equality, rows_to_rank
from wdist_bench.report.tables.cells import cells
from wdist_bench.report.tables.settings import names
from wdist_bench.results.journal import Journal, pack
from wdist_bench.results.statistics import LEVEL

Law = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
LAWS: dict[str, Law] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "heavy (t, 1.5)": lambda rng, shape: rng.standard_t(1.5, size=shape),
    "skewed (log-normal)": lambda rng, shape: rng.lognormal(0, 1.5, size=shape),
    "ties (0 or 1)": lambda rng, shape: rng.integers(0, 2, size=shape).astype(float),
}
SHAPES = ((2, 6), (5, 8), (14, 16))  # estimators, tasks
NOISES = ((2, 1.0), (20, 1.0), (20, 0.0))  # runs, sd of what suits a task over that of a run


def folder(
    rng: np.random.Generator,
    estimators: int,
    tasks: int,
    runs: int,
    law: Law,
    suits: float,
    failing: float = 0.05,
    better: float = 1.0,
) -> Journal:
    """Results of equal estimators; the first one's errors times `better`."""
    cells, truths = {}, {}
    for t in range(tasks):
        scale = np.exp(2 * rng.normal())  # every task has a scale of its own
        shared = scale * rng.normal(size=(runs, 1))  # and every run its samples
        truths[f"truth{t}"] = {"costs": pack(10 * scale + np.abs(shared))}
        for k in range(estimators):
            level = suits * law(rng, (1, 1))
            errors = scale * (level + law(rng, (runs, 1))) + shared
            errors[rng.random((runs, 1)) < failing] = np.nan
            costs = 10 * scale + errors * (better if k == 0 else 1)
            cells[f"{t}/{k}"] = {
                "type": "cell", "key": f"{t}/{k}", "task": f"task{t}", "task_parameters": {},
                "task_options": {}, "estimator": f"e{k}", "estimator_parameters": {},
                "estimator_options": {}, "p": 1, "norm": "l2", "n": 64, "runs": runs, "seed": 0,
                "protocol": "stream", "family": "", "dataset": "", "dim": 2, "critic": "",
                "target": "population", "bound": "none", "status": "ok", "message": "", "steps": 0,
                "failed": int(np.isnan(costs).sum()), "costs": pack(costs), "run_seconds": 1.0,
                "compile_seconds": 0.0, "truth_key": f"truth{t}",
                "truth_population": {
                    "value": 10 * scale, "stderr": 0.0, "kind": "closed-form", "reference": "",
                },
            }  # fmt: skip
    return Journal(cells=cells, truths=truths, plan={"keys": list(cells)})


def on_leaderboard(journal: Journal) -> list[tuple[str, str]]:
    """Pairs (better, worse) told apart on the leaderboard of the population.

    The columns that it reads of `labelled_table`, without the bootstrap intervals of the rest.
    """
    records = journal.planned()
    table = names(records)
    for name in ("task", "estimator", "bound", "target", "status", "failed", "runs"):
        table[name] = [record[name] for record in records]
    table["task_parameters"] = "{}"
    table["truth_population"] = [record["truth_population"]["value"] for record in records]
    off = [cell.errors("population") for cell in cells(journal)]
    failed = table["setting"].isin(table["setting"][table["failed"] > 0])
    table["run_errors_population"] = pd.Series(
        [errors if some else None for errors, some in zip(off, failed, strict=True)], dtype=object
    )
    table["abs_error_population"] = [
        e[np.isfinite(e)].mean() if np.isfinite(e).any() else np.nan for e in off
    ]
    p_values = equality(rows_to_rank(table, "population"))
    return [pair for pair, p in p_values.items() if p < LEVEL]


def in_settings(journal: Journal) -> bool:
    """Whether any two are told apart in any setting, against the population."""
    compared = comparison_table(journal)
    return bool(compared.loc[compared["against"] == "population", "told_apart"].any())


def line(said: str, what: str, count: int, tables: int, **rest: object) -> dict[str, object]:
    """One row: the share with its Clopper-Pearson band."""
    band = binomtest(count, tables).proportion_ci(0.95, "exact")
    row = rest | {"statement": said, "what": what, "tables": tables, "told_apart": count}
    return row | {"share": count / tables, "low": round(band.low, 4), "high": round(band.high, 4)}


def judge(equal: pd.DataFrame, count: str, total: str) -> None:
    """Say whether any share is above the level, at 95 % for all lines together; exit 1 if so."""
    confidence = 1 - 0.05 / len(equal)
    above = sum(
        binomtest(int(k), int(n)).proportion_ci(confidence, "exact").low > LEVEL
        for k, n in zip(equal[count], equal[total], strict=True)
    )
    pooled = equal[count].sum() / equal[total].sum()
    print(
        f"{above} of {len(equal)} shares of false alarms are above 5 %; all together {pooled:.1%}"
    )
    if above:
        raise SystemExit(1)


def main() -> None:
    """Simulate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("results/claims/leaderboard.csv"))
    options = parser.parse_args()
    rows = []
    for name, law in LAWS.items():
        for estimators, tasks in SHAPES:
            for runs, suits in NOISES:
                shape = {"estimators": estimators, "tasks": tasks, "runs": runs, "law": name}
                rng = np.random.default_rng([estimators, tasks, runs, int(suits), len(rows)])
                boards = settings = 0
                looked = options.tables if estimators < 10 else -(-options.tables // 8)
                for i in range(options.tables):
                    journal = folder(rng, estimators, tasks, runs, law, suits)
                    boards += bool(on_leaderboard(journal))
                    settings += i < looked and not suits and in_settings(journal)
                counts = [("leaderboard", boards, options.tables)]
                if not suits:  # else they do differ in a setting
                    counts.append(("any setting", settings, looked))
                for said, count, total in counts:
                    rows.append(line(said, "equal", count, total, suits=suits, better=1.0) | shape)
    for tasks in (8, 12, 16):
        for better in (0.5, 0.25, 0.1):
            rng = np.random.default_rng([tasks, int(100 * better)])
            count = 0
            for _ in range(options.tables):
                journal = folder(rng, 5, tasks, 4, LAWS["normal"], 1.0, 0.0, better)
                pairs = on_leaderboard(journal)
                count += sum(pair[0] == "e0" for pair in pairs) == 4
            shape = {"estimators": 5, "tasks": tasks, "runs": 4, "law": "normal"}
            what = "first better, told apart from all others"
            rows.append(
                line("leaderboard", what, count, options.tables, suits=1.0, better=better) | shape
            )
    table = pd.DataFrame(rows)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out, index=False, lineterminator="\n")
    print(table.to_string(index=False))
    judge(table[table["what"] == "equal"], "told_apart", "tables")


if __name__ == "__main__":
    main()
