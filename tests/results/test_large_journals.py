"""Reading a journal takes memory by its cells, not their runs, and work by what was added."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import sys

import numpy as np
import pytest

from wdist_bench.results import journal, journal_lines
from wdist_bench.results.journal import COMPACT, Journal, JournalReader, read_journal, unpack
from wdist_bench.results.journal_lines import Stored, state, without_arrays
from wdist_bench.results.journal_writing import append, write_compact
from wdist_bench.results.merge import merge
from wdist_bench.results.progress import progress

COSTS = np.random.default_rng(0).normal(size=(20, 100)).round(6)
PLAN = {"type": "plan", "title": "T", "description": "", "keys": ["a", "b"]}


def cell(key="a", **rest):
    return {"type": "cell", "key": key, "status": "ok", "seconds": 2.0} | rest


def large(key="a"):
    return cell(key, costs=COSTS.tolist(), history=[[None, 1.5]] * 100, name="x")


def written(record):
    return (json.dumps({"schema": 1} | record) + "\n").encode()


@pytest.fixture(params=["plain", "compact"])
def folder(request, tmp_path):
    """A large cell, in a journal or in a compact one."""
    append(tmp_path, large())
    append(tmp_path, PLAN)
    if request.param == "compact":
        write_compact(read_journal(tmp_path), tmp_path / COMPACT)
        for path in tmp_path.glob("journal*.jsonl"):
            path.unlink()
    return tmp_path


def test_long_arrays_stay_in_the_file_and_come_back_as_they_were(folder):
    record = read_journal(folder).cells["a"]
    assert isinstance(record["costs"], Stored)
    np.testing.assert_array_equal(unpack(record["costs"]), COSTS)
    assert record["history"] == [[None, 1.5]] * 100
    assert record["history"][3] == [None, 1.5]
    assert len(record["costs"]) == 20
    assert record["name"] == "x"
    held = sum(sys.getsizeof(value) for value in record.values())
    assert held < 5000 < COSTS.nbytes


def test_arrays_among_parameters_are_lists(folder, tmp_path):
    """They are compared and written as JSON in every table."""
    long = {"shift": [0.125 + i for i in range(200)], "parts": [{"points": [[1.5, 2.5]] * 90}]}
    for key in "ab":
        append(tmp_path, cell(key, task_parameters=long, parameters=long, costs=COSTS.tolist()))
    found = read_journal(tmp_path).cells
    for name in ("task_parameters", "parameters"):
        assert json.loads(json.dumps(found["a"][name])) == long
        assert found["a"][name]["shift"] is found["b"][name]["shift"]  # once in memory
    assert isinstance(found["a"]["costs"], Stored)
    assert isinstance(read_journal(folder).cells["a"]["costs"], Stored)


def test_records_with_stored_arrays_travel_and_are_written_in_full(folder, tmp_path_factory):
    record = read_journal(folder).cells["a"]
    assert pickle.loads(pickle.dumps(record))["costs"] == COSTS.tolist()
    out = tmp_path_factory.mktemp("out")
    merge([folder], out)
    merged = read_journal(out)
    assert merged.cells["a"] == record
    write_compact(merged, out / COMPACT)
    lines = gzip.decompress((out / COMPACT).read_bytes()).splitlines()
    assert json.loads(lines[0])["costs"] == COSTS.tolist()
    before = sum(path.stat().st_size for path in out.iterdir())
    merge([folder], out)
    assert sum(path.stat().st_size for path in out.iterdir()) == before


def test_a_reader_parses_each_line_once(tmp_path, monkeypatch):
    parsed = []
    real = journal_lines.Parser.record
    monkeypatch.setattr(
        journal_lines.Parser,
        "record",
        lambda self, line, keep: parsed.append(1) or real(self, line, keep),
    )
    reader = JournalReader(tmp_path)
    for number in range(50):
        append(tmp_path, cell(str(number)), sync=False)
        reader.refresh()
        reader.refresh()
    assert len(parsed) == len(reader.journal.cells) == 50


def test_a_file_that_did_not_grow_is_not_opened_again(tmp_path, monkeypatch):
    append(tmp_path, cell())
    (tmp_path / "journal-torn.jsonl").write_bytes(b'{"schema": 1, "type": "ce')
    reader = JournalReader(tmp_path)
    reader.refresh()
    opened = []
    monkeypatch.setattr(journal, "open_journal", lambda *_: opened.append(1))
    reader.refresh()
    assert opened == []


def test_what_runs_is_found_without_a_look_at_every_cell(monkeypatch):
    """Two workers, 2,000 cells: one start each is kept, and no more processes are asked after."""
    asked = []
    monkeypatch.setattr(journal, "_may_live", lambda start: bool(asked.append(1)) or True)
    found = Journal()
    for number in range(2000):
        key, time = str(number), float(number)
        start = {"type": "started", "key": key, "host": "h", "pid": number % 2, "written": time}
        found.take(start)
        if number < 1999:
            found.take(cell(key, written=time + 0.5))
    assert len(found.started) == 2
    assert [start["key"] for start in found.running()] == ["1999"]
    assert len(asked) == 1


def test_the_state_of_a_cell_is_read_without_its_arrays_or_its_parameters(monkeypatch):
    line = written(large() | {"parameters": {"x": 1}, "written": 3.5, "attempt": 2})
    expected = {"schema": 1, "type": "cell", "key": "a", "status": "ok", "seconds": 2.0,
                "written": 3.5, "attempt": 2}  # fmt: skip
    monkeypatch.setattr(journal_lines, "json", None)  # nothing is parsed
    assert state(line) == expected


@pytest.mark.parametrize(
    "more",
    [
        {"parameters": {"status": "error", "key": "z"}},
        {"parameters": {"seconds": 9.0}, "seconds": 2.0},
        {"message": 'said "status": "error", "seconds": 9'},
        {"message": "a } b", "parameters": {"written": 1.0}},
        {"message": "{", "key": '\u00e9\\n"'},
    ],
)
def test_the_state_is_that_of_the_record_whatever_stands_in_it(more):
    record = cell() | more
    kept = ("schema", "type", "key", "status", "seconds", "written")
    expected = {name: value for name, value in ({"schema": 1} | record).items() if name in kept}
    assert state(written(record)) == expected


def test_a_line_whose_list_is_open_is_no_record_for_status_either():
    with pytest.raises(ValueError, match="delimiter"):
        state(b'{"schema": 1, "type": "cell", "key": "a", "status": "ok", "costs": [[1.0, 2.0}\n')


def test_seconds_of_an_inner_object_are_not_those_of_the_cell():
    record = {"type": "cell", "key": "a", "status": "timeout", "parameters": {"seconds": 9.0}}
    assert "seconds" not in state(written(record))


def test_progress_is_the_same_from_states_alone(folder):
    assert progress(read_journal(folder, state=True)) == progress(read_journal(folder))
    assert set(read_journal(folder, state=True).cells["a"]) <= {
        "schema", "type", "key", "status", "seconds", "written", "attempt",
    }  # fmt: skip


@pytest.mark.parametrize(
    "array",
    [
        b"[[1, 2], [3, null]]",
        b"[1.5e-3, -2]",
    ],
)
def test_only_whole_arrays_of_numbers_are_left_out(array):
    array = array[:-1] + b", 7" * 200 + b"]"
    line = b'{"a": ' + array + b', "b": {"c":' + array + b'}, "d": "e"}\n'
    kept = []
    head = without_arrays(line, lambda start, text: kept.append((start, text)) or start)
    assert [text for _, text in kept] == [array, array]
    assert all(line[start : start + len(text)] == text for start, text in kept)
    assert len(json.loads(head)["b"]) == 1
    for broken in (array.replace(b"7", b"\x00", 1), array[:-1], array.replace(b"7", b'"7"', 1)):
        text = b'{"a": ' + broken + b', "d": "e"}\n'
        assert without_arrays(text, lambda start, found: start) == text


def test_an_array_overwritten_on_disk_makes_the_line_unreadable(tmp_path):
    line = bytearray(written(large()))
    at = line.find(b'"costs"') + 500
    line[at : at + 64] = bytes(64)
    (tmp_path / "journal-a.jsonl").write_bytes(line + written(cell("b")))
    for only_state in (True, False):
        found = read_journal(tmp_path, state=only_state)
        assert (set(found.cells), found.unreadable) == ({"b"}, ["journal-a.jsonl:1"])


def test_an_array_that_is_none_is_one_clear_error(tmp_path):
    text = written(large()).replace(b"], [", b"],, [", 1)
    (tmp_path / "journal-a.jsonl").write_bytes(text)
    record = read_journal(tmp_path).cells["a"]
    with pytest.raises(ValueError, match=r"journal-a.jsonl: expected an array of numbers at byte"):
        unpack(record["costs"])


def test_an_append_while_reading_is_no_torn_line(tmp_path):
    path = tmp_path / "journal-a.jsonl"
    whole = written(large())
    path.write_bytes(whole[:5000])
    reader = JournalReader(tmp_path)
    assert not reader.refresh().cells
    with path.open("ab") as file:
        file.write(whole[5000:] + written(large("b")))
    found = reader.refresh()
    assert found.unreadable == []
    np.testing.assert_array_equal(unpack(found.cells["b"]["costs"]), COSTS)
    assert os.path.getsize(path) == reader._read["journal-a.jsonl"].done
