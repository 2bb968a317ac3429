"""Claims of studies: statements that records decide, by one set of verdicts and words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wdist_bench.report.text.wording import shown
from wdist_bench.results.statistics import mean_interval

HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided"


@dataclass(frozen=True)
class Claim:
    """One statement and its outcome.

    Attributes:
        claim: what it says.
        verdict: holds, does not hold or undecided.
        numbers: what the verdict rests on.
        source: where it is stated; empty where it is our own.
        parts: the comparisons that it is made of, if it is no single one.
    """

    claim: str
    verdict: str
    numbers: str
    source: str = ""
    parts: tuple[Claim, ...] = ()


def claim(
    source: str, text: str, holds: Any, numbers: str, *rests_on: Any, fails: Any = False
) -> Claim:
    """A claim that numbers decide; undecided where one of those that it rests on is missing, but
    where those that are there decide against it alone (`fails`).
    """
    known = all(np.size(found) and not np.isnan(found).any() for found in rests_on)
    decided = HOLDS if bool(holds) else FAILS
    return Claim(text, FAILS if fails else decided if known else UNDECIDED, numbers, source)


def joint(text: str, parts: Iterable[Claim]) -> Claim:
    """A claim that holds where all its parts do, and fails where one does."""
    found = tuple(parts)
    kept = sum(part.verdict == HOLDS for part in found)
    verdict = conjunction(part.verdict for part in found)
    return Claim(text, verdict, f"{kept} of {len(found)} comparisons hold", parts=found)


def conjunction(verdicts: Iterable[str]) -> str:
    """Three-valued "and"; undecided where there is nothing to judge."""
    found = set(verdicts)
    if FAILS in found:
        return FAILS
    return HOLDS if found == {HOLDS} else UNDECIDED


def negation(verdict: str) -> str:
    """The verdict of the opposite claim; undecided stays undecided."""
    return {HOLDS: FAILS, FAILS: HOLDS}.get(verdict, UNDECIDED)


def opposite(parts: Iterable[Claim]) -> list[Claim]:
    """The claims that each of them is false."""
    return [Claim(f"not: {p.claim}", negation(p.verdict), p.numbers) for p in parts]


def not_run(text: str, why: str = "not run") -> Claim:
    """A comparison of a cell that gave no number: lost cells do not decide by being lost."""
    return Claim(text, UNDECIDED, why)


def paired(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The runs that both have: run i of either has the same seed."""
    common = min(len(first), len(second))
    return first[:common], second[:common]


def in_every_run(found: np.ndarray) -> str:
    """Whether something holds in every run, and not in none; undecided where in some."""
    if found.all():
        return HOLDS
    return UNDECIDED if found.any() else FAILS


def below(values: np.ndarray, threshold: float) -> str:
    """Whether a mean is below a threshold, by its interval over runs; NaN runs are left out."""
    _, low, high = mean_interval(values)
    if high < threshold:
        return HOLDS
    return FAILS if low >= threshold else UNDECIDED


def is_below(gap: np.ndarray, failed: tuple[int, int]) -> str:
    """Whether the mean of the first is below that of the second, by first - second in each run.

    NaN runs are left out, but nobody wins by runs that failed: so many of the first, of the second.
    """
    verdict = below(gap, 0)
    return UNDECIDED if {HOLDS: failed[0], FAILS: failed[1]}.get(verdict) else verdict


def verdict_table(claims: Iterable[Claim]) -> list[str]:
    """Lines of Markdown: a row a claim."""
    rows = [
        ({"source": one.source} if one.source else {})
        | {"claim": one.claim, "verdict": f"**{one.verdict}**", "numbers": one.numbers}
        for one in claims
    ]
    return table(rows)


def comparisons(claims: Iterable[Claim]) -> list[str]:
    """Lines of Markdown: a row a comparison of each claim."""
    return table(
        [
            {"claim": one.claim, "comparison": part.claim, "verdict": part.verdict,
             "numbers": part.numbers}
            for one in claims
            for part in one.parts
        ]
    )  # fmt: skip


def table(rows: list[dict[str, Any]], columns: Iterable[str] | None = None) -> list[str]:
    """Lines of Markdown, numbers with four digits; a sentence where there are no rows."""
    from tabulate import tabulate

    names = list(columns or dict.fromkeys(name for row in rows for name in row))
    if not rows:
        return ["Nothing to show yet.", ""]
    body = [[shown(row.get(name)) for name in names] for row in rows]
    return [*tabulate(body, names, "pipe", disable_numparse=True).splitlines(), ""]
