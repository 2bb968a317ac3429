"""Calls that are cut off, and those that cannot be."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.recommend.caller import Caller

X, Y = np.random.default_rng(0).normal(size=(2, 60, 2))


def test_a_call_that_overruns_is_cut_off():
    endless = wb.estimators.get("weight_clipping", steps=10**7)
    with Caller() as call:
        answer, _ = call(X, Y, wb.estimators.get("bracket"), 1, 0, 120.0)
        assert answer.status == "ok"
        start = time.perf_counter()
        answer, seconds = call(X, Y, endless, 1, 0, 1.0)
        assert time.perf_counter() - start < 300.0  # it would take hours
        assert (answer.status, seconds >= 1.0) == ("timeout", True)
        assert "stopped after 1.0 s" in answer.message
        again, _ = call(X, Y, wb.estimators.get("bracket"), 1, 0, 120.0)
        assert again.status == "ok"  # by a process in its place
        with pytest.raises(ValueError, match="expected p = 1"):
            call(X, Y, endless, 2, 0, 60.0, refuse=True)


@dataclass(frozen=True)
class Local(wb.DirectEstimator):
    """Known to this process alone."""

    name: ClassVar[str] = "local"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "exact"

    def estimate(self, samples, cost):
        return wb.estimate(samples.x, samples.y, "exact", cost.p)


def test_what_cannot_travel_is_called_here_with_a_note(monkeypatch):
    monkeypatch.setattr(Local, "__module__", "nowhere")
    with Caller() as call:
        answer, _ = call(X, Y, Local(), 1, 0, 60.0)
    assert answer.status == "ok"
    assert "local is not cut off" in call.notes[0]


def test_without_another_process_calls_are_made_here(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Caller() as call:
        answer, _ = call(X, Y, wb.estimators.get("bracket"), 1, 0, 60.0)
    assert answer.status == "ok"
    assert "no process could be started" in call.notes[0]


@pytest.mark.slow
def test_a_script_without_a_guard_can_call_it(tmp_path):
    # a spawned process would import the script and start again
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np, wdist_bench as wb\n"
        "g = np.random.default_rng(0)\n"
        "x, y = g.normal(size=(40, 2)), g.normal(size=(40, 2)) + 1\n"
        "f = wb.recommend(x, y, budget=60, runs=5, methods=['exact', 'bracket'])\n"
        "print('said', len(f.choice.standings), f.notes)\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.stdout == "said 2 ()\n", done.stderr
