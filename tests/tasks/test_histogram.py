"""Histograms: the textbook numbers, both of them."""

from __future__ import annotations

import numpy as np
import pytest

import wdist_bench as wb


def test_textbook_histogram_moves_five_units():
    task = wb.tasks.get("histogram")
    assert task.work == 5.0
    assert task.truth(1).value == 0.5
    assert "5 units of mass x distance over a mass of 10" in task.truth(1).reference
    doubled = wb.tasks.get("histogram", weights_x=[6, 4, 2, 8], weights_y=[2, 4, 8, 6])
    assert (doubled.work, doubled.truth(1).value) == (10.0, 0.5)


@pytest.mark.parametrize(
    ("x", "y"),
    [((1, 2, 7), (3, 0, 7)), ((0.1, 0.2, 0.7), (0.3, 0, 0.7))],
    ids=["counts", "weights"],
)
@pytest.mark.parametrize(("far", "p"), [(1e16, 1), (1e8, 2), (1e6, 3), (1000.0, 7)])
def test_no_sliver_of_rounding_travels(far, p, x, y):
    """Levels .1 + .2 and .3 are one level: mass between them would go from 1 to the far end."""
    task = wb.tasks.get("histogram", positions=(0.0, 1.0, far), weights_x=x, weights_y=y)
    assert task.truth(p).value == pytest.approx(0.2 ** (1 / p), rel=1e-12)


def test_small_masses_are_no_rounding():
    """One count of 10^17 at the far end, and proportional masses."""
    rare = wb.tasks.get("histogram", positions=(0.0, 1e10), weights_x=(10**17 - 1, 1),
                        weights_y=(10**17 - 2, 2))  # fmt: skip
    assert rare.truth(2).value == pytest.approx(10**1.5, rel=1e-9)
    same = wb.tasks.get("histogram", positions=(0.0, 1.0, 2.0), weights_x=(1, 3, 3),
                        weights_y=0.1 * np.array([1, 3, 3]) / 0.7 * 7)  # fmt: skip
    assert same.truth(7).value == 0
