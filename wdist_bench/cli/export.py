"""`wdist-bench export`: the errors of a results folder for other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wdist_bench.cli.output import echo
from wdist_bench.cli.reading import reading


class Format(StrEnum):
    """What can be written."""

    CSV = "csv"
    PARQUET = "parquet"
    LATEX = "latex"
    PDF = "pdf"
    JOURNAL = "journal"


def export(
    folder: Annotated[Path, typer.Argument(help="Results folder with a journal.")],
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            help="Tables as csv, parquet or latex; figures as pdf; all records as journal.",
        ),
    ] = Format.PARQUET,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the files; the results folder by default.")
    ] = None,
    dirty: Annotated[
        bool, typer.Option("--dirty", help="Pass on a journal measured with uncommitted changes.")
    ] = False,
) -> None:
    """Write the errors of a results folder as a table for other programs, or its figures as PDF."""
    from wdist_bench.report.export import export as export_folder

    with reading(folder):
        for path in export_folder(folder, format_.value, out, dirty):
            echo(f"wrote {path}")
