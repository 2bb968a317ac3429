"""The key of a cell: all that determines its numbers, and nothing else."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar

import pytest

from wdist_bench import datasets, estimators, tasks
from wdist_bench.results.journal import read_journal
from wdist_bench.runs.cell import Cell, digest, recorded
from wdist_bench.runs.experiment_cell import ExperimentCell
from wdist_bench.runs.runner import run_suite
from wdist_bench.runs.suite import load_suite
from wdist_bench.tasks.gaussian_shift import GaussianShift

ROOT = Path(__file__).parents[2]
CELL = Cell("gaussian_shift", {"dim": 2}, "c_transform", {"steps": 5})


def key(cell=CELL, backend="cpu"):
    return cell.key(backend)


@pytest.mark.parametrize(
    "change",
    [
        {"task_parameters": {"dim": 3}},
        {"estimator": "soft_c_transform"},
        {"estimator_parameters": {"steps": 6}},
        {"p": 2},
        {"norm": "l1"},
        {"n": 65},
        {"runs": 21},
        {"eval_batches": 101},
        {"seed": 1},
        {"protocol": "fixed"},
    ],
)
def test_whatever_changes_the_numbers_changes_the_key(change):
    assert key(replace(CELL, **change)) != key()


def test_every_field_of_a_cell_but_its_family_is_in_the_identity():
    refused = replace(CELL, refusal="no meaning")
    assert {f.name for f in fields(Cell)} - set(refused.identity("cpu")) == {"family"}
    assert key(replace(CELL, family="other")) == key()


FAMILY = """
title = "One law"
n = [4, {n}]
runs = 1
eval_batches = 1
[[tasks]]
name = "histogram"
family = "{family}"
[[estimators]]
name = "one_dimensional"
"""


def test_a_family_is_that_of_the_suite_and_not_of_when_a_cell_ran(tmp_path):
    """One law would lie in two panels else, with too few sizes for a slope in each."""
    suite, out = tmp_path / "s.toml", tmp_path / "out"
    for family, n, kept in (("hitsograms", 5, 0), ("histograms", 6, 1)):
        suite.write_text(FAMILY.format(family=family, n=n))
        kinds = [event.kind for event in run_suite(load_suite(suite), out)]
        assert kinds.count("kept") == kept
    assert [record["family"] for record in read_journal(out).planned()] == ["histograms"] * 2


def test_a_refused_cell_is_another_one_than_the_same_that_runs():
    assert "refusal" not in CELL.identity("cpu")
    assert len({key(replace(CELL, refusal=reason)) for reason in ("", "one", "another")}) == 3


def test_the_backend_the_precision_and_the_versions_are_in_the_key():
    assert key(backend="gpu") != key()
    assert CELL.identity("cpu")["dtype"] == "float32"
    assert CELL.identity("cpu")["estimator_version"] == 1


def test_a_default_that_is_spelled_out_gives_the_same_key():
    spelled = replace(CELL, task_parameters={"dim": 2, "shift": 2.0})
    assert key(spelled) == key()


def test_a_parameter_that_was_added_later_is_in_the_key_where_it_says_something():
    exact = replace(CELL, estimator="exact", estimator_parameters={})
    assert "rtol" not in exact.identity("cpu")["estimator_parameters"]
    spelled, early = (replace(CELL, estimator="exact", estimator_parameters={"rtol": rtol})
                      for rtol in (1e-9, 1e-3))  # fmt: skip
    assert key(spelled) == key(exact)
    assert key(early) != key(exact)


def changed(factory, **attributes):
    """A class like `factory`, of ours too, with other class attributes or defaults."""
    attributes["__module__"] = factory.__module__
    return dataclass(frozen=True)(type(factory.__name__, (factory,), attributes))


def test_a_changed_default_or_version_changes_the_key(monkeypatch):
    before = key()
    critic = estimators.factory("c_transform")
    monkeypatch.setitem(
        estimators.registry._classes, "c_transform", changed(critic, version=critic.version + 1)
    )
    assert key() != before
    monkeypatch.undo()
    longer = changed(GaussianShift, __annotations__={"shift": float}, shift=2.5)
    monkeypatch.setitem(tasks.registry._classes, "gaussian_shift", longer)
    assert key() != before


def test_the_version_of_the_shared_numerics_is_in_every_key(monkeypatch):
    study = ExperimentCell("gan", {"loss": "non_saturating", "dataset": "digits"})
    before = key(), key(study)
    monkeypatch.setattr("wdist_bench.runs.cell.NUMERICS", 2)
    assert key() != before[0]
    assert key(study) != before[1]
    assert study.identity("cpu")["numerics"] == CELL.identity("cpu")["numerics"] == 2


def test_the_version_of_a_task_that_has_one_is_in_the_key(monkeypatch):
    before = key()
    versioned = changed(GaussianShift, __annotations__={"version": ClassVar[int]}, version=2)
    monkeypatch.setitem(tasks.registry._classes, "gaussian_shift", versioned)
    assert key() != before


def test_keys_do_not_depend_on_where_a_file_lies(tmp_path):
    import numpy as np

    keys = []
    for name in ("here", "there"):
        path = tmp_path / name / "rows.npy"
        path.parent.mkdir()
        np.save(path, np.arange(12.0).reshape(6, 2))
        keys.append(key(replace(CELL, task="own_data", task_parameters={"samples": str(path)})))
    assert keys[0] == keys[1]


def test_experiments_are_told_apart_by_parameters_and_backend(tmp_path):
    from wdist_bench import experiment

    name = "gan"
    assert name in experiment.names()
    first, second = (
        ExperimentCell(name, {"loss": "non_saturating", "dataset": "digits", "seed": seed})
        for seed in (0, 1)
    )
    assert first.key("cpu") != second.key("cpu")
    assert first.key("cpu") != first.key("gpu")


def test_where_data_are_drawn_from_is_in_the_key_and_what_streams_ignore_is_not():
    near, far = (
        Cell("histogram", {"positions": [o, o + 1, o + 2, o + 3]}, "exact", {}) for o in (0, 1e9)
    )
    assert "origin" not in near.identity("cpu")
    assert far.identity("cpu")["origin"] == [1e9 + 1.5]
    assert key(replace(CELL, estimator_parameters={"steps": 5, "standardize": False})) == key()


def test_rows_on_two_scales_have_other_keys_where_they_are_evaluated_in_another_precision():
    """Lower bounds of before, in float32, could be above the exact value: such cells run again."""
    near, far = (
        Cell("own_data", {"samples": [[0.0]] * 49 + [[most]]}, "nearest_neighbor", {})
        for most in (1.0, 1e6)
    )
    assert "estimator_evaluated" not in near.identity("cpu")
    assert far.identity("cpu")["estimator_evaluated"] == "float64"
    for same in ({"estimator": "exact"}, {"protocol": "fixed"}):  # on the host all along
        assert "estimator_evaluated" not in replace(far, **same).identity("cpu")
    batch = far.identity("cpu")
    del batch["estimator_evaluated"]  # batch truths are as they were
    assert far.truth_key("cpu") == digest(
        {name: value for name, value in batch.items() if not name.startswith("estimator")}
    )
    of_rows = {name for name in tasks.names() if tasks.factory(name).of_rows}
    assert of_rows == {"histogram", "own_data", "weighted_points"}


def test_clusters_that_are_drawn_in_float64_have_other_keys():
    """Where float32 had no digits for their moves; the others keep theirs."""
    given = {"moves": [[1.0], [1.0]], "radius": 0.5, "weights": None}
    near, far = (
        Cell("clusters", given | {"centers": [[0.0], [most]]}, "exact", {}) for most in (400.0, 1e6)
    )
    assert "data" not in near.identity("cpu")
    assert far.identity("cpu")["data"] == "float64"


def test_the_name_of_a_set_of_images_is_not_all_that_a_key_says_of_them(monkeypatch):
    cells = (
        replace(CELL, task="image_batches", task_parameters={"dataset": "digits"}),
        replace(CELL, task="translated_images", task_parameters={"dataset": "digits"}),
        ExperimentCell("gan", {"loss": "non_saturating", "dataset": "digits"}),
    )
    before = [key(cell) for cell in cells]
    for content in ("", "0123"):
        monkeypatch.setattr(datasets, "content", lambda name, split, found=content: found)
        for cell, old in zip(cells, before, strict=True):
            assert (key(cell) == old) is (content == "")
            assert cell.identity("cpu").get("data", "") == content


def committed():
    """Suites with committed results."""
    found = {path.parent.name for path in (ROOT / "results").glob("*/journal.jsonl.gz")}
    return sorted(found & {path.stem for path in (ROOT / "benchmarks").glob("*.toml")})


def known(cell):
    """The identity of a cell whose data are here, else None."""
    try:
        built = cell.build_task() if isinstance(cell, Cell) else cell.build()
        _ = built.data_digest
    except FileNotFoundError:
        return None
    return cell.identity("cpu")


def place(of):
    """Which data a cell, or a record, takes: by its task or experiment, and its set of images."""
    said = vars(of) if isinstance(of, (Cell, ExperimentCell)) else of
    if "task" in said:
        return said["task"], said["task_parameters"].get("dataset", "")
    return said["experiment"], said["parameters"].get("dataset", "")


def without_versions(identity):
    """What a record has of an identity; a version may rise, and the cell is measured again. The
    version of a plug-in is the hash of its code.
    """
    versions = ("version", "source", "numerics")
    plain = {name: value for name, value in identity.items() if not name.endswith(versions)}
    return json.dumps(plain, sort_keys=True, default=str)


@pytest.mark.parametrize("name", committed())
def test_nothing_but_versions_changes_the_key_of_a_committed_result(name, request, monkeypatch):
    """It would be measured again, and `compare` would not find it."""
    if (
        name.endswith("peers") or name == "large_n"
    ):  # as if their libraries were here, which they need not be for keys
        request.getfixturevalue("peers_registered")
        for module in ("wdist_bench_peers.peer", "wdist_bench_peers_neural.ott"):
            monkeypatch.setattr(f"{module}.find_spec", lambda module: module)
    journal = read_journal(ROOT / "results" / name)
    profile = journal.plan.get("profile", "cpu")
    suite = load_suite(ROOT / "benchmarks" / f"{name}.toml", profile)
    identities = [known(cell) for cell in suite.cells]
    now = {without_versions(identity) for identity in identities if identity}
    parts = {frozenset(identity) for identity in identities if identity}
    lost = Counter(
        place(record)
        for record in journal.planned()
        if record["status"] != "refused"  # it has no runs, whatever its identity says
        and now.isdisjoint(without_versions({n: record.get(n) for n in part}) for part in parts)
    )
    pairs = zip(suite.cells, identities, strict=True)
    assert lost <= Counter(place(cell) for cell, identity in pairs if identity is None)
    assert lost.total() < len(journal.plan["keys"])


@dataclass(frozen=True)
class Capped(estimators.factory("nearest_neighbor")):
    name = "capped"
    cap: float = math.inf
    missing: str = "nan"


def test_infinite_options_go_into_records_as_words_and_back(monkeypatch):
    """JSON has no infinity: the run ended with the first such cell. Its key always had one."""
    monkeypatch.setitem(estimators.registry._classes, "capped", Capped)
    cell = replace(
        CELL, estimator="capped", estimator_parameters={"cap": -math.inf, "missing": "nan"}
    )
    default = replace(cell, estimator_parameters={})
    for made, cap in ((cell, "-inf"), (default, "inf")):
        record = json.loads(json.dumps(made.description("cpu"), allow_nan=False))
        assert record["estimator_parameters"]["cap"] == cap
        assert recorded(record) == made
        assert '"cap": ' + cap.replace("inf", "Infinity") in json.dumps(made.identity("cpu"))
