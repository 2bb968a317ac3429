"""The commands of shell blocks, held against what would read them: our CLI, the Makefile, ..."""

from __future__ import annotations

import itertools
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from markdown_pages import ROOT

_ALTERNATIVES = re.compile(r"[\w-]+(?:\|[\w-]+)+")
_SEPARATORS = {";", "&&", "||", "|", "&"}


def commands(content: str) -> Iterator[list[str]]:
    """The words of every command of a shell block; a|b|c stands for one command each."""
    for line in content.replace("\\\n", " ").splitlines():
        words = list(itertools.takewhile(lambda word: word != ">", _lexer(line)))
        for separator, group in itertools.groupby(words, _SEPARATORS.__contains__):
            if not separator:
                yield from itertools.product(*map(_alternatives, group))


def _lexer(line: str) -> shlex.shlex:
    # A bar between words of the documentation means "or"; one that pipes has spaces around it.
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    return lexer


def _alternatives(word: str) -> list[str]:
    return word.split("|") if _ALTERNATIVES.fullmatch(word) else [word]


def check(words: list[str]) -> None:
    """Raise where the command's program does not know it."""
    words = list(itertools.dropwhile(_is_setting, words))
    if not words:
        return
    program, *arguments = words
    if program not in _PROGRAMS:
        raise AssertionError(f"no test knows the program {program!r}; teach it or leave it out")
    _PROGRAMS[program](arguments)


def _is_setting(word: str) -> bool:
    name, equals, _ = word.partition("=")
    if not (equals and name.isupper()):
        return False
    if name.startswith("WDIST_BENCH_"):
        code = (path.read_text("utf-8") for path in (ROOT / "wdist_bench").rglob("*.py"))
        assert any(name in text for text in code), f"the package does not read {name}"
    return True


def _ours(arguments: list[str]) -> None:
    import typer

    from wdist_bench import cli

    _parse(typer.main.get_command(cli.app), "wdist-bench", arguments)
    for argument in arguments:
        if argument.startswith(("benchmarks/", "examples/")):
            assert (ROOT / argument).exists(), f"no such file: {argument}"


def _dask(arguments: list[str]) -> None:
    from distributed.cli import dask_scheduler, dask_worker

    known = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}
    here = str(ROOT / "README.md")  # keys, which must be there, are the reader's
    options = [here if word.endswith(".pem") else word for word in arguments[1:]]
    context = known[arguments[0]].make_context(arguments[0], options)
    unknown = context.params["preload_argv"]
    assert not unknown, f"dask {arguments[0]} has no {' '.join(unknown)}"


def _parse(command: Any, name: str, arguments: list[str], parent: Any = None) -> None:
    """Parse as click does, subcommands too, without running anything."""
    asked = [argument for argument in arguments if argument != "--help"]
    lenient = len(asked) < len(arguments)  # help needs no arguments
    context = command.make_context(name, asked, parent=parent, resilient_parsing=lenient)
    if hasattr(command, "resolve_command"):
        rest = [*context._protected_args, *context.args]
        if rest:
            name, found, rest = command.resolve_command(context, rest)
            _parse(found, name, [*rest, *["--help"] * lenient], context)


def _make(arguments: list[str]) -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z][\w-]*):", text, re.M))
    variables = set(re.findall(r"^(\w+)\s*\?=", text, re.M))
    for argument in arguments:
        name, equals, value = argument.partition("=")
        known = variables if equals else targets
        assert name in known, f"the Makefile has no {name!r}, only {sorted(known)}"
        if name == "SUITE" and value != "NAME":
            assert (ROOT / "benchmarks" / f"{value}.toml").is_file(), f"no suite {value!r}"


def _pip(arguments: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    for wanted in itertools.chain(*(re.findall(r"\[(.*?)\]", word) for word in arguments)):
        for extra in wanted.split(","):
            assert extra in extras, f"no extra {extra!r}, only {sorted(extras)}"


def _nothing(arguments: list[str]) -> None:
    """A program whose arguments only its reader's machine can judge."""


_PROGRAMS: dict[str, Callable[[list[str]], None]] = {
    "wdist-bench": _ours,
    "make": _make,
    "dask": _dask,
    "pip": _pip,
    "export": lambda arguments: check(arguments),
    # The commands of openssl are run by tests/runs/test_cluster.py.
    **dict.fromkeys(("cd", "cp", "sed", "echo", "git", "openssl", "benchopt"), _nothing),
}
