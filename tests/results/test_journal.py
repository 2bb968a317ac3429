"""The journal keeps what was written and says what it cannot read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from wdist_bench.results.journal import JournalReader, pack, read_journal, unpack
from wdist_bench.results.journal_writing import append, journal_name
from wdist_bench.results.progress import progress


def cell(key, value, **rest):
    return {"type": "cell", "key": key, "status": "ok", "value": value, **rest}


def test_the_last_record_of_a_key_wins(tmp_path):
    for value in (1, 2):
        append(tmp_path, cell("a", value))
    append(tmp_path, {"type": "truth", "key": "a", "costs": [[1.0]]})
    append(tmp_path, {"type": "plan", "title": "", "description": "", "keys": ["b", "a"]})
    journal = read_journal(tmp_path)
    assert journal.cells["a"]["value"] == 2
    assert journal.truths["a"]["costs"] == [[1.0]]
    assert [record["value"] for record in journal.planned()] == [2]


def test_last_is_by_time_whichever_file_is_read_first(tmp_path):
    for name, written in (("journal-a.jsonl", 20.0), ("journal-b.jsonl", 10.0)):
        line = {"schema": 1, "written": written} | cell("k", name)
        (tmp_path / name).write_text(json.dumps(line) + "\n")
    assert read_journal(tmp_path).cells["k"]["value"] == "journal-a.jsonl"


def test_an_attempt_without_an_answer_does_not_hide_an_answer(tmp_path):
    for status in ("error", "ok", "timeout"):
        append(tmp_path, cell("a", status, status=status))
    assert read_journal(tmp_path).cells["a"]["value"] == "ok"
    append(tmp_path, cell("a", "new", status="diverged"))
    assert read_journal(tmp_path).cells["a"]["value"] == "new"


def test_every_process_has_a_file_of_its_own(tmp_path):
    code = (
        "import sys, pathlib; from wdist_bench.results.journal_writing import append\n"
        "for i in range(50): append(pathlib.Path(sys.argv[1]), "
        "{'type': 'cell', 'status': 'ok', 'key': sys.argv[2] + str(i)})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, tmp_path, name]) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert len(list(tmp_path.glob("journal-*.jsonl"))) == 2
    journal = read_journal(tmp_path)
    assert len(journal.cells) == 100
    assert journal.warnings() == []


def test_a_torn_last_line_is_reported_and_costs_nothing_else(tmp_path):
    append(tmp_path, cell("a", 1))
    (tmp_path / "journal-dead.jsonl").write_bytes(
        b'{"schema": 1, "type": "cell", "key": "b", "status": "ok"}\n{"schema": 1, "type": "ce'
    )
    journal = read_journal(tmp_path)
    assert set(journal.cells) == {"a", "b"}
    assert journal.unreadable == ["journal-dead.jsonl:2"]
    assert "journal-dead.jsonl:2" in journal.warnings()[0]


def test_garbage_in_the_middle_is_reported_and_what_follows_is_read(tmp_path):
    append(tmp_path, cell("a", 1))
    path = tmp_path / journal_name()
    with path.open("ab") as file:
        file.write(b'\xff\xfe\n[1]\n{"schema": 1, "type": "cell"}\n')
    append(tmp_path, cell("b", 2))
    journal = read_journal(tmp_path)
    assert set(journal.cells) == {"a", "b"}
    assert journal.unreadable == [f"{path.name}:{line}" for line in (2, 3, 4)]


def test_records_of_an_older_version_are_named_and_left_as_they_are(tmp_path):
    old = tmp_path / "journal.jsonl"
    old.write_text('{"schema": 0, "type": "cell", "key": "a"}\n')
    before = old.read_bytes()
    append(tmp_path, cell("b", 1))
    journal = read_journal(tmp_path)
    assert set(journal.cells) == {"b"}
    assert "expected schema 1" in journal.warnings()[0]
    assert "journal.jsonl:1 (schema 0)" in journal.warnings()[0]
    assert old.read_bytes() == before


def test_a_reader_takes_what_was_added_and_waits_for_whole_lines(tmp_path):
    reader = JournalReader(tmp_path)
    append(tmp_path, cell("a", 1))
    assert set(reader.refresh().cells) == {"a"}
    path = tmp_path / "journal-slow.jsonl"
    path.write_text('{"schema": 1, "type": "cell", ')
    assert set(reader.refresh().cells) == {"a"}
    with path.open("a") as file:
        file.write('"key": "b", "status": "ok"}\n')
    assert set(reader.refresh().cells) == {"a", "b"}
    assert reader.refresh().unreadable == []


def test_a_reader_begins_anew_where_what_it_read_is_gone(tmp_path):
    out = tmp_path / "out"
    append(out, cell("a", 1))
    reader = JournalReader(out)
    assert set(reader.refresh().cells) == {"a"}
    shutil.rmtree(out)
    for key in ("b", "c"):  # into a file of the same name, longer than the one of before
        append(out, cell(key, 1))
    assert set(reader.refresh().cells) == {"b", "c"}
    (out / journal_name()).rename(out / "elsewhere")
    assert not reader.refresh().cells


def test_a_cell_that_is_planned_twice_counts_once(tmp_path):
    append(tmp_path, cell("a", 1))
    append(tmp_path, {"type": "plan", "title": "", "description": "", "keys": ["a", "b", "a"]})
    journal = read_journal(tmp_path)
    assert [record["key"] for record in journal.planned()] == ["a"]
    assert (progress(journal).total, progress(journal).left) == (2, 1)


def test_running_is_what_a_living_process_started_and_did_not_finish(tmp_path):
    import socket

    host = socket.gethostname()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for key, pid in (("done", os.getpid()), ("mine", os.getpid()), ("lost", dead.pid)):
        append(tmp_path, {"type": "started", "key": key, "host": host, "pid": pid}, sync=False)
    append(tmp_path, {"type": "started", "key": "far", "host": "elsewhere", "pid": 1})
    append(tmp_path, cell("done", 1))
    assert [start["key"] for start in read_journal(tmp_path).running()] == ["mine", "far"]


FULL = """
import resource, sys, pathlib
from wdist_bench.results.journal_writing import JournalError, append
folder = pathlib.Path(sys.argv[1])
append(folder, {"type": "cell", "key": "a", "status": "ok"})
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    append(folder, {"type": "cell", "key": "b", "value": "x" * 5000})
except JournalError as error:
    print(error)
