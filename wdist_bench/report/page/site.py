"""All results as one static site: a leaderboard over every suite, and a page for each.

Made of journals alone. The site needs no server and asks nothing of any network: `index.html` opens
as a file.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from wdist_bench.folders import read_plain, write
from wdist_bench.references.cite import cite
from wdist_bench.references.described import described
from wdist_bench.report.comparing.leaderboard import TRUTHS
from wdist_bench.report.drawing import Style, styled
from wdist_bench.report.export import flat
from wdist_bench.report.page.data import descriptions, embedded, short, standings
from wdist_bench.report.page.page import Shared, template_text, templates, write_page
from wdist_bench.report.results import Results
from wdist_bench.report.studies import write_experiments
from wdist_bench.report.tables.settings import named, spelled_out, variants_of_all
from wdist_bench.report.text.escaping import csv
from wdist_bench.results.journal_files import compact, entries

PLOTLY = "plotly.min.js"
"""One copy for all pages."""

_DPI = 100  # figures for screens
_WORKERS = 4  # more have nothing to do: there are two or three folders with many figures
_MOST = 2**20  # bytes of a note on a submission

ROW = (
    "suite", "task", "dataset", "dim", "n", "p", "norm", "protocol", "estimator", "variant",
    "target", "bound", "steps", "runs", "failed", "setting_label", "relative_population",
    "relative_batch", "abs_error_population", "abs_error_batch", "estimate", "estimate_ci_low",
    "estimate_ci_high", "truth_population", "truth_batch", "seconds_per_run", "status", "setting",
    "key", "task_parameters",
)  # fmt: skip
"""Columns of a cell in the data of the site, and of `cells.csv` and `cells.json`."""

_PAGE = tuple(name for name in ROW if name != "task_parameters")


@dataclass(frozen=True)
class Entry:
    """A results folder on the site.

    Attributes:
        name: of its folder, and of its page.
        title: of its suite.
        description: what it asks.
        cells: how many cells it has.
        note: who measured it, where that is not this project.
        study: whether it has experiments instead of cells of estimators.
    """

    name: str
    title: str
    description: str
    cells: int
    note: str
    study: bool

    @property
    def page(self) -> str:
        """The file of its page."""
        return f"{self.name}.html"


def result_folders(root: Path) -> list[Path]:
    """The folders below a root that hold a journal, in the order of their names.

    Raises:
        FileNotFoundError: there is none.
    """
    inside = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    found = [path for path in inside if compact(path) or entries(path)[0]]
    if not found:
        raise FileNotFoundError(
            f"{root}: expected folders with a journal (journal.jsonl.gz), got none; give the "
            "folder that holds results folders"
        )
    return found


def write_site(root: Path, out: Path) -> list[Path]:
    """Write the site of all results folders below `root` into `out`; returns the files.

    `index.html`, a page for each folder, `cells.csv`, `cells.json`, `citations.bib` and what the
    pages show. Every number of the index links to its cell.

    Raises:
        FileNotFoundError: no folder with a journal.
        ValueError: a folder has the name of the index, or none has cells of estimators.
    """
    from plotly.offline import get_plotlyjs

    folders = result_folders(root)
    if taken := [folder for folder in folders if folder.name.lower() == "index"]:
        raise ValueError(
            f"{taken[0]}: expected another name than that of the page of all results, index.html, "
            "got it; rename the folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    made = _pages(folders, out)
    shown = [page.entry for page in made]
    files = [write(out / PLOTLY, get_plotlyjs()), *(out / entry.page for entry in shown)]
    joined = _joined([page for page in made if len(page.table)])
    cells = _flat(joined)
    files += [
        write(out / "cells.csv", csv(cells)),
        write(out / "cells.json", _split(cells)),
        write(out / "citations.bib", citations(cells)),
        write(out / "index.html", _index(joined, cells, shown)),
    ]
    return files


@dataclass(frozen=True, eq=False)
class _Page:
    """Of one folder: what stands on the index, its rows, and the records that name these."""

    entry: Entry
    table: pd.DataFrame
    records: list[dict[str, Any]]


def _pages(folders: list[Path], out: Path) -> list[_Page]:
    """Every folder's page, one a processor at a time: drawing takes longest."""
    workers = min(len(folders), os.cpu_count() or 1, _WORKERS)
    if workers < 2:
        return [_page(folder, out) for folder in folders]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(partial(_page, out=out), folders))


