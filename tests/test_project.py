"""Files about the project that must not disagree."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path

import yaml

import wdist_bench

ROOT = Path(__file__).parents[1]


def test_there_is_one_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert wdist_bench.__version__ == version("wdist-bench") == cited["version"]


def test_workflows_call_targets_that_the_makefile_has():
    targets = {line.split(":")[0] for line in (ROOT / "Makefile").read_text().splitlines()}
    called = [
        word
        for file in (ROOT / ".github" / "workflows").glob("*.yml")
        for job in yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].values()
        for step in job["steps"]
        for before, word in zip(
            step.get("run", "").split(), step.get("run", "").split()[1:], strict=False
        )
        if before == "make" and "{" not in word
    ]
    assert called
    assert set(called) <= targets


def test_the_wheel_holds_every_suite():
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    held = content["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    suites = sorted((ROOT / "benchmarks").glob("*.toml"))
    assert held == {f"benchmarks/{x.name}": f"wdist_bench/suites/{x.name}" for x in suites}
