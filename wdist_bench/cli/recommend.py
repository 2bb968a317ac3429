"""`wdist-bench recommend`: how far apart two files are, and which estimator comes close."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from wdist_bench.cli import samples as options
from wdist_bench.cli.output import console, echo, echo_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from wdist_bench.recommend.recommendation import Recommendation
    from wdist_bench.recommend.trials import Trial


def recommend(
    x: options.X,
    y: Annotated[
        Path | None,
        typer.Argument(help="Rows of the other sample; without them, only a ranking."),
    ] = None,
    p: Annotated[int, typer.Option(help="Exponent of the cost, 1 or 2.")] = 1,
    columns: options.Columns = None,
    by: options.By = None,
    groups: options.Groups = None,
    standardize: options.Standardize = False,
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
        Path | None, typer.Option(help="Folder for a page, every run, JSON and a figure.")
    ] = None,
    header: options.Header = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say how far apart two populations are, and which single estimator comes close on such data.

    The first is an interval with its level; the second is found on tasks with known truth made from
    your rows, within the budget. Exits with 1 where it can tell neither.

    Examples:
      wdist-bench recommend x.csv y.csv --out answer

      wdist-bench recommend patients.csv --by diagnosis --columns age,weight --standardize
    """
    import wdist_bench as wb
    from wdist_bench.datasets.two_samples import holds_both

    alone = y is None and by is None and not holds_both(x)
    read = options.read(x, x if alone else y, columns, by, groups, None, standardize, header)
    options.refuse("recommend", {f"weights in {x}": not (read.a is None and read.b is None)})
    options.warn(read, "l2")
    points = read.x, None if alone else read.y
    names = None if methods is None else [m.strip() for m in methods.split(",") if m.strip()]
    try:
        with _watching(budget) as watch:
            found = wb.recommend(
                *points, p, target=target, budget=budget, runs=runs, methods=names, rows=rows,
                seed=seed, watch=watch,
            )  # fmt: skip
    except KeyboardInterrupt:
        echo("interrupted", err=True)
        raise typer.Exit(130) from None
    _say(found, out, as_json)
    if found.choice.recommended is None and (found.pair is None or found.pair.status != "ok"):
        raise typer.Exit(1)


def _say(found: Recommendation, out: Path | None, as_json: bool) -> None:
    from wdist_bench.recommend.words import show, write_recommendation
    from wdist_bench.results.environment import describe_environment

    answer = found.plain()
    if as_json:
        echo_json({k: v for k, v in answer.items() if k != "trials"})
    else:
        show(console(), answer)
    if out is None:
        return
    for path in write_recommendation(out, answer | {"environment": describe_environment()}):
        if not as_json:
            echo(f"wrote {path}")


@contextmanager
def _watching(budget: float) -> Iterator[Callable[[Trial], None]]:
    """Shows on a terminal what is under way."""
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    progress = Progress(
        *columns, console=console(err=True), disable=not sys.stderr.isatty(), transient=True
    )
    with progress:
        bar = progress.add_task(f"interval, and tasks from your rows (budget {budget:g} s)")

        def watch(trial: Trial) -> None:
            said = f"{trial.stage}: {trial.estimator}, run {trial.run + 1} (budget {budget:g} s)"
            progress.update(bar, description=said)

        yield watch
