"""What a results folder says, in sentences: which estimator to trust for what."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from wdist_bench.estimate import NOT_RUN
from wdist_bench.report.comparing.leaderboard import (
    NULL,
    Standing,
    claims_the_batch,
    equal_populations,
    leaderboard,
    least_tasks,
)
from wdist_bench.report.text.wording import count, listed, percent, seconds, tally
from wdist_bench.results.statistics import LEVEL, holm

POOR = 0.5
"""Relative error of a run in the median setting above which a number is said to be no distance."""

_TARGET = {
    "population": "the distance of the two populations",
    "batch": "the exact value of the batches",
}


def refusals(table: pd.DataFrame) -> list[str]:
    """What was refused, each reason once."""
    refused = table[table["status"] == "refused"]
    counts = refused.groupby("message", sort=False).size()
    return [f"{count(cells, 'cell')}: {reason}." for reason, cells in counts.items()]


def verdicts(table: pd.DataFrame, compared: pd.DataFrame | None = None) -> list[str]:
    """Which estimator to trust for what, in sentences; every number is in the tables below.

    Args:
        table: of `labelled_table`.
        compared: of `comparison_table`, for what holds on each setting alone.
    """
    table = table[~table["status"].isin(NOT_RUN)]  # the others know little of their setting
    said = []
    for truth in ("population", "batch"):
        standings = leaderboard(table, truth)
        if standings and standings[0].tasks:
            text = headline(truth, standings)
            if compared is not None and len(compared):
                rows = compared[compared["against"] == truth]
                text += _alone(rows, standings[0].variant)
            text += _claim_it(table) * (truth == "batch")
            said.append(text)
    said += _nulls(table)
    said += _sampling(table)
    said += _bounds(table)
    said += _poor(table)
    return said


def headline(truth: str, standings: list[Standing]) -> str:
    """The leaderboard's first row in words, and whom it is told apart from."""
    first = standings[0]
    ranked = [standing for standing in standings if standing.tasks]
    tasks = count(first.tasks, "task")
    text = f"For {_TARGET[truth]}, **{first.variant}** comes closest (mean rank {first.rank:.1f} "
    text += f"of {len(ranked)} on {tasks}"
    if math.isfinite(first.relative_error):
        text += f"; error of a run {percent(first.relative_error)} of the distance in the median"
        text += f" setting, bias of the mean over runs {percent(first.relative_bias)}"
    if first.failed:
        text += f"; {first.failed} of its {first.runs} runs failed"
    timed = math.isfinite(first.seconds)
    text += f"; {seconds(first.seconds)} a run)." if timed else "; no timing)."
    apart = [s.variant for s in ranked[1:] if s.apart]
    close = [s.variant for s in ranked[1:] if not s.apart]
    needed = least_tasks(len(ranked))
    if not apart and first.tasks < needed:
        text += f" For what to expect on other tasks like these, {tasks} cannot tell "
        text += f"{len(ranked)} estimators apart: at least {needed} are needed."
    elif not apart:
        text += " The tasks do not tell it from any other: the order may be chance."
    elif not close:
        text += " On tasks like these every other one ranks lower beyond chance."
    else:
        text += f" On tasks like these it is told apart from {tally(apart)}; "
        text += f"not told apart from it: {tally(close)}."
    unranked = [s.variant for s in standings if not s.tasks]
    if unranked:
        text += f" Not ranked, for want of settings in common: {tally(unranked)}."
    return text


def _claim_it(table: pd.DataFrame) -> str:
    """Whose numbers are off by rounding only, if they are what they claim to be."""
    others = table[claims_the_batch(table) & (table["estimator"] != "exact")]
    names = list(dict.fromkeys(others["variant"]))
    return f" Not ranked, as claiming this value itself: {tally(names)}." if names else ""


def _alone(rows: pd.DataFrame, variant: str) -> str:
    """In how many settings it is closest, and in how many of those it is told apart from whom."""
    settings = rows["setting"].nunique()
    own = rows[rows["best_variant"] == variant]
    text = f" Taken one by one, it is closest in {own['setting'].nunique()} of "
    text += count(settings, "setting")
    won = own.loc[own["told_apart"], "other_variant"]
    if len(won):
        wins = won.value_counts(sort=False)
        beaten = listed([f"{other} in {times}" for other, times in wins.items()])
        return text + f", beyond the noise of runs than {beaten}."
    if len(own) and not (own["least_p"] < LEVEL).any():
        return text + "; the runs are too few to tell by one setting."
    return text + "."


