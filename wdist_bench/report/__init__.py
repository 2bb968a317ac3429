"""Journal -> tables and figures."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from wdist_bench.bench.journal import Journal
from wdist_bench.report.results import Results

Writer = Callable[[Path, list[dict[str, Any]]], list[Path]]
"""(folder, records of one suite's experiments) -> files written."""

_EXPERIMENTS: dict[str, str] = {
    "gan": "wdist_bench.report.gan:write_gan",
    **dict.fromkeys(
        (
            "example1_critic",
            "example1_discriminator",
            "example1_convergence",
            "example1_identity",
            "example1_instability",
            "example1_noise",
            "example1_descent",
            "example1_bounds",
        ),
        "wdist_bench.report.example1:write_example1",
    ),
}
"""Experiment name -> "module:function" of its writer; experiments that share one are one report."""

_CSV: dict[str, Any] = {"index": False, "float_format": "%.9g", "lineterminator": "\n"}


def write_report(folder: Path, results: Results | None = None) -> list[Path]:
    """Write every table and figure of a results folder from its journal; returns the files.

    `results` are the folder's where they are read already.
    """
    results = results or Results(folder)
    from wdist_bench.report.page import write_page

    journal = results.journal
    written = [*_write_cells(folder, results), *_write_experiments(folder, journal)]
    page = write_page(folder, journal, results.labelled, results.compared)
    return [*written, page]  # last: it shows what the others wrote


def _write_cells(folder: Path, results: Results) -> list[Path]:
    """What the task x estimator cells give."""
    journal, table, compared = results.journal, results.table, results.compared
    if table.empty:
        return []
    from wdist_bench.report.figures import write_figures
    from wdist_bench.report.markdown import write_markdown

    csv = folder / "errors.csv"
    table.to_csv(csv, **_CSV)
    written = [
        csv,
        write_markdown(folder, journal, table, compared),
        *write_figures(folder, journal, table),
    ]
    if not compared.empty:
        compared.to_csv(folder / "comparisons.csv", **_CSV)
        written.append(folder / "comparisons.csv")
    return written


def _write_experiments(folder: Path, journal: Journal) -> list[Path]:
    """What each experiment's own writer gives."""
    by_writer: dict[str, list[dict[str, Any]]] = {}
    for record in journal.planned():
        writer = _EXPERIMENTS.get(record.get("experiment", ""))
        if writer:
            by_writer.setdefault(writer, []).append(record)
    files = []
    for writer, records in by_writer.items():
        module, _, function = writer.partition(":")
        write: Writer = getattr(import_module(module), function)
        files += write(folder, records)
    return files
