"""What commands print: text from elsewhere commands nothing, and no stream is too narrow."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import hostile_files as hostile
import pytest
from rich.table import Table

from wdist_bench import cli
from wdist_bench.cli import run
from wdist_bench.cli.output import console, echo, echo_json, echo_lines, prepare_streams, text

HOSTILE = f"{hostile.ESCAPE} {hostile.BIDI}\n[/nothing] [bold]x[/bold] \ud800\x7f"
SHOWN = r"\x1b[31m\x1b]0;owned\x07\x9b2J \u202eevil\u2066\n[/nothing] [bold]x[/bold] \ud800\x7f"


@pytest.fixture
def streams(monkeypatch):
    """Standard output and error of a given encoding, prepared as at the start of a command."""
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def set_up(encoding):
        made = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
        monkeypatch.setattr(sys, "stdout", made[0])
        monkeypatch.setattr(sys, "stderr", made[1])
        prepare_streams()
        return made

    return set_up


def said(stream):
    stream.flush()
    return stream.buffer.getvalue().decode(stream.encoding)


def test_lines_cells_warnings_and_log_records_command_nothing(streams):
    out, err = streams("utf-8")
    echo(HOSTILE)
    echo_lines("a\nb\x1b\n")
    table = Table(box=None, pad_edge=False)
    table.add_column("head")
    table.add_row(text(HOSTILE))
    console().print(table)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(HOSTILE, UserWarning, stacklevel=1)
    logging.lastResort.emit(logging.makeLogRecord({"msg": HOSTILE}))
    lines = said(out).splitlines()
    assert lines[:3] == [SHOWN, "a", r"b\x1b"]
    assert [line.rstrip() for line in lines[3:]] == ["head", SHOWN]
    assert said(err).splitlines() == [f"warning: {SHOWN}"] * 2


def test_json_is_ascii_and_holds_every_character(streams):
    out, _ = streams("ascii")
    echo_json({"a": HOSTILE})
    assert said(out).isprintable() is False  # for its one line break
    assert said(out)[:-1].isprintable()
    assert json.loads(said(out)) == {"a": HOSTILE}


def test_what_json_has_no_word_for_is_null(streams):
    """An open end of an interval, say: Python's Infinity no other reader takes."""
    out, _ = streams("ascii")
    echo_json({"upper": float("inf"), "interval": (0.5, float("nan"))})
    assert said(out) == '{"upper": null, "interval": [0.5, null]}\n'


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_what_an_encoding_lacks_is_written_as_its_escape(streams, encoding):
    out, err = streams(encoding)
    echo("\u4e2d\u0142")
    echo("\u4e2d", err=True)
    console().print(text("\u4e2d"))
    assert said(out).splitlines() == [r"\u4e2d\u0142", r"\u4e2d"]
    assert said(err).splitlines() == [r"\u4e2d"]


def test_the_progress_of_a_hostile_suite_is_shown_line_by_line(streams, tmp_path):
    out, _ = streams("utf-8")
    cell = SimpleNamespace(label=HOSTILE)
    records = [
        {"status": "error", "message": HOSTILE}, {"status": "skipped", "message": HOSTILE},
        {"status": "ok", "compile_seconds": 1.0, "run_seconds": 1.0},
    ]  # fmt: skip
    events = [
        SimpleNamespace(kind="finished", cell=cell, index=1, total=3, record=record)
        for record in records
    ]
    suite = SimpleNamespace(title=HOSTILE, cells=records)
    assert run._show_progress(suite, tmp_path, iter(events)) == 1
    shown = said(out)
    assert shown.replace("\n", "").isprintable()
    assert "[/nothing] [bold]x[/bold]" in shown.replace("\n", " ")


def test_errors_are_one_line(streams, monkeypatch, tmp_path):
    _, err = streams("ascii")
    for error in (ValueError(HOSTILE), OSError("a\nb"), ImportError("no"), MemoryError()):

        def fail(error=error):
            raise error

        monkeypatch.setattr(cli, "app", fail)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 2
    assert said(err).splitlines() == [
        f"error: {SHOWN}", r"error: a\nb", "error: no", "error: memory ran out",
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["report", "compare", "export"])
def test_records_that_are_none_cost_one_line_that_names_the_folder(
    streams, monkeypatch, tmp_path, command
):
    out, err = streams("utf-8")
    plan = {"schema": 1, "type": "plan", "title": "t", "description": "d", "keys": ["a"]}
    cell = {"schema": 1, "type": "cell", "key": "a", "estimator": "e", "seconds": 1, "status": "ok"}
    (tmp_path / "journal.jsonl").write_text(f"{json.dumps(plan)}\n{json.dumps(cell)}\n")
    folders = [str(tmp_path)] * (2 if command == "compare" else 1)
    monkeypatch.setattr(sys, "argv", ["wdist-bench", command, *folders])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    lines = said(err).splitlines()
    assert ended.value.code == 2, said(out)
    assert len(lines) == 1
    assert str(tmp_path) in lines[0]
    assert "expected" in lines[0]


def test_every_command_prints_through_one_module():
    for path in Path(cli.__file__).parent.glob("*.py"):
        if path.name != "output.py":
            found = re.findall(r"(?<![\w.])print\(|typer\.echo|Console\(", path.read_text("utf-8"))
            assert not found, path.name
