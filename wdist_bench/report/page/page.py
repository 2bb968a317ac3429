"""`report.html`: a results folder as one page that needs nothing but a browser."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wdist_bench.display.printable import printable
from wdist_bench.folders import is_plain, write
from wdist_bench.report.comparing.comparisons import comparison_table
from wdist_bench.report.page.attachments import Attachment, Figures, attachments
from wdist_bench.report.page.data import (
    STANDINGS,
    embedded,
    environment,
    environments,
    experiment_cells,
    fitting_data,
)
from wdist_bench.report.provenance import mixture, places
from wdist_bench.report.tables.errors import labelled_table
from wdist_bench.report.text.missing import shortcomings
from wdist_bench.report.text.verdicts import refusals, verdicts
from wdist_bench.results.journal import Journal

if TYPE_CHECKING:
    import pandas as pd

MAX_BYTES = 8_000_000
"""The page stays below this: figures of experiments for which there is no room are linked."""

_REST = 400_000  # bytes kept for markup, styles, scripts and the text of reports ...
_TEXTS = 150_000  # ... which may take so many of them

_FILES = ("errors.csv", "errors.md", "environment.json")
_SCRIPTS = ("format.js", "cells.js", "estimators.js", "board.js", "charts.js", "page.js")


@dataclass(frozen=True)
class Shared:
    """What a page of a site shares with the others.

    Attributes:
        path: of the page.
        plotly: the file beside it that holds Plotly.
        place: the folder that holds its reports and figures ...
        prefix: ... as the page links to it, with a slash at its end.
    """

    path: Path
    plotly: str
    place: Path
    prefix: str


def write_page(
    folder: Path,
    journal: Journal,
    table: pd.DataFrame | None = None,
    compared: pd.DataFrame | None = None,
    shared: Shared | None = None,
) -> Path:
    """Write `report.html`, the same bytes for the same folder.

    `table` and `compared` are the journal's `labelled_table` and `comparison_table` where they are
    there already. A page of a site names what it shares with the others.

    Templates, styles, scripts and Plotly are inlined; a content security policy in the page
    forbids every request.
    """
    from plotly.offline import get_plotlyjs

    table = labelled_table(journal) if table is None else table
    compared = comparison_table(journal) if compared is None else compared
    plotly = get_plotlyjs() if len(table) and shared is None else ""
    room = MAX_BYTES - _REST - len(plotly)
    place, prefix = (shared.place, shared.prefix) if shared else (folder, "")
    data, shown = embedded({"environments": environments(folder, journal)}), table
    if len(table):
        data, shown = fitting_data(folder, journal, table, compared, room)
    figures = Figures(place, room - len(data), prefix)
    reports = _short(attachments(place, figures), room - len(data) + _TEXTS)
    experiments, experiment_count = experiment_cells(journal)
    html = templates().get_template("page.html").render(
        title=journal.plan["title"],
        description=journal.plan["description"].strip(),
        notes=shortcomings(journal, table["failed"]),
        refusals=refusals(table),
        verdicts=_verdicts(table, compared),
        cells=len(table),
        shown=len(shown),
        estimators=table["variant"].nunique(),
        standings=STANDINGS,
        data=data,
        reports=reports,
        experiments=experiments,
        experiment_count=experiment_count,
        linked=figures.linked,
        mixture=mixture(places(journal, environment(folder))),
        files=[name for name in _FILES if shared is None and is_plain(folder / name)],
        prefix=prefix,
        shared=shared,
        style=template_text("page.css"),
        scripts=[template_text(name) for name in _SCRIPTS],
        plotly=plotly,
    )  # fmt: skip
    return write(shared.path if shared else folder / "report.html", html)


def _verdicts(table: pd.DataFrame, compared: pd.DataFrame) -> list[list[str]]:
    """Parts of each sentence, every second one emphasised; the template escapes them."""
    if table.empty:
        return []
    return [text.split("**") for text in verdicts(table, compared)]


def _short(reports: list[Attachment], room: int) -> list[Attachment]:
    """The reports, a link for those that there is no room for."""
    kept = []
    for report in reports:
        room -= len(report.html)
        if room < 0:
            room += len(report.html)
            report = replace(report, html="<p>Too large for this page.</p>")
        kept.append(report)
    return kept


def templates() -> Any:
    """The templates of pages: everything is escaped, and nothing is missing in silence."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("wdist_bench.report.page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: printable(value, "\n") if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def template_text(name: str) -> str:
    """A style sheet or a script."""
    return files("wdist_bench.report.page").joinpath("templates", name).read_text(encoding="utf-8")
