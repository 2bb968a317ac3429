"""`wdist-bench check`: the conformance suite."""

from __future__ import annotations

from typing import Annotated

import typer

from wdist_bench.cli.estimate import named_values
from wdist_bench.cli.output import echo


def check(
    names: Annotated[list[str], typer.Argument(help="Registered estimators or tasks.")],
    option: Annotated[
        list[str] | None,
        typer.Option(help="Option or parameter of all of them as name=value; repeatable."),
    ] = None,
) -> None:
    """Run the conformance suite on estimators or tasks, ours or a plug-in's.

    A note below a rule says how far its check reaches. Exits with 1 when a rule does not hold.
    """
    from wdist_bench.conformance.rules import check as conform

    failed, options = 0, named_values(option or [], "--option")
    for name in names:
        for finding in conform(name, **options):
            failed += not finding.passed
            echo(f"{name}: {'ok  ' if finding.passed else 'FAIL'} {finding.rule}")
            for line in (finding.problem or finding.note).splitlines():
                echo(f"    {line}")
    if failed:
        raise typer.Exit(1)
