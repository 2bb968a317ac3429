"""Two results folders side by side as one HTML page: leaderboards, and every cell they share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wdist_bench.folders import write
from wdist_bench.report.compare import Comparison
from wdist_bench.report.comparing.changes import Change
from wdist_bench.report.comparing.leaderboard import TRUTHS, Standing, leaderboard
from wdist_bench.report.page.page import template_text, templates
from wdist_bench.report.results import Results
from wdist_bench.report.tables.settings import named, variants_of_all
from wdist_bench.report.text.wording import number, p_value, percent

VERDICTS = ("regression", "improvement", "not testable", "unchanged")
_FLOOR = 1e-4
"""Errors below this share of the distance stand at the left end of the axis."""


@dataclass(frozen=True)
class Line:
    """One cell before and after, as the page shows it.

    Attributes:
        change: what became of it.
        errors: its two errors in words, as shares of the distance where it has one.
        places: where the two dots stand on the shared axis, in percent of its width; None where
            there is none.
        moved: the change with its interval, in words.
        p_value: in words, empty where nothing was tested.
    """

    change: Change
    errors: tuple[str, str]
    places: tuple[float | None, float | None]
    moved: str
    p_value: str


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis that all rows share, in shares of the distance."""

    low: int
    high: int

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Place in percent and label of every decade."""
        decades = range(self.low, self.high + 1)
        return [(self.at(10.0**k), f"{100 * 10.0**k:g}\u00a0%") for k in decades]

    def at(self, share: float) -> float:
        """Place in percent of the width."""
        along = (math.log10(max(share, _FLOOR)) - self.low) / (self.high - self.low)
        return round(2 + 96 * min(1.0, max(0.0, along)), 2)


def write_compare_page(path: Path, folders: tuple[Path, Path], found: Comparison) -> Path:
    """Write the page of two folders and of what `compare` found in them.

    Args:
        path: of the file to write.
        folders: A, the baseline, and B, the candidate.
        found: what `compare(A, B)` gave.
    """
    results = [Results(folder) for folder in folders]
    axis = _axis(found)
    lines = [_line(change, axis) for verdict in VERDICTS for change in found.verdict(verdict)]
    html = templates().get_template("compare.html").render(
        names=[folder.name or str(folder) for folder in folders],
        titles=[one.journal.plan["title"] for one in results],
        hardware=found.hardware,
        speed=found.speed_in_words,
        boards={truth: _boards(results, truth) for truth in TRUTHS},
        lines=lines,
        counts=[(verdict, len(found.verdict(verdict))) for verdict in VERDICTS],
        only=(found.only_a, found.only_b),
        ticks=axis.ticks,
        style=template_text("page.css"),
    )  # fmt: skip
    return write(path, html)


def _axis(found: Comparison) -> Axis:
    shares = [share for change in found.changes for share in _shares(change) if share > _FLOOR]
    low = math.floor(math.log10(min([*shares, 0.1])))
    return Axis(low, max(low + 1, math.ceil(math.log10(max([*shares, 1.0])))))


def _shares(change: Change) -> tuple[float, float]:
    """Both errors over the distance; NaN where there is none to speak of."""
    return change.errors[0] / change.scale, change.errors[1] / change.scale


def _line(change: Change, axis: Axis) -> Line:
    shares = _shares(change)
    words = [
        percent(share) if math.isfinite(share) else number(error) or "no number"
        for share, error in zip(shares, change.errors, strict=True)
    ]
    first, second = (axis.at(share) if math.isfinite(share) else None for share in shares)
    return Line(
        change,
        (words[0], words[1]),
        (first, second),
        _moved(change),
        "" if math.isnan(change.p_value) else p_value(change.p_value),
    )


def _moved(change: Change) -> str:
    if math.isnan(change.relative):
        return number(change.difference)
    low, high = change.relative_interval
    ends = f" [{low:+.2%}, {high:+.2%}]" if math.isfinite(low) else ""
    return f"{change.relative:+.2%}{ends}"


def _boards(results: list[Results], truth: str) -> list[dict[str, Any]]:
    """One row an estimator with its standing in A and in B, in the order of A."""
    variants = variants_of_all(
        [[named(cell.record) for cell in one.cells] for one in results],
        [[cell.setting for cell in one.cells] for one in results],
    )
    tables = [one.labelled.assign(variant=v) for one, v in zip(results, variants, strict=True)]
    both = [{s.variant: s for s in leaderboard(table, truth)} for table in tables]
    names = dict.fromkeys([*both[0], *both[1]])
    return [
        {"variant": name, "sides": [_standing(board, name) for board in both]} for name in names
    ]


def _standing(board: dict[str, Standing], variant: str) -> dict[str, str]:
    standing = board.get(variant)
    if standing is None:
        return {"error": "not run", "rank": "", "apart": ""}
    ranked = math.isfinite(standing.rank)
    return {
        "error": percent(standing.relative_error) if math.isfinite(standing.relative_error) else "",
        "rank": f"{standing.rank:.1f}" if ranked else "not ranked",
        "apart": "told apart" if standing.apart else "",
    }
