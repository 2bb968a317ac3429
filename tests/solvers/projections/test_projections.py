"""Distances of projections: what rounding takes off them."""

from __future__ import annotations

import numpy as np

import wdist_bench as wb


def test_rounding_comes_off_a_bound_at_every_power():
    """d^25 of rounding is 0 in float64, though d is not. The coupling of y = x + v costs |v|."""
    for seed in range(6):
        x = np.random.default_rng(seed).uniform(size=(5, 3))
        y = x + 1e-10 * np.array([1.0, 0.5, 0.3])
        coupling = (np.linalg.norm((y - x) * 2.0**33, axis=1) ** 25).mean() ** (1 / 25) * 2.0**-33
        assert wb.estimate(x, y, "max_sliced", p=25).lower <= coupling * (1 + 1e-8)
