"""Slips of who writes plug-ins: a class run again, an option to give, a task without a part."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.conformance import rules
from wdist_bench.conformance.rules import check
from wdist_bench.protocol.fixed import run_fixed
from wdist_bench.protocol.matched import run_matched
from wdist_bench.protocol.stream import Stream, run_stream
from wdist_bench.recommend.trials import chosen
from wdist_bench.runs.suite import load_suite

SUITE = """
title = "Slips"
[[tasks]]
name = "gaussian_shift"
factor = {}
[[estimators]]
name = "exact"
"""


@dataclass(frozen=True)
class Needs(wb.DirectEstimator):
    name = "needs"
    version = 1
    target = "batch"
    bound = "none"

    width: float

    def estimate(self, samples, cost):
        return wb.Estimate(self.width, self.width**cost.p, target="batch", bound="none")


def frozen(name):
    return dataclass(frozen=True)(type("Anew", (Needs,), {"name": name, "__module__": __name__}))


def test_a_class_that_is_defined_again_takes_its_own_place_and_no_other():
    """As by running a cell of a notebook once more; of ours, and in functions, nothing is."""
    first, again, elsewhere = (frozen("anew") for _ in range(3))
    elsewhere.__qualname__ = "define.<locals>.Anew"
    ours = frozen("exact")
    ours.__qualname__ = wb.estimators.factory("exact").__qualname__
    try:
        for kind in (first, again):
            wb.estimators.register(kind)
            assert wb.estimators.factory("anew") is kind
        for kind in (elsewhere, elsewhere, ours):
            with pytest.raises(ValueError, match="is already registered by"):
                wb.estimators.register(kind)
    finally:
        del wb.estimators.registry._classes["anew"]


@dataclass(frozen=True)
class OnLines(wb.DirectEstimator):
    """As docs/adding.md says: its dimensions are known to `check_dim` alone."""

    name = "on_lines_alone"
    version = 1
    target = "batch"
    bound = "exact"
    every_cost = True

    def check_dim(self, dim):
        if dim != 1:
            raise ValueError(f"on_lines_alone: expected d = 1, got d = {dim}; use exact")

    def estimate(self, samples, cost):
        gaps = np.sort(samples.x[:, 0]) - np.sort(samples.y[:, 0])
        total = float((np.abs(gaps) ** cost.p).mean())
        return wb.Estimate(cost.root(total), total, target="batch", bound="exact")


STREAM = Stream(n=8, runs=1, eval_batches=2)


@pytest.mark.parametrize(
    "asked",
    [
        lambda task, one: wb.estimate(*task.sample(jax.random.key(0), 8), one),
        lambda task, one: wb.evaluate(task, one, eval_batches=2, batch_size=8),
        lambda task, one: run_stream(task, one, wb.Cost(1), STREAM),
        lambda task, one: run_fixed(task, one, wb.Cost(1), STREAM),
        lambda task, one: run_matched(task, one, wb.Cost(1), STREAM),
    ],
    ids=["estimate", "evaluate", "stream", "fixed", "matched"],
)
def test_dimensions_that_are_not_taken_are_refused_wherever_it_is_asked(asked):
    asked(wb.tasks.get("gaussian_shift", dim=1), OnLines())
    with pytest.raises(ValueError, match=r"on_lines_alone: expected d = 1, got d = 2"):
        asked(wb.tasks.get("gaussian_shift", dim=2), OnLines())


def test_a_matrix_of_costs_has_no_dimension():
    class OffLines(OnLines):
        def check_dim(self, dim):
            if dim < 2:
                raise ValueError(f"off_lines: expected d > 1, got d = {dim}; use exact")

    assert wb.estimate(None, None, OffLines(), cost=np.eye(3)).status == "ok"


def test_an_option_without_a_default_is_given_and_keeps_nobody_from_recommending(monkeypatch):
    monkeypatch.setitem(wb.estimators.registry._classes, "needs", Needs)
    assert "needs" not in chosen(None)
    assert chosen([Needs(2.0)]) == {"needs(width=2.0)": Needs(2.0)}
    monkeypatch.setattr(rules, "ESTIMATOR_RULES", {"is wide": lambda found: str(found.width)})
    assert [finding.note for finding in check("needs", width=2.0)] == ["2.0"]
    with pytest.raises(ValueError, match=r"got \[\] .*give what is missing"):
        check("needs")


@dataclass(frozen=True)
class Flat(wb.Task):
    """On the line, one axis short."""

    name = "flat"
    reference = "none"
    factor: float = 3.0

    def draw(self, key, n):
        x, y = jax.random.normal(key, (2, n))
        return x, y

    def truth_for(self, cost):
        return None


@dataclass(frozen=True)
class Drawn(wb.Sampler):
    """No pytree."""

    dim = 2

    def draw(self, key, n):
        x, y = jax.random.normal(key, (2, n, 3))
        return x, y


Wider = jax.tree_util.register_static(dataclass(frozen=True)(type("Wider", (Drawn,), {})))


@dataclass(frozen=True)
class Sampled(Flat):
    name = "sampled"

    def sampler(self):
        return Drawn() if self.factor == 3.0 else Wider()


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (
            Flat(),
            r"Flat: expected `draw` to give two arrays of shape \(n, dim\), got shapes \[\(1,\)",
        ),
        (Sampled(), "Drawn: expected a wb.Sampler that is a pytree dataclass"),
        (Sampled(1.0), "Wider: expected `draw` to give points of its `dim`, 2, got 3"),
    ],
)
def test_what_a_task_lacks_is_said_at_its_first_use(task, words, monkeypatch, tmp_path):
    with pytest.raises(TypeError, match=words) as raised:
        wb.evaluate(task, "gaussian", eval_batches=2)
    assert "\n" not in str(raised.value)
    monkeypatch.setitem(wb.tasks.registry._classes, "gaussian_shift", type(task))
    (tmp_path / "s.toml").write_text(SUITE.format(task.factor))
    with pytest.raises(ValueError, match=words):
        load_suite(tmp_path / "s.toml")
