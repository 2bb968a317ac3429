"""`wdist-bench run` and `wdist-bench report`: a suite from file to tables and figures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def run(
    suite: Annotated[Path, typer.Argument(help="Suite file, for example benchmarks/quick.toml.")],
    out: Annotated[
        Path | None, typer.Option(help="Results folder; default results/NAME of the suite.")
    ] = None,
    profile: Annotated[
        str, typer.Option(help="Budget: cpu (minutes on 2 cores), gpu, or full.")
    ] = "cpu",
) -> None:
    """Run what a suite is missing in a results folder, then write its tables and figures.

    Finished cells are kept: to run everything again, give another folder or delete the journal.
    Exits with 1 when a run failed.
    """
    from wdist_bench.bench.suite import load_suite

    loaded = load_suite(suite, profile)
    folder = out or Path("results") / loaded.name
    failed = _run_with_progress(loaded, folder)
    _report(folder)
    if failed:
        raise typer.Exit(1)


def report(
    folder: Annotated[Path, typer.Argument(help="Results folder with a journal.")],
) -> None:
    """Write the tables and figures of a results folder from its journal."""
    _report(folder)


def _report(folder: Path) -> None:
    from wdist_bench.report import write_report

    for path in write_report(folder):
        typer.echo(f"wrote {path}")


def _run_with_progress(suite: Any, folder: Path) -> int:
    """Run with one line per cell, and a bar on a terminal; returns the number of failed cells."""
    from wdist_bench.bench.runner import run_suite

    failed = 0
    skipped: dict[str, int] = {}
    console = Console(width=None if sys.stdout.isatty() else 200)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    console.print(f"{suite.title}: {len(suite.cells)} cells into {folder}", highlight=False)
    with Progress(*columns, console=console, disable=not sys.stdout.isatty()) as progress:
        bar = progress.add_task("starting", total=len(suite.cells))
        for event in run_suite(suite, folder):
            label = event.cell.label
            if event.kind == "started":
                progress.update(bar, description=label)
                continue
            progress.advance(bar)
            record = event.record or {}
            if record["status"] == "skipped":
                skipped[record["message"]] = skipped.get(record["message"], 0) + 1
            else:
                failed += record["status"] != "ok"
                line = f"[{event.index}/{event.total}] {label}: {_outcome(event.kind, record)}"
                console.print(line, highlight=False, markup=False)
    for message, count in skipped.items():
        line = f"not run ({count} cells): {message}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return failed


def _outcome(kind: str, record: dict[str, Any]) -> str:
    if kind == "kept":
        return f"{record['status']}, kept from an earlier run"
    if record["status"] != "ok":
        return f"{record['status']}: {record['message']}"
    return f"ok, compile {record['compile_seconds']:.1f} s, run {record['run_seconds']:.1f} s"
