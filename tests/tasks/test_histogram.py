"""Histograms: the textbook numbers, both of them."""

from __future__ import annotations

import wdist_bench as wb


def test_textbook_histogram_moves_five_units():
    task = wb.tasks.get("histogram")
    assert task.work == 5.0
    assert task.truth(1).value == 0.5
    assert "5 units of mass x distance over a mass of 10" in task.truth(1).reference
    doubled = wb.tasks.get("histogram", weights_x=[6, 4, 2, 8], weights_y=[2, 4, 8, 6])
    assert (doubled.work, doubled.truth(1).value) == (10.0, 0.5)
