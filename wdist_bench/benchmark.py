"""Suites and their results from Python: what `wdist-bench run` and `report` do, as calls."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wdist_bench.display.printable import printable
from wdist_bench.extras import REPORTS, require
from wdist_bench.inputs.elsewhere import explained

if TYPE_CHECKING:
    from wdist_bench.report.results import Results
    from wdist_bench.runs.runner import Event


@explained
def run_suite(
    suite: str | Path,
    out: str | Path | None = None,
    profile: str = "cpu",
    *,
    jobs: int = 1,
    timeout: float | None = None,
    retry_failed: bool = False,
    progress: bool | Callable[[Event], object] = True,
) -> Results:
    """Run what a suite is missing in a results folder, write its report, and read it.

    Cells run in worker processes, so a script needs `if __name__ == "__main__":` around this.
    Workers import the modules of your plug-ins; what a notebook alone defines runs in its own
    process, without `timeout`, and afresh in each session. Needs the extra `bench`.

    Args:
        suite: a suite file, or the name of one of ours, "quick" say.
        out: results folder; by default results/local/NAME.
        profile: the budget, "cpu", "gpu" or "full".
        jobs: cells at a time; their seconds are timings only with 1.
        timeout: seconds that a cell may take.
        retry_failed: whether cells that are not ok are tried again.
        progress: a bar with the time left (in a notebook too: of ipywidgets where that is
            installed, else a line a cell), or a function that is told each event.
    """
    require("run_suite", *REPORTS, "pydantic", "rich")  # not when all has run
    from wdist_bench.report import write_report
    from wdist_bench.report.results import Results
    from wdist_bench.runs.isolation import Workers
    from wdist_bench.runs.runner import run_suite
    from wdist_bench.runs.shipped import find_suite
    from wdist_bench.runs.suite import load_suite

    loaded = load_suite(find_suite(Path(suite)), profile)
    folder = Path("results", "local", loaded.name) if out is None else Path(out)
    events: Any = run_suite(loaded, folder, Workers(jobs, timeout), retry_failed=retry_failed)
    with contextlib.closing(events), _watching(progress, len(loaded.cells)) as watch:
        for event in events:
            watch(event)
    results = Results(folder)
    write_report(folder, results)
    return results


def load_results(folder: str | Path) -> Results:
    """The results of a folder: its cells, and its errors as a data frame (`table`).

    Raises:
        FileNotFoundError: no journal with a run.
    """
    from wdist_bench.report.results import Results

    return Results(Path(folder))


@contextlib.contextmanager
def _watching(progress: bool | Callable[[Event], object], total: int) -> Any:
    """A function for events: the caller's, a bar's, or none's."""
    if callable(progress):
        yield progress
        return
    if progress and not _draws_bars():
        yield _say
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    described, left = (TextColumn(text, markup=False) for text in ("{task.description}", "left"))
    columns = (described, BarColumn(), MofNCompleteColumn(), left, TimeRemainingColumn())
    with Progress(*columns, disable=not progress) as bar:
        task = bar.add_task("cells", total=total)

        def watch(event: Event) -> None:
            if event.kind == "started":
                bar.update(task, description=printable(event.cell.label)[:60])
            else:
                bar.advance(task)

        yield watch


def _draws_bars() -> bool:
    """Everywhere but in a notebook without ipywidgets, where rich would warn at every step."""
    from importlib.util import find_spec

    from rich import get_console

    return not get_console().is_jupyter or find_spec("ipywidgets") is not None


def _say(event: Event) -> None:
    """A line for a cell that is done."""
    if event.kind != "started":
        status = (event.record or {}).get("status", "")
        print(f"[{event.index}/{event.total}] {printable(event.cell.label)}: {status}")
