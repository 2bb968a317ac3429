"""`wdist-bench population`: how far apart are the populations behind two files of samples?"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wdist_bench.cli import samples as options
from wdist_bench.cli.output import echo_answer, echo_json

if TYPE_CHECKING:
    from wdist_bench.datasets.two_samples import TwoSamples
    from wdist_bench.estimate import Estimate

_EQUAL = 0.05  # p-values up to here rule out equal populations, in words


def population(
    x: options.X,
    y: options.Y = None,
    p: Annotated[int, typer.Option(help="Exponent of the cost, 1 or 2.")] = 1,
    columns: options.Columns = None,
    by: options.By = None,
    groups: options.Groups = None,
    weights: options.Weights = None,
    standardize: options.Standardize = False,
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
    header: options.Header = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """An interval for W_p of the populations that two files of rows were drawn from, and a test.

    Rows are taken as independent, weights as fixed before the rows were drawn. `rows` is the exact
    distance of the rows, `value` the point estimate for the populations, `pvalue` that of equal
    populations by a permutation test with the exact distance; the last line says in one sentence
    what was found. Exits with 1 where there is no interval.

    Examples:
      wdist-bench population x.csv y.csv

      wdist-bench population patients.csv --by diagnosis --columns age,weight --standardize
    """
    import wdist_bench as wb

    read = options.read(x, y, columns, by, groups, weights, standardize, header)
    lines = options.said(read, weights)
    if not as_json:
        echo_answer(lines)
    warning = options.warn(read, norm)
    start = time.perf_counter()
    cost = wb.Cost(p, norm)
    found = wb.population_interval(
        read.x, read.y, a=read.a, b=read.b, level=level, side=side, support=support, seed=seed,
        cost=cost,
    )  # fmt: skip
    names = ("value", "lower", "upper", "level", "status", "message")
    shown: dict[str, Any] = {"rows": found.diagnostics.get("batch")}
    shown |= {name: getattr(found, name) for name in names}
    shown["value"] = None if found.status != "ok" else found.value
    if permutations > 0:
        test = wb.two_sample_test(
            read.x, read.y, a=read.a, b=read.b, cost=cost, permutations=permutations, seed=seed
        )
        shown["pvalue"] = test.pvalue if test.status == "ok" else None
    shown |= {"p": p, "norm": norm, "seconds": round(time.perf_counter() - start, 3)}
    shown["found"] = _sentence(found, f"W{p:g}", shown.get("pvalue"), permutations, read)
    if as_json:
        echo_json(lines | options.facts(read) | {"warning": warning or None} | shown)
    else:
        echo_answer(shown)
    if found.status != "ok":
        raise typer.Exit(1)


def _sentence(
    answer: Estimate, name: str, pvalue: float | None, permutations: int, samples: TwoSamples
) -> str:
    """What was found, in words."""
    who, unit = f"the populations behind {options.sides(samples)}", options.measured_in(samples)
    said = f"{name} of {who} cannot be told ({answer.status})"
    if answer.status == "ok" and not answer.lower and _is_open(answer.upper):
        said = f"these rows do not bound {name} of {who} from below (0 or more)"
    elif answer.status == "ok" and answer.level is not None:
        said = (
            f"with {100 * answer.level:g} % confidence {name} of {who} lies "
            f"{_between(answer.lower, answer.upper)}{unit}"
        )
    if pvalue is None:
        return said
    return f"{said}; {_verdict(answer, pvalue, permutations)} (p = {pvalue:.2g} were they equal)"


def _verdict(answer: Estimate, pvalue: float, permutations: int) -> str:
    """What the test says, beside an interval that may say more."""
    if pvalue <= _EQUAL:
        return "they differ"
    if 1 / (permutations + 1) > _EQUAL:
        fewest = round(1 / _EQUAL) - 1
        return f"{permutations} permutations cannot tell whether they differ, {fewest} can"
    return "the test does not tell them apart" if answer.lower else "they may be one"


def _is_open(upper: float | None) -> bool:
    return upper is None or math.isinf(upper)


def _between(lower: float | None, upper: float | None) -> str:
    if _is_open(upper):
        return f"above {lower:.4g}"
    return f"below {upper:.4g}" if not lower else f"between {lower:.4g} and {upper:.4g}"
