"""The error table, the figures and the journal as files for others: Parquet, CSV, LaTeX, PDF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from wdist_bench.estimate import NOT_RUN
from wdist_bench.folders import write
from wdist_bench.printable import one_line
from wdist_bench.report.escaping import csv
from wdist_bench.report.provenance import places
from wdist_bench.report.results import Results
from wdist_bench.report.wording import number, signed
from wdist_bench.results.columns import COLUMNS
from wdist_bench.results.journal import COMPACT, Journal
from wdist_bench.results.journal_writing import write_compact

FORMATS = ("csv", "parquet", "latex", "pdf", "journal")

_ADDED = ["setting", "variant", "relative_batch", "relative_population", "seconds_per_run", "seed",
          "backend", "estimator_version", "started", "key"]  # fmt: skip


def export(folder: Path, kind: str, out: Path | None = None, dirty: bool = False) -> list[Path]:
    """Write one format of a results folder's errors; returns the files.

    Args:
        folder: results folder with a journal.
        kind: "csv", "parquet" (one row a cell, the columns of `errors.csv` and what tells
            cells apart), "latex" (`errors.tex`: one booktabs table a setting, for \\input, and
            `errors_document.tex`, which compiles by itself), "pdf" (the figures), or "journal"
            (`journal.jsonl.gz`, all records in one compressed file: what `report` and `compare`
            need where the journal itself is not passed on).
        out: folder for the files; the results folder where None.
        dirty: whether a "journal" may hold cells that were measured with uncommitted changes.

    Raises:
        ValueError: an unknown format, nothing to export, or numbers that no revision gives.
        FileNotFoundError: no journal.
    """
    if kind not in FORMATS:
        raise ValueError(f"format: expected {', '.join(FORMATS)}, got {kind!r}; choose one")
    results = Results(folder)
    journal = results.journal
    out = out or folder
    out.mkdir(parents=True, exist_ok=True)
    if kind == "journal":
        if not dirty:
            _check_committed(folder, journal)
        write_compact(journal, out / COMPACT)
        return [out / COMPACT]
    table = results.labelled
    if table.empty:
        raise ValueError(
            f"{folder}: expected cells with an estimator, got none; "
            "experiments write their own tables: wdist-bench report FOLDER"
        )
    write: dict[str, Any] = {"csv": _csv, "parquet": _parquet, "latex": _latex}
    if kind in write:
        return list(write[kind](out, table, journal))
    from wdist_bench.report.figures import FIGURES

    return FIGURES.write(out, results, "pdf")


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
        if numbers.notna().any() and (numbers.notna() | empty).all():
            shown[name] = numbers
        else:
            shown[name] = shown[name].astype("object").where(~empty, None)
            shown[name] = [None if v is None else str(v) for v in shown[name]]
    return shown


def _csv(out: Path, table: pd.DataFrame, journal: Journal) -> list[Path]:
    """The file that `report` writes, elsewhere where `out` says so."""
    from wdist_bench.report.tables import error_table

    return [write(out / "errors.csv", csv(error_table(journal)))]


def _parquet(out: Path, table: pd.DataFrame, journal: Journal) -> list[Path]:
    try:
        content = flat(table).to_parquet(None, index=False)
    except ImportError as error:
        raise ValueError(
            "format: expected pyarrow for Parquet, got none; install it: pip install pyarrow"
        ) from error
    return [write(out / "errors.parquet", content)]


_HEADS = (
    r"estimator", r"estimate", r"95\,\% interval", r"against batch", r"against populations",
    r"$|$error$|$ on batches", r"failed", r"s / run",
)  # fmt: skip


def _latex(out: Path, table: pd.DataFrame, journal: Journal) -> list[Path]:
    """Tables for papers: one a setting, numbers as in `errors.md`."""
    shown = table[table["status"] != "skipped"]
    blocks = [_tabular(rows) for _, rows in shown.groupby("setting", sort=False)]
    tables = write(
        out / "errors.tex",
        "% Needs \\usepackage{booktabs}. Distances are W_p in the units of the data.\n"
        + "\n".join(blocks),
    )
    document = write(
        out / "errors_document.tex",
        "\\documentclass{article}\n\\usepackage[margin=2cm]{geometry}\n\\usepackage{booktabs}\n"
        "\\extrafloats{500}\n\\begin{document}\n"
        f"\\section*{{{escape(journal.plan['title'])}}}\n"
        "\\input{errors.tex}\n\\end{document}\n",
    )
    return [tables, document]


def _tabular(rows: pd.DataFrame) -> str:
    first = rows.sort_values("status", key=lambda s: s.isin(NOT_RUN), kind="stable").iloc[0]
    truths = [
        f"{words} {number(first[name])}"
        for words, name in (
            ("distance of the populations", "truth_population"),
            ("mean exact value of the batches", "truth_batch"),
        )
        if pd.notna(first[name])
    ]
    caption = escape(f"{first['setting_label']}: {'; '.join(truths) or 'truth not known'}.")
    lines = [" & ".join(_cells(row)) + r" \\" for _, row in rows.iterrows()]
    return "\n".join(
        [
            r"\begin{table}[!htbp]",
            r"\centering\small\setlength{\tabcolsep}{4pt}",
            rf"\caption{{{caption}}}",
            r"\begin{tabular}{@{}lrrrrrrr@{}}",
            r"\toprule",
            " & ".join(_HEADS) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _cells(row: pd.Series) -> list[str]:
    interval = ""
    if pd.notna(row["estimate_ci_low"]):
        interval = f"[{_math(row['estimate_ci_low'])}, {_math(row['estimate_ci_high'])}]"
    error = _math(row["abs_error_batch"], 3)
    if error and pd.notna(row["abs_error_batch_sd"]):
        error += rf" $\pm$ {_math(row['abs_error_batch_sd'], 2)}"
    refused = row["status"] == "refused"
    return [
        escape(row["variant"]),
        _math(row["estimate"]) or "--",
        interval,
        _math(row["bias_batch"], 3, sign=True),
        _math(row["bias_population"], 3, sign=True),
        error,
        "refused" if refused else f"{int(row['failed'])} of {int(row['runs'])}",
        _math(row["seconds_per_run"], 2),
    ]


def _math(value: float, digits: int = 4, sign: bool = False) -> str:
    """A number in math mode, powers of ten as such."""
    text = (signed if sign else number)(value, digits)
    if not text:
        return ""
    mantissa, power, exponent = text.partition("e")
    return rf"${mantissa} \cdot 10^{{{int(exponent)}}}$" if power else f"${text}$"


_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    **{character: "\\" + character for character in "&%$#_{}"},
}  # fmt: skip


def escape(text: Any) -> str:
    """Text for LaTeX; what is not ASCII becomes a question mark, as old engines have no letters.

    At the start of a cell, "[" and "*" would be read as options of the line above.
    """
    plain = one_line(str(text)).encode("ascii", "replace").decode().replace('"', "''")
    start = "{}" if plain.startswith(("[", "*")) else ""
    return start + "".join(_SPECIAL.get(character, character) for character in plain)
