"""Wrong tasks are found out by one rule each, and right ones are not accused."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.conformance import task_rules, truth_routes
from wdist_bench.conformance.rules import _findings
from wdist_bench.conformance.task_rules import TASK_RULES

SAMPLES = "samples (n, dim) finite points, by key"
KNOWN = "gives a Truth or None for every cost"
INDEPENDENT = "draws both populations independently"
BETWEEN = "has a truth between what other routes allow"
DECLARED = "has pairs and a potential that fit its truth"
MAPS = "has maps that carry its pairs"
Shift = type(wb.tasks.get("gaussian_shift"))


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


@dataclass(frozen=True)
class AlongAnAxis(wb.Task):
    """N(0, I / 100) against its translation by 8 along an axis, with one cost taken for l2."""

    name = "along_an_axis_in_tests"
    reference = "translation"

    dims: int = 4
    forgotten: str = ""

    def draw(self, key, n):
        x, y = 0.1 * jax.random.normal(key, (2, n, self.dims), jnp.float32)
        return x, y.at[:, 0].add(8.0)

    def truth_for(self, cost):
        if cost.norm == self.forgotten:
            return wb.Truth(8.0, 0.0, "closed-form", self.reference)
        value = cost.length(8 * np.eye(self.dims)[0]) if cost.is_norm else None
        return None if value is None else wb.Truth(value, 0.0, "closed-form", self.reference)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, ""),
        ({"forgotten": "torus"}, "W_1 = 8 at Torus"),
        ({"forgotten": "cosine"}, "W_1 = 8 at Cosine"),
        ({"forgotten": "sphere", "dims": 2}, "W_1 = 8 at Sphere"),
        ({"forgotten": "mahalanobis"}, "is above 0.5 times W_1 (mahalanobis of 4 I) = 8"),
    ],
    ids=str,
)
def test_a_truth_that_takes_a_cost_for_l2_is_found_out(parameters, words):
    [finding] = _findings({KNOWN: TASK_RULES[KNOWN]}, AlongAnAxis(**parameters))
    assert words in finding.problem
    assert finding.passed == (not words)


@dataclass(frozen=True)
class Potentials(Shift):
    """A Gaussian and its translation, with potentials and gradients times a factor for one p."""

    name = "potentials_in_tests"

    p: float = 1
    potentials: float = 1.0
    gradients: float = 1.0

    def potential_for(self, points, p):
        factor = self.potentials if p == self.p else 1.0
        return factor * super().potential_for(points, p)

    def potential_gradient_for(self, points, p):
        factor = self.gradients if p == self.p else 1.0
        return factor * super().potential_gradient_for(points, p)


@pytest.mark.parametrize(
    ("rule", "parameters", "words"),
    [
        (DECLARED, {}, ""),
        (MAPS, {}, ""),
        (DECLARED, {"gradients": -1.0}, "potential_gradient(p=1) is not that of potential"),
        (DECLARED, {"p": 2, "gradients": 0.5}, "potential_gradient(p=2) is not that of potential"),
        (DECLARED, {"p": 2, "potentials": 0.5, "gradients": 0.5}, "potential(p=2) does not fit"),
        (MAPS, {"p": 2, "gradients": 0.5}, "x - 1/2 potential_gradient(p=2) misses 100 %"),
    ],
    ids=str,
)
def test_a_wrong_potential_or_gradient_is_found_out(monkeypatch, rule, parameters, words):
    monkeypatch.setattr(task_rules, "_PAIRS", 2_000)
    for constant in ("_GROUP_SIZE", "_PAIRS"):
        monkeypatch.setattr(truth_routes, constant, 2_000)
    monkeypatch.setattr(truth_routes, "_TAIL_DRAWS", 2**14)
    [finding] = _findings({rule: TASK_RULES[rule]}, Potentials(**parameters))
    assert words in finding.problem
    assert finding.passed == (not words)


def test_wide_rows_are_drawn_as_many_as_memory_holds(monkeypatch):
    monkeypatch.setattr(truth_routes, "_WIDE", 2**16)
    x, y = truth_routes.draw(AlongAnAxis(64), jax.random.key(0), 5_000)
    assert len(x) == len(y) == 2**16 // 64
