"""`wdist-bench export`: the errors of a results folder, or the truth cards, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from wdist_bench.cli.output import echo
from wdist_bench.cli.reading import reading
from wdist_bench.cli.samples import refuse

Format = Literal["csv", "parquet", "latex", "pdf", "journal"]
TRUTHS = Path("truths")


def export(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Results folder with a journal; or the word truths: the truth cards of the tasks."
        ),
    ],
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="Tables as csv, parquet (the default) or latex; figures as pdf; all records as "
            "journal.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the files; the results folder by default, for truths ./truths."
        ),
    ] = None,
    width: Annotated[
        str, typer.Option(help="Figures as pdf: one or two, columns of a paper that they fill.")
    ] = "",
    dirty: Annotated[
        bool, typer.Option("--dirty", help="Pass on a journal measured with uncommitted changes.")
    ] = False,
    samples: Annotated[
        bool,
        typer.Option(
            "--samples/--no-samples", help="Truths: write frozen samples too, about 20 MB."
        ),
    ] = True,
    compute: Annotated[
        bool,
        typer.Option(
            "--compute", help="Truths: compute them anew by both routes, which takes minutes."
        ),
    ] = False,
) -> None:
    """Write the errors and the studies of a results folder as tables for other programs and for
    papers, or its figures as PDF; or, with the word truths, a card and samples of every task for
    programs without JAX.
    """
    if folder == TRUTHS:
        refuse(
            "truths", {"--format": format_ is not None, "--dirty": dirty, "--width": bool(width)}
        )
        _export_truths(out or TRUTHS, samples, compute)
        return
    refuse("a results folder", {"--no-samples": not samples, "--compute": compute})
    from wdist_bench.report.export import export as export_folder

    with reading(folder):
        for path in export_folder(folder, format_ or "parquet", out, dirty, width):
            echo(f"wrote {path}")


def _export_truths(out: Path, samples: bool, compute: bool) -> None:
    """Every card; exit code 1 where samples are not those that their card describes."""
    from wdist_bench.cards.make import export as export_cards

    wrong = []
    for path, differences in export_cards(out, samples, compute):
        echo(f"wrote {path}")
        wrong += differences
    for line in wrong:
        echo(f"not as the card says: {line}", err=True)
    if wrong:
        raise typer.Exit(1)
