"""Honest estimators that are unlike ours are left alone; notes say what was not asked of them."""

from __future__ import annotations

from dataclasses import dataclass

import wdist_bench as wb
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
