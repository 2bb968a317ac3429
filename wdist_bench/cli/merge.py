"""`wdist-bench merge`: several results folders into one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wdist_bench.cli.output import echo
from wdist_bench.cli.reading import reading


def merge(
    folders: Annotated[list[Path], typer.Argument(help="Results folders.")],
    out: Annotated[Path, typer.Option(help="Folder for the merged results.")],
) -> None:
    """Merge the journals of results folders, then write the tables and figures of the whole.

    Nothing in the folders changes, and what `--out` holds already stays.
    """
    from wdist_bench.report import write_report
    from wdist_bench.results.journal import read_journal
    from wdist_bench.results.merge import merge as merge_folders

    with reading(out):
        journal = merge_folders(folders, out)
        found, total = len(journal.planned()), len(journal.keys)
        echo(f"{out}: {found} of {total} cells")
        others = [folder for folder in folders if folder.resolve() != out.resolve()]
        left = [f"{one}: {said}" for one in others for said in read_journal(one).warnings()]
        for warning in [*left, *journal.warnings()]:
            echo(f"warning: {warning}", err=True)
        for path in write_report(out):
            echo(f"wrote {path}")
