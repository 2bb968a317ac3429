"""The command line: `wdist-bench list | run | report | estimate | check`."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

try:
    import typer
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Table
except ImportError:  # the library works without the extras of its command line
    sys.exit("wdist-bench needs its extras; install them with: pip install 'wdist-bench[bench]'")

app = typer.Typer(
    help="Benchmark Wasserstein-distance estimators against known truth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def load_plugins(
    plugin: Annotated[
        list[Path] | None,
        typer.Option(help="Python file that registers estimators or tasks; may be repeated."),
    ] = None,
) -> None:
    """Benchmark Wasserstein-distance estimators against known truth."""
    for path in plugin or []:
        _import_file(path)


def _import_file(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise FileNotFoundError(f"--plugin: expected a Python file, got {str(path)!r}; check it")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # so that what it defines can be pickled
    spec.loader.exec_module(module)


class What(StrEnum):
    """What can be listed."""

    TASKS = "tasks"
    ESTIMATORS = "estimators"
    DATASETS = "datasets"


@app.command("list")
def list_names(
    what: Annotated[What, typer.Argument(help="What to list.")] = What.ESTIMATORS,
) -> None:
    """List tasks, estimators or data sets with what is known of each."""
    from wdist_bench.bench.catalogue import catalogue

    console = Console(width=None if sys.stdout.isatty() else 200)
    header, rows = catalogue(what.value)
    table = Table(*header, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console.print(table)


@app.command()
def run(
    suite: Annotated[Path, typer.Argument(help="Suite file, for example benchmarks/quick.toml.")],
    out: Annotated[
        Path | None, typer.Option(help="Results folder; default results/NAME of the suite.")
    ] = None,
) -> None:
    """Run what a suite is missing in a results folder, then write its tables and figures.

    Finished cells are kept: to run everything again, give another folder or delete the journal.
    Exits with 1 when a run failed.
    """
    from wdist_bench.bench.suite import load_suite

    loaded = load_suite(suite)
    folder = out or Path("results") / loaded.name
    failed = _run_with_progress(loaded, folder)
    _report(folder)
    if failed:
        raise typer.Exit(1)


@app.command()
def estimate(
    x: Annotated[Path, typer.Argument(help="Samples: .npy, .npz, .csv, .parquet, image folder.")],
    y: Annotated[Path, typer.Argument(help="Samples of the other measure.")],
    method: Annotated[str, typer.Option(help="Estimator; see `wdist-bench list`.")] = "exact",
    p: Annotated[int, typer.Option(help="Exponent of the cost, 1 or 2.")] = 1,
    norm: Annotated[str, typer.Option(help="Ground norm, l2 or l1.")] = "l2",
    seed: Annotated[int, typer.Option(help="Seed of whatever is random.")] = 0,
    option: Annotated[
        list[str] | None, typer.Option(help="Option of the estimator as name=value; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Estimate W_p between two files of samples: value, interval, bound, status, seconds.

    Exits with 1 when the estimator gives no number.
    """
    import wdist_bench as wb
    from wdist_bench.datasets.tables import load_rows

    points = load_rows(x, "x"), load_rows(y, "y")
    start = time.perf_counter()
    answer = wb.estimate(*points, method, p, norm=norm, seed=seed, **_options(option or []))
    seconds = time.perf_counter() - start
    names = ("value", "stderr", "interval", "lower", "upper", "target", "bound", "status")
    shown = {name: getattr(answer, name) for name in (*names, "message")}
    shown |= {"method": method, "p": p, "norm": norm, "seconds": round(seconds, 3)}
    shown["value"] = None if answer.status != "ok" else answer.value
    if as_json:
        typer.echo(json.dumps(shown))
    else:
        for name, value in shown.items():
            if value not in (None, ""):
                typer.echo(f"{name:9} {value:.6g}" if type(value) is float else f"{name:9} {value}")
    if answer.status != "ok":
        raise typer.Exit(1)


def _options(pairs: list[str]) -> dict[str, Any]:
    """name=value pairs; values are numbers, lists and the like as JSON has them, else words."""
    options = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"--option: expected name=value, got {pair!r}; write steps=500, say")
        try:
            options[name] = json.loads(value)
        except json.JSONDecodeError:
            options[name] = value
    return options


@app.command()
def check(
    names: Annotated[list[str], typer.Argument(help="Registered estimators or tasks.")],
) -> None:
    """Run the conformance suite on estimators or tasks, ours or a plug-in's.

    Exits with 1 when a rule does not hold.
    """
    from wdist_bench.bench.conformance import check as conform

    failed = 0
    for name in names:
        for finding in conform(name):
            failed += not finding.passed
            typer.echo(f"{name}: {'ok  ' if finding.passed else 'FAIL'} {finding.rule}")
            if not finding.passed:
                typer.echo(f"    {finding.problem}")
    if failed:
        raise typer.Exit(1)


@app.command()
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
            label = f"{event.cell.estimator} on {_label(event.cell)}"
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


def _label(cell: Any) -> str:
    options = ", ".join(f"{k}={v}" for k, v in cell.task_parameters.items())
    return f"{cell.task}({options}) W{cell.p} n={cell.n}"


def _outcome(kind: str, record: dict[str, Any]) -> str:
    if kind == "kept":
        return f"{record['status']}, kept from an earlier run"
    if record["status"] != "ok":
        return f"{record['status']}: {record['message']}"
    return f"ok, compile {record['compile_seconds']:.1f} s, run {record['run_seconds']:.1f} s"


def main() -> None:
    """Entry point: errors that a user can fix are one line, without a traceback."""
    try:
        app()
    except (ValueError, TypeError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
