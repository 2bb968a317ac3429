"""Dask with a real scheduler and real workers on this machine; workers and drivers get killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from wdist_bench.results.journal import read_journal

pytest.importorskip("distributed", reason="needs the extra `dask`")
pytestmark = pytest.mark.slow


class Cluster:
    """A scheduler and its workers as processes."""

    def __init__(self, folder):
        self.file = folder / "scheduler.json"
        self.processes = []
        self.start("scheduler", "--port", "0", "--no-dashboard", "--no-jupyter")
        end = time.monotonic() + 60
        while not self.file.exists():
            assert time.monotonic() < end, "no scheduler came"
            time.sleep(0.1)

    def start(self, what, *options):
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", what, "--scheduler-file", self.file, *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def worker(self, *options):
        return self.start("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", *options)

    def stop(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    started = Cluster(tmp_path)
    yield started
    started.stop()


def values(out):
    return {key: record["value"] for key, record in read_journal(out).cells.items()}


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_a_lost_worker_costs_nothing_and_the_numbers_are_the_local_ones(
    cluster, drive, deeds, tmp_path
):
    suite = deeds(48, seconds=0.5)
    workers = [cluster.worker("--resources", "GPU=1") for _ in range(2)]
    cluster.worker()  # has no GPU: gets no cell
    out = tmp_path / "dask"
    options = ("--engine", "dask", "--scheduler", cluster.file, "--resource", "GPU=1")
    driver = drive(suite, out, *options)

    def writers():
        return [path for path in out.glob("journal*") if '"type": "cell"' in path.read_text()]

    wait_for(lambda: len(writers()) == 2)  # both are at it
    os.kill(workers[0].pid, signal.SIGKILL)
    _, errors = driver.communicate(timeout=180)
    assert driver.returncode == 0, errors
    journal = read_journal(out)
    assert len(journal.cells) == 48
    assert {record["status"] for record in journal.cells.values()} == {"ok"}
    assert len(writers()) == 2  # the two with a GPU, and the driver wrote none again
    local = tmp_path / "local"
    assert drive(deeds(48), local).wait(timeout=120) == 0
    by_seed = [
        {record["parameters"]["seed"]: record["value"] for record in read_journal(folder).planned()}
        for folder in (out, local)
    ]
    assert by_seed[0] == by_seed[1]


def test_a_killed_driver_loses_nothing(cluster, drive, deeds, tmp_path):
    suite, out = deeds(20, seconds=0.5), tmp_path / "out"
    for _ in range(2):
        cluster.worker()
    options = ("--engine", "dask", "--scheduler", cluster.file)
    driver = drive(suite, out, *options)
    wait_for(lambda: len(read_journal(out).cells) >= 5)
    driver.kill()
    driver.communicate()
    before = values(out)
    again = drive(suite, out, *options)
    said, errors = again.communicate(timeout=180)
    assert again.returncode == 0, errors
    assert len(values(out)) == 20
    assert before.items() <= values(out).items()
    assert said.count("kept from an earlier run") >= len(before)


def test_deadlines_hold_on_a_cluster_of_its_own(drive, deeds, tmp_path):
    out = tmp_path / "out"
    text = """
title = "One sleeper"
[[experiments]]
name = "deed"
[experiments.sweep]
seconds = [0.0, 600.0, 0.1]
[[experiments]]
name = "deed"
what = "is_killed"
"""
    driver = drive(deeds(text=text), out, "--engine", "dask", "--timeout", 5)
    driver.communicate(timeout=120)
    assert driver.returncode == 1
    statuses = [record["status"] for record in read_journal(out).planned()]
    assert statuses == ["ok", "timeout", "ok", "error"]


def test_daemons_are_refused_with_the_way_out(cluster, drive, deeds, tmp_path):
    cluster.start("worker", "--nthreads", "1", "--no-dashboard")  # its nanny makes it a daemon
    driver = drive(deeds(1), tmp_path / "out", "--engine", "dask", "--scheduler", cluster.file)
    _, errors = driver.communicate(timeout=120)
    assert driver.returncode == 2
    assert "DASK_DISTRIBUTED__WORKER__DAEMON=False" in errors
