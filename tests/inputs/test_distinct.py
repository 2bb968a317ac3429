"""Rows that differ: as np.unique finds them, without a type of a field a column."""

from __future__ import annotations

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.inputs.distinct import distinct
from wdist_bench.problem import Samples
from wdist_bench.recommend.likeness import merged
from wdist_bench.recommend.task_weights import FewPoints

EDGES = np.array([0.0, -0.0, 1.0, -1.0, 5e-324, -5e-324, 1e300, -1e300, 2.0, -0.5])


@pytest.mark.parametrize("columns", [1, 2, 3, 400])
@pytest.mark.parametrize("rows", [0, 1, 40])
def test_rows_places_and_counts_are_those_of_numpy(rows, columns):
    rng = np.random.default_rng(columns)
    given = np.zeros((rows, columns))
    given[:, -3:] = rng.choice(EDGES, (rows, min(columns, 3)))  # the first 256 may tell nothing
    single = np.clip(given, -1e30, 1e30).astype(np.float32)
    for array in (given, np.asfortranarray(given), given[:, ::-1], single):
        known = np.unique(array + 0.0, axis=0, return_inverse=True, return_counts=True)
        found = distinct(array)
        for one, other in zip(found, known, strict=True):
            np.testing.assert_array_equal(one, other.reshape(one.shape))


def test_no_column_becomes_a_field(monkeypatch):
    """Looks at pairs of many columns took minutes beyond any budget, before the clock was asked."""
    unique = np.unique

    def checked(*given, axis=None, **options):
        assert axis is None
        return unique(*given, **options)

    monkeypatch.setattr(np, "unique", checked)
    x = np.random.default_rng(0).normal(size=(30, 3))
    assert merged(x)[0] is x
    assert len(merged(np.repeat(x, 4, axis=0))[0]) == 30
    assert len(FewPoints.of({"x": np.repeat(x, 4, axis=0)}).points) == 30
    assert Samples(x, x[::-1].copy()).coincide()
    assert wb.estimate(x, x + 1, p=2).map(x) == pytest.approx(x + 1)
    assert wb.population_interval(x, x + 1).status == "ok"
