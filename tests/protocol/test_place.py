"""Costs that moving all points changes are taken where the points are, with their digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.protocol.fixed import run_fixed
from wdist_bench.protocol.place import sampler_for
from wdist_bench.protocol.stream import Stream, batch_truths, run_stream
from wdist_bench.runs.cell import Cell

SMALL = Stream(n=4, runs=1, eval_batches=2)
# Single points, half a degree apart at 60 degrees north: every batch costs their distance.
NORTH = {"x": ((60.0, 10.0),), "y": ((60.0, 10.5),)}


def log_ratios(x, y):
    return np.abs(np.log(x[:, None] / y[None])).sum(-1)


@pytest.mark.parametrize(
    "cost", [wb.costs.Sphere(radius=6371.0), wb.Cost(1, "cosine"), log_ratios],
    ids=["sphere", "cosine", "function"],
)  # fmt: skip
def test_points_far_from_zero_are_not_moved_under_costs_that_mind(cost):
    """At the equator half a degree is twice as long, and the angle of (60, 10) is another."""
    task = wb.tasks.get("weighted_points", **NORTH)
    assert task.origin.any()
    exact, nearest = (wb.estimators.get(name) for name in ("exact", "nearest_neighbor"))
    ground = wb.costs.as_cost(cost)
    right = float(ground.matrix(*NORTH.values())[0, 0])
    for found in (
        wb.evaluate(task, exact, cost=cost, batch_size=4, eval_batches=2).cost,
        wb.evaluate(task, nearest, cost=cost, batch_size=4, eval_batches=2).cost,
        run_stream(task, exact, ground, SMALL).costs,
        run_stream(task, nearest, ground, SMALL).costs,
        run_fixed(task, exact, ground, SMALL).costs,
        batch_truths(task, ground, SMALL),
    ):
        np.testing.assert_allclose(found, right, rtol=1e-9)


def test_a_trained_bound_holds_in_place():
    rows = 10 + 0.1 * np.random.default_rng(0).normal(size=(60, 3))
    task = wb.tasks.get("own_data", samples=rows, shift=(0.2, 0.0, 0.0))
    cost, critic = wb.Cost(1, "cosine"), wb.estimators.get("c_transform", steps=2, hidden=(8,))
    exact = batch_truths(task, cost, SMALL)
    assert (exact < 0.1).all()  # radians; about the origin of the rows they are above .3
    assert (run_stream(task, critic, cost, SMALL).costs <= exact * (1 + 1e-9)).all()


def test_what_may_be_moved_is_drawn_near_zero_and_keys_say_which():
    task = wb.tasks.get("weighted_points", **NORTH)
    for cost in (wb.Cost(2, "linf"), wb.costs.Torus(360.0)):
        assert type(sampler_for(task, cost)) is type(task.sampler())
    cell = Cell("weighted_points", NORTH, "exact", {})
    assert cell.identity("cpu")["origin"] == [60.0, 10.25]
    assert "origin" not in replace(cell, norm="cosine").identity("cpu")


@pytest.mark.parametrize("method", ["exact", "nearest_neighbor"])
def test_points_that_a_cost_refuses_are_refused_on_tasks_too(method):
    """What is on no sphere had a number, status ok, as a lower bound."""
    task, estimator = wb.tasks.get("gaussian_shift", dim=3), wb.estimators.get(method)
    for call in (wb.evaluate, run_stream):
        options = {"cost": wb.costs.Sphere()} if call is wb.evaluate else {}
        rest = () if options else (wb.costs.Sphere(), SMALL)
        with pytest.raises(ValueError, match="x: expected unit vectors"):
            call(task, estimator, *rest, **options)


@pytest.mark.parametrize("shift", [0.04, 0.17])
def test_lower_bounds_hold_for_rows_on_two_scales(shift):
    """No origin serves both: float32 rounded 1e6 + .04 to 1e6 + .0625."""
    rows = np.r_[np.zeros((49, 1)), [[1e6]]]
    task, stream = wb.tasks.get("own_data", samples=rows, shift=shift), Stream(64, 1, 20)
    critic = wb.estimators.get("c_transform", steps=2, hidden=(8,))
    exact = batch_truths(task, wb.Cost(), stream)
    for method in (wb.estimators.get("nearest_neighbor"), critic):
        found = run_stream(task, method, wb.Cost(), stream)
        assert (found.costs <= exact * (1 + 1e-9)).all()
    assert set(found.agreement) == {"gradient_cosine", "gradient_l2"}
    assert not wb.tasks.get("own_data").sampler().on_two_scales
