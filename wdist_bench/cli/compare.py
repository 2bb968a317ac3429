"""`wdist-bench compare`: two results folders, before and after."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wdist_bench.cli.output import echo, echo_json
from wdist_bench.cli.reading import reading

if TYPE_CHECKING:
    from wdist_bench.report.compare import Change, Comparison

_FEW = 3  # cells without a counterpart that are named


def compare(
    a: Annotated[Path, typer.Argument(help="Results folder before: the baseline.")],
    b: Annotated[Path, typer.Argument(help="Results folder after: the candidate.")],
    level: Annotated[float, typer.Option(help="Level of the tests, over all cells.")] = 0.05,
    min_effect: Annotated[
        float,
        typer.Option(
            help="Smallest change that counts, as a share of the true distance; of the batch value "
            "where that is 0."
        ),
    ] = 0.001,
    everything: Annotated[bool, typer.Option("--all", help="List unchanged cells too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    page: Annotated[
        Path | None, typer.Option(help="Write both folders side by side as one HTML page.")
    ] = None,
) -> None:
    """Compare the errors of two results folders, cell by cell, and their speed.

    Runs are paired where both saw the same samples. Exits with 1 when a cell got worse beyond
    noise. As a gate: run the suite on the old and on the new version of an estimator into two
    folders, then compare them.
    """
    from wdist_bench.report.compare import compare as compare_folders

    with reading(a), reading(b):
        found = compare_folders(a, b, level, min_effect)
    worse = found.verdict("regression")
    if page:
        from wdist_bench.report.page.compare import write_compare_page

        write_compare_page(page, (a, b), found)
    if as_json:
        echo_json(found.plain() | {"regressions": len(worse)})
    else:
        _print(found, everything)
    if worse:
        raise typer.Exit(1)


def _print(found: Comparison, everything: bool) -> None:
    verdicts = ["regression", "improvement", "not testable"] + ["unchanged"] * everything
    for verdict in verdicts:
        for change in found.verdict(verdict):
            echo(_line(change))
    for place, labels in (("first", found.only_a), ("second", found.only_b)):
        shown = labels if everything else labels[:_FEW]
        for label in shown:
            echo(f"not compared: {label}: only in the {place} folder")
        if len(labels) > len(shown):
            echo(f"not compared: {len(labels) - len(shown)} more; list them with --all")
    paired = sum(change.paired for change in found.changes)
    counts = ", ".join(
        f"{len(found.verdict(verdict))} {word}"
        for verdict, word in (
            ("regression", "worse"),
            ("improvement", "better"),
            ("unchanged", "unchanged within noise"),
            ("not testable", "not testable"),
        )
    )
    echo(f"{len(found.changes)} cells ({paired} paired by run): {counts}")
    before, after = found.hardware
    where = f"both on {before}" if before == after else f"first on {before}, second on {after}"
    echo(f"speed: {found.speed_in_words}; {where}")


def _line(change: Change) -> str:
    head = f"{change.verdict}: {change.estimator} on {change.setting}: "
    if math.isnan(change.difference):
        return head + change.message + _failures(change)
    before, after = change.errors
    text = f"error against the {change.against} {before:.4g} -> {after:.4g}"
    if not math.isnan(change.relative):
        low, high = change.relative_interval
        text += f", {change.relative:+.2%} of the {change.unit}"
        if not math.isnan(low):
            text += f" [{low:+.2%}, {high:+.2%}]"
    if not math.isnan(change.p_value):
        text += f", p = {change.p_value:.2g}" if change.p_value >= 1e-4 else ", p < 1e-4"
    return head + text + _failures(change) + (f" ({change.message})" if change.message else "")


def _failures(change: Change) -> str:
    if change.failed == (0, 0):
        return ""
    before, after = (
        f"{failed} of {failed + numbers}"
        for failed, numbers in zip(change.failed, change.runs, strict=True)
    )
    return f", failed runs {before} -> {after}"
