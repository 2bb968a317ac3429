"""Ranks of estimators over settings, and which of them are told apart on tasks like these.

The unit is the task: a pair of populations with its parameters counts once, at however many costs,
sizes and seeds it was measured. A statement is about tasks like those of the suite, so an estimator
that is better on a few of them by chance is not told apart from its equals, however small the noise
of its runs is; what holds on one setting alone is in `comparisons.py`. The error of a sampled truth
is noise of its task, which favours nobody.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from wdist_bench.estimate import NOT_RUN
from wdist_bench.results.rearrangements import sign_flips
from wdist_bench.results.statistics import LEVEL, holm

NULL = 1e-9
"""A distance of two populations below this is 0."""

TRUTHS = ("population", "batch")
"""What an error is measured against."""


@dataclass(frozen=True)
class Standing:
    """One estimator's place on the leaderboard.

    Attributes:
        variant: the estimator, with the options that tell it apart.
        bound: what its number claims to be, of `target`.
        target: "batch" or "population".
        rank: mean over tasks of its rank by error, 1 the best, where runs failed any two by the
            runs that both have; a cell that ran and gave no number is last, one that raised or was
            stopped too. NaN where it was run in too few of the settings to be ranked.
        tasks: tasks it was ranked on: those where all the ranked were run.
        settings: settings of these tasks; where it is not ranked, those it was run in.
        p_value: that it and the first are equal on tasks like these: sign flips of whole tasks,
            Holm's over all pairs of the leaderboard; NaN for the first and for who is not ranked.
        apart: whether it ranks lower than the first beyond chance, `p_value` below .05.
        relative_error: median over settings of the error of one run / true distance, where that is
            not zero: the mean over runs of |estimate - truth|.
        relative_bias: the same of |mean over runs of the estimate - truth|.
        failed: runs without a number.
        runs: all runs.
        seconds: median seconds a run, without compilation, of cells that had the machine for
            themselves; NaN where none had.
    """

    variant: str
    bound: str
    target: str
    rank: float
    tasks: int
    settings: int
    p_value: float
    apart: bool
    relative_error: float
    relative_bias: float
    failed: int
    runs: int
    seconds: float


def leaderboard(table: pd.DataFrame, truth: str, bound: str = "") -> list[Standing]:
    """Standings from a labelled table, the best mean rank first, who cannot be ranked last.

    Ranked are the estimators that were run in at least half of the settings, on the settings that
    all of them share; who shares the most settings is taken in first.

    Args:
        table: of `labelled_table`.
        truth: "population" or "batch". The error is the mean over runs of |estimate - truth|; of
            the population |mean estimate - truth| where a table has no errors of runs.
        bound: rank only estimators that claim this bound; all where empty. Against the batch
            who claims its exact value is left out: what is left of its error is rounding.
    """
    rows = rows_to_rank(table, truth, bound)
    ranked = _ranked(rows)
    means = ranked.groupby(["variant", "task_unit"], sort=False)["rank"].mean()
    mean_ranks = means.groupby("variant", sort=False).mean()
    order = list(mean_ranks.sort_values(kind="stable").index)
    p_values = equality(rows)
    standings = []
    own_rows = dict(list(rows.groupby("variant", sort=False)))
    ranked_rows = dict(list(ranked.groupby("variant", sort=False)))
    for variant in [*order, *(v for v in own_rows if v not in mean_ranks.index)]:
        own = own_rows[variant]
        there = ranked_rows.get(variant, own.iloc[:0])
        shown = there if len(there) else own
        behind = p_values.get((order[0], variant), math.nan) if order else math.nan
        ahead = p_values.get((variant, order[0]), math.nan) if order else math.nan
        standings.append(
            Standing(
                variant=str(variant),
                bound=_first(own["bound"]),
                target=_first(own["target"]),
                rank=float(mean_ranks.get(variant, math.nan)),
                tasks=int(there["task_unit"].nunique()),
                settings=len(shown),
                p_value=ahead if math.isnan(behind) else behind,
                apart=behind < LEVEL,
                relative_error=_median(shown["relative_error"]),
                relative_bias=_median(shown["relative_bias"]),
                failed=int(own["failed"].sum()),
                runs=int(own["runs"].sum()),
                seconds=_median(own["seconds_per_run"]),
            )
        )
    return standings


def _median(values: pd.Series) -> float:
    """Of the numbers that are there, NaN where none is."""
    return float(values.dropna().median())


def _ranked(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that are ranked, with their `rank` within the setting; ties share the mean.

    Only settings where all the ranked were run. Equal populations are not ranked against their
    distance 0: there the smallest number wins, whatever it measures.
    """
    variants, settings = _shared(rows)
    rows = rows[rows["variant"].isin(variants) & rows["setting"].isin(settings)]
    return rows.assign(rank=_ranks(rows))


def _ranks(rows: pd.DataFrame) -> pd.Series:
    """The place of each row within its setting, by the mean error over runs; ties share the mean.

    Where one of two lost runs they are compared on those that both have: who gives no number where
    it is hard has the smaller mean.
    """
    ranks = rows.groupby("setting")["error"].rank()
    partly = rows["setting"].isin(rows["setting"][rows["run_errors"].notna()])
    for _, here in rows[partly].groupby("setting"):
        contest = list(zip(here["error"], here["run_errors"], strict=True))
        ranks[here.index] = [0.5 + sum(_behind(one, other) for other in contest) for one in contest]
    return ranks


