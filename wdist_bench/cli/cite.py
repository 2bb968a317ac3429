"""`wdist-bench cite`: what to cite for an estimator, a task or a suite."""

from __future__ import annotations

from typing import Annotated

import typer

from wdist_bench.cli.output import echo, echo_lines


def cite(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Estimators, tasks, ground costs, experiments or suites."),
    ] = None,
) -> None:
    """Print BibTeX for estimators, tasks and suites, each entry once; without a name for this
    suite alone.
    """
    from wdist_bench.references.cite import OURS
    from wdist_bench.references.cite import cite as cited

    citations = [cited(name) for name in names or [OURS]]
    entries = dict.fromkeys(e for found in citations for e in found.bibtex.split("\n\n"))
    for number, entry in enumerate(entries):
        if number:
            echo()
        echo_lines(entry)
