"""Ours pass the conformance suite, and it finds what it is there to find."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.bench.conformance import _ESTIMATOR_RULES, _TASK_RULES, _findings, check

PLUGIN = Path(__file__).parents[2] / "examples" / "mean_gap_plugin"
# The rest takes minutes of compilation, and keeps most of these rules in tests of its own.
QUICK = {"exact", "nearest_neighbor", "gaussian", "gaussian_shift", "image_batches", "own_data"}
NAMES = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in (*wb.estimators.names(), *wb.tasks.names())
]


@pytest.mark.parametrize("name", NAMES)
def test_ours_conform(name):
    assert [f"{f.rule}: {f.problem}" for f in check(name) if not f.passed] == []


@dataclass(frozen=True)
class Wrong(wb.DirectEstimator):
    """Claims a lower bound, returns twice the exact value, and shakes the world."""

    name = "wrong"
    version = 1
    target = "batch"
    bound = "lower"

    def estimate(self, samples, cost):
        np.random.seed(1)  # noqa: NPY002
        samples.x[...] = np.sort(samples.x, axis=0)
        value = 2 * np.abs(samples.x - samples.y[: len(samples.x)]).max() + np.random.random()  # noqa: NPY002
        return wb.Estimate(value, 3 * value, target="batch", bound="lower")


def test_an_estimator_that_breaks_rules_is_found_out():
    broken = {finding.rule for finding in _findings(_ESTIMATOR_RULES, Wrong()) if finding.problem}
    assert "answers with a finite value, or a status and a message" in broken
    assert "keeps what it claims on batches" in broken
    assert "changes neither its input nor global state" in broken


@dataclass(frozen=True)
class TooFar(type(wb.tasks.get("gaussian_shift"))):
    """A task whose truth is twice the distance."""

    def truth(self, p=1, norm="l2"):
        honest = super().truth(p, norm)
        return wb.Truth(2 * honest.value, 0.0, honest.kind, honest.reference)


def test_a_task_with_a_wrong_truth_is_found_out():
    broken = {finding.rule for finding in _findings(_TASK_RULES, TooFar()) if finding.problem}
    assert broken == {"has a truth that the batches confirm"}


def test_a_plugin_file_is_loaded_and_checked():
    path = PLUGIN / "mean_gap_plugin.py"
    assert len(path.read_text().splitlines()) <= 30
    command = [sys.executable, "-m", "wdist_bench.cli", "--plugin", str(path)]
    answer = subprocess.run([*command, "check", "mean_gap"], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "FAIL" not in answer.stdout


@pytest.mark.slow
def test_an_installed_plugin_package_is_found_from_another_environment(tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    # The other environment sees this one's packages, and the plug-in is installed in it alone.
    [place] = (tmp_path / "env").glob("**/site-packages")
    here = [path for path in sys.path if path.endswith("site-packages")]
    (place / "borrowed.pth").write_text("\n".join([*here, str(Path(wb.__file__).parents[1])]))
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", str(PLUGIN)]
    subprocess.run(install, check=True)
    code = "import wdist_bench as wb; print(wb.estimate([[0.0, 0]], [[3.0, 4]], 'mean_gap').value)"
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert float(answer.stdout) == 5
    assert "mean_gap" not in wb.estimators.names()
