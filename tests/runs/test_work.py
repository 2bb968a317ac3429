"""What a record says of the process that ran it."""

from __future__ import annotations

import json
import os
import pickle
import socket

import numpy as np
import pytest

from wdist_bench.results.journal import read_journal
from wdist_bench.runs import memory, work
from wdist_bench.runs.cell import Cell
from wdist_bench.runs.work import Job

CELL = Cell("gaussian_shift", {}, "nearest_neighbor", {}, n=4, runs=2, eval_batches=2)


@pytest.fixture
def job(tmp_path):
    def build(cell=CELL, **changes):
        fields = {
            "cell": cell, "key": cell.key("cpu"), "description": cell.description("cpu"),
            "backend": "cpu", "out": str(tmp_path), "suite": "s", "shared": False,
            "attempt": 1,
        }  # fmt: skip
        return Job(**(fields | changes))

    return build


def other(folder, **fields):
    """A line of another process of this machine: init, which is always there."""
    line = {"schema": 1, "written": 1.0, "key": "x", "host": socket.gethostname(), "pid": 1}
    with (folder / "journal-other.jsonl").open("a") as file:
        file.write(json.dumps(line | {"attempt": 1} | fields) + "\n")


def test_a_cell_beside_a_living_process_is_shared(job, tmp_path):
    assert not work.execute(job())["shared"]
    other(tmp_path, type="started")
    assert work.execute(job(attempt=2))["shared"]


def test_a_cell_beside_one_that_began_and_ended_meanwhile_is_shared_later_ones_are_not(
    job, tmp_path, monkeypatch
):
    def beside_another(*_):
        other(tmp_path, type="started")
        other(tmp_path, type="cell", status="ok")
        return {"status": "ok", "message": ""}

    with monkeypatch.context() as patch:
        patch.setattr(work, "run_cell", beside_another)
        assert work.execute(job())["shared"]
    assert not work.execute(job(attempt=2))["shared"]


def test_a_job_whose_attempt_was_journaled_is_not_run_again(job):
    first = work.execute(job())
    assert work.execute(job()) == first  # the worker was lost, and the job was sent again
    assert work.execute(job(attempt=2))["attempt"] == 2


def test_a_machine_with_another_version_refuses_the_cell(job):
    record = work.execute(job(key="0123456789abcdef"))
    assert record["status"] == "error"
    assert "expected the versions, data files and backend of the driver" in record["message"]


def test_a_lost_process_never_hides_what_it_had_journaled(job, tmp_path):
    sent = job()
    answered = work.execute(sent)
    late = {"status": "timeout", "message": "too late"}
    assert work.lost(sent, "e", **late) == answered
    other_cell = job(Cell("gaussian_shift", {}, "exact", {}, n=4))
    assert work.lost(other_cell, "e", **late)["stop_reason"] == "deadline"
    assert read_journal(tmp_path).cells[other_cell.key]["bound"] == "exact"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MemoryError("no room"), "out_of_memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes"), "out_of_memory"),
        (RuntimeError("else"), "error"),
    ],
)
def test_exceptions_for_want_of_memory_have_a_status_of_their_own(error, status):
    assert work.failure(error)["status"] == status


@pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="the system keeps one peak a process"
)
def test_the_peak_is_that_of_the_cell():
    memory.reset_peak()
    small = memory.peak()["peak_memory"]
    block = np.ones(2**25)  # 256 MiB
    large = memory.peak()["peak_memory"]
    del block
    assert 200 * 2**20 < large - small < 400 * 2**20
    memory.reset_peak()
    assert memory.peak()["peak_memory"] < large - 200 * 2**20


def test_the_truth_comes_with_its_cell_where_folders_are_not_shared(job, tmp_path):
    from wdist_bench.runs.cluster import DaskEngine
    from wdist_bench.runs.cluster_worker import truth_of

    theirs, ours = tmp_path / "worker", tmp_path / "driver"
    record = work.execute(job(out=str(theirs)))
    sent = pickle.loads(pickle.dumps([*truth_of(record, theirs), record]))
    engine = DaskEngine.__new__(DaskEngine)  # what it keeps needs no scheduler
    engine._readers, engine._described = {}, {}
    for _ in range(2):
        engine._kept(job(out=str(ours)), *sent)
    journal = read_journal(ours)
    assert not journal.lacks_truth(journal.cells[record["key"]])
    assert sum(len(path.read_text().splitlines()) for path in ours.glob("journal*")) == 2
