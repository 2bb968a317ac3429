"""The error table, the figures and the journal as files for others: Parquet, CSV, LaTeX, PDF."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from wdist_bench.folders import write
from wdist_bench.report.drawing import WIDTHS, Style, styled
from wdist_bench.report.provenance import places
from wdist_bench.report.results import Results
from wdist_bench.report.studies import write_experiments
from wdist_bench.report.tables.latex import write_latex
from wdist_bench.report.text.escaping import csv
from wdist_bench.results.columns import COLUMNS, WORD
from wdist_bench.results.journal import COMPACT, Journal
from wdist_bench.results.journal_writing import write_compact

FORMATS = ("csv", "parquet", "latex", "pdf", "journal")

_ADDED = ["setting", "variant", "relative_batch", "relative_population", "seconds_per_run", "seed",
          "backend", "estimator_version", "started", "key"]  # fmt: skip
_WORDS = {"variant", "backend", "started", "key"} | {c.name for c in COLUMNS if c.kind == WORD}


def export(
    folder: Path, kind: str, out: Path | None = None, dirty: bool = False, column: str = ""
) -> list[Path]:
    """Write one format of a results folder's errors, and of its studies; returns the files.

    Args:
        folder: results folder with a journal.
        kind: "csv", "parquet" (one row a cell, the columns of `errors.csv` and what tells
            cells apart; of a study its tables), "latex" (`summary.tex`: the leaderboards and the
            errors by task, the best in bold, who is not told apart from it marked; `errors.tex`:
            one table a setting; of a study its report's tables; and a document that compiles by
            itself), "pdf" (the figures, letters embedded as TrueType), or "journal"
            (`journal.jsonl.gz`, all records in one compressed file: what `report` and `compare`
            need where the journal itself is not passed on).
        out: folder for the files; the results folder where None.
        dirty: whether a "journal" may hold cells that were measured with uncommitted changes.
        column: width of "pdf" figures: "one" or "two" columns of a paper; as on a screen where
            empty.

    Raises:
        ValueError: an unknown format, nothing to export, or numbers that no revision gives.
        FileNotFoundError: no journal.
    """
    if kind not in FORMATS:
        raise ValueError(f"format: expected {', '.join(FORMATS)}, got {kind!r}; choose one")
    if column and (kind != "pdf" or column not in WIDTHS):
        raise ValueError(
            f"width: expected {' or '.join(WIDTHS)} with the format pdf, got {column!r} with "
            f"{kind}; leave it out, or choose pdf"
        )
    results = Results(folder)
    out = out or folder
    out.mkdir(parents=True, exist_ok=True)
    if kind == "journal":
        if not dirty:
            _check_committed(folder, results.journal)
        write_compact(results.journal, out / COMPACT)
        return [out / COMPACT]
    if results.labelled.empty and not any("experiment" in r for r in results.journal.planned()):
        raise ValueError(f"{folder}: expected cells, got none; run a suite into it first")
    if kind == "pdf":
        with styled(Style("pdf", column=column)):
            return _drawn(out, results)
    writers = {"csv": _csv, "parquet": _parquet, "latex": write_latex}
    return writers[kind](out, results)


def _drawn(out: Path, results: Results) -> list[Path]:
    """Every figure of a folder, as `styled` says."""
    from wdist_bench.report.figures.suites import FIGURES
    from wdist_bench.report.tables.rates import write_rates

    of_cells = [] if results.labelled.empty else FIGURES.write(out, results)
    with TemporaryDirectory() as place:
        made = write_experiments(Path(place), results.journal)
        if not results.labelled.empty:
            made += write_rates(Path(place), results)
        figures = [path for path in made if path.suffix == ".pdf"]
        return [*of_cells, *(write(out / path.name, path.read_bytes()) for path in figures)]


def study_tables(results: Results) -> dict[str, pd.DataFrame]:
    """The tables that the studies of a folder write, by the name of their file."""
    with TemporaryDirectory() as place:
        made = write_experiments(Path(place), results.journal)
        return {path.stem: pd.read_csv(path) for path in made if path.suffix == ".csv"}


def _check_committed(folder: Path, journal: Journal) -> None:
    """Records that are passed on name the revision that gives them."""
    found = places(journal, {})
    changed = sum(place.cells for place in found if place.description.get("git_dirty"))
    if changed:
        raise ValueError(
            f"{folder}: expected cells measured at a committed revision, got {changed} of "
            f"{sum(place.cells for place in found)} measured with uncommitted changes; commit "
            "them and run the suite into an empty folder, or pass --dirty"
        )


def flat(table: pd.DataFrame) -> pd.DataFrame:
    """The columns for other programs, each of one type."""
    shown = table[list(dict.fromkeys([*(c.name for c in COLUMNS), *_ADDED]))].copy()
    for name in shown.columns:
        numbers = pd.to_numeric(shown[name], errors="coerce")
        empty = shown[name].isna() | (shown[name].astype(str) == "")
        number = numbers.notna().any() and (numbers.notna() | empty).all()
        if number and name not in _WORDS:  # an estimator may be called "1", a key have an e
            shown[name] = numbers
        else:
            shown[name] = shown[name].astype("object").where(~empty, None)
            shown[name] = [None if v is None else str(v) for v in shown[name]]
    return shown


def _csv(out: Path, results: Results) -> list[Path]:
    """The files that `report` writes, elsewhere where `out` says so."""
    files = [write(out / "errors.csv", csv(results.table))] if len(results.table) else []
    return files + [
        write(out / f"{name}.csv", csv(table)) for name, table in study_tables(results).items()
    ]


def _parquet(out: Path, results: Results) -> list[Path]:
    tables = {"errors": flat(results.labelled)} if len(results.labelled) else {}
    try:
        return [
            write(out / f"{name}.parquet", table.to_parquet(None, index=False))
            for name, table in (tables | study_tables(results)).items()
        ]
    except ImportError as error:
        raise ValueError(
            "format: expected pyarrow for Parquet, got none; install it: pip install pyarrow"
        ) from error
