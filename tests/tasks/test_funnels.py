"""Funnels: each pair certifies itself."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path

import jax
import numpy as np
import pytest
from second_route import certificate

import wdist_bench as wb

PUBLISHED = Path(__file__).parents[1] / "data" / "w1_benchmark_truth.csv"


def published_pairs():
    lines = [line for line in PUBLISHED.read_text().splitlines() if not line.startswith("#")]
    for row in csv.DictReader(lines):
        dim, width = int(row["dim"]), int(row["width"])
        large = dim * width > 4096
        yield pytest.param(
            f"w1_benchmark/dim{dim}_width{width}.npz",
            float(row["w1"]),
            float(row["se"]),
            id=f"dim{dim}-width{width}",
            marks=[pytest.mark.slow] if large else [],
        )


def published(file):
    folder = os.environ.get("WDIST_BENCH_DATA", "")
    if not folder or not (Path(folder) / file).is_file():
        pytest.skip(f"WDIST_BENCH_DATA names no folder with {file}")
    return wb.tasks.get("funnels", file=file)


@pytest.mark.slow
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"width": 1},
        {"dim": 1, "width": 5, "seed": 2},
        {"dim": 8, "width": 64, "power": 2.5},
        {"dim": 128, "width": 256, "seed": 4},
    ],
)
def test_generated_funnels_certify_every_pair(parameters):
    task = wb.tasks.get("funnels", **parameters)
    error, slope = certificate(task, 2000, float(task.rays.semi_length))
    assert error <= 1e-10
    assert slope <= 1 + 1e-12


@pytest.mark.parametrize(("file", "value", "stderr"), list(published_pairs()))
def test_published_pairs_match_their_reference(file, value, stderr):
    task = published(file)
    error, slope = certificate(task, 4000, float(task.rays.semi_length))
    assert error <= 1e-10
    assert slope <= 1 + 1e-12
    truth = task.truth()
    assert truth.stderr <= 0.003 * truth.value
    assert abs(truth.value - value) <= 3 * math.hypot(truth.stderr, stderr)


def test_the_simplex_cannot_beat_the_rays():
    x, y = task_pairs = wb.tasks.get("funnels", dim=4, width=32).pairs(jax.random.key(10), 400)
    moved = np.linalg.norm(np.subtract(*task_pairs), axis=1).mean()
    assert wb.estimate(x, y).value == pytest.approx(moved, abs=1e-10)


def test_funnels_of_power_one_move_nothing():
    truth = wb.tasks.get("funnels", power=1).truth()
    assert truth.value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("width", [1, 16])
def test_centers_stay(width):
    """A center has no ray; where no other funnel ends it either, its image was NaN."""
    task = wb.tasks.get("funnels", width=width)
    np.testing.assert_allclose(task.map(task.rays.centers), task.rays.centers)


def test_truth_is_known_where_the_critic_is():
    task = wb.tasks.get("funnels")
    assert task.truth(2) is None
    assert task.truth(1, "l1") is None
    assert task.pairs(jax.random.key(0), 3, 2) is None
    assert task.potential(np.zeros((1, 2)), 2) is None


def test_funnels_draw_x_and_y_independently():
    """Correlated draws would make batch values of the distance too small."""
    x, y = (np.asarray(v) for v in wb.tasks.get("funnels", width=1).sample(jax.random.key(3), 4000))
    correlation = np.corrcoef(x.T, y.T)[:2, 2:]
    assert np.abs(correlation).max() < 5 / math.sqrt(4000)
