"""A cell is out of memory for what it holds itself, not for what ran before or beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wdist_bench.runs import isolation, memory, work
from wdist_bench.runs.runner import run_suite
from wdist_bench.runs.suite import load_suite
from wdist_bench.runs.worker import EndedError

TROUBLE = Path(__file__).parents[2] / "benchmarks" / "trouble.py"
GIB = 2**30


@pytest.fixture
def suite(tmp_path):
    """A suite of cells that hold so many megabytes for as long as their worker lives."""
    from wdist_bench.runs.plugins import load_plugin

    load_plugin(TROUBLE)

    def load(megabytes, what="holds"):
        path = tmp_path / "memory.toml"
        path.write_text(
            f'title = "Memory"\n[[experiments]]\nname = "trouble"\nwhat = "{what}"\nseconds = 0.5\n'
            f"[experiments.sweep]\nmegabytes = {json.dumps(megabytes)}\n"
        )
        return load_suite(path)

    return load


def finished(suite, out, limit):
    workers = isolation.Workers(memory_limit=limit, plugins=(str(TROUBLE),))
    return [e.record for e in run_suite(suite, out, workers) if e.kind == "finished"]


@pytest.mark.slow
def test_a_worker_that_has_grown_is_renewed_and_an_innocent_cell_runs_again(suite, tmp_path):
    # each fits into 1.5 GiB beside a fresh worker (250 MB, 600 with CUDA), no two of them do
    records = finished(suite([800, 801, 802]), tmp_path / "out", 3 * GIB // 2)
    assert [record["status"] for record in records] == ["ok"] * 3


@pytest.mark.slow
def test_a_cell_that_kills_a_worker_with_others_behind_it_is_tried_twice_and_says_so(
    suite, tmp_path
):
    out = tmp_path / "out"
    small, large = finished(suite([1, 2000]), out, GIB)
    assert (small["status"], large["status"]) == ("ok", "out_of_memory")
    assert "tries" not in small
    assert large["tries"] == 2
    assert large["lost_seconds"] > 0
    assert large["stop_reason"] == "memory limit"
    starts = "".join(path.read_text() for path in out.glob("journal*")).count('"started"')
    assert starts >= 3


def test_a_cell_in_a_fresh_worker_is_not_tried_twice(suite, tmp_path):
    (record,) = finished(suite([2000]), tmp_path / "out", GIB)
    assert record["status"] == "out_of_memory"
    assert "tries" not in record


def test_the_memory_of_children_counts(suite, tmp_path):
    (record,) = finished(suite([2000], "holds_apart"), tmp_path / "out", GIB)
    assert record["status"] == "out_of_memory"


class FakeSlot:
    """A slot whose worker the kernel kills so many times."""

    fresh, too_large = True, 0

    def __init__(self, deaths):
        self.deaths = deaths
        self.renewed = 0

    def renew_if_grown(self, limit):
        pass

    def discard(self):
        self.renewed += 1

    def call(self, function, arguments, timeout):
        if function is work.environment:
            return {}
        if self.deaths:
            self.deaths -= 1
            raise EndedError(True, -9)
        (job,) = arguments
        return {"status": "ok", "tries": job.tries}


@pytest.mark.parametrize(("deaths", "status"), [(1, "ok"), (2, "out_of_memory")])
def test_a_cell_that_the_system_killed_is_tried_twice(tmp_path, monkeypatch, deaths, status):
    kills = iter(range(100))
    monkeypatch.setattr(memory, "kills_by_the_system", lambda: next(kills))
    workers = isolation.Workers()
    cell = ExperimentJob(tmp_path)
    slot = FakeSlot(deaths)
    try:
        record = workers._run(slot, cell.job())
    finally:
        workers.close()
    assert (record["status"], record["tries"], slot.renewed) == (status, 2, deaths)


class ExperimentJob:
    """A job of nothing in particular."""

    def __init__(self, out):
        self.out = out

    def job(self):
        return work.Job(cell=None, key="k", description={}, backend="cpu", out=str(self.out),
                        suite="s", shared=False, attempt=1)  # fmt: skip


class Held:
    """A process that holds so much, some of it shared."""

    def __init__(self, rss, pss):
        self.sizes = {"rss": rss, "pss": pss}
        self.asked = []

    def _tell(self, name):
        self.asked.append(name)
        return type("Memory", (), self.sizes)()

    def memory_info(self):
        return self._tell("rss")

    def memory_full_info(self):
        return self._tell("pss")


def test_shared_pages_count_once_where_it_matters():
    both = [Held(100, 60), Held(100, 60)]
    assert memory.resident(both, enough=250) == 200  # an upper bound is enough
    assert both[0].asked == ["rss"]
    assert memory.resident(both, enough=150) == 120
    assert memory.resident(both[:1], enough=50) == 100
