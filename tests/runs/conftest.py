"""Sweeps of deeds (adversaries.py) in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).with_name("adversaries.py")

DEEDS = """
title = "Deeds"
[[experiments]]
name = "deed"
seconds = {seconds}
[experiments.sweep]
seed = {seeds}
"""
WHATS = """
title = "Deeds"
[[experiments]]
name = "deed"
[experiments.sweep]
what = {}
"""


@pytest.fixture
def plugin():
    return PLUGIN


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """The file that deeds wait for which do so."""
    path = tmp_path / "gate"
    monkeypatch.setenv("DEEDS_GATE", str(path))
    return path


@pytest.fixture
def deeds(tmp_path):
    """Writes a suite of so many deeds, or of those named, or any text; returns its file."""

    def write(count=0, seconds=0.0, text=None, what=None):
        path = tmp_path / "deeds.toml"
        text = WHATS.format(what) if what else text
        path.write_text(text or DEEDS.format(seconds=seconds, seeds=list(range(count))))
        return path

    return write


# Programs that a shell starts in the background ignore Ctrl-C, and so do those that they start.
CLI = """
import signal
from wdist_bench.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


@pytest.fixture
def drive():
    """Starts `wdist-bench run` with the plug-in; ends what is still there after the test."""
    drivers = []

    def start(suite, out, *options, plugin=PLUGIN):
        command = [sys.executable, "-u", "-c", CLI, "--plugin", plugin]
        driver = subprocess.Popen(
            [*command, "run", suite, "--out", out, *map(str, options)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        drivers.append(driver)
        return driver

    yield start
    for driver in drivers:
        if driver.poll() is None:
            driver.kill()
        driver.communicate()
