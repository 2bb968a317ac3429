"""Honest estimators that are unlike ours are left alone; notes say what was not asked of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.conformance import estimator_rules, problems
from wdist_bench.conformance.estimator_rules import ESTIMATOR_RULES
from wdist_bench.conformance.rules import _findings, short


@dataclass(frozen=True)
class OwnLength(wb.DirectEstimator):
    """As many points alone; off by a length, or a wrong power of it."""

    name = "own_length"
    version = 1
    target = "batch"
    bound = "upper"

    power: float = 1.0

    def estimate(self, samples, cost):
        if len(samples.x) != len(samples.y):
            raise ValueError("own_length: expected as many points, got others; use exact")
        exact = wb.estimate(samples.x, samples.y, cost=cost, a=samples.a, b=samples.b).value
        value = (exact + (self.power == 1)) ** self.power
        return wb.Estimate(value, value**cost.p, target="batch", bound="upper")


def test_what_has_a_length_of_its_own_or_takes_as_many_points_is_noted():
    equal, follows = (
        "answers with a finite value, or a status and a message",
        "follows permutation, translation and scale where it is not random",
    )
    rules = {rule: ESTIMATOR_RULES[rule] for rule in (equal, follows)}
    notes = [finding.note for finding in _findings(rules, OwnLength())]
    assert "refuses 12 points against 9: own_length: expected as many" in notes[0]
    assert "scaling by 10 changes the value" in notes[1]
    [wrong] = _findings({follows: ESTIMATOR_RULES[follows]}, OwnLength(power=2.0))
    assert "scaling by 10 changes the value" in wrong.problem


@dataclass(frozen=True)
class Counts(OwnLength):
    """Fields of the names that are shortened, which mean something else here."""

    steps: int = 500
    batch_size: int = 16
    centers: tuple = (0.0, 1.0)
    planes: int = 64
    held_out: float = 0.25

    def __post_init__(self):
        if self.steps < 100 or self.held_out >= 1:
            raise ValueError("expected 100 steps and a share, got others; change them")


def test_plugins_are_shortened_where_that_has_a_meaning():
    assert short(Counts()) == Counts(planes=8)
    assert short(Counts(steps=200, planes=4)) == Counts(steps=200, planes=4)


ANSWERS = "answers with a finite value, or a status and a message"


@dataclass(frozen=True)
class Particular(wb.DirectEstimator):
    """Exact, of samples of some kind alone."""

    name = "particular"
    version = 1
    target = "batch"
    bound = "exact"

    rows: int = 1
    least: float = -np.inf
    most: float = np.inf
    dim: int = 0
    asked_first: bool = True

    def check_dim(self, dim):
        if self.asked_first and self.dim not in (0, dim):
            raise ValueError(f"particular: expected {self.dim} columns, got {dim}; change them")

    def estimate(self, samples, cost):
        points = np.concatenate([samples.x, samples.y])
        few = min(len(samples.x), len(samples.y)) < self.rows
        outside = points.min() < self.least or points.max() > self.most
        if few or outside or self.dim not in (0, points.shape[1]):
            raise ValueError("particular: expected other samples, got these; change them")
        exact = wb.estimate(samples.x, samples.y, cost=cost, a=samples.a, b=samples.b)
        return wb.Estimate(exact.value, exact.cost, target=self.target, bound="exact")


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({"rows": 20}, "64 points of dimension 2"),
        ({"least": 0.0}, "12 points in [0, 1] of dimension 2"),
        ({"least": 0.0, "most": 1.0, "rows": 20}, "64 points in [0, 1] of dimension 2"),
        ({"dim": 784}, ""),  # it said so before it was asked
        ({"dim": 100}, ""),
        ({"dim": 784, "asked_first": False}, "12 points of dimension 784"),
    ],
    ids=str,
)
def test_who_needs_other_samples_is_asked_about_those(monkeypatch, options, asked):
    monkeypatch.setattr(estimator_rules, "_PROBLEMS", 4)
    found = _findings(ESTIMATOR_RULES, Particular(**options))
    assert [f"{f.rule}: {f.problem}" for f in found if f.problem] == []
    [note] = [f.note for f in found if f.rule == ANSWERS]
    assert f"asked about {asked}, since it refuses 12 points" in note if asked else not note


@dataclass(frozen=True)
class Doubles(Particular):
    """Claims to be exact too."""

    def estimate(self, samples, cost):
        found = super().estimate(samples, cost)
        return wb.Estimate(2 * found.value, 2**cost.p * found.cost, target="batch", bound="exact")


def test_claims_are_held_on_samples_that_are_taken():
    found = _findings(ESTIMATOR_RULES, Doubles(rows=20, least=0.0))
    broken = [f.problem for f in found if f.problem]
    assert any("of 64 x 64 points in 2 columns" in problem for problem in broken)


def test_who_refuses_everything_is_told_so_once():
    found = [f for f in _findings(ESTIMATOR_RULES, Particular(rows=100)) if f.problem]
    assert [f.rule for f in found] == [ANSWERS]
    assert "refuses all samples that it is asked about, 12 points of" in found[0].problem


@dataclass(frozen=True)
class OfPositiveLaws(Particular):
    """Of populations; the exact value of a batch is above them, which is an upper bound's mean."""

    target = "population"
    bound = "upper"
    least: float = 0.0
    factor: float = 1.0

    def estimate(self, samples, cost):
        found = super().estimate(samples, cost)
        total = self.factor**cost.p * found.cost
        return wb.Estimate(cost.root(total), total, target="population", bound="upper")


def test_claims_of_populations_are_held_on_positive_points(monkeypatch):
    monkeypatch.setattr(problems, "COSTS", ((1, "l2"), (2, "l2")))
    rule = "keeps what it claims of populations"
    [right] = _findings({rule: ESTIMATOR_RULES[rule]}, OfPositiveLaws())
    [wrong] = _findings({rule: ESTIMATOR_RULES[rule]}, OfPositiveLaws(factor=0.1))
    assert right.passed, right.problem
    assert "is no upper bound of" in wrong.problem
