"""Experiments and profiles in a suite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from wdist_bench.experiment import Experiment, register
from wdist_bench.results.journal import read_journal
from wdist_bench.runs.runner import run_suite
from wdist_bench.runs.suite import load_suite

SUITE = """
title = "Powers"
seed = 7

[[experiments]]
name = "power_of_two"
[experiments.sweep]
exponent = [1, 2, -1]
seed = [0, 1]

[[experiments]]
name = "power_of_two"
profiles = ["gpu"]
exponent = 10
"""


@register
@dataclass(frozen=True, kw_only=True)
class PowerOfTwo(Experiment):
    """2^exponent; fails below 0."""

    name: ClassVar[str] = "power_of_two"
    version: ClassVar[int] = 1

    exponent: int = 0
    seed: int = 0

    def run(self) -> dict[str, Any]:
        if self.exponent < 0:
            raise ValueError("exponent: expected at least 0")
        return {"status": "ok", "message": "", "runs": 1, "failed": 0, "compile_seconds": 0.0,
                "run_seconds": 0.0, "power": 2**self.exponent + self.seed}  # fmt: skip


@pytest.fixture
def suite(tmp_path):
    def load(text=SUITE, **options):
        path = tmp_path / "powers.toml"
        path.write_text(text)
        return load_suite(path, **options)

    return load


@pytest.mark.parametrize("said", [{"name": "errors"}, {"name": "mine", "study": "Time-to target"}])
def test_a_table_of_the_report_is_not_replaced(said):
    kind = dataclass(frozen=True)(type("Mine", (PowerOfTwo,), said))
    with pytest.raises(ValueError, match="experiment Mine: expected another name, or `study`"):
        register(kind)


def test_a_sweep_is_a_product_and_every_point_is_journaled(suite, tmp_path):
    for event in run_suite(suite(), tmp_path / "out"):
        assert event.kind in ("started", "finished")
    records = read_journal(tmp_path / "out").planned()
    powers = [(r["parameters"]["exponent"], r["parameters"]["seed"], r.get("power"))
              for r in records]  # fmt: skip
    assert powers == [(1, 0, 2), (1, 1, 3), (2, 0, 4), (2, 1, 5), (-1, 0, None), (-1, 1, None)]
    assert [r["status"] for r in records] == ["ok"] * 4 + ["error"] * 2
    assert "expected at least 0" in records[-1]["message"]


def test_finished_points_are_kept(suite, tmp_path):
    list(run_suite(suite(), tmp_path / "out"))
    again = [e.kind for e in run_suite(suite(), tmp_path / "out") if e.kind != "started"]
    assert again == ["kept"] * 4 + ["finished"] * 2


def test_a_profile_chooses_entries_and_the_suite_gives_the_seed(suite):
    cell = suite(profile="gpu").cells[-1]
    assert (cell.build().exponent, cell.build().seed) == (10, 7)
    assert len(suite(profile="cpu").cells) == 6


@pytest.mark.parametrize("kind", ["tasks", "estimators", "experiments"])
def test_what_another_profile_names_may_be_on_its_machines_alone(suite, kind):
    text = """
title = "Two machines"
[[tasks]]
name = "gaussian_shift"
[[estimators]]
name = "exact"
"""
    text += f'[[{kind}]]\nname = "of_the_gpu_machine"\nprofiles = ["gpu"]\n'
    assert len(suite(text).cells) == 1
    with pytest.raises(ValueError, match=r"of_the_gpu_machine'.*load the plug-in that has it"):
        suite(text, profile="gpu")


def test_a_profile_overrides_sizes(suite):
    text = """
title = "Sizes"
runs = 3
[profiles.gpu]
runs = 20
n = [128]
[[tasks]]
name = "gaussian_shift"
[[estimators]]
name = "exact"
"""
    cpu, gpu = suite(text).cells[0], suite(text, profile="gpu").cells[0]
    assert (cpu.runs, cpu.n) == (3, 64)
    assert (gpu.runs, gpu.n) == (20, 128)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("exponent = [1, 2, -1]", "exponent = []"), "sweep.exponent: expected a list with at"),
        (("exponent = [1", "base = [1"), "expected one of exponent, seed, got 'base'"),
        (('name = "power_of_two"', 'name = "power_of_too"'), "power_of_two"),
        (('profiles = ["gpu"]', 'profiles = ["tpu"]'), "experiments.1.profiles"),
        (("[[experiments]]", "[[nothing]]"), "key of a suite: expected one of title"),
    ],
)
def test_a_wrong_experiment_fails_before_anything_runs(suite, change, expected):
    with pytest.raises(ValueError, match=r"powers\.toml") as caught:
        suite(SUITE.replace(*change))
    assert expected in str(caught.value)


def test_a_suite_without_anything_to_run_is_refused(suite):
    with pytest.raises(ValueError, match="expected tasks and estimators, or experiments"):
        suite('title = "Empty"\n')


def test_an_estimator_may_have_its_own_runs_and_spare_high_dimensions(suite):
    text = """
title = "Spared"
runs = 3
[[tasks]]
name = "gaussian_shift"
[[tasks]]
name = "gaussian_shift"
dim = 5
[[estimators]]
name = "exact"
[[estimators]]
name = "funnel"
runs = 2
max_dim = 4
"""
    cells = [c for c in suite(text).cells if not c.refusal]
    kept = [(c.estimator, c.build_task().dim, c.runs) for c in cells]
    assert kept == [("exact", 2, 3), ("funnel", 2, 2), ("exact", 5, 3)]
