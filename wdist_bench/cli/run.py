"""`wdist-bench run` and `wdist-bench report`: a suite from file to tables and figures."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from wdist_bench.cli.output import console, echo, text
from wdist_bench.cli.reading import reading
from wdist_bench.display.printable import printable

if TYPE_CHECKING:
    from wdist_bench.report.text.closing import Closing

Where = Literal["local", "dask"]
"""Which engine runs the cells: this machine, or Dask on several."""


def run(
    suite: Annotated[
        Path,
        typer.Argument(help="Suite file, or the name of one of ours (`wdist-bench list suites`)."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Results folder; default results/local/NAME of the suite.")
    ] = None,
    profile: Annotated[
        str, typer.Option(help="Budget: cpu (minutes on 2 cores), gpu, or full.")
    ] = "cpu",
    engine: Annotated[
        Where, typer.Option(help="Where cells run: local worker processes, or Dask.")
    ] = "local",
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

    Finished cells are kept until something that determines their numbers changes: a parameter, a
    version, the code of a plug-in. To run everything again, give another folder. Ctrl-C gives up
    the cells under way and keeps all others. Exits with 1 when a run failed, with 130 after
    Ctrl-C; cells that were refused or whose data are not here did not fail.
    """
    import jax

    from wdist_bench.extras import REPORTS, require
    from wdist_bench.runs.runner import run_suite
    from wdist_bench.runs.shipped import find_suite
    from wdist_bench.runs.suite import load_suite
    from wdist_bench.validation import check_number

    require("run", *REPORTS)  # not when all has run
    # This process only reads the suite; the accelerators' memory is for the workers.
    jax.config.update("jax_platforms", "cpu")
    loaded = load_suite(find_suite(suite), profile)
    folder = out or Path("results", "local", loaded.name)
    for name, value in (("--timeout", timeout), ("--memory-limit", memory_limit)):
        if value is not None:
            check_number(value, name, above=0)
    limit = None if memory_limit is None else int(memory_limit * 2**30)
    workers = _engine(engine, scheduler, jobs, timeout, limit, _resources(resource or []))
    events: Any = run_suite(loaded, folder, workers, retry_failed=retry_failed, fail_fast=fail_fast)
    try:
        with contextlib.closing(events):
            failed = _show_progress(loaded, folder, events)
    except KeyboardInterrupt:
        echo("interrupted: every finished cell is kept; resume with the same command")
        raise typer.Exit(130) from None
    report(folder)
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
    if where == "local":
        if scheduler or resources:
            raise ValueError(
                "--scheduler, --resource: expected --engine dask beside them, got local; add it"
            )
        from wdist_bench.runs.isolation import Workers

        return Workers(jobs, timeout, memory_limit)
    try:
        from wdist_bench.runs.cluster import DaskEngine

        return DaskEngine(scheduler, jobs, timeout, memory_limit, resources)
    except ImportError as error:
        raise ValueError(
            f"--engine dask: expected the extra `dask`, got {error}; "
            "install it with: pip install 'wdist-bench[bench,dask]'"
        ) from error


def _resources(pairs: list[str]) -> dict[str, float]:
    """Resources by name, from NAME=AMOUNT pairs as the command line has them."""
    from wdist_bench.validation import check_number

    found = {}
    for pair in pairs:
        name, _, amount = pair.partition("=")
        try:
            found[name] = check_number(float(amount), name, above=0)
        except ValueError:
            raise ValueError(
                f"--resource: expected NAME=AMOUNT, got {pair!r}; write an amount > 0: GPU=1, say"
            ) from None
    return found


def report(
    folder: Annotated[Path, typer.Argument(help="Results folder with a journal.")],
) -> None:
    """Write the tables and figures of a results folder from its journal, and show the errors."""
    from wdist_bench.report import write_report
    from wdist_bench.report.page.attachments import ignored_files
    from wdist_bench.report.results import Results
    from wdist_bench.report.text.closing import closing

    with reading(folder):
        results = Results(folder)
        for path in write_report(folder, results):
            echo(f"wrote {path}")
        for name in ignored_files(folder):
            echo(f"warning: {folder / name}: no plain file that can be read; ignored", err=True)
        _show_errors(closing(folder, results))


def _show_errors(end: Closing) -> None:
    """The errors of every task in short, the headline and the address of the page."""
    from wdist_bench.report.text.closing import HEADER, LEGEND

    shown = console()
    rows = [row for task in end.tasks for row in task.rows]
    columns = [i for i, name in enumerate(HEADER) if name != "failed" or any(r[i] for r in rows)]
    widths = {i: max([len(HEADER[i]), *(len(row[i]) for row in rows)]) for i in columns}
    fits = sum(widths.values()) + 2 * len(columns) <= shown.width
    for task in end.tasks:
        shown.print()
        shown.print(text(task.heading, "bold"))
        table = Table(box=None, pad_edge=False)
        for i in columns:
            table.add_column(
                HEADER[i],
                min_width=widths[i] if fits else None,
                justify="right" if i else "left",
                overflow="fold",
            )
        for row in task.rows:
            table.add_row(*(text(row[i]) for i in columns))
        shown.print(table)
        if task.more:
            shown.print(text(task.more))
    if end.more_tasks:
        shown.print()
        shown.print(text(end.more_tasks))
    if end.tasks:
        shown.print()
        shown.print(text(LEGEND, "dim"), soft_wrap=True)
    echo()
    echo(end.headline)
    if end.mixture:
        echo(end.mixture)
    echo(f"page: {end.page}")


def _show_progress(suite: Any, folder: Path, events: Iterator[Any]) -> int:
    """One line per cell, and a bar on a terminal; returns the number of failed cells."""
    from wdist_bench.estimate import NOT_RUN
    from wdist_bench.results.progress import RETRY, counted

    failed = 0
    not_run: Counter[tuple[str, str]] = Counter()
    kept: Counter[str] = Counter()
    shown = console()
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), TextColumn("left", markup=False), TimeRemainingColumn(),
    )  # fmt: skip
    shown.print(text(f"{suite.title}: {len(suite.cells)} cells into {folder}"))
    with Progress(*columns, console=shown, disable=not sys.stdout.isatty()) as progress:
        bar = progress.add_task("starting", total=len(suite.cells))
        for event in events:
            label = printable(event.cell.label)
            if event.kind == "started":
                progress.update(bar, description=label)
                continue
            progress.advance(bar)
            record = event.record or {}
            if record["status"] in NOT_RUN:
                how = "refused" if record["status"] == "refused" else "not run"
                not_run[how, record["message"]] += 1
            else:
                failed += record["status"] != "ok"
                kept[record["status"]] += event.kind == "kept" and record["status"] != "ok"
                line = f"[{event.index}/{event.total}] {label}: {_outcome(event.kind, record)}"
                shown.print(text(line))
    said = [
        f"{how} ({count} {'cell' if count == 1 else 'cells'}): {message}"
        for (how, message), count in not_run.items()
    ]
    if kept.total():
        said.append(f"{counted(+kept)} kept from an earlier run; {RETRY}")
    for line in said:
        echo(line)
    return failed


def _outcome(kind: str, record: dict[str, Any]) -> str:
    if kind == "kept":
        again = "" if record["status"] == "ok" else " (--retry-failed tries it again)"
        return f"{record['status']}, kept from an earlier run{again}"
    if record["status"] != "ok":
        return f"{record['status']}: {record['message']}"
    return f"ok, compile {record['compile_seconds']:.1f} s, run {record['run_seconds']:.1f} s"