def _behind(one: tuple[float, Any], other: tuple[float, Any]) -> float:
    """1 where the other one is closer, 0.5 where neither is (itself, say), else 0."""
    gap = one[0] - other[0] if one[0] != other[0] else 0.0
    runs = min(0 if errors is None else len(errors) for _, errors in (one, other))
    if runs and any(np.isnan(errors).any() for _, errors in (one, other)):
        gaps = one[1][:runs] - other[1][:runs]
        gap = float(np.nansum(gaps)) if np.isfinite(gaps).any() else gap
    return 0.5 + 0.5 * float(np.sign(gap))


def equality(rows: pd.DataFrame) -> dict[tuple[str, str], float]:
    """P-values that two ranked estimators are equal on tasks like these; (better, worse) -> p.

    Equal means exchangeable on every task: who comes first is chance there, whether by the noise
    of runs or by what suits the task. Then swapping the two on whole tasks changes nothing: sign
    flips of the mean difference of their ranks, over the tasks that both were run on, with Holm's
    correction over all pairs. So at most 5 % of leaderboards tell any two equal ones apart. Ranks
    within a setting count all of the ranked that were run there. `rows` are of `rows_to_rank`.
    """
    variants, _ = _shared(rows)
    rows = rows[rows["variant"].isin(variants)]
    if rows.empty:
        return {}
    rows = rows.assign(rank=_ranks(rows))
    wide = rows.pivot_table("rank", ["task_unit", "setting"], "variant", sort=False)
    pairs = list(itertools.combinations(variants, 2))
    gaps = np.column_stack([wide[a] - wide[b] for a, b in pairs])
    by_task = pd.DataFrame(gaps, wide.index).groupby(level=0).mean().to_numpy()
    adjusted = holm(sign_flips(by_task).single)
    behind = np.nansum(by_task, axis=0)  # above 0 where the first of the pair ranks lower
    return {
        (b, a) if gap > 0 else (a, b): float(p)
        for (a, b), gap, p in zip(pairs, behind, adjusted, strict=True)
    }


def least_tasks(estimators: int) -> int:
    """Tasks below which no two of so many estimators can be told apart, whatever they measured."""
    pairs = estimators * (estimators - 1) / 2
    return 1 + math.ceil(math.log2(max(pairs, 1) / LEVEL))


def claims_the_batch(cells: pd.DataFrame | dict[str, Any]) -> Any:
    """Whether a number claims to be the exact value of its batch, of a record or of every row."""
    return (cells["bound"] == "exact") & (cells["target"] == "batch")


def equal_populations(table: pd.DataFrame) -> pd.Series:
    """Whether the two populations of a row are known to be the same."""
    return pd.to_numeric(table["truth_population"]).abs() < NULL


_NEEDED = (
    "variant", "setting", "task", "task_parameters", "estimator", "bound", "target", "status",
    "failed", "runs", "seconds_per_run",
)  # fmt: skip


def rows_to_rank(table: pd.DataFrame, truth: str, bound: str = "") -> pd.DataFrame:
    """Rows with something to rank against and a rival, in the order of the table."""
    value = _truths(table, truth)
    bias = pd.to_numeric(table.get(f"bias_{truth}", value * math.nan)).abs()
    error = pd.to_numeric(table.get(f"abs_error_{truth}", bias)).fillna(bias)
    known = value.notna()
    if truth == "population":
        known &= ~(value.abs() < NULL)
    scale = value.where(value > NULL)
    task = ["task", "task_parameters"] if {"task", "task_parameters"} <= set(table) else ["setting"]
    rows = table[[name for name in _NEEDED if name in table]].assign(
        error=error.fillna(math.inf),
        run_errors=table.get(f"run_errors_{truth}"),
        relative_error=error / scale,
        relative_bias=bias / scale,
        task_unit=table.groupby(task, sort=False, dropna=False).ngroup(),
    )[known & ~table["status"].isin(NOT_RUN)]
    if bound:
        rows = rows[rows["bound"] == bound]
    if truth == "batch":
        rows = rows[~claims_the_batch(rows)]
    numbers = rows["error"].map(math.isfinite).groupby(rows["setting"])
    rows = rows[numbers.transform("any").astype(bool)]  # where all failed nobody is closest
    return rows[rows.groupby("setting")["variant"].transform("nunique") > 1]


def _truths(table: pd.DataFrame, truth: str) -> pd.Series:
    """The truth of each row; its setting's where the cell lost all of its runs, and so its own."""
    own = pd.to_numeric(table[f"truth_{truth}"])
    lost = pd.to_numeric(table["failed"]) >= pd.to_numeric(table["runs"])
    return own.fillna(own.groupby(table["setting"]).transform("first").where(lost))


def _shared(rows: pd.DataFrame) -> tuple[list[str], set[int]]:
    """Who is ranked, in the order of the table, and the settings that they share."""
    ran = {str(v): set(own["setting"]) for v, own in rows.groupby("variant", sort=False)}
    most = max(map(len, ran.values()), default=0)
    for least in (most / 2, 1):  # where nobody shares half with another, what two share at all
        taken: list[str] = []
        shared: set[int] = set()
        for variant in sorted(ran, key=lambda v: -len(ran[v])):
            common = shared & ran[variant] if taken else ran[variant]
            if len(common) >= least:
                taken.append(variant)
                shared = common
        if len(taken) > 1:
            break
    chosen = set(taken)
    return [variant for variant in ran if variant in chosen], shared


def _first(values: pd.Series) -> str:
    known = values.dropna()
    return str(known.iloc[0]) if len(known) else ""
