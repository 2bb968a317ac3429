"""Runs the code blocks of one page, from top to bottom, in a folder of their own.

- `python`: runs; all blocks of a page share one namespace. With a file name as title it is saved
  under that name too.
- `text`: what the Python block before it printed.
- `console`: lines after "$ " run; the other lines are what they print.
- `sh`: commands for the reader's own files, held against the command line, Makefile or program.
- `toml`: a suite, validated; saved where its title is a file name.
- `yaml`: read; the commands under `run:` are checked as in `sh`.

A title "Not run by the tests: REASON" exempts a block from running; its syntax is still checked.
"Numbers within N %" lets the output differ by that share.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import shell_commands
from markdown_pages import Block
from plugin_state import without_plugins
from shown_output import difference, tolerance

NOT_RUN = "Not run by the tests: "
PROMPT = "$ "
_FILE = re.compile(r"[\w./-]+\.(py|toml|yml)")
_SHELL = re.compile(r"[;|&<>$`*]")


class PageSession:
    """The state of a page between its blocks."""

    def __init__(self, page: str, folder: Path) -> None:
        self.folder = folder
        self.module = types.ModuleType("page_" + re.sub(r"\W", "_", page))
        self.printed: str | None = None

    def run(self, block: Block) -> None:
        """One block; raises AssertionError that names its place where the page is wrong."""
        languages = {
            "python": self._python, "text": self._text, "console": self._console,
            "sh": self._sh, "toml": self._toml, "yaml": self._yaml,
        }  # fmt: skip
        if block.language not in languages:
            raise AssertionError(
                f"{block.place}: expected a block in {', '.join(languages)}, got "
                f"{block.language!r}; name its language"
            )
        if _FILE.fullmatch(block.title):
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.content, encoding="utf-8")
        languages[block.language](block)

    def _python(self, block: Block) -> None:
        assert self.printed is None, f"{block.place}: the output before it is not shown"
        # Line numbers of tracebacks are those of the page.
        code = compile("\n" * (block.line - 1) + block.content, block.page, "exec")
        if block.title.startswith(NOT_RUN):
            return
        printed = io.StringIO()
        sys.modules[self.module.__name__] = self.module  # dataclasses look there
        with contextlib.redirect_stdout(printed):
            exec(code, vars(self.module))
        self.printed = printed.getvalue() or None

    def _text(self, block: Block) -> None:
        assert self.printed is not None, f"{block.place}: no code before it printed anything"
        wrong = difference(block.content, self.printed, tolerance(block.title))
        assert not wrong, f"{block.place}: {wrong}; all of it:\n{self.printed}"
        self.printed = None

    def finish(self) -> None:
        """Everything that was printed is shown."""
        assert self.printed is None, f"the page does not show what its code printed: {self.printed}"

    def _console(self, block: Block) -> None:
        for command, shown in _transcript(block.content):
            _check(block, command)
            code, printed = self._call(command)
            wrong = difference(shown, printed, tolerance(block.title))
            assert code == 0, f"{block.place}: {command!r} gave exit code {code}:\n{printed}"
            assert not wrong, f"{block.place}: {command!r}: {wrong}; all of it:\n{printed}"

    def _call(self, command: str) -> tuple[int, str]:
        if command.startswith("wdist-bench ") and not _SHELL.search(command):
            return _in_this_process(next(shell_commands.commands(command)))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=os.environ | {"PATH": path},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    def _sh(self, block: Block) -> None:
        assert PROMPT not in block.content, f"{block.place}: prompts belong in console blocks"
        _check(block, block.content)

    def _toml(self, block: Block) -> None:
        from wdist_bench.runs.suite import PROFILES, load_suite

        path = self.folder / (block.title or "suite.toml")
        path.write_text(block.content, encoding="utf-8")
        assert load_suite(path, PROFILES[0]).cells, block.place

    def _yaml(self, block: Block) -> None:
        import yaml

        for text in _values(yaml.safe_load(block.content), "run"):
            _check(block, text)


def _check(block: Block, text: str) -> None:
    """Every command of it, against what would read it."""
    for words in shell_commands.commands(text):
        try:
            shell_commands.check(words)
        except Exception as error:  # those of click, and of our assertions
            raise AssertionError(f"{block.place}: {' '.join(words)}: {error}") from error


def _values(node: Any, key: str) -> Iterator[str]:
    """Every value under a key, at any depth."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            else:
                yield from _values(value, key)
    elif isinstance(node, list):
        for part in node:
            yield from _values(part, key)


def _transcript(content: str) -> Iterator[tuple[str, str]]:
    """(command, what it prints)."""
    for part in re.split(r"^\$ ", content, flags=re.M)[1:]:
        command, _, shown = re.sub(r"\\\n\s*", "", part).partition("\n")
        yield command, shown


def _in_this_process(words: Any) -> tuple[int, str]:
    """`wdist-bench` without the seconds of starting Python."""
    from wdist_bench import cli

    printed, before = io.StringIO(), sys.argv
    streams = contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed)
    with without_plugins(), streams[0], streams[1]:
        sys.argv = list(words)
        try:
            cli.main()
        except SystemExit as stop:
            return int(stop.code or 0), printed.getvalue()
        finally:
            sys.argv = before
    return 0, printed.getvalue()
