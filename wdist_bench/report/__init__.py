"""Journal -> tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wdist_bench import experiment
from wdist_bench.folders import write
from wdist_bench.report.escaping import words
from wdist_bench.report.results import Results
from wdist_bench.results.journal import Journal


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
    table, compared = results.table, results.compared
    if table.empty:
        return []
    from wdist_bench.report.escaping import csv
    from wdist_bench.report.figures import FIGURES
    from wdist_bench.report.markdown import write_markdown
    from wdist_bench.report.rates import write_rates
    from wdist_bench.report.time_to_target import write_times

    written = [
        write(folder / "errors.csv", csv(table)),
        write_markdown(folder, results.journal, results.labelled, compared),
        *FIGURES.write(folder, results),
        *write_rates(folder, results),
        *write_times(folder, results),
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
    """What each study writes from the records of its experiments, else a plain table of them."""
    from wdist_bench.report.plain import write_plain

    studies: dict[str, list[dict[str, Any]]] = {}
    for record in journal.planned():
        if "experiment" in record:
            study = _study(record["experiment"])
            studies.setdefault(study, []).append(_in_words(record))
    files: list[Path] = []
    for study, records in studies.items():
        written_by = _written_by(records[0]["experiment"])[1]
        written = written_by(folder, records) if written_by else []
        files += written or write_plain(folder, study, records)
    return files


def _study(name: str) -> str:
    return _written_by(name)[0] or name


def _written_by(name: str) -> tuple[str, Any]:
    """The study of an experiment and its writer; ("", None) where its plug-in is not here."""
    if name not in experiment.names():
        return "", None
    known: Any = experiment.registry.factory(name)
    return known.study, known.write
