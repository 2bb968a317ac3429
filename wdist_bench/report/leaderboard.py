"""Ranks of estimators over settings, and whether the first is told apart from the second."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from wdist_bench.bench.statistics import Interval, paired_difference, t_interval
from wdist_bench.estimate import NOT_RUN

TRUTHS = {"population": "bias_population", "batch": "abs_error_batch"}
"""What an error is measured against, and the column it is in."""

NULL = 1e-9
"""A distance of two laws below this is 0."""


@dataclass(frozen=True)
class Standing:
    """One estimator's place on the leaderboard.

    Attributes:
        variant: the estimator, with the options that tell it apart.
        bound: what its number claims to be, of `target`.
        target: "batch" or "population".
        rank: mean over settings of its rank by error, 1 the best; a cell without a number is last.
        interval: 95 % interval of the mean rank over settings, Student's t: how far the mean would
            move with other settings like these.
        settings: settings it was ranked in, against at least one other.
        relative_error: median over settings of error / true distance, where that is not zero.
        failed: runs without a number.
        runs: all runs.
        seconds: median seconds a run, without compilation.
    """

    variant: str
    bound: str
    target: str
    rank: float
    interval: Interval
    settings: int
    relative_error: float
    failed: int
    runs: int
    seconds: float


def leaderboard(table: pd.DataFrame, truth: str, bound: str = "") -> list[Standing]:
    """Standings from a labelled table, the best mean rank first.

    Args:
        table: of `labelled_table`.
        truth: "population" (error: |mean estimate - distance of the laws|) or "batch" (error:
            mean |estimate - exact value of that batch|).
        bound: rank only estimators that claim this bound; all where empty. Against the batch the
            solver `exact` is left out: it defines that truth.
    """
    ranked = ranks(table, truth, bound)
    standings = []
    for variant, rows in ranked.groupby("variant", sort=False):
        standings.append(
            Standing(
                str(variant),
                _first(rows["bound"]),
                _first(rows["target"]),
                float(rows["rank"].mean()),
                t_interval(rows["rank"].to_numpy()),
                len(rows),
                float(rows[f"relative_{truth}"].median()),
                int(rows["failed"].sum()),
                int(rows["runs"].sum()),
                float(rows["seconds"].median()),
            )
        )
    return sorted(standings, key=lambda standing: standing.rank)


def ranks(table: pd.DataFrame, truth: str, bound: str = "") -> pd.DataFrame:
    """The rows that can be ranked, with their `rank` within the setting; ties share the mean.

    Equal laws are not ranked against their distance 0: there the smallest number wins, whatever
    it measures.
    """
    error = pd.to_numeric(table[TRUTHS[truth]]).abs()
    known = pd.to_numeric(table[f"truth_{truth}"]).notna()
    if truth == "population":
        known &= ~equal_laws(table)
    rows = table.assign(error=error.fillna(math.inf))[known & ~table["status"].isin(NOT_RUN)]
    if bound:
        rows = rows[rows["bound"] == bound]
    if truth == "batch":
        rows = rows[rows["estimator"] != "exact"]
    grouped = rows.groupby("setting")["error"]
    rows = rows.assign(rank=grouped.rank(), rivals=grouped.transform("size"))
    return rows[rows["rivals"] > 1]


def equal_laws(table: pd.DataFrame) -> pd.Series:
    """Whether the two laws of a row are known to be the same."""
    return pd.to_numeric(table["truth_population"]).abs() < NULL


def not_told_apart(table: pd.DataFrame, truth: str, first: str) -> list[str]:
    """Variants whose rank is not beyond noise worse than that of `first`, settings paired."""
    ranked = ranks(table, truth)
    wide = ranked.pivot_table(index="setting", columns="variant", values="rank", sort=False)
    close = []
    for other in wide.columns.drop(first):
        both = wide[[first, other]].dropna()
        gap = paired_difference(both[other], both[first])
        if not gap.interval[0] > 0:
            close.append(str(other))
    return close


def _first(values: pd.Series) -> str:
    known = values.dropna()
    return str(known.iloc[0]) if len(known) else ""
