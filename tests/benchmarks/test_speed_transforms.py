"""The scripts that measure transforms, `exact` and scaling measure what they say; no times here."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "speed"))
import exact
import scaling
import transforms
from fresh import in_fresh_process
from tables import with_earlier


@pytest.mark.parametrize("case", transforms.CASES, ids=str)
def test_every_route_gives_the_transform(case):
    route, p, potential, dim, *_ = case
    found = transforms.measure(route, p, potential, 2000, dim)
    assert found["error"] < (1e-4 if route == "float32" else 1e-12)


def test_rows_of_an_earlier_run_are_kept_unless_measured_again(tmp_path):
    def rows(route, sizes, seconds):
        return pd.DataFrame({"route": route, "n": sizes, "seconds": seconds})

    path = tmp_path / "table.csv"
    order = {"route": ["host", "device"], "n": [10, 100]}
    keep = {"same": ["route", "n"], "order": order}
    first = pd.concat([rows("device", [100, 10], 1.0), rows("host", [10], 2.0)])
    with_earlier(first, path, **keep).to_csv(path, index=False)
    found = with_earlier(rows("device", [100], 5.0), path, **keep)
    assert list(found["seconds"]) == [2.0, 1.0, 5.0]
    assert list(found["n"]) == [10, 10, 100]


def test_the_three_exact_routes_agree():
    values = [exact.once(name, 64, 3)["value"] for name in exact.METHODS]
    np.testing.assert_allclose(values, values[0], rtol=1e-9)


def test_an_exponent_is_that_of_a_power_law_with_an_offset_at_small_sizes():
    sizes = [10, 20, 40, 80, 160, 320]
    assert scaling.exponent(sizes, [3.0 * s**1.7 for s in sizes]) == pytest.approx(1.7)
    with_offset = [1000, 1000, 1000, *(s**2 for s in sizes[3:])]
    assert scaling.exponent(sizes, with_offset) == pytest.approx(2)


def test_the_names_of_curves_are_unique():
    names = [curve.name for curve in scaling.CURVES]
    assert len(set(names)) == len(names)


def allocate(mib: int) -> dict[str, int]:
    """Touch so much memory, for the test below."""
    return {"bytes": int(np.ones(mib * 2**17).sum()) * 8}


@pytest.mark.slow
def test_memory_is_that_of_the_call():
    """The parent's own memory, which is larger, does not count. The kernel counts to some MiB."""
    ballast = np.ones(400 * 2**17)
    mib = 300
    here = {"PYTHONPATH": str(Path(__file__).parent)}
    found = in_fresh_process(Path(__file__).stem, "allocate", mib, environment=here)
    assert mib - 3 <= found["peak_mib"] <= mib + ballast.nbytes / 2**20 / 10


@pytest.mark.parametrize("n", [2 * 10**5, pytest.param(10**6, marks=pytest.mark.slow)])
def test_the_nearest_neighbour_of_many_points_is_computed_in_little_memory(n):
    """10^6 points a side are 10^12 costs, 8 TB; 2 GiB are allowed, in proportion for fewer."""
    found = in_fresh_process("transforms", "measure", "estimator", 1, "zero", n, 3)
    assert found["peak_mib"] < 2048 * n / 10**6
