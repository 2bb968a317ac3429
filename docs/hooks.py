"""Pages of the site that are not written by hand: tables of results, changelog, command line,
truth cards.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

SEARCH_FROM_FILES = "search/from_files.js"
_STARTER = """\
// Browsers start no worker from a file, so where pages are files it starts from its text.
if (location.protocol === "file:") {
  const Started = window.Worker, text = %s;
  window.Worker = class extends Started {
    constructor() { super(URL.createObjectURL(new Blob([text], {type: "text/javascript"}))); }
  };
}
"""
_MARKER = "<!-- the help of every command comes here -->"
_REGISTERED = re.compile(r"<!-- all registered (\w+) come here -->")
_CARDS = "<!-- the truth cards come here -->"
_COMMANDS = re.compile(r"\*\*Commands\*\*:\n\n(\* .*\n)+")
_FORMULA = re.compile(
    r'<(?:span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</(?:span|div)>', re.S
)
_IMAGE = re.compile(r"\((?:\.\./)?((?:results/)?[\w/]+\.png)\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the committed results, with the figures that any page shows, and the changelog."""
    root = Path(config.config_file_path).parent
    tables = sorted((root / "results").glob("*/*.md"))
    files.append(_file(config, root / "CHANGELOG.md", "changelog.md"))
    files.append(File.generated(config, "results/index.md", content=_index(tables, root)))
    figures = set()
    for table in tables:
        files.append(_file(config, table, table.relative_to(root).as_posix()))
        figures |= {table.parent / name for name in _IMAGE.findall(table.read_text("utf-8"))}
    for page in (root / "docs").glob("*.md"):
        shown = _IMAGE.findall(page.read_text("utf-8"))
        figures |= {root / name for name in shown if name.startswith("results/")}
    for figure in sorted(figures):
        files.append(_file(config, figure, figure.relative_to(root).as_posix()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Links to results as they are on the site, and what pages leave to be filled in."""
    if page.file.src_uri == "reference/cli.md":
        return markdown.replace(_MARKER, _help())
    if page.file.src_uri == "truths.md":
        from wdist_bench import cards

        return markdown.replace(_CARDS, cards.markdown())
    markdown = _REGISTERED.sub(lambda match: _registered(match[1]), markdown)
    return markdown.replace("](../results/", "](results/")


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Formulas as MathML, which browsers set by themselves."""
    return _FORMULA.sub(lambda match: _mathml(match[1], match[2]), html)


def on_config(config: Any) -> Any:
    """Search starts before the theme's scripts ask for it."""
    config.extra["polyfills"] = [SEARCH_FROM_FILES]
    return config


def on_post_build(config: Any) -> None:
    """Let the search work without a server: its index and its worker as scripts."""
    site = Path(config.site_dir)
    index = (site / "search" / "search_index.json").read_text("utf-8")
    (site / "search" / "search_index.js").write_text(f"var __index = {index}", encoding="utf-8")
    (worker,) = (site / "assets" / "javascripts" / "workers").glob("search.*.min.js")
    text = json.dumps(worker.read_text("utf-8"))
    (site / SEARCH_FROM_FILES).write_text(_STARTER % text, encoding="utf-8")


def _mathml(delimiter: str, latex: str) -> str:
    from html import unescape

    from latex2mathml.converter import convert

    return str(convert(unescape(latex), display="block" if delimiter == "[" else "inline"))


def _file(config: Any, path: Path, uri: str) -> File:
    return File.generated(config, uri, abs_src_path=str(path))


def _index(tables: list[Path], root: Path) -> str:
    lines = ["# Tables", "", "What `make results SUITE=NAME` wrote, as it is committed.", ""]
    lines += ["| suite | what it asks |", "|---|---|"]
    for table in tables:
        title = table.read_text("utf-8").splitlines()[0].removeprefix("# ")
        suite = table.parent.name
        lines.append(f"| [`{suite}`]({suite}/{table.name}) | {title} |")
    return "\n".join(lines) + "\n"


def _registered(kind: str) -> str:
    """An entry for each class of ours: a plug-in that is installed has pages of its own."""
    import wdist_bench as wb
    from wdist_bench import experiment

    registry = {"experiments": experiment}.get(kind) or getattr(wb, kind)
    entries = []
    for name in registry.names():
        thing = registry.registry.factory(name)
        if thing.__module__.startswith("wdist_bench."):
            path = f"{thing.__module__}.{thing.__qualname__}"
            options = f"heading: {name}\n      toc_label: {name}\n      heading_level: 2"
            entries.append(f"::: {path}\n    options:\n      {options}\n")
    return "\n".join(entries)


def _help() -> str:
    """The help of every command, its headings one level down at most."""
    import typer
    from typer.cli import get_docs_for_click

    from wdist_bench import cli

    command = typer.main.get_command(cli.app)
    context = typer.Context(command, info_name="wdist-bench")
    text = get_docs_for_click(obj=command, ctx=context, name="wdist-bench")
    text = _COMMANDS.sub("", text)  # sentences cut short; the table of contents has the names
    return text.replace("# `wdist-bench`", "## `wdist-bench`", 1)
