"""What results must hold before they stand beside ours: one rule a function, one finding a rule."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property, partial
from math import isclose
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from wdist_bench import estimators, tasks
from wdist_bench.conformance.findings import Broken, Finding
from wdist_bench.conformance.rules import check_subject, short
from wdist_bench.protocol.protocols import PROTOCOLS
from wdist_bench.report.compare import Comparison, NothingSharedError, compare
from wdist_bench.report.comparing.changes import Change
from wdist_bench.report.page.site import result_folders
from wdist_bench.report.results import Results
from wdist_bench.report.text.verdicts import broken_bounds
from wdist_bench.results.environment import describe_environment
from wdist_bench.results.journal import ANSWERED, SCHEMA, failed_runs, unpack
from wdist_bench.results.journal_writing import append
from wdist_bench.results.statistics import LEVEL
from wdist_bench.runs.cell import in_words, recorded
from wdist_bench.runs.source import source_digest
from wdist_bench.submit.beside import changed_columns, misplaced_ends
from wdist_bench.truth import Truth

_EACH = LEVEL / 2  # of the tests of errors, and of those of what records say beside costs
_LONGEST = 60.0  # seconds of a cell that is run again to be believed
_TRUTHS = 3  # settings whose exact values are computed again
_ROUNDING = 1e-5  # of float32, as a share: the same batches give the same exact value


@dataclass(frozen=True)
class Submission:
    """A results folder to be checked.

    Attributes:
        folder: with a journal.
        against: the folder that holds the committed results folders.
        reruns: how many cells of new estimators and tasks are run again, and how many of others
            that no committed folder has.
    """

    folder: Path
    against: Path
    reruns: int = 2

    @cached_property
    def results(self) -> Results:
        """Its journal and tables."""
        return Results(self.folder)

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """Cells of estimators that ran, in the order of the suite."""
        return [
            record
            for record in self.results.journal.planned()
            if "estimator" in record and record["status"] in ANSWERED
        ]

    @cached_property
    def new(self) -> list[str]:
        """Estimators that are a plug-in's, or of nobody here."""
        return self._new("estimator", estimators.registry)

    @cached_property
    def new_tasks(self) -> list[str]:
        """Tasks that are."""
        return self._new("task", tasks.registry)

    @cached_property
    def compared(self) -> list[tuple[Path, Comparison]]:
        """The other folders that have cells of it; of several each has its part of the level."""
        found = []
        for folder in result_folders(self.against):
            if folder.resolve() == self.folder.resolve():  # it was unpacked there
                continue
            with suppress(NothingSharedError):
                found.append((folder, compare(folder, self.folder, _EACH)))
        if len(found) < 2:
            return found
        level = _EACH / len(found)
        return [(folder, compare(folder, self.folder, level)) for folder, _ in found]

    def _new(self, kind: str, registry: Any) -> list[str]:
        named = dict.fromkeys(record[kind] for record in self.records)
        known = registry.names()
        return [n for n in named if n not in known or source_digest(registry.factory(n))]


def check(submission: Submission) -> list[Finding]:
    """One finding a rule; those that follow a broken journal are not looked at."""
    findings = []
    for rule, test in RULES.items():
        try:
            findings.append(Finding(rule, "", test(submission)))
            continue
        except Broken as broken:
            problem = str(broken)
        except Exception as error:  # a plug-in may raise anything
            problem = f"{type(error).__name__}: {error}"
        findings.append(Finding(rule, problem))
        if test in _FIRST:
            break
    return findings


def _whole(submission: Submission) -> str:
    """Every line is a record, every planned cell has one."""
    journal = submission.results.journal
    if said := journal.warnings():
        raise Broken(" ".join(said))
    keys = journal.keys
    missing = [key for key in keys if key not in journal.cells]
    if missing:
        raise Broken(
            f"expected a record of each of {len(keys)} planned cells, got none of {len(missing)}; "
            "finish the run: wdist-bench run SUITE --out FOLDER"
        )
    if not submission.records:
        raise Broken("expected cells of estimators that ran, got none; run a suite into the folder")
    return f"{len(submission.records)} cells, schema {SCHEMA}"


def _consistent(submission: Submission) -> str:
    """The numbers of a record agree with one another."""
    truths = submission.results.journal.truths
    for record in submission.records:
        costs = unpack(record["costs"])
        exact = truths.get(record.get("truth_key", ""))
        label = _label(record)
        if costs.shape != (record["runs"], record["eval_batches"]):
            raise Broken(f"{label}: expected costs of each run and batch, got {costs.shape}")
        if exact is None or unpack(exact["costs"]).shape != costs.shape:
            raise Broken(f"{label}: expected the exact value of every batch, got none or others")
        if failed_runs(record) < record["failed"]:
            raise Broken(f"{label}: {record['failed']} runs failed, but more have a number")
        if said := misplaced_ends(record):
            raise Broken(f"{label}: {said}")
    return "costs, failures, certified ends and exact values fit together"


