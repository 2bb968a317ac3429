"""Plug-ins that are wrong in one way are found out by one rule, and right ones are not accused."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.conformance import estimator_rules, task_rules, truth_routes
from wdist_bench.conformance.estimator_rules import ESTIMATOR_RULES
from wdist_bench.conformance.rules import _findings
from wdist_bench.conformance.task_rules import TASK_RULES
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
        (INSIDE, Means("power"), "batch_cost of samples"),
        (INSIDE, Means("weights"), "batch_cost of weighted samples"),
        (ALONE, Sorts(), "changed its input"),
        (ALONE, SortsWeights(), "changed its input"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, wb.Estimator) else None,
)
def test_a_wrong_estimator_breaks_the_rule(monkeypatch, rule, wrong, words):
    monkeypatch.setattr(estimator_rules, "_PROBLEMS", 4)
    monkeypatch.setattr(estimator_rules, "COSTS", ((2, "l2"),))
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
    rules = {rule: ESTIMATOR_RULES[rule] for rule in (CLAIMS, OF_POPULATIONS)}
    claims, populations = _findings(rules, OfPopulations(steps=30))
    assert claims.passed  # what it says of populations is no claim of a batch
    assert "4 is no lower bound of 2.82843 on gaussian_shift after 500 steps" in populations.problem


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


@pytest.mark.parametrize(
    "right",
    [Plain(), Noisy(), OnLines(), OnOneCost(), OnOneCost(norm="sphere"), Means()],
    ids=lambda value: type(value).__name__,
)
def test_a_right_estimator_is_not_accused(monkeypatch, right):
    monkeypatch.setattr(estimator_rules, "COSTS", ((2, "l2"),))
    assert [f"{f.rule}: {f.problem}" for f in _findings(ESTIMATOR_RULES, right) if f.problem] == []


def test_ends_that_miss_more_often_than_they_say_are_found():
    [finding] = _findings({CLAIMS: ESTIMATOR_RULES[CLAIMS]}, Noisy(level=0.99999))
    assert "its ends at level 0.99999 miss" in finding.problem


SAMPLES = "samples (n, dim) finite points, by key"
KNOWN = "gives a Truth or None for every cost"
INDEPENDENT = "draws both populations independently"
BETWEEN = "has a truth between what other routes allow"


@dataclass(frozen=True)
class Uniforms(wb.Task):
    """U[0, 1] against U[0, 3]: W_p = 2 (1 + p)^(-1/p) in norms, off by a factor at some costs."""

    name = "uniforms_in_tests"
    reference = "quantiles t and 3 t"

    drawn: str = ""
    off: str = ""

    def draw(self, key, n):
        levels = jax.random.uniform(key, (2, n, 1), jnp.float32)
        if self.drawn == "y from another key":
            levels = levels.at[1].set(jax.random.uniform(jax.random.key(7), (n, 1), jnp.float32))
        if self.drawn == "rows of y three times":
            levels = levels.at[1].set(levels[1, jnp.arange(n) // 3])
        if self.drawn == "antithetic rows of x":
            half = levels[0, : n // 2]
            levels = levels.at[0, : 2 * (n // 2)].set(jnp.concatenate([half, 1 - half]))
        if self.drawn == "y in one point":
            levels = levels.at[1].set(0.5)
        return levels[0], 3 * levels[1]

    def truth_for(self, cost):
        value = 2 * (1 + cost.p) ** (-1 / cost.p)
        if self.off in (f"p = {cost.p}", cost.norm):
            return wb.Truth(100 * value, 0.0, "closed-form", self.reference)
        return wb.Truth(value, 0.0, "closed-form", self.reference) if cost.minkowski else None


@pytest.mark.parametrize(
    ("rule", "wrong", "words"),
    [
        (SAMPLES, {"drawn": "y from another key"}, "other keys gave the same y"),
        (INDEPENDENT, {"drawn": "rows of y three times"}, "the mean of n rows of y is"),
        (INDEPENDENT, {"drawn": "antithetic rows of x"}, "the mean of n rows of x is"),
        (KNOWN, {"off": "torus"}, "W_1 (torus) = 100 is above 1 times W_1 (l2) = 1"),
        (KNOWN, {"off": "linf"}, "W_1 (linf) = 100 is above 1 times W_1 (l2) = 1"),
        (BETWEEN, {"off": "p = 3"}, "W_3 (l2) = 125.992, but is at most"),
    ],
    ids=str,
)
def test_a_wrong_task_breaks_the_rule(monkeypatch, rule, wrong, words):
    if rule == BETWEEN:
        monkeypatch.setattr(task_rules, "COSTS", ())
        monkeypatch.setattr(truth_routes, "_GROUP_SIZE", 5_000)
    monkeypatch.setattr(task_rules, "_ROWS", 2_000)
    monkeypatch.setattr(task_rules, "_BATCHES", 200)
    [finding] = _findings({rule: TASK_RULES[rule]}, Uniforms(**wrong))
    assert words in finding.problem


@pytest.mark.parametrize("drawn", ["", "y in one point"])
def test_a_right_sampler_is_not_accused(drawn):
    rules = {rule: TASK_RULES[rule] for rule in (SAMPLES, INDEPENDENT)}
    assert [f.problem for f in _findings(rules, Uniforms(drawn=drawn)) if f.problem] == []


@dataclass(frozen=True)
class OnCircles(Uniforms):
    """A truth at costs alone that no route is for."""

    def truth_for(self, cost):
        return None if cost.minkowski else wb.Truth(0.1, 0.0, "closed-form", self.reference)


def test_a_truth_that_nothing_was_held_against_says_so():
    [finding] = _findings({BETWEEN: TASK_RULES[BETWEEN]}, OnCircles())
    assert finding.passed
    assert finding.note == "it has no truth at the costs that there are routes for"
