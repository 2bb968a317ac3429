"""What a cell started ends with its worker, and workers end with their driver."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from waiting import PATIENCE, wait_for

from wdist_bench.results.journal import read_journal
from wdist_bench.runs import isolation
from wdist_bench.runs.stopwatch import Stopwatch
from wdist_bench.runs.worker import Worker

TROUBLE = Path(__file__).parents[2] / "benchmarks" / "trouble.py"
OURS = "WDIST_BENCH_TEST"  # inherited by every process of a test, whoever starts it
FAMILY = 3  # that a cell starts: a child, one with a session of its own, one that init adopts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no sessions")


@pytest.fixture
def family(tmp_path, monkeypatch):
    """Finds the living processes of a test but for the test itself."""
    monkeypatch.setenv(OURS, str(tmp_path))

    def find(what=""):
        found = []
        for process in psutil.process_iter():
            try:
                command = " ".join(process.cmdline())
                mine = process.environ().get(OURS) == str(tmp_path) and process.pid != os.getpid()
                if mine and what in command and "resource_tracker" not in command:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    return find


@pytest.fixture
def suite(tmp_path):
    path = tmp_path / "tree.toml"
    path.write_text(
        'title = "Tree"\n[[experiments]]\nname = "trouble"\nwhat = "starts_family"\nseconds = 600.0'
    )
    return path


def test_a_deadline_ends_the_whole_family(suite, family, tmp_path, monkeypatch):
    from wdist_bench.runs.plugins import load_plugin
    from wdist_bench.runs.runner import run_suite
    from wdist_bench.runs.suite import load_suite

    load_plugin(TROUBLE)
    over = threading.Event()  # the deadline comes when the family is there, however long it takes
    monkeypatch.setattr(Stopwatch, "over", lambda self, seconds: over.is_set())
    workers = isolation.Workers(timeout=600, plugins=(str(TROUBLE),))
    events = []
    sweep = threading.Thread(
        target=lambda: events.extend(run_suite(load_suite(suite), tmp_path / "out", workers))
    )
    sweep.start()
    wait_for(lambda: len(family("time.sleep(60)")) == FAMILY)
    over.set()
    sweep.join()
    assert events[-1].record["status"] == "timeout"
    assert family() == []


def test_a_worker_has_a_session_of_its_own(family):
    workers = isolation.Workers(plugins=())
    try:
        workers.environment()
        pid = workers._every[0]._worker.pid
        assert os.getsid(pid) == pid != os.getsid(0)
    finally:
        workers.close()


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["driver and worker", "driver and guard"])
def test_nobody_survives_a_driver_that_is_killed(drive, suite, family, tmp_path, killed):
    driver = drive(suite, tmp_path / "out", plugin=TROUBLE)
    wait_for(lambda: len(family("time.sleep(60)")) == FAMILY)
    mates = {"worker": "spawn_main", "guard": "processes.py"}
    victims = [p for word, mark in mates.items() if word in killed for p in family(mark)]
    assert len(victims) == killed.count(" and ")
    for process in (*victims, driver):
        process.send_signal(signal.SIGKILL)
    driver.wait()
    if "guard" in killed:  # without it the worker's own session ends, and what has others stays
        wait_for(lambda: family("spawn_main") == [])
        for process in family():
            process.kill()
    else:
        wait_for(lambda: family() == [])


def test_ctrl_c_ends_the_family_too(drive, suite, family, tmp_path):
    driver = drive(suite, tmp_path / "out", plugin=TROUBLE)
    wait_for(lambda: len(family("time.sleep(60)")) == FAMILY)
    driver.send_signal(signal.SIGINT)
    assert driver.wait(timeout=PATIENCE) == 130
    assert family() == []


def test_a_stopped_worker_ends_with_its_driver(drive, suite, family, tmp_path):
    driver = drive(suite, tmp_path / "out", plugin=TROUBLE)
    wait_for(lambda: len(family("time.sleep(60)")) == FAMILY)
    (worker,) = family("spawn_main")
    worker.suspend()
    driver.kill()
    driver.wait()
    wait_for(lambda: family() == [])


def test_a_worker_that_dies_takes_its_family_along(suite, family, tmp_path, drive):
    driver = drive(suite, tmp_path / "out", plugin=TROUBLE)
    wait_for(lambda: len(family("time.sleep(60)")) == FAMILY)
    (worker,) = family("spawn_main")
    worker.kill()
    driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 1
    assert family() == []
    (record,) = read_journal(tmp_path / "out").planned()
    assert "SIGKILL" in record["message"]


def test_a_program_started_outside_is_left_alone(family):
    outside = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    workers = isolation.Workers(plugins=())
    try:
        workers.environment()
    finally:
        workers.close()
    assert outside.poll() is None
    outside.kill()
    outside.wait()


@pytest.mark.parametrize(("said", "beside", "expected"), [
    (None, 1, None), (None, 10_000, "1"), ("3", 2, "3"),
])  # fmt: skip
def test_workers_beside_each_other_share_the_cores(said, beside, expected, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    # Whoever has its mark ends with it, in other tests too.
    worker = Worker((), beside, f"{secrets.token_hex(8)};")
    try:
        assert worker.call(os.getenv, ("OMP_NUM_THREADS",), None) == expected
    finally:
        worker.end()
    assert os.environ.get("OMP_NUM_THREADS") == said
