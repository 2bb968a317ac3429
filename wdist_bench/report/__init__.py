"""Journal -> tables and figures."""

from __future__ import annotations

from pathlib import Path

from wdist_bench.extras import REPORTS, require
from wdist_bench.folders import write
from wdist_bench.report.results import Results
from wdist_bench.report.studies import lacks_plugins, write_experiments
from wdist_bench.report.written import remove_others


def write_report(folder: Path, results: Results | None = None) -> list[Path]:
    """Write every table and figure of a results folder from its journal; returns the files.

    What the last report wrote and this one does not is removed, but where a study's plug-in is not
    here. `results` are the folder's where they are read already.
    """
    require("report", *REPORTS)
    results = results or Results(folder)
    from wdist_bench.report.page.page import write_page

    journal = results.journal
    written = [*_write_cells(folder, results), *write_experiments(folder, journal)]
    remove_others(folder, written, keep=lacks_plugins(journal))
    page = write_page(folder, journal, results.labelled, results.compared)
    return [*written, page]  # last: it shows what the others wrote


def _write_cells(folder: Path, results: Results) -> list[Path]:
    """What the task x estimator cells give."""
    table, compared = results.table, results.compared
    if table.empty:
        return []
    from wdist_bench.report.text.escaping import csv
    from wdist_bench.report.figures.suites import FIGURES
    from wdist_bench.report.tables.markdown import write_markdown
    from wdist_bench.report.tables.rates import write_rates
    from wdist_bench.report.tables.time_to_target import write_times

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
