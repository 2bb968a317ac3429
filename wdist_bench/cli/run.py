"""`wdist-bench run` and `wdist-bench report`: a suite from file to tables and figures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Where(StrEnum):
    """Engines."""

    LOCAL = "local"
    DASK = "dask"


def run(
    suite: Annotated[Path, typer.Argument(help="Suite file, for example benchmarks/quick.toml.")],
    out: Annotated[
        Path | None, typer.Option(help="Results folder; default results/NAME of the suite.")
    ] = None,
    profile: Annotated[
        str, typer.Option(help="Budget: cpu (minutes on 2 cores), gpu, or full.")
    ] = "cpu",
    engine: Annotated[
        Where, typer.Option(help="Where cells run: local worker processes, or Dask.")
    ] = Where.LOCAL,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Dask scheduler, tcp://HOST:8786 or its file."),
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, help="Cells at a time; their seconds are timings only with 1.")
    ] = 1,
    timeout: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds that a cell may take.")
    ] = None,
    memory_limit: Annotated[
        float | None,
        typer.Option(min=0.1, help="GiB that a worker may take; default 80 % of what is free."),
    ] = None,
    resource: Annotated[
        list[str] | None,
        typer.Option(help="What a cell takes of a Dask worker, GPU=1 say; may be repeated."),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try every cell again that is not ok.")
    ] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop after the first cell that fails.")
    ] = False,
) -> None:
    """Run what a suite is missing in a results folder, then write its tables and figures.

    Finished cells are kept: to run everything again, give another folder or delete the journal.
    Ctrl-C gives up the cells under way and keeps all others. Exits with 1 when a run failed, with
    130 after Ctrl-C.
    """
    import jax

    from wdist_bench.bench.runner import run_suite
    from wdist_bench.bench.suite import load_suite

    # This process only reads the suite; the accelerators' memory is for the workers.
    jax.config.update("jax_platforms", "cpu")
    loaded = load_suite(suite, profile)
    folder = out or Path("results") / loaded.name
    limit = None if memory_limit is None else int(memory_limit * 2**30)
    workers = _engine(engine, scheduler, jobs, timeout, limit, _resources(resource or []))
    events: Any = run_suite(loaded, folder, workers, retry_failed=retry_failed, fail_fast=fail_fast)
    try:
        failed = _show_progress(loaded, folder, events)
    except KeyboardInterrupt:
        events.close()
        typer.echo("interrupted: every finished cell is kept; resume with the same command")
        raise typer.Exit(130) from None
    _report(folder)
    if failed:
        raise typer.Exit(1)


def _engine(
    where: Where,
    scheduler: str | None,
    jobs: int,
    timeout: float | None,
    memory_limit: int | None,
    resources: dict[str, float],
) -> Any:
    if where is Where.LOCAL:
        if scheduler or resources:
            raise ValueError(
                "--scheduler, --resource: expected --engine dask beside them, got local; add it"
            )
        from wdist_bench.bench.isolation import Workers

        return Workers(jobs, timeout, memory_limit)
    try:
        from wdist_bench.bench.cluster import DaskEngine

        return DaskEngine(scheduler, jobs, timeout, memory_limit, resources)
    except ImportError as error:
        raise ValueError(
            f"--engine dask: expected the extra `dask`, got {error}; "
            "install it with: pip install 'wdist-bench[bench,dask]'"
        ) from error


def _resources(pairs: list[str]) -> dict[str, float]:
    """NAME=AMOUNT pairs."""
    found = {}
    for pair in pairs:
        name, _, amount = pair.partition("=")
        try:
            found[name] = float(amount)
        except ValueError:
            raise ValueError(
                f"--resource: expected NAME=AMOUNT, got {pair!r}; write GPU=1, say"
            ) from None
    return found


def report(
    folder: Annotated[Path, typer.Argument(help="Results folder with a journal.")],
) -> None:
    """Write the tables and figures of a results folder from its journal."""
    _report(folder)


def _report(folder: Path) -> None:
    from wdist_bench.report import write_report

    for path in write_report(folder):
        typer.echo(f"wrote {path}")


def _show_progress(suite: Any, folder: Path, events: Iterator[Any]) -> int:
    """One line per cell, and a bar on a terminal; returns the number of failed cells."""
    failed = 0
    skipped: dict[str, int] = {}
    console = Console(width=None if sys.stdout.isatty() else 200)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    console.print(f"{suite.title}: {len(suite.cells)} cells into {folder}", highlight=False)
    with Progress(*columns, console=console, disable=not sys.stdout.isatty()) as progress:
        bar = progress.add_task("starting", total=len(suite.cells))
        for event in events:
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
