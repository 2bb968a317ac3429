"""A plug-in is known by its code: what changed in it runs again, and ours has no such key."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

import wdist_bench as wb
from wdist_bench import costs, estimators, experiment, tasks
from wdist_bench.runs import plugins
from wdist_bench.runs.cell import Cell
from wdist_bench.runs.experiment_cell import ExperimentCell
from wdist_bench.runs.plugins import load_plugin
from wdist_bench.runs.runner import run_suite
from wdist_bench.runs.source import source_digest
from wdist_bench.runs.suite import load_suite
from wdist_bench.submit.pack import _code

ESTIMATOR = """
import wdist_bench as wb
from dataclasses import dataclass

@wb.estimators.register
@dataclass(frozen=True)
class Mine(wb.DirectEstimator):
    name, version, target, bound = "mine", 1, "batch", "none"

    def estimate(self, samples, cost):
        return wb.Estimate(1.0, 1.0, target="batch", bound="none")
"""
TASK = """
import wdist_bench as wb
from dataclasses import dataclass
from wdist_bench.tasks.gaussian_shift import GaussianShift

@wb.tasks.register
@dataclass(frozen=True)
class Mine(GaussianShift):
    name = "mine"
"""
EXPERIMENT = """
from dataclasses import dataclass
from wdist_bench import experiment

@experiment.register
@dataclass(frozen=True)
class Mine(experiment.Experiment):
    name, version = "mine", 1
    seed: int = 0

    def run(self):
        return {"status": "ok", "message": "", "runs": 1, "failed": 0,
                "compile_seconds": 0.0, "run_seconds": 0.0}
"""
COST = """
import wdist_bench as wb
from dataclasses import dataclass

@wb.costs.register
@dataclass(frozen=True)
class Mine(wb.Cost):
    name = "mine"
    p: float = 1

    def distance(self, x, y, xp):
        return xp.abs(x - y).sum(-1)
"""
SUITE = """
title = "Mine"
n = [4]
runs = 1
eval_batches = 1
[[tasks]]
name = "TASK"
[[estimators]]
name = "ESTIMATOR"
"""


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """Loads a plug-in file as a process does that starts afresh; nothing of it is left behind."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two versions within one second
    monkeypatch.syspath_prepend(tmp_path)
    registries = (costs.registry, estimators.registry, tasks.registry, experiment.registry)
    for registry in registries:
        registry.names()

    def forget():
        for registry in registries:
            registry._classes.pop("mine", None)
        for path in [path for path in plugins._loaded if path.is_relative_to(tmp_path)]:
            del plugins._loaded[path]
            while str(path.parent) in sys.path and path.parent != tmp_path:
                sys.path.remove(str(path.parent))
        for name, module in list(sys.modules.items()):
            place = getattr(module, "__file__", None)
            if place and Path(place).is_relative_to(tmp_path):
                del sys.modules[name]

    def load(path):
        forget()
        load_plugin(path)
        return sys.modules[path.stem].Mine

    yield load
    forget()


def write(folder, files):
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("text", "suite"),
    [
        (ESTIMATOR, SUITE.replace("TASK", "histogram").replace("ESTIMATOR", "mine")),
        (TASK, SUITE.replace("TASK", "mine").replace("ESTIMATOR", "exact")),
        (
            COST,
            'norm = ["mine"]' + SUITE.replace("TASK", "histogram").replace("ESTIMATOR", "exact"),
        ),
        (EXPERIMENT, 'title = "Mine"\n[[experiments]]\nname = "mine"\n'),
    ],
)
def test_a_cell_of_a_changed_plugin_runs_again_and_one_of_the_same_is_kept(
    text, suite, fresh, tmp_path
):
    plugin, file = tmp_path / "plugin.py", tmp_path / "mine.toml"
    file.write_text(suite)

    def run(text):
        plugin.write_text(text)
        fresh(plugin)
        events = run_suite(load_suite(file), tmp_path / "out")
        return [(e.kind, e.record["status"]) for e in events if e.kind != "started"]

    assert run(text) == [("finished", "ok")]
    assert run(text) == [("kept", "ok")]
    assert run(text + "\n# anything else\n") == [("finished", "ok")]
    assert run(text) == [("kept", "ok")]


IMPORTS = {
    "from a file beside it": ("from helpers import constant", "helpers"),
    "inside a function": ("def late():\n    import helpers", "helpers"),
    "of a package of the user's": ("import library.deep.part", "library/deep/part"),
    "beside what is imported": ("import library.deep", "library/other"),
    "of a folder without __init__": ("from loose import part", "loose/part"),
    "by way of another file": ("import through", "helpers"),
}
BESIDE = {
    "helpers": "constant = 1",
    "through": "from helpers import constant",
    "library/__init__": "",
    "library/other": "",
    "library/deep/__init__": "",
    "library/deep/part": "",
    "loose/part": "",
    "unrelated": "",
}


@pytest.mark.parametrize(("statement", "changed"), IMPORTS.values(), ids=IMPORTS)
def test_what_a_plugin_imports_from_files_of_the_user_counts(statement, changed, fresh, tmp_path):
    plugin = tmp_path / "plugin.py"
    write(tmp_path, BESIDE | {"plugin": statement + ESTIMATOR})
    before = source_digest(fresh(plugin))
    assert source_digest(fresh(plugin)) == before
    write(tmp_path, {"unrelated": "x = 1"})
    assert source_digest(fresh(plugin)) == before
    write(tmp_path, {changed: "constant = 2"})
    assert source_digest(fresh(plugin)) != before


DERIVED = """
import wdist_bench as wb
from pack.base import Mine as Base

@wb.estimators.register
class Mine(Base):
    pass
"""