def _keys(submission: Submission) -> str:
    """A key is the hash of what was asked, of versions and of the plug-in's code; what is known of
    a cell before it runs is what the record says.
    """
    truth = cache(lambda task, p, norm: task.truth(p, norm))
    for record in submission.records:
        cell = recorded(record)
        if cell.estimator not in estimators.names():
            raise Broken(
                f"{cell.estimator}: expected the plug-in that has it, got none; pass it: "
                "wdist-bench --plugin FILE submit FOLDER"
            )
        identity = in_words(cell.identity(record["backend"]))
        wrong = [name for name, value in identity.items() if _other(record.get(name), value)]
        if wrong or cell.key(record["backend"]) != record["key"]:
            raise Broken(
                f"{_label(record)}: expected the key of what was asked, with the versions and the "
                f"code that are here, got another ({', '.join(wrong) or 'key'} differs); run it "
                "again with what you submit"
            )
        task = cell.build_task()
        said = cell.description(record["backend"]) | {"dim": task.dim, "dataset": task.dataset}
        wrong = [name for name, value in said.items() if _other(record.get(name), value)]
        if not _same_truth(record.get("truth_population"), truth(task, cell.p, cell.norm)):
            wrong.append("truth_population")
        if wrong:
            raise Broken(
                f"{_label(record)}: expected what task and estimator say here, got another "
                f"{', '.join(wrong)}; run it again with what you submit"
            )
    return "every key follows from parameters, versions and code"


def _same_truth(given: Any, known: Truth | None) -> bool:
    """Whether a record has the distance of the populations that the task says, up to five of its
    standard errors, and as large an error.
    """
    if given is None or known is None:
        return given is known
    near = isclose(given["value"], known.value, rel_tol=_ROUNDING, abs_tol=5 * known.stderr)
    noise = _ROUNDING * known.value
    return near and isclose(given["stderr"], known.stderr, rel_tol=0.1, abs_tol=noise)


def _environments(submission: Submission) -> str:
    """Where it was measured is known, at a committed revision of this version."""
    journal, here = submission.results.journal, describe_environment()
    for key in {str(record.get("environment", "")) for record in submission.records}:
        found = journal.environments.get(key, {}).get("environment")
        if not isinstance(found, dict) or not found.get("packages"):
            raise Broken("expected a description of every environment, got none of some cells")
        version = found["packages"].get("wdist-bench")
        if version != here["packages"]["wdist-bench"]:
            raise Broken(f"expected version {here['packages']['wdist-bench']}, got {version}")
        if found.get("git_dirty"):
            raise Broken(
                "expected numbers of a committed revision, got uncommitted changes; commit them, "
                "or install the package, and run again"
            )
    return "described, of this version, without uncommitted changes"


def _exact_values(submission: Submission) -> str:
    """The exact values of some settings, computed again from the samples that the key names."""
    journal = submission.results.journal
    chosen = _some({r["truth_key"]: r for r in submission.records}, _TRUTHS, submission)
    for record in chosen:
        cell = recorded(record)
        truths = PROTOCOLS[cell.protocol].truths
        again = truths(cell.build_task(), cell.cost, cell.stream)
        given = unpack(journal.truths[record["truth_key"]]["costs"])
        if not np.allclose(given, again, rtol=_ROUNDING, atol=_ROUNDING * np.abs(again).max()):
            raise Broken(f"{_label(record)}: the exact values of its batches are not these")
    return f"{len(chosen)} settings computed again"


def _conforming(submission: Submission) -> str:
    """New estimators and tasks, as cells had them, keep the rules and what they claim."""
    new = _new_ones(submission)
    for subject, name in new.items():
        failed = [finding for finding in check_subject(subject) if not finding.passed]
        if failed:
            raise Broken(f"{name}: {failed[0].rule}: {failed[0].problem}")
    broken = broken_bounds(submission.results.labelled)[1]
    if broken:
        variant, setting = broken[0]
        raise Broken(
            f"its claim (bound, exact value) is broken beyond noise: {variant} on {setting}"
        )
    return ", ".join(new.values()) or "no new estimator or task"


def _new_ones(submission: Submission) -> dict[Any, str]:
    """Each once, with its name; what differs in its training alone is one."""
    found: dict[Any, str] = {}
    for record in submission.records:
        cell = recorded(record)
        if cell.estimator in submission.new:
            name = _called(cell.estimator, cell.estimator_parameters)
            found.setdefault(short(cell.build_estimator()), name)
        if cell.task in submission.new_tasks:
            found.setdefault(cell.build_task(), _called(cell.task, cell.task_parameters))
    return found


def _called(name: str, options: dict[str, Any]) -> str:
    said = ", ".join(f"{option}={value!r:.40}" for option, value in options.items())
    return f"{name}({said})" if said else name


