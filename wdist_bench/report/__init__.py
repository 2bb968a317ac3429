"""Journal -> tables and figures."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from wdist_bench.results.journal import Journal
from wdist_bench.folders import write
from wdist_bench.report.escaping import words
from wdist_bench.report.results import Results

Writer = Callable[[Path, list[dict[str, Any]]], list[Path]]
"""(folder, records of one suite's experiments) -> files written."""

_EXPERIMENTS: dict[str, str] = {
    "gan": "wdist_bench.studies.gan.report:write_gan",
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
        "wdist_bench.studies.example1.report:write_example1",
    ),
}
"""Experiment name -> "module:function" of its writer; experiments that share one are one report."""


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
    from wdist_bench.report.escaping import csv
    from wdist_bench.report.figures import write_figures
    from wdist_bench.report.markdown import write_markdown

    written = [
        write(folder / "errors.csv", csv(table)),
        write_markdown(folder, journal, table, compared),
        *write_figures(folder, journal, table),
    ]
    if not compared.empty:
        written.append(write(folder / "comparisons.csv", csv(compared)))
    return written


def _in_words(record: dict[str, Any]) -> dict[str, Any]:
    """An experiment's record whose parameters and status are plain words and numbers.

    They stand in headings, links, labels of figures and names of files; none of ours has any
    other character.
    """
    return record | {name: words(record[name]) for name in ("parameters", "status")}


def _write_experiments(folder: Path, journal: Journal) -> list[Path]:
    """What each experiment's own writer gives."""
    by_writer: dict[str, list[dict[str, Any]]] = {}
    for record in journal.planned():
        writer = _EXPERIMENTS.get(record.get("experiment", ""))
        if writer:
            by_writer.setdefault(writer, []).append(_in_words(record))
    files: list[Path] = []
    for writer, records in by_writer.items():
        module, _, function = writer.partition(":")
        write_experiment: Writer = getattr(import_module(module), function)
        files += write_experiment(folder, records)
    return files
