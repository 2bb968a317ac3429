"""`wdist-bench estimate`: one number for two files of samples."""

from __future__ import annotations

import json
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from wdist_bench.cli.output import echo_answer, echo_json

_NAMES = 6  # shown, of one file


class ReadAs(StrEnum):
    """What the numbers of a file are."""

    ROWS = "rows"
    MASS = "mass"


def estimate(
    x: Annotated[Path, typer.Argument(help="Samples: .npy, .npz, .csv, .tsv, .parquet, images.")],
    y: Annotated[Path, typer.Argument(help="Samples of the other measure.")],
    method: Annotated[str, typer.Option(help="Estimator; see `wdist-bench list`.")] = "exact",
    p: Annotated[float, typer.Option(help="Exponent of the cost, a real number >= 1.")] = 1,
    norm: Annotated[
        str, typer.Option("--norm", "--cost", help="Ground cost; see `wdist-bench list costs`.")
    ] = "l2",
    cost_option: Annotated[
        list[str] | None,
        typer.Option(help="Parameter of the cost as name=value, say period=360; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of whatever is random.")] = 0,
    option: Annotated[
        list[str] | None, typer.Option(help="Option of the estimator as name=value; repeatable.")
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header",
            help="Whether the first line of .csv and .tsv files holds names; default: decide.",
        ),
    ] = None,
    read_as: Annotated[
        ReadAs, typer.Option("--as", help="What numbers are: points, one a row, or mass on a grid.")
    ] = ReadAs.ROWS,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Estimate W_p between two files of samples: value, interval, bound, status, seconds.

    Says first how the files were read: rows x columns, and the names of the columns, which are
    matched by name where both files have names. With --as mass each file is one measure: a picture,
    or a table of masses on a grid, whose unit of length is the step of the grid.

    Exits with 1 when the estimator gives no number.
    """
    import wdist_bench as wb
    from wdist_bench import costs
    from wdist_bench.datasets.tables import load_rows

    given = _options(option or [], "--option")
    if read_as is ReadAs.MASS:
        measures = [wb.measures.from_image(path) for path in (x, y)]
        points = measures[0].points, measures[1].points
        given |= {"a": measures[0].weights, "b": measures[1].weights}
        read = {
            name: f"mass at {len(rows)} places" for name, rows in zip("xy", points, strict=True)
        }
    else:
        points = load_rows(x, "x", header), load_rows(y, "y", header)
        read = {name: described(rows) for name, rows in zip("xy", points, strict=True)}
    if not as_json:
        echo_answer(read)
    start = time.perf_counter()
    cost = costs.get(norm, p=p, **_options(cost_option or [], "--cost-option"))
    answer = wb.estimate(points[0], points[1], method, cost=cost, seed=seed, **given)
    seconds = time.perf_counter() - start
    names = ("value", "stderr", "interval", "lower", "upper", "target", "bound", "status")
    shown = {name: getattr(answer, name) for name in (*names, "message")}
    shown |= {"method": method, "p": cost.p, "norm": norm, "seconds": round(seconds, 3)}
    shown["value"] = None if answer.status != "ok" else answer.value
    if as_json:
        echo_json(read | shown)
    else:
        echo_answer(shown)
    if answer.status != "ok":
        raise typer.Exit(1)


def described(rows: Any) -> str:
    """Size and names of what was read, names shortened."""
    text = "{} x {}".format(*rows.shape)
    names = [str(name) for name in getattr(rows, "columns", ())]
    if not names:
        return f"{text}, columns without names"
    shown = names if len(names) <= _NAMES else [*names[: _NAMES - 1], "...", names[-1]]
    return f"{text}: {', '.join(f'{name:.20}' for name in shown)}"


def _options(pairs: list[str], flag: str) -> dict[str, Any]:
    """name=value pairs; values are numbers, lists and the like as JSON has them, else words."""
    options = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"{flag}: expected name=value, got {pair!r}; write steps=500, say")
        try:
            options[name] = json.loads(value)
        except (ValueError, RecursionError):
            options[name] = value
    return options