def _page(folder: Path, out: Path) -> _Page:
    results = Results(folder)
    _suite_page(folder, results, out)
    records = [named(cell.record) for cell in results.cells]
    plan = results.journal.plan
    entry = Entry(
        folder.name, plan["title"], " ".join(plan["description"].split()),
        len(results.journal.planned()), _note(folder), results.labelled.empty,
    )  # fmt: skip
    return _Page(entry, results.labelled, records)


def _note(folder: Path) -> str:
    """Who submitted a folder, by its `submission.json`."""
    try:
        found = json.loads(read_plain(folder / "submission.json", _MOST) or b"{}")
    except ValueError:
        return ""
    name = found.get("name") if isinstance(found, dict) else None
    return f"submitted as {name}" if isinstance(name, str) else ""


def _suite_page(folder: Path, results: Results, out: Path) -> None:
    """The page of one folder; figures of its studies in a folder of its name."""
    place = out / folder.name
    place.mkdir(exist_ok=True)
    with styled(Style(dpi=_DPI)):
        write_experiments(place, results.journal)
        if not results.labelled.empty:
            from wdist_bench.report.tables.rates import write_rates

            write_rates(place, results)
    shared = Shared(out / f"{folder.name}.html", PLOTLY, place, f"{folder.name}/")
    write_page(folder, results.journal, results.labelled, results.compared, shared)
    if not any(place.iterdir()):
        place.rmdir()


def _joined(pages: list[_Page]) -> pd.DataFrame:
    """The rows of all suites, their variants named together; a setting of one suite is none of
    another.
    """
    if not pages:
        raise ValueError("site: expected cells of estimators in some folder, got none; add one")
    settings = [[int(number) for number in page.table["setting"]] for page in pages]
    variants = variants_of_all(spelled_out([page.records for page in pages]), settings)
    every = [
        page.table.assign(
            suite=page.entry.name,
            setting=page.entry.name + "/" + page.table["setting"].astype(str),
            variant=own,
        )
        for page, own in zip(pages, variants, strict=True)
    ]
    return pd.concat([table.astype(object) for table in every], ignore_index=True)


def _flat(joined: pd.DataFrame) -> pd.DataFrame:
    """What is shown and can be downloaded, each column of one type."""
    columns = flat(joined)
    for name in ROW:
        if name not in columns:
            columns[name] = joined[name]
    return columns[list(ROW)]


def _split(cells: pd.DataFrame) -> str:
    """As `pandas.read_json(orient="split")` reads it: names once, so in half the size."""
    rows = [[_plain(value) for value in row] for row in cells.itertuples(index=False)]
    split = {"columns": list(cells.columns), "index": list(range(len(rows))), "data": rows}
    return json.dumps(split, allow_nan=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """A number of six digits, a word, or null."""
    if value is None or value != value:
        return None
    if isinstance(value, str):
        return value
    return short(value)


def citations(cells: pd.DataFrame) -> str:
    """BibTeX of this suite and of every estimator of the cells, each entry once."""
    found: dict[str, None] = {}
    for name in [None, *cells["estimator"].unique()]:
        if name is None or described(str(name)):
            answer = cite() if name is None else cite(str(name))
            found |= dict.fromkeys(answer.bibtex.split("\n\n"))
    return "\n\n".join(found) + "\n"


def _index(joined: pd.DataFrame, cells: pd.DataFrame, entries: list[Entry]) -> str:
    words: dict[str, int] = {"": 0}

    def packed(value: Any) -> Any:
        plain = _plain(value)
        return words.setdefault(plain, len(words)) if isinstance(plain, str) else plain

    text = {n for n in _PAGE if cells[n].map(lambda v: isinstance(v, str)).any()}
    rows = [
        [packed(v if n not in text or isinstance(v, str) else "")
         for n, v in zip(_PAGE, row, strict=True)]
        for row in cells[list(_PAGE)].itertuples(index=False)
    ]  # fmt: skip
    data = {
        "columns": list(_PAGE),
        "texts": sorted(text),
        "words": list(words),
        "cells": rows,
        "boards": {truth: _board(joined, truth) for truth in TRUTHS},
        "estimators": descriptions(cells),
    }
    return str(
        templates().get_template("site.html").render(
            data=embedded(data),
            entries=entries,
            cells=len(cells),
            estimators=cells["estimator"].nunique(),
            style=template_text("page.css"),
            scripts=[template_text(name) for name in ("format.js", "site.js")],
        )
    )  # fmt: skip


def _board(joined: pd.DataFrame, truth: str) -> list[dict[str, Any]]:
    """The tested standings over all suites: one statement, made once, whatever is filtered."""
    return standings(joined.assign(setting=pd.factorize(joined["setting"])[0]), truth)
