"""`wdist-bench recommend`: which estimator to trust on data like the user's."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from wdist_bench.cli.output import console, echo, echo_json, echo_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from wdist_bench.recommend.trials import Trial


def recommend(
    x: Annotated[Path, typer.Argument(help="Samples: .npy, .npz, .csv, .tsv, .parquet, images.")],
    y: Annotated[
        Path | None, typer.Argument(help="Samples of the other measure; without it, a ranking.")
    ] = None,
    p: Annotated[int, typer.Option(help="Exponent of the cost, 1 or 2.")] = 1,
    target: Annotated[
        str,
        typer.Option(help="population: what the rows were drawn from; batch: these very rows."),
    ] = "population",
    budget: Annotated[float, typer.Option(help="Seconds of wall clock.")] = 120.0,
    runs: Annotated[int, typer.Option(help="Runs of each estimator, at least 5.")] = 30,
    methods: Annotated[
        str | None, typer.Option(help="Estimators, a,b,c; default all that are registered.")
    ] = None,
    rows: Annotated[int, typer.Option(help="The most rows of a side in a run.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of whatever is random.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the answer, every run, and a figure.")
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header",
            help="Whether the first line of .csv and .tsv files holds names; default: decide.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say which estimator to trust on data like yours, at what cost, with what expected error.

    Makes tasks with known truth from your rows, runs the estimators on them within the budget, and
    estimates your pair with the one it recommends. Exits with 1 when it recommends none.
    """
    import wdist_bench as wb
    from wdist_bench.datasets.tables import load_rows

    points = load_rows(x, "x", header), None if y is None else load_rows(y, "y", header)
    names = None if methods is None else [m.strip() for m in methods.split(",") if m.strip()]
    try:
        with _watching(out, budget) as watch:
            found = wb.recommend(
                *points, p, target=target, budget=budget, runs=runs, methods=names, rows=rows,
                seed=seed, watch=watch,
            )  # fmt: skip
    except KeyboardInterrupt:
        kept = f"; the runs so far are in {out}" if out else ""
        echo(f"interrupted{kept}", err=True)
        raise typer.Exit(130) from None
    answer = found.plain()
    if as_json:
        echo_json({k: v for k, v in answer.items() if k != "trials"})
    else:
        from wdist_bench.recommend.words import markdown

        echo_lines(markdown(answer))
    if out is not None:
        _write(out, answer, as_json)
    if found.choice.recommended is None:
        raise typer.Exit(1)


def _write(out: Path, answer: dict[str, Any], quiet: bool) -> None:
    from wdist_bench.recommend.words import write_recommendation
    from wdist_bench.results.environment import describe_environment

    for path in write_recommendation(out, answer | {"environment": describe_environment()}):
        if not quiet:
            echo(f"wrote {path}")


@contextmanager
def _watching(out: Path | None, budget: float) -> Iterator[Callable[[Trial], None]]:
    """Shows the run under way on a terminal, and journals every run where there is a folder."""
    from wdist_bench.results.journal_writing import append

    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    progress = Progress(
        *columns, console=console(err=True), disable=not sys.stderr.isatty(), transient=True
    )
    with progress:
        bar = progress.add_task(f"making tasks from your rows (budget {budget:g} s)")

        def watch(trial: Trial) -> None:
            said = f"{trial.stage}: {trial.estimator}, run {trial.run + 1} (budget {budget:g} s)"
            progress.update(bar, description=said)
            if out is not None:
                append(out, _record(trial), sync=False)

        yield watch


def _record(trial: Trial) -> dict[str, Any]:
    """A line of the journal."""
    key = f"recommend/{trial.stage}/{trial.run}/{trial.estimator}"
    value = trial.value if math.isfinite(trial.value) else None
    return {"type": "cell", "key": key} | asdict(trial) | {"value": value}
