"""What other writers left in a results folder, for the page: Markdown and figures, inlined."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from wdist_bench.folders import ignored, is_plain, plain_files, read_plain
from wdist_bench.report.figures.suites import FIGURES

_OURS = {"errors.md", *(f"{name}.png" for name in FIGURES.names)}
"""Files whose content the page shows in its own way."""

_PAPER, _MOSTLY = 245, 0.5  # grey levels of paper, and the share of a chart that it is at least
_MOST_TEXT = 250_000  # bytes of all reports, which as HTML are several times as long


@dataclass(frozen=True)
class Attachment:
    """A Markdown report of the folder as HTML, or a figure that none of them shows."""

    title: str
    file: str
    html: str

    @property
    def address(self) -> str:
        """Of the file, for a link beside it."""
        return address(self.file)


def address(name: str) -> str:
    """A relative link to a file, whatever bytes its name holds; never one with a scheme."""
    return quote(os.fsencode(name))


class Figures:
    """The folder's PNG files as data URIs, as long as the budget (bytes of base64) lasts.

    Where pages link to the folder by a `prefix` they are links, and nothing is spent.
    """

    def __init__(self, folder: Path, budget: int, prefix: str = "") -> None:
        self.folder = folder
        self.prefix = prefix
        self.left = budget
        self.shown: set[str] = set()
        self.linked: list[str] = []

    def source(self, name: str) -> str | None:
        """A data URI; None where there is no such file or no room for it."""
        path = self.folder / name
        if Path(name).name != name or path.suffix != ".png" or not is_plain(path):
            return None
        if self.prefix:
            self.shown.add(name)
            return self.prefix + address(name)
        content = read_plain(path, self.left // 4 * 3)
        if content is None:
            if name not in self.linked:
                self.linked.append(name)
            return None
        text = base64.b64encode(content).decode()
        self.left -= len(text)
        self.shown.add(name)
        return "data:image/png;base64," + text

    def kind(self, name: str) -> str:
        """What a picture is: "chart", mostly white, which a dark page turns over; or "photo"."""
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(self.folder / name) as picture:
                grey = picture.convert("L").resize((64, 64))
        except (OSError, ValueError, UnidentifiedImageError):
            return "photo"
        white = sum(grey.histogram()[_PAPER:]) / 64**2
        return "chart" if white > _MOSTLY else "photo"


def attachments(folder: Path, figures: Figures) -> list[Attachment]:
    """Every Markdown report and remaining figure of a folder, in the order of their names.

    Reports for which there is no room are linked.
    """
    reports = [path for path in plain_files(folder, "*.md") if path.name not in _OURS]
    found, left = [], _MOST_TEXT
    for path in reports:
        content = read_plain(path, left)
        left -= len(content or b"")
        found.append(_linked(path) if content is None else _report(path, content, figures))
    for path in plain_files(folder, "*.png"):
        if path.name in _OURS | figures.shown:
            continue
        title = path.stem.replace("_", " ")
        found.append(Attachment(title, path.name, _image(title, path.name, figures)))
    return found


def ignored_files(folder: Path) -> list[str]:
    """Names of files that a report would show were they no links, pipes or folders."""
    return ignored(folder, ("*.md", "*.png", "environment.json"))


def _linked(path: Path) -> Attachment:
    title = path.stem.replace("_", " ")
    return Attachment(title, path.name, "<p>Too large for this page.</p>")


def _report(path: Path, content: bytes, figures: Figures) -> Attachment:
    """A report as HTML; raw HTML in it is shown as text, headings go two levels down."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("image", lambda _, tokens, i, *rest: _token_image(tokens[i], figures))
    parser.add_render_rule(
        "table_open",
        lambda *_: '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>\n',
    )
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    tokens = parser.parse(content.decode("utf-8", "replace"))
    title = path.stem.replace("_", " ")
    if [token.type for token in tokens[:1]] == ["heading_open"] and tokens[0].tag == "h1":
        title, tokens = tokens[1].content, tokens[3:]
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
    return Attachment(title, path.name, parser.renderer.render(tokens, parser.options, {}))


def _token_image(token: Any, figures: Figures) -> str:
    return _image(token.content, str(token.attrs.get("src", "")), figures)


def _image(alt: str, name: str, figures: Figures) -> str:
    from html import escape

    source = figures.source(name)
    if source is None:
        return f'<a href="{escape(address(name))}">{escape(alt or name)} ({escape(name)})</a>'
    kind = figures.kind(name)
    return f'<img class="{kind}" src="{source}" alt="{escape(alt or name)}" loading="lazy">'