def _repeated(submission: Submission) -> str:
    """Cells that are committed too agree with them within noise, by the rule of `compare`; those of
    too few runs for a test are named where they are others.
    """
    shared, untested = 0, []
    for folder, found in submission.compared:
        shared += len(found.changes)
        untested += _untested(found)
        for change in found.verdict("regression") + found.verdict("improvement"):
            raise Broken(
                f"{change.estimator} on {change.setting}: expected what {folder.name} has within "
                f"noise, got another ({change.message}; {change.errors[0]:.4g} there, "
                f"{change.errors[1]:.4g} here)"
            )
    if not shared:
        raise Broken(
            f"expected cells that {submission.against} has too, got none; add yours to a committed "
            "suite (benchmarks/*.toml) and keep its other estimators"
        )
    for folder, _ in submission.compared:
        level = _EACH / len(submission.compared)
        if said := changed_columns(folder, submission.folder, level):
            raise Broken(f"expected what {folder.name} has within noise, got another {said}")
    said = f"{shared - len(untested)} cells agree with the committed ones"
    return said + _look_at(untested, "there", "here")


def _look_at(untested: list[Change], before: str, after: str) -> str:
    """What a reader is to look at, with the places of the two errors in words."""
    if not untested:
        return ""
    first = untested[0]
    return (
        f"; {len(untested)} have other errors and cannot be tested, look at them: "
        f"{first.estimator} on {first.setting} ({first.errors[0]:.4g} {before}, "
        f"{first.errors[1]:.4g} {after}) first"
    )


def _untested(found: Comparison) -> list[Change]:
    """The cells that say something else, and have too few runs for a test."""
    same = partial(np.isclose, rtol=_ROUNDING, atol=0, equal_nan=True)
    return [change for change in found.verdict("not testable") if not same(*change.errors)]


def _again(submission: Submission) -> str:
    """Some cells of what is new, and some others that no committed folder has, chosen by the hash
    of the journal, are run again.
    """
    lacking = [set(found.keys_only_b) for _, found in submission.compared]
    alone = set.intersection(*lacking) if lacking else set()
    new: dict[str, dict[str, Any]] = {}
    others: dict[str, dict[str, Any]] = {}
    for record in submission.records:
        if record["run_seconds"] > _LONGEST:
            continue
        if record["estimator"] in submission.new or record["task"] in submission.new_tasks:
            new[record["key"]] = record
        elif record["key"] in alone:
            others[record["key"]] = record
    chosen = [
        record for kind in (new, others) for record in _some(kind, submission.reruns, submission)
    ]
    if not chosen:
        return "none to run"
    with TemporaryDirectory() as place:
        _run(chosen, Path(place))
        found = compare(submission.folder, Path(place), _EACH)
        other = changed_columns(submission.folder, Path(place), _EACH)
    for change in found.verdict("regression") + found.verdict("improvement"):
        raise Broken(
            f"{change.estimator} on {change.setting}: expected what a run here gives, got another "
            f"({change.errors[1]:.4g} here, {change.errors[0]:.4g} submitted)"
        )
    if other:
        raise Broken(f"expected what a run here gives, got another {other}")
    untested = _untested(found)
    if untested and all(_measured_here(submission, record) for record in chosen):
        raise Broken(f"{untested[0].estimator} on {untested[0].setting}: {untested[0].message}")
    return f"{len(chosen)} cells run again" + _look_at(untested, "submitted", "here")


def _measured_here(submission: Submission, record: dict[str, Any]) -> bool:
    """Whether on a machine like this one, where the same cell gives the same digits."""
    environments, here = submission.results.journal.environments, describe_environment()
    found = environments.get(str(record.get("environment", "")), {}).get("environment") or {}
    return all(found.get(name) == here.get(name) for name in ("cpu", "backend", "devices"))


def _run(chosen: list[dict[str, Any]], folder: Path) -> None:
    """The same cells into a folder of their own."""
    keys = [record["key"] for record in chosen]
    for record in chosen:
        truths: dict[str, dict[str, Any]] = {}
        results = recorded(record).run(truths, lambda found: append(folder, found))
        own = {name: value for name, value in record.items() if name not in results}
        append(folder, own | results | {"written": 1.0})
    append(folder, {"type": "plan", "title": "again", "description": "", "keys": keys})


RULES: dict[str, Callable[[Submission], str]] = {
    "the journal is whole": _whole,
    "its numbers fit together": _consistent,
    "keys follow from parameters, versions and code": _keys,
    "the environment is known": _environments,
    "exact values are those of the samples": _exact_values,
    "new plug-ins conform, and bounds hold": _conforming,
    "repeated cells agree with the committed ones": _repeated,
    "cells that are run again agree": _again,
}
_FIRST = (_whole, _consistent, _keys)


def _label(record: dict[str, Any]) -> str:
    return f"{record['estimator']} on {record['task']}, n = {record['n']}"


def _other(given: Any, wanted: Any) -> bool:
    """Whether two values differ as a journal would hold them."""
    return bool(json.loads(json.dumps(wanted, default=str)) != given)


def _some(
    records: dict[str, dict[str, Any]], most: int, submission: Submission
) -> list[dict[str, Any]]:
    """So many of them, chosen by the content of the journal: nobody else can choose them."""
    files = sorted(submission.folder.glob("journal*"))
    seed = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    order = sorted(records, key=lambda key: hashlib.sha256(f"{seed}{key}".encode()).digest())
    return [records[key] for key in order[:most]]
