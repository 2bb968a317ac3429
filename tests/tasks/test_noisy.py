"""The noise bounds of Arjovsky and Bottou hold, and their ingredients are right."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest

import wdist_bench as wb


@pytest.mark.parametrize("noise", ["gaussian", "uniform"])
@pytest.mark.parametrize(("dim", "base", "extra"), [(1, 1.0, 0.1), (1, 0.2, 3.0), (4, 1.0, 1.0)])
def test_noise_bounds_hold(noise, dim, base, extra):
    task = wb.tasks.get("noisy", dim=dim, base_std=base, noise_std=extra, noise=noise)
    _, y = task.sample(jax.random.key(2), 20_000)
    x, _ = task.sample(jax.random.key(2), 20_000)
    assert np.asarray(x).std() == pytest.approx(base, rel=0.03)
    assert np.asarray(y).std() == pytest.approx(math.hypot(base, extra), rel=0.03)
    assert task.variance == pytest.approx(dim * extra**2)
    w2 = task.truth(2).value  # W_1 <= W_2
    assert w2 < task.noise_bound < task.theorem_3_3_bound
    assert math.isinf(task.diameter) == (noise == "gaussian")


def test_jensen_shannon_divergence_against_sums_on_a_grid():
    """By histograms of convolved grids, in one dimension and in two (where jsd is a bound)."""
    a, b = math.sqrt(3) * 1.0, math.sqrt(3) * 0.5
    step = 0.005
    half = round((a + 2 * b) / step) + 2
    z = step * np.arange(-half, half + 1)
    base, noise = ((np.abs(z) <= w).astype(float) for w in (a, b))
    p = np.convolve(base, noise, "same")
    q = np.convolve(p, noise, "same")
    p, q = p / p.sum(), q / q.sum()

    def divergence(p, q):
        def against(d):
            return np.sum(d[d > 0] * np.log(2 * d[d > 0] / (p + q)[d > 0])) / 2

        return against(p) + against(q)

    task = wb.tasks.get("noisy", dim=1, noise="uniform", noise_std=0.5)
    assert task.jsd == pytest.approx(divergence(p, q), rel=0.01)
    plane = wb.tasks.get("noisy", dim=2, noise="uniform", noise_std=0.5).jsd
    exact = divergence(
        np.multiply.outer(p[::4], p[::4]) * 16, np.multiply.outer(q[::4], q[::4]) * 16
    )
    assert 0.8 * plane < exact < plane
