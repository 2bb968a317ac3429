"""Somebody else's folder: what is called a journal and is none costs one line and little memory."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys

import pytest

from wdist_bench.results import journal_files
from wdist_bench.results.journal import read_journal
from wdist_bench.results.journal_files import COMPACT, CompactError
from wdist_bench.results.journal_writing import append

PLAN = {"type": "plan", "title": "T", "description": "", "keys": ["a"]}
CELL = {"schema": 1, "type": "cell", "key": "a", "status": "ok"}
LINE = json.dumps(CELL).encode() + b"\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes and links")
def test_links_pipes_and_folders_are_no_journals_and_are_named(tmp_path):
    folder = tmp_path / "results"
    append(folder, PLAN)
    secret = tmp_path / "secret.jsonl"
    secret.write_text(json.dumps(CELL) + "\n")
    (folder / "journal-link.jsonl").symlink_to(secret)
    (folder / "journal-zero.jsonl").symlink_to("/dev/zero")
    (folder / "journal-lost.jsonl").symlink_to(tmp_path / "nothing")
    (folder / "journal-folder.jsonl").mkdir()
    os.mkfifo(folder / "journal-pipe.jsonl")
    for state in (True, False):
        journal = read_journal(folder, state)
        assert journal.cells == {}
        [said] = journal.warnings()
        for name in ("link", "zero", "lost", "folder", "pipe"):
            assert f"journal-{name}.jsonl" in said


def test_a_terabyte_of_holes_is_no_journal(tmp_path):
    append(tmp_path, PLAN)
    with (tmp_path / "journal-hollow.jsonl").open("wb") as file:
        file.truncate(2**40)
    journal = read_journal(tmp_path)
    assert journal.plan["title"] == PLAN["title"]
    assert "journal-hollow.jsonl" in journal.warnings()[0]


def test_a_compact_journal_that_is_a_link_is_none(tmp_path):
    target = tmp_path / "elsewhere.gz"
    target.write_bytes(gzip.compress(json.dumps(CELL).encode() + b"\n"))
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / COMPACT).symlink_to(target)
    assert read_journal(folder).cells == {}


DEEP = b'{"schema": 1, "type": "cell", "key": "d", "x": ' + b"[" * 10**5 + b"]" * 10**5 + b"}\n"
MIXED = b'{"schema": 1, "type": "cell", "key": "d", "x": ["a", ' + b"{}, " * 3 * 10**6 + b"1]}\n"


@pytest.mark.parametrize("line", [DEEP, MIXED, b"\x00" * 999 + b"\n", b"7\n", b'"type"\n'])
def test_lines_that_are_no_records_are_named_and_the_rest_is_read(tmp_path, line):
    (tmp_path / "journal-a.jsonl").write_bytes(line + json.dumps(CELL).encode() + b"\n")
    for state in (True, False):
        journal = read_journal(tmp_path, state)
        assert (set(journal.cells), journal.unreadable) == ({"a"}, ["journal-a.jsonl:1"])


def test_many_bad_lines_are_counted_not_kept(tmp_path):
    (tmp_path / "journal-a.jsonl").write_bytes(b"x\n" * 5000)
    journal = read_journal(tmp_path)
    assert len(journal.unreadable) <= 1000
    assert "and 4995 more" in journal.warnings()[0]


def test_a_line_that_is_too_long_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_files, "MAX_LINE", 1000)
    monkeypatch.setattr(journal_files, "_BLOCK", 100)
    good = json.dumps(CELL).encode() + b"\n"
    other = good.replace(b'"a"', b'"b"')
    path = tmp_path / "journal-a.jsonl"
    path.write_bytes(good + b"x" * 5555 + b"\n" + other + b"y" * 7777)
    journal = read_journal(tmp_path)
    assert set(journal.cells) == {"a", "b"}
    assert journal.unreadable == ["journal-a.jsonl:2", "journal-a.jsonl:4"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no gzip", "expected a whole gzip file"),
        (gzip.compress(LINE * 9999)[:50], "expected a whole gzip file"),
        (gzip.compress(LINE * 9999)[:-20] + b"\xff" * 20, "expected a whole gzip file"),
        (gzip.compress(b"\n" * 10**6), "got 1001 lines that are none"),
        (gzip.compress(b"x" * 10**7) * 8, "got a line of more than"),
    ],
    ids=["plain", "cut", "damaged", "empty lines", "one line"],
)
def test_a_compact_journal_that_is_none_is_one_clear_error(tmp_path, content, said):
    (tmp_path / COMPACT).write_bytes(content)
    with pytest.raises(CompactError, match=said) as error:
        read_journal(tmp_path)
    assert COMPACT in str(error.value)


def test_arrays_that_unpack_to_a_hundred_times_the_file_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_files, "_MAX_ARRAYS", 10**5)
    monkeypatch.setattr(journal_files, "_MAX_RATIO", 10)
    line = json.dumps(CELL | {"costs": [[0.0] * 1000]}).encode() + b"\n"
    (tmp_path / COMPACT).write_bytes(gzip.compress(line * 1000))
    with pytest.raises(CompactError, match="got arrays of more than"):
        read_journal(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["bomb", "no newline"])
def test_a_gigabyte_without_a_newline_ends_in_one_line_and_stays_below_a_gigabyte(tmp_path, kind):
    if kind == "bomb":
        (tmp_path / COMPACT).write_bytes(gzip.compress(bytes(2**26)) * 16)
    else:
        with (tmp_path / "journal-a.jsonl").open("wb") as file:
            file.write(b"x" * 2**24)  # of holes alone it would be no journal
            file.truncate(2**30)
    code = (  # the peak of this program: that of getrusage is at least that of who started it
        "import sys; from wdist_bench.cli import main; sys.argv[1:] = ['status', '.']\n"
        "try: main()\n"
        "finally: print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("error: ")
    assert int(answer.stdout) * 1024 < 10**9
