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


@pytest.mark.parametrize("t", [1.0, 1e-3, 1e-8, 1e-200])
def test_little_uniform_noise_keeps_its_digits(t):
    """W_1 = t^2 / (2 sqrt(3) s), and W_p^p = b^p (b / a) / ((p + 1) (2 p + 1)), for t <= s."""
    task = wb.tasks.get("noisy", dim=1, noise="uniform", noise_std=t)
    for p in (1, 1.5, 2, 7):
        wanted = math.sqrt(3) * t * (t / ((p + 1) * (2 * p + 1))) ** (1 / p)
        assert task.truth(p).value == pytest.approx(wanted, rel=1e-11, abs=0)


@pytest.mark.parametrize("p", [1, 1.5, 2, 7])
def test_much_uniform_noise_by_quantiles(p):
    """Midpoints of a million parts of the levels above 1/2."""
    s, t = 0.4, 1.3
    a, b = math.sqrt(3) * s, math.sqrt(3) * t
    v = (np.arange(10**6) + 0.5) / (2 * 10**6)  # P(Y > y)
    y = np.where(v < a / (2 * b), a + b - 2 * np.sqrt(2 * a * b * v), b * (1 - 2 * v))
    wanted = np.mean(np.abs(y - a * (1 - 2 * v)) ** p) ** (1 / p)
    found = wb.tasks.get("noisy", dim=1, noise="uniform", base_std=s, noise_std=t).truth(p).value
    assert found == pytest.approx(wanted, rel=1e-6)
