"""Wrong estimators are found out by one rule each, and right ones are not accused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.conformance import estimator_rules, problems
from wdist_bench.conformance.estimator_rules import ESTIMATOR_RULES
from wdist_bench.conformance.rules import _findings
from wdist_bench.solvers.one_dimensional import line_cost

CLAIMS = "keeps what it claims on batches"
OF_POPULATIONS = "keeps what it claims of populations"
INSIDE = "gives the same inside compiled programs, where it is traced"
ALONE = "changes neither its input nor global state"


def exact(samples, cost):
    return wb.estimate(samples.x, samples.y, cost=cost, a=samples.a, b=samples.b).value


@dataclass(frozen=True)
class Plain(wb.DirectEstimator):
    """The exact distance, times a factor."""

    name = "plain"
    version = 1
    target = "batch"
    bound = "exact"

    factor: float = 1.0

    def value(self, samples, cost):
        return self.factor * exact(samples, cost)

    def estimate(self, samples, cost):
        value = self.value(samples, cost)
        return wb.Estimate(value, value**cost.p, target="batch", bound=self.bound)


@dataclass(frozen=True)
class ClaimsByItsClass(Plain):
    """Tables print what the class says; the answers say nothing."""

    bound = "lower"

    factor: float = 2.0

    def estimate(self, samples, cost):
        return replace(super().estimate(samples, cost), bound="none")


@dataclass(frozen=True)
class LooksAtNoWeights(Plain):
    """But for those of a that are 0."""

    def value(self, samples, cost):
        x = samples.x if samples.a is None else samples.x[samples.a > 0]
        return exact(wb.Samples(x, samples.y), cost)


@dataclass(frozen=True)
class TakesEveryCostForL2(Plain):
    every_cost = True

    def value(self, samples, cost):
        return exact(samples, wb.Cost(cost.p, "l1" if cost.norm == "l1" else "l2"))


@dataclass(frozen=True)
class GrowsAsItTrains(Plain):
    """A lower bound at 30 steps, and none at 500."""

    bound = "lower"

    steps: int = 500

    def value(self, samples, cost):
        return self.steps / 250 * exact(samples, cost)


@dataclass(frozen=True)
class CutsToOneSize(Plain):
    def value(self, samples, cost):
        size = min(len(samples.x), len(samples.y))
        ends = (samples.x, samples.y) if samples.a is None else ()
        return exact(wb.Samples(*(end[:size] for end in ends)) if ends else samples, cost)


@dataclass(frozen=True)
class LooksAtTwoColumns(Plain):
    def value(self, samples, cost):
        x, y = samples.x[:, :2], samples.y[:, :2]
        return exact(wb.Samples(x, y, samples.a, samples.b), cost)


@dataclass(frozen=True)
class Means(wb.DirectEstimator, wb.TracedFitted):
    """The distance of the means; inside programs without one of its parts."""

    name = "means"
    version = 1
    target = "batch"
    bound = "lower"
    traced = True

    without: str = ""

    def estimate(self, samples, cost):
        gap = np.average(samples.x, 0, samples.a) - np.average(samples.y, 0, samples.b)
        value = cost.length(gap)
        return wb.Estimate(value, value**cost.p, target="batch", bound="lower")

    def batch_cost(self, samples, cost):
        a, b = (None, None) if self.without == "weights" else (samples.a, samples.b)
        gap = jnp.average(samples.x, 0, a) - jnp.average(samples.y, 0, b)
        gap = gap[:2] if self.without == "columns" else gap
        power = 1 if self.without == "power" else cost.p
        return wb.Cost(power, cost.norm).between(gap, jnp.zeros_like(gap))


@dataclass(frozen=True)
class Sorts(Plain):
    def value(self, samples, cost):
        value = exact(samples, cost)
        samples.x.sort(axis=0)
        return value


@dataclass(frozen=True)
class SortsWeights(Plain):
    def value(self, samples, cost):
        value = exact(samples, cost)
        if samples.b is not None:
            samples.b.sort()
        return value


@pytest.mark.parametrize(
    ("rule", "wrong", "words"),
    [
        (CLAIMS, ClaimsByItsClass(), "claims lower"),
        (CLAIMS, LooksAtNoWeights(), "claims exact"),
        (CLAIMS, TakesEveryCostForL2(), "claims exact"),
        (CLAIMS, GrowsAsItTrains(steps=30), "claims lower"),
        (CLAIMS, CutsToOneSize(), "of 12 x 9 points in 2 columns"),
        (CLAIMS, LooksAtTwoColumns(), "of 12 x 12 points in 5 columns"),
        (INSIDE, Means("power"), "batch_cost of samples"),
        (INSIDE, Means("weights"), "batch_cost of weighted samples"),
        (INSIDE, Means("columns"), "batch_cost of samples"),
        (ALONE, Sorts(), "changed its input"),
        (ALONE, SortsWeights(), "changed its input"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, wb.Estimator) else None,
)
def test_a_wrong_estimator_breaks_the_rule(monkeypatch, rule, wrong, words):
    monkeypatch.setattr(estimator_rules, "_PROBLEMS", 4)
    monkeypatch.setattr(problems, "COSTS", ((2, "l2"),))
    [finding] = _findings({rule: ESTIMATOR_RULES[rule]}, wrong)
    assert words in finding.problem


@dataclass(frozen=True)
class OfPopulations(wb.Estimator):
    """1 for laws that are less than 3 apart, and 4 after a while."""

    name = "of_populations"
    version = 1
    target = "population"
    bound = "lower"

    steps: int = 500

    def fit(self, key, problem):
        return Constant(1.0 if self.steps < 500 else 4.0)


@dataclass(frozen=True)
class Constant(wb.Fitted):
    number: float

    def estimate(self, samples, cost):
        value = self.number
        return wb.Estimate(value, value**cost.p, target="population", bound="lower")


def test_a_bound_of_populations_is_looked_at_once_it_is_trained(monkeypatch):
    monkeypatch.setattr(estimator_rules, "_POPULATIONS", ("gaussian_shift",))
    monkeypatch.setattr(problems, "COSTS", ((1, "l2"),))
    rules = {rule: ESTIMATOR_RULES[rule] for rule in (CLAIMS, OF_POPULATIONS)}
    claims, populations = _findings(rules, OfPopulations(steps=30))
    assert claims.passed  # what it says of populations is no claim of a batch
    assert "4 is no lower bound of 2.82843 on gaussian_shift after 500 steps" in populations.problem


@dataclass(frozen=True)
class PluggedIn(wb.DirectEstimator):
    """The distance of the means at p = 2, which is above that of populations; 0 at p = 1."""

    name = "plugged_in"
    version = 1
    target = "population"
    bound = "lower"

    at: float = 2

    def estimate(self, samples, cost):
        gap = np.average(samples.x, 0, samples.a) - np.average(samples.y, 0, samples.b)
        value = cost.length(gap) if cost.p == self.at else 0.0
        return wb.Estimate(value, value**cost.p, target="population", bound="lower")


def test_a_bound_of_populations_is_looked_at_for_every_cost(monkeypatch):
    monkeypatch.setattr(estimator_rules, "_POPULATIONS", ("gaussian_shift",))
    monkeypatch.setattr(problems, "COSTS", ((1, "l2"), (2, "l2")))
    [wrong] = _findings({OF_POPULATIONS: ESTIMATOR_RULES[OF_POPULATIONS]}, PluggedIn())
    assert "is no lower bound of 0 on gaussian_shift at L2(p=2" in wrong.problem
    [right] = _findings({OF_POPULATIONS: ESTIMATOR_RULES[OF_POPULATIONS]}, PluggedIn(at=3))
    assert right.passed, right.problem


@dataclass(frozen=True)
class Noisy(wb.Estimator):
    """Ends that hold the distance of the batch with a probability."""

    name = "noisy"
    version = 1
    target = "batch"
    bound = "none"

    level: float = 0.8

    def fit(self, key, problem):
        return FittedNoisy(float(jax.random.normal(key)), self.level)


@dataclass(frozen=True)
class FittedNoisy(wb.Fitted):
    z: float
    level: float

    def estimate(self, samples, cost):
        true = exact(samples, cost)
        value, half = true * (1 + 0.02 * self.z), 1.2816 * 0.02 * true  # 80 %
        return wb.Estimate(
            value, value**cost.p, target="batch", bound="none",
            lower=value - half, upper=value + half, level=self.level,
        )  # fmt: skip


@dataclass(frozen=True)
class OnLines(Plain):
    def check_dim(self, dim):
        if dim != 1:
            raise ValueError(f"on_lines: expected points on the line, got {dim}; project them")

    def value(self, samples, cost):
        self.check_dim(samples.x.shape[1])
        return cost.root(float(line_cost(samples.x, samples.y, samples.a, samples.b, cost.p)[0]))


@dataclass(frozen=True)
class OnOneCost(Plain):
    every_cost = True

    norm: str = "torus"

    def check_cost(self, cost):
        if cost.norm != self.norm:
            raise ValueError(f"expected cost {self.norm}, got {cost.norm}; use exact")


@dataclass(frozen=True)
class EqualWeights(Means):
    def estimate(self, samples, cost):
        self.refuse(samples)
        return super().estimate(samples, cost)

    def batch_cost(self, samples, cost):
        self.refuse(samples)
        return super().batch_cost(samples, cost)

    def refuse(self, samples):
        if samples.a is not None or samples.b is not None:
            raise ValueError("equal_weights: expected equal weights, got others; use exact")


@dataclass(frozen=True)
class Zero(wb.DirectEstimator):
    """0 is a lower bound of everything; of one cost alone."""

    name = "zero"
    version = 1
    target = "population"
    bound = "lower"
    every_cost = True

    def check_cost(self, cost):
        OnOneCost(norm="mahalanobis").check_cost(cost)

    def estimate(self, samples, cost):
        return wb.Estimate(0.0, 0.0, target="population", bound="lower")


@pytest.mark.parametrize(
    "right",
    [
        Plain(),
        Noisy(),
        OnLines(),
        OnOneCost(),
        OnOneCost(norm="sphere"),
        Means(),
        EqualWeights(),
        Zero(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_right_estimator_is_not_accused(monkeypatch, right):
    monkeypatch.setattr(problems, "COSTS", ((2, "l2"),))
    assert [f"{f.rule}: {f.problem}" for f in _findings(ESTIMATOR_RULES, right) if f.problem] == []


@dataclass(frozen=True)
class Slope(wb.Estimator):
    """A linear critic, of unit-size coordinates and distances."""

    name = "slope"
    version = 1
    target = "batch"
    bound = "none"
    traced = True

    standardize: bool = True

    def fit(self, key, problem):
        slope = 0.1 * (problem.sampler.samples.x.mean(0) - problem.sampler.samples.y.mean(0))
        return FittedSlope(slope, problem.center, problem.unit, self, problem.length)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FittedSlope(wb.FittedPotential):
    slope: jax.Array
    center: jax.Array
    unit: float
    estimator: Slope = field(metadata={"static": True})
    length: float = field(metadata={"static": True})
    p: float = field(default=1.0, metadata={"static": True})

    def critic(self, points):
        return points @ self.slope

    def potentials(self, samples, cost):
        return self.critic(samples.x), -self.critic(samples.y)


def test_a_critic_of_distances_in_a_unit_of_their_own_is_not_accused(monkeypatch):
    cost = wb.costs.Mahalanobis(1000 * np.eye(2))
    monkeypatch.setattr(estimator_rules, "costs", lambda estimator, dim: iter([cost]))
    monkeypatch.setattr(problems, "_ELSEWHERE", ())
    [finding] = _findings({INSIDE: ESTIMATOR_RULES[INSIDE]}, Slope())
    assert finding.passed, finding.problem


@dataclass(frozen=True)
class GivesUp(Plain):
    """Without a value, but with an end that is none."""

    def estimate(self, samples, cost):
        found = super().estimate(samples, cost)
        return replace(
            found, value=np.nan, cost=np.nan, lower=2 * found.value, status="not_converged",
            message="no end in sight",
        )  # fmt: skip


def test_ends_of_an_answer_that_did_not_converge_are_looked_at(monkeypatch):
    monkeypatch.setattr(estimator_rules, "_PROBLEMS", 1)
    [finding] = _findings({CLAIMS: ESTIMATOR_RULES[CLAIMS]}, GivesUp())
    assert "claims lower limit" in finding.problem


def test_ends_that_miss_more_often_than_they_say_are_found():
    [finding] = _findings({CLAIMS: ESTIMATOR_RULES[CLAIMS]}, Noisy(level=0.99999))
    assert "its ends at level 0.99999 miss" in finding.problem
