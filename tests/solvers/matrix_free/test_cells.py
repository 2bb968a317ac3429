"""Cells of neighbours, their means, and the pairs of points of joined cells."""

from __future__ import annotations

import numpy as np
import pytest

from wdist_bench.solvers.matrix_free.cells import Cells, members


@pytest.mark.parametrize("n", [1, 4, 5, 64, 1003])
@pytest.mark.parametrize("spread", ["normal", "all equal"])
def test_every_point_is_in_one_cell_of_at_most_four(n, spread):
    points = np.random.default_rng(n).normal(size=(n, 3)) * (spread == "normal")
    cells = Cells.of(points)
    assert sorted(cells.order) == list(range(n))
    assert cells.size.sum() == n
    assert cells.size.min() >= 1
    assert cells.size.max() <= 4
    assert (cells.first == np.cumsum(cells.size) - cells.size).all()


def test_cells_hold_neighbours():
    line = np.random.default_rng(0).permutation(256)[:, None].astype(float)
    cells = Cells.of(line)
    for first, size in zip(cells.first, cells.size, strict=True):
        assert np.ptp(line[cells.order[first : first + size]]) == size - 1


def test_the_mean_of_a_cell_is_that_of_its_mass():
    points = np.array([[0.0], [1.0], [10.0], [13.0], [20.0]])
    parts = np.array([3, 1, 2, 2, 5]) * 10**9
    cells = Cells.of(points)
    assert cells.sums(parts).sum() == parts.sum()
    means = cells.points(points, parts, means=True)
    assert means @ np.ones(1) @ cells.sums(parts) == pytest.approx(parts @ points[:, 0])
    assert np.isin(cells.points(points, parts, means=False), points).all()


def test_members_are_all_pairs_of_joined_cells():
    rng = np.random.default_rng(1)
    left, right = Cells.of(rng.normal(size=(11, 2))), Cells.of(rng.normal(size=(23, 2)))
    joined = [(0, 3), (2, 1), (2, 7)]
    rows, columns = members(left, right, *np.array(joined).T)
    expected = [
        (i, j)
        for c, d in joined
        for i in left.order[left.first[c] : left.first[c] + left.size[c]]
        for j in right.order[right.first[d] : right.first[d] + right.size[d]]
    ]
    assert sorted(zip(rows, columns, strict=True)) == sorted(expected)
