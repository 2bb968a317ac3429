"""Clocks that are set, machines that sleep and ids that come back decide nothing."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from wdist_bench.experiment import Experiment, register
from wdist_bench.results.births import born
from wdist_bench.results.journal import read_journal
from wdist_bench.results.journal_writing import append
from wdist_bench.runs import isolation, stopwatch, work
from wdist_bench.runs.cell import Cell
from wdist_bench.runs.plugins import load_plugin
from wdist_bench.runs.runner import run_suite
from wdist_bench.runs.stopwatch import Stopwatch
from wdist_bench.runs.suite import load_suite

TROUBLE = Path(__file__).parents[2] / "benchmarks" / "trouble.py"
AHEAD = 1e7  # seconds


@pytest.fixture
def clock(monkeypatch):
    """Clocks that a test moves: `at` is monotonic, `slept` what the machine was suspended."""

    class Clock:
        at = slept = 0.0

    monkeypatch.setattr(stopwatch.time, "monotonic", lambda: Clock.at)
    monkeypatch.setattr(stopwatch, "_slept", lambda: Clock.slept)
    return Clock


def test_time_between_two_looks_counts(clock):
    watch = Stopwatch()
    for _ in range(30):
        clock.at += 0.1
        watch.look()
    assert watch.awake == pytest.approx(3)
    assert (watch.over(2.9), watch.over(3.1), watch.doubtful) == (True, False, False)


def test_a_machine_that_slept_makes_a_deadline_doubtful(clock):
    watch = Stopwatch()
    clock.at += 1
    clock.slept += 3600  # the monotonic clock stood still
    watch.look()
    assert not watch.over(1.1)
    assert watch.doubtful


def test_a_driver_that_was_stopped_does_not_count_the_time(clock):
    watch = Stopwatch()
    clock.at += 3600
    watch.look()
    assert not watch.over(60)
    assert watch.doubtful


def test_a_stopped_worker_has_its_time_again_but_not_for_ever(clock):
    watch = Stopwatch()
    for _ in range(99):
        clock.at += 0.1
        watch.look(stopped=True)
    assert not watch.over(10)
    clock.at += 0.2
    watch.look(stopped=True)
    assert watch.over(10)
    assert watch.doubtful


def sweep(folder, text, workers=None, **options):
    load_plugin(TROUBLE)
    path = folder / "clocks.toml"
    path.write_text(f'title = "Clocks"\n[[experiments]]\nname = {text}')
    events = run_suite(load_suite(path), folder / "out", workers, **options)
    return [event for event in events if event.kind != "started"]


def test_a_clock_that_is_set_is_no_deadline(tmp_path, monkeypatch):
    now = time.time
    start = time.monotonic()
    monkeypatch.setattr(time, "time", lambda: now() + 3600 * (time.monotonic() - start))
    workers = isolation.Workers(timeout=120, plugins=(str(TROUBLE),))
    (event,) = sweep(tmp_path, '"trouble"\nseconds = 1.0\n', workers)
    assert event.record["status"] == "ok"


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="Linux")
def test_a_worker_that_is_stopped_for_good_ends_as_an_error_that_is_tried_again(tmp_path):
    workers = isolation.Workers(timeout=2, plugins=(str(TROUBLE),))
    (event,) = sweep(tmp_path, '"trouble"\nwhat = "stops"\n', workers)
    assert (event.record["status"], event.record["stop_reason"]) == ("error", "deadline")
    assert "slept for" in event.record["message"]
    assert "the next run tries the cell again" in event.record["message"]


@register
@dataclass(frozen=True, kw_only=True)
class Gloomy(Experiment):
    """Always fails."""

    name: ClassVar[str] = "gloomy"
    version: ClassVar[int] = 1

    seed: int = 0

    def run(self):
        return {"status": "timeout", "message": "", "runs": 1, "failed": 0,
                "compile_seconds": 0.0, "run_seconds": 0.0}  # fmt: skip


def shift(out, seconds):
    """Date every record of the folder ahead."""
    for path in out.glob("journal*"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            line["written"] += seconds
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_records_dated_ahead_are_tried_again_where_asked_for(tmp_path):
    sweep(tmp_path, '"gloomy"\n')
    shift(tmp_path / "out", AHEAD)
    for attempt in (2, 3):
        (event,) = sweep(tmp_path, '"gloomy"\n', retry_failed=True)
        assert event.kind == "finished"
        (record,) = read_journal(tmp_path / "out").planned()
        assert record["attempt"] == attempt
        assert record == event.record


def test_a_cell_that_another_driver_finished_meanwhile_is_kept_whatever_its_clock(tmp_path):
    sweep(tmp_path, '"gloomy"\n')
    (known,) = read_journal(tmp_path / "out").planned()
    path = tmp_path / "clocks.toml"
    path.write_text('title = "C"\n[[experiments]]\nname = "moved"\n[[experiments]]\nname="gloomy"')
    kinds = []
    for event in run_suite(load_suite(path), tmp_path / "out", retry_failed=True):
        if event.kind == "started":  # the other driver, whose clock is behind
            append(tmp_path / "out", known | {"attempt": 2, "written": 1.0})
        kinds.append(event.kind)
    assert kinds == ["started", "finished", "kept"]


@register
@dataclass(frozen=True, kw_only=True)
class Moved(Gloomy):
    """A first cell."""

    name: ClassVar[str] = "moved"


def test_a_plan_dated_ahead_does_not_hide_a_later_one(tmp_path):
    sweep(tmp_path, '"gloomy"\n')
    shift(tmp_path / "out", AHEAD)
    path = tmp_path / "later.toml"
    path.write_text('title = "Later"\n[[experiments]]\nname = "gloomy"\nseed = 1\n')
    list(run_suite(load_suite(path), tmp_path / "out"))
    assert read_journal(tmp_path / "out").plan["title"] == "Later"


def test_a_start_dated_ahead_is_over_when_its_record_is_there(tmp_path):
    start = {"type": "started", "key": "k", "host": socket.gethostname(), "pid": os.getpid()}
    start |= {"born": born(os.getpid()), "attempt": 1, "written": time.time() + AHEAD}
    append(tmp_path, start)
    assert [s["key"] for s in read_journal(tmp_path).running()] == ["k"]
    append(tmp_path, {"type": "cell", "key": "k", "status": "ok", "attempt": 1})
    assert read_journal(tmp_path).running() == []


CELL = Cell("gaussian_shift", {}, "nearest_neighbor", {}, n=4, runs=2, eval_batches=2)


@pytest.mark.parametrize(("born", "shared"), [(born(1), True), ("0@another", False)])
def test_an_id_that_came_back_is_another_process(tmp_path, born, shared):
    start = {"type": "started", "key": "x", "host": socket.gethostname(), "pid": 1, "born": born}
    append(tmp_path, start | {"attempt": 1, "written": time.time()})
    job = work.Job(cell=CELL, key=CELL.key("cpu"), description=CELL.description("cpu"),
                   backend="cpu", out=str(tmp_path), suite="s", shared=False,
                   attempt=1)  # fmt: skip
    assert work.execute(job)["shared"] is shared
    assert [s["key"] for s in read_journal(tmp_path).running()] == ["x"] * shared


def test_a_process_is_told_from_the_next_by_its_birth():
    import subprocess

    children = []
    for _ in range(2):
        children.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
        time.sleep(0.05)  # births are counted in hundredths of a second
    births = [born(child.pid) for child in children]
    again = [born(child.pid) for child in children]
    for child in children:
        child.communicate()
    assert births == again
    assert None not in births
    assert births[0] != births[1]
    assert [born(child.pid) for child in children] == [None, None]
