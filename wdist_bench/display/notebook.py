"""What answers look like in a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from wdist_bench.display.printable import printable


def html_table(title: str, rows: Iterable[tuple[str, object]]) -> str:
    """A two-column table of names and values under a title, as HTML; nothing in it is markup."""
    body = "".join(
        f"<tr><th>{_shown(name)}</th><td>{_shown(value)}</td></tr>" for name, value in rows
    )
    return f"<table><caption>{_shown(title)}</caption>{body}</table>"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_shown(part) for part in value)}]"
    return escape(f"{value:.6g}" if isinstance(value, float) else printable(str(value)))
