"""`report.html`: a results folder as one page that needs nothing but a browser."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wdist_bench.bench.journal import Journal
from wdist_bench.report.attachments import Figures, attachments
from wdist_bench.report.comparisons import comparison_table
from wdist_bench.report.page_data import environment, environments, experiment_cells, page_data
from wdist_bench.report.provenance import mixture, places
from wdist_bench.report.settings import labelled_table
from wdist_bench.report.verdicts import refusals, shortcomings, verdicts

if TYPE_CHECKING:
    import pandas as pd

MAX_BYTES = 8_000_000
"""The page stays below this: figures of experiments for which there is no room are linked."""

_REST = 400_000  # bytes kept for markup, styles, scripts and the text of reports

_FILES = ("errors.csv", "errors.md", "environment.json")
_SCRIPTS = ("format.js", "cells.js", "charts.js", "page.js")


def write_page(folder: Path, journal: Journal, table: pd.DataFrame | None = None) -> Path:
    """Write `report.html`, the same bytes for the same folder.

    `table` is the journal's `error_table` where it is there already.

    Templates, styles, scripts and Plotly are inlined; a content security policy in the page
    forbids every request.
    """
    from plotly.offline import get_plotlyjs

    table = labelled_table(journal, table)
    content = (
        page_data(folder, journal, table)
        if len(table)
        else {"environments": environments(folder, journal)}
    )
    data = embedded(content)
    plotly = get_plotlyjs() if len(table) else ""
    figures = Figures(folder, MAX_BYTES - _REST - len(plotly) - len(data))
    reports = attachments(folder, figures)
    html = _templates().get_template("page.html").render(
        title=journal.plan["title"],
        description=journal.plan["description"].strip(),
        notes=shortcomings(journal, table),
        refusals=refusals(table),
        verdicts=_verdicts(table, journal),
        cells=len(table),
        data=data,
        reports=reports,
        experiments=experiment_cells(journal),
        linked=figures.linked,
        mixture=mixture(places(journal, environment(folder))),
        files=[name for name in _FILES if (folder / name).is_file()],
        style=_text("page.css"),
        scripts=[_text(name) for name in _SCRIPTS],
        plotly=plotly,
    )  # fmt: skip
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


def _verdicts(table: pd.DataFrame, journal: Journal) -> list[list[str]]:
    if table.empty:
        return []
    return [_emphasised(text) for text in verdicts(table, comparison_table(journal))]


def embedded(data: dict[str, Any]) -> str:
    """JSON that can stand inside a script element, whatever its strings hold."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _emphasised(text: str) -> list[str]:
    """Parts of a sentence, every second one emphasised; the template escapes them."""
    return text.split("**")


def _templates() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("wdist_bench.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _text(name: str) -> str:
    return files("wdist_bench.report").joinpath("templates", name).read_text(encoding="utf-8")
