"""The journal keeps what was written and says what it cannot read."""

from __future__ import annotations

import numpy as np

from wdist_bench.bench.journal import append, pack, read_journal, unpack


def cell(key, value):
    return {"type": "cell", "key": key, "value": value}


def test_the_last_record_of_a_key_wins(tmp_path):
    for value in (1, 2):
        append(tmp_path, cell("a", value))
    append(tmp_path, {"type": "truth", "key": "a", "costs": [[1.0]]})
    append(tmp_path, {"type": "plan", "keys": ["b", "a"]})
    journal = read_journal(tmp_path)
    assert journal.cells["a"]["value"] == 2
    assert journal.truths["a"]["costs"] == [[1.0]]
    assert [record["value"] for record in journal.planned()] == [2]


def test_a_torn_last_line_is_reported_and_costs_nothing_else(tmp_path):
    append(tmp_path, cell("a", 1))
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes() + b'{"schema": 1, "type": "ce')
    append(tmp_path, cell("b", 2))
    journal = read_journal(tmp_path)
    assert set(journal.cells) == {"a", "b"}
    assert journal.unreadable == ["journal.jsonl:2"]


def test_garbage_and_other_schemas_are_reported(tmp_path):
    append(tmp_path, cell("a", 1))
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'\xff\xfe\n[1]\n{"schema": 99, "type": "cell", "key": "b"}\n')
    journal = read_journal(tmp_path)
    assert set(journal.cells) == {"a"}
    assert len(journal.unreadable) == 3


def test_packed_numbers_come_back_with_nan_for_what_is_no_number():
    array = np.array([[1 / 3, np.nan], [np.inf, -1e-30]])
    back = unpack(pack(array))
    np.testing.assert_allclose(back, [[1 / 3, np.nan], [np.nan, -1e-30]], rtol=1e-8)
    single = np.float32(0.1)
    assert np.float32(unpack(pack(np.array([single], np.float64)))[0]) == single
