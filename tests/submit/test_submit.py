"""A plug-in of the examples is accepted; doctored submissions are refused, each by its rule."""

from __future__ import annotations

import json
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import jax.numpy as jnp
import pytest

import wdist_bench as wb
from wdist_bench.conformance.findings import Broken
from wdist_bench.report.page.site import write_site
from wdist_bench.results.journal import unpack
from wdist_bench.results.journal_files import COMPACT, compact_lines, lines
from wdist_bench.runs import plugins
from wdist_bench.submit import checks
from wdist_bench.submit.checks import (
    RULES,
    Submission,
    _again,
    _conforming,
    _consistent,
    _repeated,
    check,
)
from wdist_bench.submit.pack import changed_since_packed, check_name, pack

PLUGIN = Path(__file__).parents[2] / "examples" / "mean_gap_plugin" / "mean_gap_plugin.py"
SUITE = """
title = "A small suite"
n = [16]
runs = 8
eval_batches = 4

[[tasks]]
name = "gaussian_shift"

[[tasks]]
name = "gaussian_shift"
dim = 5

[[estimators]]
name = "exact"

[[estimators]]
name = "nearest_neighbor"
"""
MINE = SUITE + '\n[[estimators]]\nname = "mean_gap"\n'


def records(folder):
    found = []
    for path in sorted(folder.glob("journal*.jsonl")):
        with path.open("rb") as file:
            found += [json.loads(line) for _, line in lines(file) if line]
    return found


def write(folder, journal):
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(record) + "\n" for record in journal)
    (folder / "journal.jsonl").write_text(text, encoding="utf-8")
    return folder


def committed(journal):
    """The records as a run at a committed revision leaves them."""
    for record in journal:
        if record["type"] == "environment":
            record["environment"]["git_dirty"] = False
    return journal


@pytest.fixture(scope="module", autouse=True)
def plugin():
    before = dict(wb.estimators.registry._classes)
    forget()
    wb.estimators.names()
    plugins.load_plugin(PLUGIN)
    yield
    wb.estimators.registry._classes.clear()
    wb.estimators.registry._classes.update(before)
    forget()


def forget():
    plugins._loaded.pop(PLUGIN.resolve(), None)
    sys.path[:] = [place for place in sys.path if place != str(PLUGIN.parent.resolve())]
    sys.modules.pop(PLUGIN.stem, None)


@pytest.fixture(scope="module")
def measured(plugin, tmp_path_factory):
    """The records of a submission, and the folder of what is committed."""
    place = tmp_path_factory.mktemp("measured")
    for name, suite in (("ours", SUITE), ("mine", MINE)):
        (place / f"{name}.toml").write_text(suite)
        wb.run_suite(place / f"{name}.toml", place / name)
    write(place / "committed" / "small", committed(records(place / "ours")))
    return committed(records(place / "mine")), place / "committed"


def doctored(journal, change):
    copy = json.loads(json.dumps(journal))
    for record in copy:
        change(record)
    return copy


def broken(findings):
    return [finding.rule for finding in findings if not finding.passed]


@pytest.mark.slow
def test_the_plugin_of_the_examples_is_accepted_packed_and_on_the_site(measured, tmp_path):
    journal, against = measured
    submission = Submission(write(tmp_path / "mine", journal), against)
    findings = check(submission)
    assert broken(findings) == []
    assert [finding.rule for finding in findings] == list(RULES)
    assert submission.new == ["mean_gap"]
    packed = pack(submission, "mean_gap", (str(PLUGIN),), findings, tmp_path)
    again = pack(submission, "mean_gap", (str(PLUGIN),), findings, tmp_path / "again")
    assert packed.path.read_bytes() == again.path.read_bytes()
    with tarfile.open(packed.path) as archive:
        archive.extractall(against, filter="data")
    unpacked = against / "mean_gap"
    assert (unpacked / PLUGIN.name).read_bytes() == PLUGIN.read_bytes()
    assert changed_since_packed(unpacked) == []
    assert list(compact_lines(unpacked / COMPACT))
    assert broken(check(Submission(unpacked, against))) == [], "what was unpacked holds too"
    write_site(against, tmp_path / "site")
    html = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert "submitted as mean_gap" in html
    (unpacked / PLUGIN.name).write_text("# something else\n")
    assert changed_since_packed(unpacked) == [PLUGIN.name]


def of(estimator):
    return lambda record: record["type"] == "cell" and record.get("estimator") == estimator


def scaled(estimator, factor):
    def change(record):
        if of(estimator)(record):
            record["costs"] = [[factor * cost for cost in run] for run in record["costs"]]

    return change


def truths(record):
    if record["type"] == "truth":
        record["costs"] = [[0.9 * cost for cost in run] for run in record["costs"]]


