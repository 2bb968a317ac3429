"""`wdist-bench site`: all results as one static site."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from wdist_bench.cli.output import echo
from wdist_bench.cli.reading import reading


def site(
    results: Annotated[Path, typer.Argument(help="Folder that holds results folders.")] = Path(
        "results"
    ),
    out: Annotated[Path, typer.Option(help="Folder for the site.")] = Path("results/local/site"),
) -> None:
    """Write one leaderboard over all results folders, and a page for each, from their journals.

    The site needs no server and asks nothing of any network.
    """
    from wdist_bench.report.page.site import write_site

    begun = time.monotonic()
    with reading(results):
        write_site(results, out)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    echo(f"site: {out / 'index.html'} ({size / 1e6:.1f} MB, {time.monotonic() - begun:.0f} s)")
