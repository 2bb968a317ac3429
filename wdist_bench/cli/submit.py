"""`wdist-bench submit`: results that shall stand beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wdist_bench.cli.output import echo
from wdist_bench.cli.reading import reading


def submit(
    folder: Annotated[Path, typer.Argument(help="Results folder, or an unpacked submission.")],
    name: Annotated[str, typer.Option(help="Name of the submission: a-z, 0-9 and _.")],
    against: Annotated[
        Path, typer.Option(help="Folder that holds the committed results folders.")
    ] = Path("results"),
    rerun: Annotated[int, typer.Option(help="Cells to run again: of new plug-ins, of others.")] = 2,
    out: Annotated[Path, typer.Option(help="Folder for NAME.tar.gz.")] = Path(),
) -> None:
    """Check results and pack them, so that they can stand beside the committed ones.

    The journal must be whole and agree with itself; keys must follow from parameters, versions and
    code; the environment must be known; exact values must be those of the samples; new estimators
    must conform; cells that are committed too, and some that are run again here, must agree within
    noise, by the rule of `compare`. Exits with 1 where a rule does not hold, and packs nothing.
    """
    from wdist_bench.runs.plugins import loaded_plugins
    from wdist_bench.submit.checks import Submission, check
    from wdist_bench.submit.pack import changed_since_packed, check_name, pack

    check_name(name)
    submission = Submission(folder, against, rerun)
    with reading(folder):
        if changed := changed_since_packed(folder):
            raise ValueError(
                f"{folder}: expected what was packed, got others: {', '.join(changed)}"
            )
        findings = check(submission)
    for finding in findings:
        echo(f"{'ok  ' if finding.passed else 'FAIL'} {finding.rule}")
        echo(f"     {finding.problem or finding.note}")
    if not all(finding.passed for finding in findings):
        raise typer.Exit(1)
    packed = pack(submission, name, loaded_plugins(), findings, out)
    echo(f"packed: {packed.path} ({', '.join(packed.digests)})")