def truth(record):
    if of("exact")(record):
        record["truth_population"]["value"] *= 1.01


def claim(record):
    if of("nearest_neighbor")(record):
        record["bound"] = "exact"


def option(record):
    if of("mean_gap")(record):
        record["n"] = 32


def version(record):
    if of("nearest_neighbor")(record):
        record["estimator_version"] += 1


def code(record):
    if of("mean_gap")(record):
        record["estimator_source"] = "0" * 16


def dirty(record):
    if record["type"] == "environment":
        record["environment"]["git_dirty"] = True


def shape(record):
    if of("mean_gap")(record):
        record["costs"] = record["costs"][:4]


def absent(record):
    if of("mean_gap")(record):
        record["key"] = "0" * 16


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (scaled("mean_gap", 0.97), "cells that are run again agree"),
        (scaled("nearest_neighbor", 1.1), "repeated cells agree with the committed ones"),
        (scaled("exact", 0.98), "its numbers fit together"),
        (truths, "exact values are those of the samples"),
        (option, "keys follow from parameters, versions and code"),
        (version, "keys follow from parameters, versions and code"),
        (code, "keys follow from parameters, versions and code"),
        (dirty, "the environment is known"),
        (truth, "keys follow from parameters, versions and code"),
        (claim, "keys follow from parameters, versions and code"),
        (shape, "its numbers fit together"),
        (absent, "the journal is whole"),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_a_doctored_one_is_refused(measured, tmp_path, change, rule):
    journal, against = measured
    folder = write(tmp_path / "mine", doctored(journal, change))
    findings = check(Submission(folder, against))
    assert rule in broken(findings)
    with pytest.raises(ValueError, match="expected every rule to hold"):
        pack(Submission(folder, against), "mine", (), findings, tmp_path)


def test_a_submission_without_a_committed_cell_is_refused(measured, tmp_path):
    journal, _ = measured
    folder = write(tmp_path / "mine", journal)
    elsewhere = write(tmp_path / "other" / "none", [r for r in journal if r["type"] == "plan"])
    found = {f.rule: f for f in check(Submission(folder, elsewhere.parent))}
    assert "add yours to a committed suite" in (
        found["repeated cells agree with the committed ones"].problem
    )


def test_a_submission_is_not_compared_with_itself(measured, tmp_path):
    """It lies among the committed folders once it is unpacked there."""
    journal, _ = measured
    with pytest.raises(Broken, match="add yours to a committed suite"):
        _repeated(Submission(write(tmp_path / "mine", journal), tmp_path))


def test_tasks_of_a_plugin_conform_too(measured, tmp_path, monkeypatch):
    journal, against = measured
    submission = Submission(write(tmp_path / "mine", journal), against)
    assert (submission.new, submission.new_tasks) == (["mean_gap"], [])
    monkeypatch.setattr(checks, "source_digest", lambda factory: "a hash")
    submission = Submission(submission.folder, against)
    assert submission.new_tasks == ["gaussian_shift"]
    looked = []
    monkeypatch.setattr(checks, "check_subject", lambda subject: looked.append(subject) or [])
    said = _conforming(submission)
    for task in (wb.tasks.get("gaussian_shift"), wb.tasks.get("gaussian_shift", dim=5)):
        assert looked.count(task) == 1, "with the parameters of the cells, each once"
    assert "gaussian_shift(dim=5)" in said


@dataclass(frozen=True)
class Sized(wb.Task):
    """0 against `size`, which has no default."""

    size: float

    name = "sized_in_tests"
    reference = "one point each"

    def draw(self, key, n):
        return jnp.zeros((n, 1)), jnp.full((n, 1), self.size)

    def truth_for(self, cost):
        return wb.Truth(self.size, 0.0, "closed-form", self.reference) if cost.minkowski else None


def test_a_parameter_without_a_default_is_no_reason_to_refuse(monkeypatch):
    wb.tasks.register(Sized)
    names = ("p", "n", "runs", "eval_batches", "seed", "protocol", "family", "norm")
    record = dict(zip(names, (1, 8, 2, 2, 0, "stream", "", "l2"), strict=True)) | {
        "task": "sized_in_tests", "task_options": {"size": 2.0},
        "estimator": "exact", "estimator_options": {},
    }  # fmt: skip
    submission = SimpleNamespace(
        new=[], new_tasks=["sized_in_tests"], records=[record],
        results=SimpleNamespace(labelled=None),
    )  # fmt: skip
    looked = []
    monkeypatch.setattr(checks, "check_subject", lambda subject: looked.append(subject) or [])
    monkeypatch.setattr(checks, "broken_bounds", lambda table: (0, []))
    assert _conforming(submission) == "sized_in_tests(size=2.0)"
    assert looked == [Sized(2.0)]
    del wb.tasks.registry._classes["sized_in_tests"]


