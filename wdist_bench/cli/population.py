"""`wdist-bench population`: how far apart are the populations behind two files of samples?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from wdist_bench.cli.estimate import described
from wdist_bench.cli.output import echo_answer, echo_json


def population(
    x: Annotated[Path, typer.Argument(help="Samples: .npy, .npz, .csv, .tsv, .parquet, images.")],
    y: Annotated[Path, typer.Argument(help="Samples of the other population.")],
    p: Annotated[int, typer.Option(help="Exponent of the cost, 1 or 2.")] = 1,
    norm: Annotated[str, typer.Option(help="Ground norm, l2 or l1.")] = "l2",
    level: Annotated[float, typer.Option(help="Confidence of the interval.")] = 0.95,
    side: Annotated[str, typer.Option(help="both, lower or upper.")] = "both",
    support: Annotated[
        float | None, typer.Option(help="Bound on all distances, for ends without moments.")
    ] = None,
    permutations: Annotated[
        int, typer.Option(help="Of the test of equal populations; 0 leaves it out.")
    ] = 199,
    seed: Annotated[int, typer.Option(help="Seed of splits and permutations.")] = 0,
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header",
            help="Whether the first line of .csv and .tsv files holds names; default: decide.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """An interval for W_p of the populations that two files of rows were drawn from, and a test.

    Rows are taken as independent. `rows` is the exact distance of the rows, `value` the point
    estimate for the populations, `pvalue` that of equal populations by a permutation test with
    the exact distance. Exits with 1 where there is no interval.
    """
    import wdist_bench as wb
    from wdist_bench.datasets.tables import load_rows

    points = load_rows(x, "x", header), load_rows(y, "y", header)
    read = {name: described(rows) for name, rows in zip("xy", points, strict=True)}
    if not as_json:
        echo_answer(read)
    start = time.perf_counter()
    cost = wb.Cost(p, norm)
    found = wb.population_interval(
        *points, level=level, side=side, support=support, seed=seed, cost=cost
    )
    names = ("value", "lower", "upper", "level", "status", "message")
    shown: dict[str, Any] = {"rows": found.diagnostics.get("batch")}
    shown |= {name: getattr(found, name) for name in names}
    shown["value"] = None if found.status != "ok" else found.value
    if permutations > 0:
        test = wb.two_sample_test(*points, cost=cost, permutations=permutations, seed=seed)
        shown["pvalue"] = test.pvalue if test.status == "ok" else None
    shown |= {"p": p, "norm": norm, "seconds": round(time.perf_counter() - start, 3)}
    if as_json:
        echo_json(read | shown)
    else:
        echo_answer(shown)
    if found.status != "ok":
        raise typer.Exit(1)
