"""Images moved along funnels: every pair certifies itself, and batches are disjoint."""

from __future__ import annotations

import os

import jax
import numpy as np
import pytest
from second_route import certificate

import wdist_bench as wb
from wdist_bench import datasets


@pytest.mark.parametrize("parameters", [{}, {"dataset": "patches", "width": 5, "seed": 3}])
def test_every_pair_certifies_itself(parameters):
    error, slope = certificate(wb.tasks.get("funnel_images", **parameters), 100, 1.5)
    assert error < 1e-11
    assert slope <= 1 + 1e-12


@pytest.mark.parametrize("dataset", ["cifar10", "celeba"])
def test_large_images_certify_themselves(dataset):
    if not os.environ.get("WDIST_BENCH_DATA"):
        pytest.skip("WDIST_BENCH_DATA names no folder with images")
    try:
        task = wb.tasks.get("funnel_images", dataset=dataset)
        task.sampler()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    error, slope = certificate(task, 20, 1.5)
    assert error < 1e-11
    assert slope <= 1 + 1e-12


def test_the_truth_is_the_mean_over_all_images():
    """Chunk by chunk as at once, and for p = 1 in l2 alone."""
    task = wb.tasks.get("funnel_images", width=4)
    images = datasets.load("digits", "all")
    x = images.pixels.astype(np.float32) * np.float32(2 / images.maximum) - 1
    moved = np.linalg.norm(x - task.optimal_map().move(x.astype(np.float64)), axis=1)
    assert task.truth().value == pytest.approx(moved.mean(), rel=1e-12)
    assert task.truth().value > 1
    for p, norm in ((2, "l2"), (1, "l1")):
        assert task.truth(p, norm) is None
    assert wb.tasks.get("funnel_images", power=1).truth().value == pytest.approx(0, abs=1e-9)


def test_batches_come_from_disjoint_images():
    """The images of y are those that x does not have."""
    task = wb.tasks.get("funnel_images", width=3)
    x, y = (np.asarray(v) for v in task.sample(jax.random.key(1), 300))
    images = datasets.load("digits", "all")
    rows = images.pixels.astype(np.float32) * np.float32(2 / images.maximum) - 1
    moved = task.optimal_map().move(rows.astype(np.float64))
    near = np.abs(moved[None] - y[:20, None]).max(-1).argmin(1)
    np.testing.assert_allclose(moved[near], y[:20], atol=1e-12)
    for row in rows[near]:
        assert not (x == row).all(1).any()
