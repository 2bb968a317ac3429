"""The Markdown pages of the project, read with the parser that GitHub's rules come from."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
    ]
)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
_TITLE = re.compile(r'title="([^"]*)"')


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Attributes:
        page: path of the page from the root.
        line: number of the line after its opening fence, from 1.
        language: first word of the info string.
        title: the info string's title="...", which the site shows above the block.
        content: the code.
    """

    page: str
    line: int
    language: str
    title: str
    content: str

    @property
    def place(self) -> str:
        """Page and line, for messages."""
        return f"{self.page}:{self.line}"


def tokens(page: str) -> list[Token]:
    """What the parser sees."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return MarkdownIt("commonmark").enable("table").parse(text)


def blocks(page: str) -> list[Block]:
    """The fenced code blocks of a page, in order."""
    found = []
    for token in tokens(page):
        if token.type in ("fence", "code_block"):
            language, _, rest = token.info.strip().partition(" ")
            title = _TITLE.search(rest)
            line = token.map[0] + 2 if token.map else 0
            shown = title.group(1) if title else ""
            found.append(Block(page, line, language, shown, token.content))
    return found


def links(page: str) -> list[str]:
    """The targets of all links and images of a page."""
    return [
        str(child.attrs["href" if child.type == "link_open" else "src"])
        for token in tokens(page)
        for child in token.children or ()
        if child.type in ("link_open", "image")
    ]


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings: lower case, words joined by hyphens."""
    return {anchor(title) for title in headings(page)}


def headings(page: str) -> Iterator[str]:
    """The text of every heading."""
    stream = tokens(page)
    for opened, inside in itertools.pairwise(stream):
        if opened.type == "heading_open":
            yield "".join(child.content for child in inside.children or ())


def anchor(title: str) -> str:
    """The anchor of a heading, on GitHub and on the site."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
