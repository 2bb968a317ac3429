"""`status` counts what the journal holds, `merge` loses nothing."""

from __future__ import annotations

import json
import os
import socket

import pytest

from wdist_bench.results.journal import read_journal
from wdist_bench.results.journal_files import COMPACT
from wdist_bench.results.journal_writing import append, write_compact
from wdist_bench.results.merge import merge
from wdist_bench.results.progress import progress


def write(folder, records, keys=("a", "b", "c", "d"), title="Suite"):
    """A journal of another process."""
    folder.mkdir(exist_ok=True)
    plan = {"type": "plan", "title": title, "description": "", "keys": list(keys),
            "labels": [key.upper() for key in keys], "at_once": 2, "written": 1.0}  # fmt: skip
    with (folder / "journal-other.jsonl").open("a") as file:
        for record in (plan, *records):
            file.write(json.dumps({"schema": 1} | record) + "\n")


def cell(key, status="ok", written=2.0, **rest):
    return {"type": "cell", "key": key, "status": status, "written": written, **rest}


def test_progress_counts_by_status_and_estimates_the_time_left(tmp_path):
    write(tmp_path, [cell("a", seconds=2.0), cell("b", "timeout", seconds=4.0), cell("x")])
    start = {"type": "started", "key": "c", "host": socket.gethostname(), "pid": os.getpid()}
    append(tmp_path, start)
    state = progress(read_journal(tmp_path))
    assert (state.total, state.statuses, state.failed) == (4, {"ok": 1, "timeout": 1}, 1)
    assert [start["label"] for start in state.running] == ["C"]
    assert (state.left, state.seconds_left) == (2, 3.0)


def test_merging_keeps_the_last_answer_of_every_key_and_changes_no_source(tmp_path):
    one, two, out = (tmp_path / name for name in ("one", "two", "out"))
    write(one, [cell("a", value=1, written=5.0), cell("b", value=1), cell("c", "error", 9.0)])
    write(two, [cell("a", value=2, written=4.0), cell("c", value=2, written=3.0)])
    (one / "environment.json").write_text("{}")
    before = {path: path.read_bytes() for path in tmp_path.glob("*/*")}
    merged = merge([one, two], out)
    assert {key: record.get("value") for key, record in merged.cells.items()} == {
        "a": 1, "b": 1, "c": 2,
    }  # fmt: skip
    assert merged.plan["keys"] == ["a", "b", "c", "d"]
    assert (out / "environment.json").read_text() == "{}"
    assert {path: path.read_bytes() for path in before} == before
    size = sum(path.stat().st_size for path in out.glob("journal*"))
    assert merge([two, one, out], out).cells == merged.cells
    assert sum(path.stat().st_size for path in out.glob("journal*")) == size


def test_different_suites_are_put_one_after_the_other(tmp_path):
    write(tmp_path / "one", [cell("a")], keys=("a",), title="One")
    write(tmp_path / "two", [cell("b")], keys=("b", "a"), title="Two")
    merged = merge([tmp_path / "one", tmp_path / "two"], tmp_path / "out")
    assert merged.plan["keys"] == ["a", "b"]
    assert merged.plan["title"] == "One; Two"


def test_families_are_those_of_the_later_plan_and_of_the_record_where_none_says(tmp_path):
    old, one, two, out = (tmp_path / name for name in ("old", "one", "two", "out"))
    write(old, [cell("o", family="old")], keys=("o",))
    for folder, family in ((one, "wrogn"), (two, "wrong")):
        write(folder, [cell("a", family="wrogn"), cell("b", family="other")], keys=())
        append(folder, {"type": "plan", "title": "", "description": "", "keys": ["a", "b"],
                        "families": [[family, 1], ["other", 1]], "attempt": 1})  # fmt: skip
    for _ in range(2):
        merged = merge([old, one, two], out)
        assert [record["family"] for record in merged.planned()] == ["old", "wrong", "other"]
    assert sum('"plan"' in path.read_text() for path in out.glob("journal*.jsonl")) == 1
    append(out, {"type": "plan", "title": "", "description": "", "keys": ["a"], "attempt": 9,
                 "families": [["a"]]})  # fmt: skip
    assert len(read_journal(out).unreadable) == 1


def test_a_folder_without_a_journal_is_refused_by_name(tmp_path):
    write(tmp_path / "one", [cell("a")])
    with pytest.raises(FileNotFoundError, match="nothing: expected a journal"):
        merge([tmp_path / "one", tmp_path / "nothing"], tmp_path / "out")


def test_merging_reads_and_writes_no_environment_through_a_link(tmp_path):
    (tmp_path / "secret").write_text("{}")
    for name in ("a", "b"):
        write(tmp_path / name, [cell("a")])
    (tmp_path / "a" / "environment.json").symlink_to("../secret")
    merge([tmp_path / "a"], tmp_path / "b")
    assert not (tmp_path / "b" / "environment.json").exists()
    (tmp_path / "a" / "environment.json").unlink()
    (tmp_path / "a" / "environment.json").write_text("{1}")
    (tmp_path / "b" / "environment.json").symlink_to("../new")
    merge([tmp_path / "a"], tmp_path / "b")
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "b" / "environment.json").is_symlink()
    assert (tmp_path / "b" / "environment.json").read_text() == "{1}"


def test_what_a_folder_holds_stays_when_others_are_merged_into_it(tmp_path):
    one, two, out, packed = (tmp_path / name for name in ("one", "two", "out", "packed"))
    write(one, [cell("a")], keys=("a",), title="One")
    write(two, [cell("b")], keys=("b",), title="Two")
    merge([one], out)
    packed.mkdir()
    write_compact(read_journal(one), packed / COMPACT)
    for folder in (out, packed):
        for _ in range(2):
            merged = merge([two], folder)
            assert list(merged.cells) == merged.plan["keys"] == ["a", "b"]
            assert merged.plan["labels"] == ["A", "B"]
            assert merged.plan["title"] == "One; Two"
        lines = "".join(path.read_text() for path in folder.glob("journal*.jsonl"))
        assert lines.count('"type": "cell"') == 2


def test_a_plan_with_fewer_labels_than_keys_keeps_its_cells(tmp_path):
    write(tmp_path / "one", [cell("a"), cell("b")], keys=("a",))
    append(tmp_path / "one", {"type": "plan", "title": "", "description": "", "labels": ["A"],
                              "keys": ["a", "b"], "attempt": 2})  # fmt: skip
    merged = merge([tmp_path / "one"], tmp_path / "out")
    assert (merged.plan["keys"], merged.plan["labels"]) == (["a", "b"], ["A", "b"])
