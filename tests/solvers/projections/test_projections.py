"""Distances of projections: what rounding takes off them, and few points of many coordinates."""

from __future__ import annotations

import numpy as np
import pytest

import wdist_bench as wb


@pytest.mark.parametrize("method", ["max_sliced", "subspace_robust"])
def test_no_square_matrix_of_many_columns_is_made(method, monkeypatch):
    """Turned into more coordinates, points keep the distance that they have in the plane."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 12, 3)) * [5.0, 1.0, 0.1]
    turn = np.linalg.qr(rng.normal(size=(60, 3)))[0].T
    sizes, eigh = [], np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda matrix: sizes.append(len(matrix)) or eigh(matrix))
    found, wanted = (wb.estimate(u, v, method, 2) for u, v in ((x @ turn, y @ turn), (x, y)))
    assert max(sizes) <= 24
    assert found.status == "ok"
    assert found.value == pytest.approx(wanted.value, rel=2e-3)
    assert found.lower <= found.value <= wb.estimate(x, y, p=2).value * (1 + 1e-9)


def test_rounding_comes_off_a_bound_at_every_power():
    """d^25 of rounding is 0 in float64, though d is not. The coupling of y = x + v costs |v|."""
    for seed in range(6):
        x = np.random.default_rng(seed).uniform(size=(5, 3))
        y = x + 1e-10 * np.array([1.0, 0.5, 0.3])
        coupling = (np.linalg.norm((y - x) * 2.0**33, axis=1) ** 25).mean() ** (1 / 25) * 2.0**-33
        assert wb.estimate(x, y, "max_sliced", p=25).lower <= coupling * (1 + 1e-8)