def _nulls(table: pd.DataFrame) -> list[str]:
    """Settings whose two populations are the same."""
    null = table.loc[equal_populations(table), "setting"].nunique()
    if not null:
        return []
    return [
        f"In {count(null, 'setting')} the two populations are the same and their distance is 0. "
        "There the smallest number is closest, whatever it measures, so nothing is ranked against "
        "it; the tables have the errors."
    ]


def _sampling(table: pd.DataFrame) -> list[str]:
    """How far a perfect batch solver stays from the population."""
    numbers = table[["finite_sample_bias", "truth_population"]].apply(pd.to_numeric)
    first = numbers.groupby(table["setting"]).first()  # of the cells that have them
    truth = first["truth_population"][~equal_populations(first)]
    share = (first["finite_sample_bias"] / truth).dropna()
    if share.empty:
        return []
    low, middle, high = (percent(share.quantile(q), sign=True) for q in (0, 0.5, 1))
    return [
        f"Batches of this size are themselves {middle} (median; {low} to {high}) off the "
        "distance of the populations: an exact solver on a batch cannot do better than that."
    ]


_BOUNDS = [
    "variant", "setting_label", "bound", "target", "p", "bias_batch", "truth_batch", "mean_cost",
    "mean_cost_stderr", "truth_population", "truth_population_stderr", "runs", "failed",
]  # fmt: skip

_ROUNDING = 1e-5
"""Of a distance: float32 holds a bound or an exact value no better."""

BROKEN = LEVEL / 2
"""Pages, of those whose bounds all hold, that may call one broken: the tests have one side."""


def broken_bounds(table: pd.DataFrame) -> tuple[int, list[tuple[str, str]]]:
    """How many claims were checked, and which were broken beyond noise: variant and setting.

    A bound on the batch value, or its exact value, holds in every batch, so a mean beyond it by
    more than rounding breaks it. A bound on the distance of the populations holds in expectation,
    in W^p: Student's one-sided test of the mean over runs, with Holm's correction over all such
    cells.
    """
    claims = table["bound"].isin(["lower", "upper"]) | claims_the_batch(table)
    claimed = table.loc[claims, _BOUNDS].to_dict("records")
    checked = [(row, p) for row in claimed if not math.isnan(p := _chance(row))]
    tested = holm([math.nan if row["target"] == "batch" else p for row, p in checked])
    broken = [
        (str(row["variant"]), str(row["setting_label"]))
        for (row, p), adjusted in zip(checked, tested, strict=True)
        if (p if math.isnan(adjusted) else adjusted) < BROKEN
    ]
    return len(checked), broken


def _chance(row: dict[Any, Any]) -> float:
    """The probability of an estimate so far beyond a bound that is kept; NaN where nothing tells.

    Rounding and two standard errors of the distance itself are allowed for.
    """
    from scipy.special import stdtr

    if row["target"] == "batch":
        bias, room = float(row["bias_batch"]), _ROUNDING * row["truth_batch"]
        excess = {"lower": bias, "upper": -bias}.get(row["bound"], abs(bias))
        known = row["bound"] != "exact" or row["truth_batch"] > NULL  # 0 has no digits
        return float(excess <= room) if known and not math.isnan(excess) else math.nan
    sign = 1 if row["bound"] == "lower" else -1
    truth, error = np.float64(row["truth_population"]), float(row["mean_cost_stderr"])
    slack = 2 * float(row["truth_population_stderr"] or 0) + _ROUNDING * truth
    bound = np.maximum(truth + sign * slack, 0) ** row["p"]
    excess = sign * float(row["mean_cost"] - bound)
    if error == 0:
        return float(excess <= 0)
    return float(stdtr(row["runs"] - row["failed"] - 1, -excess / error))


def _bounds(table: pd.DataFrame) -> list[str]:
    """Whether lower bounds stayed below what they bound, upper bounds above, exact values there."""
    checked, broken = broken_bounds(table)
    if not checked:
        return []
    if not broken:
        return [f"All {checked} cells that claim a bound or the exact value kept it, within noise."]
    few = [f"{variant} on {setting}" for variant, setting in broken]
    names = tally(few if len(few) < 4 else [variant for variant, _ in broken])
    claims = f"{len(broken)} of {checked} claims of a bound or the exact value"
    return [f"{claims} were broken beyond noise: {names}."]


def _poor(table: pd.DataFrame) -> list[str]:
    """Estimators whose number is far from the target that they claim."""
    found = []
    for variant, rows in table.groupby("variant", sort=False):
        target = rows["target"].dropna()
        errors = rows[f"relative_{target.iloc[0]}"].dropna() if len(target) else target
        if len(errors) and errors.median() > POOR:
            found.append(f"{variant} ({percent(errors.median())})")
    if not found:
        return []
    return [
        "Do not read as a distance (error of a run against their own target, in the median "
        f"setting): {tally(found)}."
    ]
