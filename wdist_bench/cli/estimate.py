"""`wdist-bench estimate`: one number for two files of samples."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from wdist_bench.cli import samples as options
from wdist_bench.cli.output import echo_answer, echo_json, said_meanwhile

if TYPE_CHECKING:
    from wdist_bench.costs import Cost
    from wdist_bench.datasets.two_samples import TwoSamples
    from wdist_bench.estimate import Estimate


def estimate(
    x: options.X,
    y: options.Y = None,
    method: Annotated[str, typer.Option(help="Estimator; see `wdist-bench list`.")] = "exact",
    p: Annotated[float, typer.Option(help="Exponent of the cost, a real number >= 1.")] = 1,
    columns: options.Columns = None,
    by: options.By = None,
    groups: options.Groups = None,
    weights: options.Weights = None,
    standardize: options.Standardize = False,
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
    header: options.Header = None,
    read_as: Annotated[
        Literal["rows", "mass"],
        typer.Option("--as", help="What numbers are: points, one a row, or mass on a grid."),
    ] = "rows",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Estimate W_p between two files of samples, or two groups of one: value, interval, bound.

    Says first how the files were read: rows x columns, the names of the columns (which are matched
    by name where both files have names) and their scaling; at the end, in one sentence, what was
    found. With --as mass each file is one measure: a picture, or a table of masses on a grid, whose
    unit of length is the step of the grid.

    Exits with 1 when the estimator gives no number.

    Examples:
      wdist-bench estimate x.csv y.csv --columns age,weight --standardize

      wdist-bench estimate patients.csv --by diagnosis --p 2
    """
    import wdist_bench as wb
    from wdist_bench import costs

    weighted = " a b" if weights is not None or read_as == "mass" else ""
    given = named_values(option or [], "--option", f"x y method cost p norm seed{weighted}")
    if read_as == "mass":
        named = {"--columns": columns, "--by": by, "--groups": groups, "--weights": weights}
        present = {name: value is not None for name, value in named.items()}
        options.refuse("--as mass", present | {"--standardize": standardize})
        found = _masses(x, y, header)
        read = {
            side: f"mass at {len(rows)} places"
            for side, rows in zip("xy", (found.x, found.y), strict=True)
        }
    else:
        found = options.read(x, y, columns, by, groups, weights, standardize, header)
        read = options.said(found, weights)
    if not as_json:
        echo_answer(read)
    warning = options.warn(found, norm) if read_as == "rows" else ""
    start = time.perf_counter()
    cost = costs.get(norm, p=p, **named_values(cost_option or [], "--cost-option", "name p"))
    given = {"a": found.a, "b": found.b} | given
    with said_meanwhile(f"{method} ..."):
        answer = wb.estimate(found.x, found.y, method, cost=cost, seed=seed, **given)
    seconds = time.perf_counter() - start
    names = ("value", "stderr", "interval", "lower", "upper", "target", "bound", "status")
    shown = {name: getattr(answer, name) for name in (*names, "message")}
    shown |= {"method": method, "p": cost.p, "norm": norm, "seconds": round(seconds, 3)}
    shown["value"] = None if answer.status != "ok" else answer.value
    shown["found"] = _sentence(answer, cost, found)
    if as_json:
        echo_json(read | options.facts(found) | {"warning": warning or None} | shown)
    else:
        echo_answer(shown)
    if answer.status != "ok":
        raise typer.Exit(1)


def _masses(x: Path, y: Path | None, header: bool | None) -> TwoSamples:
    """Two pictures or grids."""
    import wdist_bench as wb
    from wdist_bench.datasets.two_samples import TwoSamples

    if y is None:
        raise ValueError("y: expected a second picture or grid beside --as mass, got none; name it")
    one, other = (wb.measures.from_image(path, header=header) for path in (x, y))
    return TwoSamples(one.points, other.points, one.weights, other.weights)


def _sentence(answer: Estimate, cost: Cost, samples: TwoSamples) -> str:
    """What was found, in words."""
    name = f"W{cost.p:g} of {options.sides(samples)}"
    if answer.target == "population":
        name = f"W{cost.p:g} of the populations behind {options.sides(samples)}"
    if answer.status != "ok":
        return f"{name} was not found ({answer.status})"
    unit, value = options.measured_in(samples), f"{answer.value:.4g}"
    if answer.bound == "exact":
        return f"{name} is {value}{unit}"
    if answer.lower is not None and answer.upper is not None:
        return f"{name} lies between {answer.lower:.4g} and {answer.upper:.4g}{unit}"
    if answer.bound in ("lower", "upper"):
        side = "least" if answer.bound == "lower" else "most"
        return f"{name} is at {side} {value}{unit}"
    return f"{name} is about {value}{unit}; this estimator bounds it on no side"


def named_values(pairs: list[str], flag: str, taken: str = "") -> dict[str, Any]:
    """name=value pairs; values are numbers, lists and the like as JSON has them, else words.

    Names that are `taken` the command has itself.
    """
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"{flag}: expected name=value, got {pair!r}; write steps=500, say")
        if name in taken.split():
            raise ValueError(
                f"{flag}: expected none of {taken.replace(' ', ', ')}, which the command takes "
                f"itself, got {pair!r:.60}; see wdist-bench estimate --help"
            )
        try:
            found[name] = json.loads(value)
        except (ValueError, RecursionError):
            found[name] = value
    return found