append(folder, {"type": "cell", "key": "c", "status": "ok"})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no file-size limits")
def test_a_full_disk_is_one_clear_error_and_keeps_what_was_there(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, check=True
    )
    said = answer.stdout
    assert said.count("\n") == 1
    assert said.startswith(f"{tmp_path}: expected to write a record to the journal")
    assert "free space" in said
    journal = read_journal(tmp_path)
    assert set(journal.cells) == {"a", "c"}
    assert journal.warnings() == []


READ_ONLY = """
import os, sys, pathlib
from wdist_bench.results.journal_writing import JournalError, append
if os.geteuid() == 0:
    os.setuid(65534)  # permissions bind everybody but root
try:
    append(pathlib.Path(sys.argv[1]), {"type": "cell", "key": "b"})
except JournalError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no read-only folders")
def test_a_read_only_folder_is_one_clear_error(tmp_path):
    append(tmp_path, cell("a", 1))
    tmp_path.chmod(0o555)
    try:
        answer = subprocess.run(
            [sys.executable, "-c", READ_ONLY, tmp_path], capture_output=True, text=True, check=True
        )
    finally:
        tmp_path.chmod(0o755)
    assert answer.stdout.startswith(f"{tmp_path}: expected to write a record to the journal")
    assert "--out" in answer.stdout
    assert set(read_journal(tmp_path).cells) == {"a"}


def test_packed_numbers_come_back_with_nan_for_what_is_no_number():
    array = np.array([[1 / 3, np.nan], [np.inf, -1e-30]])
    back = unpack(pack(array))
    np.testing.assert_allclose(back, [[1 / 3, np.nan], [np.nan, -1e-30]], rtol=1e-8)
    single = np.float32(0.1)
    assert np.float32(unpack(pack(np.array([single], np.float64)))[0]) == single
