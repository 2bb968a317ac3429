"""Dask with a real scheduler and real workers on this machine; workers and drivers get killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import PATIENCE, wait_for

from wdist_bench.results.journal import read_journal

pytest.importorskip("distributed", reason="needs the extra `dask`")
pytestmark = pytest.mark.slow


class Cluster:
    """A scheduler and its workers as processes; `options` are for all of them."""

    def __init__(self, folder, *options):
        self.file = folder / "scheduler.json"
        self.options = options
        self.processes = []
        self.schedule()

    def schedule(self):
        self.file.unlink(missing_ok=True)
        self.scheduler = self.start("scheduler", "--port", "0", "--no-dashboard", "--no-jupyter")
        wait_for(self.file.exists)

    @property
    def address(self):
        return json.loads(self.file.read_text())["address"]

    def start(self, what, *options, **environment):
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", what, "--scheduler-file", self.file,
             *self.options, *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | environment,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def worker(self, *options, **environment):
        return self.start(
            "worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", *options, **environment
        )

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
    _, errors = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 0, errors
    journal = read_journal(out)
    assert len(journal.cells) == 48
    assert {record["status"] for record in journal.cells.values()} == {"ok"}
    assert len(writers()) == 2  # the two with a GPU, and the driver wrote none again
    local = tmp_path / "local"
    assert drive(deeds(48), local).wait(timeout=PATIENCE) == 0
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
    said, errors = again.communicate(timeout=PATIENCE)
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
    driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 1
    statuses = [record["status"] for record in read_journal(out).planned()]
    assert statuses == ["ok", "timeout", "ok", "error"]


def test_daemons_are_refused_with_the_way_out(cluster, drive, deeds, tmp_path):
    cluster.start("worker", "--nthreads", "1", "--no-dashboard")  # its nanny makes it a daemon
    driver = drive(deeds(1), tmp_path / "out", "--engine", "dask", "--scheduler", cluster.file)
    _, errors = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 2
    assert "DASK_DISTRIBUTED__WORKER__DAEMON=False" in errors


def test_a_killed_scheduler_is_one_line_and_loses_nothing(cluster, drive, deeds, gate, tmp_path):
    suite, out = deeds(what=[*"abcde", "waits", *"fghij"]), tmp_path / "out"
    for _ in range(2):
        cluster.worker()
    driver = drive(suite, out, "--engine", "dask", "--scheduler", cluster.address)
    address = cluster.address
    wait_for(lambda: len(read_journal(out).cells) >= 5)
    cluster.scheduler.kill()
    _, errors = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 2
    assert len(errors.splitlines()) == 1
    assert errors.startswith(f"error: dask: expected the scheduler at {address} to go on")
    assert "resume with the same command" in errors
    before = values(out)
    gate.touch()
    cluster.schedule()
    cluster.worker()
    again = drive(suite, out, "--engine", "dask", "--scheduler", cluster.address)
    said, errors = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, errors
    assert len(values(out)) == 11
    assert before.items() <= values(out).items()
    assert said.count("kept from an earlier run") >= len(before)


def test_what_is_started_here_is_reached_from_here_alone():
    """Whoever reaches a scheduler or a worker can run code as its user."""
    import psutil

    from wdist_bench.runs.cluster import DaskEngine

    ours = psutil.Process()

    def listening():
        family = [ours, *ours.children(recursive=True)]
        places = (place for one in family for place in one.net_connections())
        return {place.laddr for place in places if place.status == "LISTEN"}

    before = listening()  # a browser's driver, say
    engine = DaskEngine(jobs=2)
    try:
        engine.environment()
        found = listening() - before
        assert len(found) >= 3  # a scheduler and two workers
        assert {place.ip for place in found} == {"127.0.0.1"}
        assert 8787 not in {place.port for place in found}  # taken where a second one runs
    finally:
        engine.close()


def certificates(folder):
    """An authority and a key that it has signed, by the commands of docs/clusters.md."""
    page = Path(__file__).parents[2] / "docs" / "clusters.md"
    made = [line.split() for line in page.read_text().splitlines() if line.startswith("openssl ")]
    for command in made:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    assert len(made) == 3


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_scheduler_that_speaks_tls_serves_who_has_a_certificate_and_nobody_else(
    drive, deeds, tmp_path, monkeypatch
):
    certificates(tmp_path)
    files = [f"--tls-{name}={tmp_path / file}" for name, file in
             (("ca-file", "ca.pem"), ("cert", "cert.pem"), ("key", "key.pem"))]  # fmt: skip
    cluster = Cluster(tmp_path, "--protocol", "tls", *files)
    try:
        cluster.worker()
        assert cluster.address.startswith("tls://")
        call = (deeds(3), tmp_path / "out", "--engine", "dask", "--scheduler", cluster.address)
        stranger = drive(*call)
        _, errors = stranger.communicate(timeout=PATIENCE)
        assert stranger.returncode == 2
        assert len(errors.splitlines()) == 1
        assert "TLS" in errors
        for name, file in (("CA_FILE", "ca.pem"), ("CLIENT__CERT", "cert.pem"),
                           ("CLIENT__KEY", "key.pem")):  # fmt: skip
            monkeypatch.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{name}", str(tmp_path / file))
        monkeypatch.setenv("DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION", "True")
        friend = drive(*call)
        _, errors = friend.communicate(timeout=PATIENCE)
        assert friend.returncode == 0, errors
        assert len(values(tmp_path / "out")) == 3
    finally:
        cluster.stop()


def other_jax(folder):
    """What makes a process believe that it has another jax."""
    found = folder / "other" / "jax-9.9.9.dist-info"
    found.mkdir(parents=True)
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: jax\nVersion: 9.9.9\n")
    return str(found.parent)


def test_workers_that_differ_are_named_those_that_come_later_too(cluster, drive, deeds, tmp_path):
    suite, out = deeds(40, seconds=1.0), tmp_path / "out"
    cluster.worker()
    driver = drive(suite, out, "--engine", "dask", "--scheduler", cluster.file)
    wait_for(lambda: len(read_journal(out).cells) >= 2)
    path = os.pathsep.join([other_jax(tmp_path), os.environ.get("PYTHONPATH", "")])
    for _ in range(2):
        cluster.worker(PYTHONPATH=path)
    said, errors = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 0, errors
    assert len(errors.splitlines()) == 1
    assert "has jax 9.9.9, where the first one has jax" in errors
    assert "cells were measured with jax" in said
    assert "jax 9.9.9" in (out / "report.html").read_text()
