"""The exact W1 between batches of 64 real images, against values measured by other programs."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.solvers.exact import solve_exact

BATCHES = 100


def batch_values(dataset, split):
    task = wb.tasks.get("image_batches", dataset=dataset, split=split)
    values = []
    for key in jax.random.split(jax.random.key(0), BATCHES):
        x, y = (np.asarray(points, np.float64) for points in task.sample(key, 64))
        values.append(solve_exact(Cost().matrix(x, y)).cost)
    return np.array(values)


# Measured without this package: NumPy on the raw bytes (CelebA: triangle filters as matrices),
# scipy's cdist and linear_sum_assignment, 800 to 1,500 batches. The standard error counts too.
@pytest.mark.parametrize(
    ("dataset", "split", "mean", "stderr", "sd"),
    [
        ("mnist", "test", 14.917, 0.009, 0.332),
        ("cifar10", "test", 27.067, 0.020, 0.615),
        ("celeba", "crop108", 47.335, 0.038, 1.077),
        ("celeba", "crop108_plain", 48.367, 0.038, 1.077),
    ],
)
def test_batches_of_64_are_as_far_apart_as_measured_elsewhere(
    real, dataset, split, mean, stderr, sd
):
    real(dataset, split)
    values = batch_values(dataset, split)
    assert abs(values.mean() - mean) < 4 * np.hypot(sd / BATCHES**0.5, stderr)
    assert 0.7 < values.std(ddof=1) / sd < 1.3  # 4 standard errors of an sd from 100 are 28 %
