"""Text of a journal as text of a report: it stays what it is in Markdown, CSV and figures."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from wdist_bench.display.printable import one_line, printable

# What Markdown acts on within a line: tags, code, struck, emphasis, links, entities. A bracket
# alone is none, nor is "_" within a word.
_INLINE = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|$)|<(?=[a-zA-Z/!?])|`|~(?=~)|(?<=~)~|\*(?!\s)|(?<!\s)\*"
    r"|(?<!\w)_|_(?!\w)|\](?=[(\[:])|&(?=#|\w+;)"
)
# What it acts on at the start of a line: headings, quotes, lists, rules, tables, definitions, code.
_START = re.compile(r"^(?:(\d+)(?=[.)])|(?=[#>+=|\[-]))")
_FIGURE = 120
"""Characters of a label that a figure shows."""

_FORMULA = tuple("=+-@\t\n\uff1d\uff0b\uff0d\uff20")
"""How a cell starts that a spreadsheet may compute; the last four are full-width."""


def inline(text: object) -> str:
    """Text within a line of Markdown, a heading say: nothing in it is markup."""
    return _INLINE.sub(lambda found: "\\" + found[0], one_line(str(text)))


def cell(text: object) -> str:
    """The same in a table."""
    return inline(text).replace("|", r"\|")


def grid(head: list[str], lines: list[list[str]]) -> str:
    """A table of Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(map(cell, row)) + " |" for row in rows)


def paragraphs(text: str) -> str:
    """Lines of text, still lines; no heading, list, quote, table or code begins in them."""
    lines = [inline(line.strip()) for line in text.strip().split("\n")]
    return "\n".join(_START.sub(_not_at_start, line) for line in lines)


def _not_at_start(found: re.Match[str]) -> str:
    return f"{found[1]}\\" if found[1] else "\\"


def code(text: object) -> str:
    """A code span: its fence is longer than any in the text."""
    shown = one_line(str(text))
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence}{' ' * bool(longest)}{shown}{' ' * bool(longest)}{fence}"


def label(text: object) -> str:
    """Text in a figure: no formula of Matplotlib, no longer than there is room for.

    Legends leave out what starts with "_".
    """
    lines = printable(str(text), keep="\n")
    shown = lines if len(lines) <= _FIGURE else lines[: _FIGURE - 1] + "\u2026"
    return (" " * shown.startswith("_") + shown).replace("$", r"\$")


def words(value: Any) -> Any:
    """Plain data whose text has only letters, digits, spaces and a few signs, others as "?"."""
    if isinstance(value, dict):
        return {name: words(part) for name, part in value.items()}
    if isinstance(value, list):
        return [words(part) for part in value]
    return re.sub(r"[^\w .,:()+-]", "?", value)[:_FIGURE] if isinstance(value, str) else value


def csv(table: pd.DataFrame, float_format: str | None = "%.9g") -> str:
    """A table as CSV; numbers are left alone.

    Text that starts like a formula gets a ' before it, as OWASP advises, and control characters
    but tabs and line breaks are shown as escapes.
    """
    safe = table.rename(columns=_as_text)
    for name in safe.columns:
        values = safe[name].tolist() if safe[name].dtype.kind not in "biuf" else []
        if any(_as_text(value) is not value for value in values):
            texts = np.array([*map(_as_text, values), None], object)[:-1]  # None: no other type
            safe[name] = pd.Series(texts, safe.index, object)
    return str(safe.to_csv(index=False, float_format=float_format, lineterminator="\n"))


def _as_text(value: Any) -> Any:
    """A cell; the very same object where nothing has to change."""
    if not isinstance(value, str):
        return value
    shown = printable(value, "\t\n")
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
