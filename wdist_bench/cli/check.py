"""`wdist-bench check`: the conformance suite."""

from __future__ import annotations

from typing import Annotated

import typer


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
