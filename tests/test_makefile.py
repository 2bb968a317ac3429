"""The Makefile: committed results are written on demand only, versions are tested at both ends."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# Runs what it is given and says that it is Python 3.12.
OTHER_PYTHON = """#!/bin/sh
exec {python} -c "import sys, types
sys.version_info = types.SimpleNamespace(minor=12)
exec(sys.argv[1])" "$2"
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def commands(folder, *arguments):
    """What make would run, the environment being there."""
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "peers").mkdir(exist_ok=True)
    for name in ("pyproject.toml", "constraints.txt", "stamp", "peers/pyproject.toml"):
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


def test_the_ends_of_the_versions_are_tested_in_environments_of_their_own(tmp_path):
    lowest, newest = commands(tmp_path, "test-lowest"), commands(tmp_path, "test-newest")
    assert "--python .venv-lowest/bin/python --resolution lowest-direct -e '.[dev]'" in lowest
    assert ".venv-newest/bin/python -m pip" in newest
    for said, folder in ((lowest, ".venv-lowest"), (newest, ".venv-newest")):
        assert f'{folder}/bin/python -m pytest -n auto -m "not slow"' in said
        assert f"{folder}/bin/python -m pip --quiet --disable-pip-version-check check" in said
        assert "constraints.txt" not in said
        assert f" {folder} " in commands(tmp_path, "clean")
    peers = commands(tmp_path, "test-all")
    assert "-c constraints.txt -e '.[dev]' -e './peers[torch,large,neural]' 'torch" in peers
    assert ".venv-peers/bin/python -m pytest -q -n auto --hypothesis-profile=explored\n" in peers
    assert " .venv-peers " in commands(tmp_path, "clean")
    assert ".venv*/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_another_python_than_an_end_needs_is_refused(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "python").write_text(OTHER_PYTHON.format(python=sys.executable), "utf-8")
    (tmp_path / "python").chmod(0o755)
    for end, wanted in (("lowest", "== 3.11"), ("newest", ">= 3.13")):
        said = subprocess.run(
            ["make", f"test-{end}", "PYTHON=./python"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert said.returncode != 0
        assert f"expected Python {wanted}, got 3.12; call: make test-{end} PYTHON=" in said.stderr


def test_what_is_declared_has_a_lower_bound_only_and_the_constraints_are_within():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = project["dependencies"], *project["optional-dependencies"].values()
    declared = [Requirement(text) for group in groups for text in group]
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line)
    pinned = {canonicalize_name(name): version for name, version in pinned.items()}
    for requirement in declared:
        if requirement.name != project["name"]:
            assert [one.operator for one in requirement.specifier] == [">="], requirement
            assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])
