"""The truth of every registered task, held against an independent second route."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from closed_form_checks import SECOND_ROUTES as CLOSED_FORMS
from second_routes_data import SECOND_ROUTES as DATA

from wdist_bench import tasks

ROUTES = {
    name: CLOSED_FORMS.get(name, []) + DATA.get(name, []) for name in {**CLOSED_FORMS, **DATA}
}
CHECKS = [
    pytest.param(name, index, id=f"{name}-{index}-{check.route.__name__}-p{check.p}-{check.norm}")
    for name, checks in ROUTES.items()
    for index, check in enumerate(checks)
]


@cache
def second_value(name, index):
    """The independent value of W_p and its tolerance, computed once for all tests."""
    check = ROUTES[name][index]
    return check.route(tasks.get(name, **check.params), check.cost)


def true_value(name, index):
    """The truth that the second route is held against."""
    check = ROUTES[name][index]
    return tasks.get(name, **check.params).truth(check.cost)


def confirm(name, index):
    """Fails where the truth and its second route disagree."""
    value, tolerance = second_value(name, index)
    truth = true_value(name, index)
    assert truth is not None, "a second route needs a truth to confirm"
    assert abs(truth.value - value) <= tolerance, f"{truth.value} against {value} +- {tolerance}"


def spoil(name, factor, monkeypatch):
    """Make every truth of a task wrong by a factor."""
    kind = tasks.factory(name)
    true = kind.truth

    def spoilt(self, p=1, norm="l2"):
        truth = true(self, p, norm)
        return replace(truth, value=factor * truth.value)

    monkeypatch.setattr(kind, "truth", spoilt)


def is_caught(name, index):
    """Whether the second route disagrees."""
    try:
        confirm(name, index)
    except AssertionError:
        return True
    return False


def test_every_registered_task_has_a_second_route():
    missing = set(tasks.names()) - {name for name, checks in ROUTES.items() if checks}
    assert not missing, f"add a second route for {sorted(missing)}: nothing else checks its truth"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "index"), CHECKS)
def test_truth_agrees_with_its_second_route(name, index):
    confirm(name, index)


@pytest.mark.slow
@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("factor", [0.99, 1.01])
def test_a_truth_one_percent_off_is_caught_by_every_route(name, factor, monkeypatch):
    truths = [true_value(name, index) for index in range(len(ROUTES[name]))]
    exact = [i for i, truth in enumerate(truths) if truth.stderr == 0 and truth.value > 0]
    for index in exact:
        second_value(name, index)  # before the truth is spoilt, which some routes ask for
    spoil(name, factor, monkeypatch)
    assert [index for index in exact if not is_caught(name, index)] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_sampled_truth_ten_standard_errors_off_is_caught(name, sign, monkeypatch):
    truths = [true_value(name, index) for index in range(len(ROUTES[name]))]
    sampled = [i for i, truth in enumerate(truths) if truth.stderr > 0]
    for index in sampled:
        second_value(name, index)
    spread = max((truths[i].stderr / truths[i].value for i in sampled), default=0)
    spoil(name, 1 + 10 * sign * spread, monkeypatch)
    assert not sampled or any(is_caught(name, index) for index in sampled)
    assert spread < 0.005, "a sampled truth is known within half a percent"
