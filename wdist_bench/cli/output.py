"""Everything that reaches a terminal goes through here: text that commands nothing."""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.text import Text

from wdist_bench.display.printable import plain, printable


def echo(line: str = "", err: bool = False) -> None:
    """Print one line; what would break it, or command the terminal, is shown as its escape."""
    print(printable(line), file=sys.stderr if err else sys.stdout)


def echo_lines(text: str) -> None:
    """Print text of several lines, each as `echo` does."""
    for line in text.removesuffix("\n").split("\n"):
        echo(line)


def echo_json(value: Any) -> None:
    """Print a value as JSON, in ASCII; a program that reads it gets every character back.

    NaN and inf, which JSON does not have, are null.
    """
    print(json.dumps(plain(value), allow_nan=False).replace("\x7f", r"\u007f"))


def echo_answer(answer: dict[str, Any]) -> None:
    """Print names and values, a line each; what is None or empty is left out."""
    for name, value in answer.items():
        if value not in (None, ""):
            echo(f"{name:9} {value:.6g}" if type(value) is float else f"{name:9} {value}")


def console(err: bool = False) -> Console:
    """Rich's console for tables and bars; without a terminal its lines are 200 characters long."""
    wide = None if err or sys.stdout.isatty() else 200
    return Console(stderr=err, width=wide, highlight=False, markup=False, emoji=False)


@contextmanager
def said_meanwhile(title: str) -> Iterator[None]:
    """On a terminal, a line that shows what the library logs while a long call runs."""
    shown, logger = console(err=True), logging.getLogger("wdist_bench")
    if not shown.is_terminal:
        yield
        return
    with shown.status(text(title)) as status:
        into, level = _Into(status), logger.level
        logger.addHandler(into)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(into)
            logger.setLevel(level)


class _Into(logging.Handler):
    """Log records as the text of a line that is drawn again and again."""

    def __init__(self, status: Status) -> None:
        super().__init__(logging.INFO)
        self._status = status

    def emit(self, record: logging.LogRecord) -> None:
        self._status.update(text(record.getMessage()))


def text(value: object, style: str = "") -> Text:
    """A cell or a line for the console: no markup in it, and nothing that commands a terminal."""
    return Text(printable(str(value)), style=style)


def prepare_streams() -> None:
    """What the output's encoding has no character for is written as its escape.

    Warnings and log records, which may quote anything, become one line each.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = _show_warning
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_OneLine("warning: %(message)s"))
    logging.lastResort = handler


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int,
    file: Any = None, line: str | None = None,
) -> None:  # fmt: skip
    echo(f"warning: {message}", err=True)
