"""Journal -> tables and figures."""

from __future__ import annotations

from pathlib import Path

from wdist_bench.bench.journal import read_journal


def write_report(folder: Path) -> list[Path]:
    """Write every table and figure of a results folder from its journal; returns the files."""
    from wdist_bench.report.figures import write_figures
    from wdist_bench.report.markdown import write_markdown
    from wdist_bench.report.tables import error_table

    journal = read_journal(folder)
    if not journal.plan:
        raise FileNotFoundError(
            f"{folder}: expected a journal (journal*.jsonl) with a run, got none; "
            "run a suite first: wdist-bench run SUITE --out FOLDER"
        )
    table = error_table(journal)
    csv = folder / "errors.csv"
    table.to_csv(csv, index=False, float_format="%.9g", lineterminator="\n")
    return [csv, write_markdown(folder, journal, table), *write_figures(folder, journal, table)]