def test_a_base_class_and_its_whole_package_count(fresh, tmp_path):
    files = {
        "plugin": DERIVED, "pack/__init__": "", "pack/deep/rest": "",
        "pack/base": ESTIMATOR.replace("@wb.estimators.register\n", ""),
    }  # fmt: skip
    write(tmp_path, files)
    plugin = tmp_path / "plugin.py"
    digests = [source_digest(fresh(plugin))]
    for name in ("pack/base", "pack/deep/rest"):
        write(tmp_path, {name: files[name] + "\n# changed\n"})
        digests.append(source_digest(fresh(plugin)))
    assert len(set(digests)) == 3


def test_an_installed_distribution_counts_whole_and_what_others_installed_does_not(
    fresh, tmp_path, monkeypatch
):
    place = tmp_path / "site-packages"
    monkeypatch.syspath_prepend(place)
    monkeypatch.setattr(
        "wdist_bench.runs.source._installed",
        lambda: {"plugin": ["mine"], "part": ["mine"], "foreign": ["other"]},
    )
    text = "import part, foreign, numpy" + ESTIMATOR
    write(place, {"plugin": text, "part": "", "foreign": ""})
    before = source_digest(fresh(place / "plugin.py"))
    write(place, {"foreign": "x = 1"})
    assert source_digest(fresh(place / "plugin.py")) == before
    write(place, {"part": "x = 1"})
    assert source_digest(fresh(place / "plugin.py")) != before


def test_a_plugin_imports_files_beside_it_from_wherever_it_is_called(fresh, tmp_path):
    write(tmp_path / "mine", {"plugin": "import near" + ESTIMATOR, "near": ""})
    assert fresh(tmp_path / "mine" / "plugin.py").name == "mine"


def test_what_is_packed_is_all_of_the_code_and_has_the_same_hash_elsewhere(fresh, tmp_path):
    imported = "".join(f"{line}\n" for line, _ in IMPORTS.values())
    write(tmp_path / "here", BESIDE | {"plugin": imported + ESTIMATOR})
    before = source_digest(fresh(tmp_path / "here" / "plugin.py"))
    cell = {"task": "histogram", "estimator": "mine", "norm": "l2", "task_parameters": {},
            "estimator_parameters": {}}  # fmt: skip
    packed = _code(SimpleNamespace(records=[cell]), (str(tmp_path / "here" / "plugin.py"),))
    assert packed.keys() == {f"{name}.py" for name in BESIDE.keys() - {"unrelated"} | {"plugin"}}
    for name, content in packed.items():
        path = tmp_path / "there" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert source_digest(fresh(tmp_path / "there" / "plugin.py")) == before


def test_the_place_of_a_plugin_does_not_count(fresh, tmp_path):
    digests = set()
    for place in ("here", "there"):
        write(tmp_path / place, {"plugin": ESTIMATOR})
        digests.add(source_digest(fresh(tmp_path / place / "plugin.py")))
    assert len(digests) == 1


def test_a_class_in_no_file_is_never_taken_for_another(monkeypatch):
    def define():
        return dataclass(frozen=True)(type("Typed", (wb.DirectEstimator,), {"__module__": "typed"}))

    first, second = define(), define()
    assert source_digest(first) == source_digest(first) != source_digest(second)


def test_an_estimator_that_a_parameter_names_counts(fresh, tmp_path):
    cell = ExperimentCell("gan", {"loss": "mine"})
    critic = """
import wdist_bench as wb
from wdist_bench.estimators.c_transform import CTransform

@wb.estimators.register
class Mine(CTransform):
    name = "mine"
"""
    keys = set()
    for text in (critic, critic + "\n# changed\n"):
        write(tmp_path, {"plugin": text})
        fresh(tmp_path / "plugin.py")
        keys.add(cell.key("cpu"))
    assert len(keys) == 2


def test_ours_have_versions_and_keys_without_a_hash():
    for registry in (costs.registry, estimators.registry, tasks.registry, experiment.registry):
        for name in registry.names():
            factory = registry.factory(name)
            if factory.__module__.startswith("wdist_bench."):
                assert source_digest(factory) == ""
    cell = Cell("gaussian_shift", {"dim": 2}, "c_transform", {"steps": 5})
    assert not [name for name in cell.identity("cpu") if "source" in name]
    assert "source" not in ExperimentCell("gan", {"loss": "weight_clipping"}).identity("cpu")


def test_a_file_with_the_name_of_another_module_is_refused(fresh, tmp_path):
    """Of two files of one name the hash would be that of the second; queue.py would be Python's."""
    write(tmp_path, {"here/plugin": ESTIMATOR, "there/plugin": "", "there/queue": ""})
    fresh(tmp_path / "here" / "plugin.py")
    for name in ("plugin", "queue"):
        with pytest.raises(ValueError, match=rf"no other module has, got '.*{name}\.py' beside"):
            load_plugin(tmp_path / "there" / f"{name}.py")


def test_files_of_one_name_beside_two_plugins_are_refused(fresh, tmp_path):
    """The second plug-in ran with those of the first, and its hash was of these too."""
    write(tmp_path / "a", {"plugin": "import near" + ESTIMATOR, "near": ""})
    write(tmp_path / "b", {"two": "import far", "far": "def late():\n    import near", "near": ""})
    write(tmp_path / "c", {"three": "import far, json", "far": "", "near": "", "json": ""})
    fresh(tmp_path / "a" / "plugin.py")
    with pytest.raises(ValueError, match=r"beside '.*two\.py' whose names .*, got 'near\.py', for"):
        load_plugin(tmp_path / "b" / "two.py")
    sys.path.remove(str(tmp_path / "b"))
    load_plugin(tmp_path / "c" / "three.py")  # imports no other's
