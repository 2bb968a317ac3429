"""`wdist-bench list`: what the registries hold."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.table import Table

from wdist_bench.cli.output import console, text

What = Literal["tasks", "truths", "estimators", "costs", "datasets", "suites"]


def list_names(
    what: Annotated[What, typer.Argument(help="What to list.")] = "estimators",
) -> None:
    """List tasks, truth cards, estimators, ground costs, data sets or suites, with what is known
    of each.
    """
    from wdist_bench.runs.catalogue import catalogue

    header, rows = catalogue(what)
    table = Table(*header, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(text, row))
    console().print(table)
