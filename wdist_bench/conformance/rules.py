"""What every estimator and task must do, ours and others': the suite behind `wdist-bench check`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from wdist_bench import estimators, tasks
from wdist_bench.conformance.estimator_rules import ESTIMATOR_RULES
from wdist_bench.conformance.findings import Broken, Finding
from wdist_bench.conformance.task_rules import TASK_RULES
from wdist_bench.estimate import Estimator
from wdist_bench.runs.cell import parameters
from wdist_bench.tasks import Task
from wdist_bench.validation import check_name

# Critics are checked for what they claim, not for how well they train: short runs suffice, but for
# the claims themselves, which are looked at once more when they are trained.
_SHORT = {"steps": 30, "batch_size": 64, "centers": 32, "planes": 8, "held_out": 5}


def check(name: str, **options: Any) -> list[Finding]:
    """Run the conformance suite on a registered estimator or task, or both of that name.

    `options` are those that it is built with beside its defaults.
    """
    check_name(name, [*estimators.names(), *tasks.names()], "estimator or task")
    findings = []
    if name in estimators.names():
        findings += check_subject(estimators.get(name, **options))
    if name in tasks.names():
        findings += check_subject(tasks.get(name, **options))
    return findings


def check_subject(subject: Estimator | Task) -> list[Finding]:
    """Run it on an estimator, trained for a moment where it trains, or on a task."""
    if isinstance(subject, Task):
        return _findings(TASK_RULES, subject)
    return _findings(ESTIMATOR_RULES, short(subject))


def short(estimator: Estimator) -> Estimator:
    """The estimator, trained for a moment where it trains: fewer of what these names count, but
    where its class refuses that.
    """
    for name, most in _SHORT.items():
        value = parameters(estimator).get(name)
        if isinstance(value, int) and value > most:
            with suppress(TypeError, ValueError):
                estimator = replace(estimator, **{name: most})  # type: ignore[type-var]
    return estimator


def _findings(rules: dict[str, Callable[[Any], str | None]], subject: Any) -> list[Finding]:
    findings = []
    for rule, test in rules.items():
        try:
            note = test(subject)
        except Broken as broken:
            findings.append(Finding(rule, str(broken)))
        except Exception as error:
            findings.append(Finding(rule, f"raised {type(error).__name__}: {error}"))
        else:
            findings.append(Finding(rule, "", note or ""))
    return findings
