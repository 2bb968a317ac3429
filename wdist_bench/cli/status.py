"""`wdist-bench status`: how far a run is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wdist_bench.cli.output import echo
from wdist_bench.cli.reading import reading


def status(
    folder: Annotated[Path, typer.Argument(help="Results folder, of a run under way or not.")],
) -> None:
    """Say what is done, running, failed and left in a results folder, and the time left."""
    from wdist_bench.results.journal import read_run
    from wdist_bench.results.progress import RETRY, counted, progress

    with reading(folder):
        journal = read_run(folder, state=True)
        state = progress(journal)
    echo(f"{state.title}: {state.total} cells")
    counts = counted(state.statuses)
    echo(f"done     {sum(state.statuses.values())}" + (f" ({counts})" if counts else ""))
    kept = state.kept_failures
    hint = f" ({counted(kept)} kept by the next run; {RETRY})" if kept else ""
    echo(f"failed   {state.failed}{hint}")
    echo(f"running  {len(state.running)}")
    for start in state.running:
        echo(f"         {start['label']} on {start['host']}, process {start['pid']}")
    echo(f"left     {state.left}")
    if state.left:
        echo(f"time     {_duration(state.seconds_left)}")
    for warning in journal.warnings():
        echo(f"warning: {warning}", err=True)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "not known before a first cell is done"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