def test_cells_of_ours_that_no_folder_has_are_run_again(measured, tmp_path):
    """nearest_neighbor with the exact values as its answers, where only exact is committed."""
    journal, _ = measured
    plan = next(record for record in journal if record["type"] == "plan")
    exact = {r["key"]: r["costs"] for r in journal if r["type"] == "truth"}
    kept = [r for r in journal if r["type"] != "cell" or r["estimator"] == "exact"]
    near = [r for r in journal if of("nearest_neighbor")(r)]
    forged = [r | {"costs": exact[r["truth_key"]]} for r in near]

    def only(*groups):
        cells = [r for group in groups for r in group]
        keys = [r["key"] for r in cells if r["type"] == "cell"]
        others = [r for r in cells if r["type"] != "plan"]
        return [*others, plan | {"keys": keys, "labels": keys}]

    write(tmp_path / "committed" / "small", only(kept))
    honest = Submission(write(tmp_path / "honest", only(kept, near)), tmp_path / "committed")
    assert _again(honest) == "2 cells run again"
    mine = Submission(write(tmp_path / "mine", only(kept, forged)), tmp_path / "committed")
    assert _repeated(mine) == "2 cells agree with the committed ones"
    with pytest.raises(Broken, match=r"nearest_neighbor on gaussian_shift.* what a run here gives"):
        _again(mine)


def ends(lower, upper):
    """The certified ends of `exact`, moved by these factors."""

    def change(record):
        if of("exact")(record):
            for name, factor in (("lower", lower), ("upper", upper)):
                record[name] = (factor * unpack(record[name])).tolist()

    return change


def test_certified_ends_fit_and_are_the_committed_ones(measured, tmp_path):
    """Nothing but costs was held against anything; maps and gradients go the same way."""
    journal, against = measured

    def handed_in(name, *factors):
        return Submission(write(tmp_path / name, doctored(journal, ends(*factors))), against)

    assert "certified ends" in _consistent(handed_in("honest", 1, 1))
    for factors in ((1.1, 1.2), (0.8, 0.9), (1.1, 0.9)):
        with pytest.raises(Broken, match=r"exact on .* end"):
            _consistent(handed_in(f"mine{factors[0]}{factors[1]}", *factors))
    wide = handed_in("wide", 0.9, 1)
    _consistent(wide)
    with pytest.raises(Broken, match=r"expected what .* has within noise, got another lower"):
        _repeated(wide)


def test_other_digits_of_few_runs_are_named_where_the_machine_is_another(
    measured, tmp_path, monkeypatch
):
    journal, against = measured
    change = SimpleNamespace(estimator="e", setting="s", message="few", errors=(1.0, 2.0))
    monkeypatch.setattr(checks, "_untested", lambda found: [change])
    monkeypatch.setattr(checks, "_run", lambda chosen, folder: write(folder, journal))
    with pytest.raises(Broken, match="e on s: few"):
        _again(Submission(write(tmp_path / "here", journal), against))

    def elsewhere(record):
        if record["type"] == "environment":
            record["environment"]["cpu"] = "another"

    folder = write(tmp_path / "there", doctored(journal, elsewhere))
    assert "look at them: e on s (1 submitted, 2 here) first" in _again(Submission(folder, against))


@pytest.mark.parametrize("name", ["", "../x", "A", "a b", "a" * 60])
def test_a_name_that_is_no_folder_is_refused(name):
    with pytest.raises(ValueError, match="expected a small letter"):
        check_name(name)


def test_the_command_exits_with_1_and_packs_nothing(measured, tmp_path, monkeypatch, command):
    journal, against = measured
    folder = write(tmp_path / "mine", doctored(journal, scaled("nearest_neighbor", 1.1)))
    monkeypatch.chdir(tmp_path)
    code, said, _ = command("submit", folder, "--name", "mine", "--against", against)
    assert code == 1
    assert "FAIL repeated cells agree with the committed ones" in said
    assert not list(tmp_path.glob("*.tar.gz"))


def test_a_plugin_may_raise_anything(tmp_path, monkeypatch):
    def fails(submission):
        raise RuntimeError("no luck today")

    monkeypatch.setattr(checks, "RULES", {"runs": fails})
    [finding] = check(Submission(tmp_path, tmp_path))
    assert (finding.passed, finding.problem) == (False, "RuntimeError: no luck today")


def test_two_plugins_of_one_file_name_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"different names, got mine\.py, mine\.py"):
        pack(Submission(tmp_path, tmp_path), "mine", ("a/mine.py", "b/mine.py"), [], tmp_path)
