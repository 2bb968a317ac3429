"""Where the Makefile puts results: what is committed is written on demand only."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def commands(folder, *arguments):
    """What make would run, the environment being there."""
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("pyproject.toml", "constraints.txt", "stamp"):
        (folder / name).touch()
    said = subprocess.run(
        ["make", "-n", "STAMP=stamp", *arguments],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return said.stdout


def test_bench_leaves_committed_results_alone_and_results_writes_them(tmp_path):
    assert "--out results/local/quick " in commands(tmp_path, "bench")
    assert "--out results/local/gan " in commands(tmp_path, "bench", "SUITE=gan")
    assert "--out results/gan " in commands(tmp_path, "results", "SUITE=gan")
    assert "export results/gan --format journal" in commands(tmp_path, "results", "SUITE=gan")
    assert "--out mine " in commands(tmp_path, "bench", "OUT=mine")
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert "results/local/" in ignored


def test_report_takes_the_own_run_where_there_is_one(tmp_path):
    assert "report results/quick\n" in commands(tmp_path, "report")
    assert "report mine\n" in commands(tmp_path, "report", "OUT=mine")
    own = tmp_path / "results" / "local" / "quick"
    own.mkdir(parents=True)
    assert "report results/quick\n" in commands(tmp_path, "report")
    (own / "journal-host-1-a.jsonl").touch()
    assert "report results/local/quick\n" in commands(tmp_path, "report")
    assert "report results/gan\n" in commands(tmp_path, "report", "SUITE=gan")
