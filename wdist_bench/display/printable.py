"""Text and data from elsewhere, made safe to show: on a terminal, in a page, in a figure."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

# Control and format characters (among them all that reorder text), surrogates, line separators.
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINERS = "\u200c\u200d"  # format characters that Persian, Hindi and emoji are spelled with


def printable(text: str, keep: str = "") -> str:
    r"""A text in which no character commands a terminal, breaks the line or reorders the text.

    Those are shown as Python writes them, ESC as \x1b; all others, of any script, stay.

    Args:
        text: from anywhere: a title, a label, a message, the name of a file.
        keep: characters to leave, "\n" for text of several lines.
    """
    if text.isprintable():
        return text
    return "".join(
        c.encode("unicode_escape").decode()
        if unicodedata.category(c) in _HIDDEN and c not in keep + _JOINERS
        else c
        for c in text
    )


def one_line(text: str) -> str:
    """The same with every run of line breaks and other white space as one space."""
    return printable(re.sub(r"\s*[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]\s*", " ", text))


def plain(value: Any) -> Any:
    """Data as JSON holds it: lists for tuples, null for NaN and inf."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|.)"
)  # a pair, which is one character; a lone surrogate; any other escape
_RAW = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")


def whole_characters(line: bytes) -> bytes:
    """JSON in which lone surrogates are U+FFFD: tables, pages and files have no place for them.

    The line keeps its length, and every other byte its place.
    """
    if b"\\ud" in line or b"\\uD" in line:
        line = _ESCAPES.sub(lambda found: b"\\ufffd" if found[1] else found[0], line)
    return _RAW.sub("\ufffd".encode(), line) if b"\xed" in line else line
