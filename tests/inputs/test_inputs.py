"""Arrays, frames, times and weights are read as they are meant, or refused in words."""

from __future__ import annotations

import datetime
import pickle
from decimal import Decimal

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import wdist_bench as wb
from wdist_bench.validation import check_points, check_samples, check_weights

A = np.random.default_rng(0).normal(size=(6, 2))
FRAME = pd.DataFrame(A, columns=["h", "w"])
SWAPPED = FRAME[["w", "h"]]
DAYS = pd.DataFrame({"day": pd.to_datetime(["2020-01-01", "2020-01-03"])})


class FrameOfAnotherLibrary:
    """Names and values as polars gives them: no index, no iloc."""

    def __init__(self, frame):
        self.columns = list(frame.columns)
        self._frame = frame

    def to_numpy(self):
        return self._frame.to_numpy()


class Labelled:
    """An array with named dimensions and coordinates, as xarray's."""

    def __init__(self, values, names):
        self.values, self.dims, self.coords = values, ("row", "name"), {"name": np.array(names)}

    def __array__(self, dtype=None, copy=None):
        return self.values


def seconds(values, unit="s"):
    return np.array(values, f"timedelta64[{unit}]").reshape(-1, 1)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (FRAME, SWAPPED),
        (FRAME, A),
        (A, FRAME),
        (FRAME, pd.DataFrame(A)),
        (pd.DataFrame(A), pd.DataFrame(A)[[1, 0]]),
        (FrameOfAnotherLibrary(FRAME), FrameOfAnotherLibrary(SWAPPED)),
        (Labelled(A, ["h", "w"]), Labelled(A[:, ::-1], ["w", "h"])),
        (pa.table(dict(FRAME)), pa.table(dict(SWAPPED))),
        (FRAME.astype("Float64"), SWAPPED),
        (FRAME.map(lambda value: Decimal(repr(value))), A),
        (FRAME.assign(h=[True, False] * 3), np.c_[[1, 0] * 3, A[:, 1]]),
        (np.ma.array(A), A),
        (jnp.asarray(A), np.float64(np.float32(A))),
        (seconds([1, 2]), seconds([1000, 2000], "ms")),
        (DAYS.astype("datetime64[ns]"), DAYS.astype("datetime64[s]")),
        (DAYS, DAYS.astype(pd.ArrowDtype(pa.timestamp("ms")))),
    ],
)
def test_a_data_set_is_at_distance_0_from_itself_in_another_form(x, y):
    assert wb.estimate(x, y).value == 0


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (FRAME, FRAME.rename(columns={"h": "a"}), "got 'h' only in x and 'a' only in y; name"),
        (FRAME.assign(z=0.0), FRAME, "got 'z' only in x and none only in y"),
        (pd.DataFrame(A), pd.DataFrame(A, columns=[2019, 2020]), "'0', '1' only in x and '2019'"),
        (FRAME, FRAME.set_axis(["h", "h"], axis=1), "same columns, got 'w' only in x"),
        (FRAME.assign(z="dog"), FRAME, r"'dog' \(str\) in row 0 of column 'z'; encode"),
        (FRAME.assign(z=pd.Categorical(["a"] * 6)), FRAME, "in row 0 of column 'z'"),
        (FRAME.astype("Float64").mask(FRAME > 1), A, "x: expected finite .* in 1 of 6 points"),
        ([[1, None], [2, 3]], A, "x: expected finite .* in 1 of 2 points"),
        (np.array([[pd.NA, 1], [2, 3]], object), A, "x: expected finite .* in 1 of 2 points"),
        (pa.table({"h": [1, None], "w": [1.0, 2.0]}), A, "x: expected finite .* 1 of 2 points"),
        (np.ma.masked_less(A, -1), A, "x: expected no missing values, got masked ones in . of 6"),
        ([[np.ma.masked, 1.0]], A, "masked ones in 1 of 1 rows"),
        ([np.ma.array([1.0, 2.0], mask=[True, False])], A, "masked ones in 1 of 1 rows"),
        (np.array([["NaT"], [1]], "m8[s]"), seconds([1]), "x: expected times, got NaT in 1 of 2"),
        (seconds([1]), [[1.0]], r"one kind .* got timedelta64\[s\] and float64; convert both"),
        (DAYS, DAYS - DAYS, r"one kind .* got datetime64\[.s\] and timedelta64\[.s\]"),
        (seconds([1], "Y"), seconds([1], "D"), r"units that convert, got timedelta64\[Y\]"),
        (seconds([10**12]), seconds([1], "ns"), "some overflow in timedelta64"),
        (FRAME.assign(day=pd.Timestamp(0)), FRAME, "times beside other columns in column 'day'"),
        (pd.DataFrame({"d": [datetime.date(2020, 1, 1)]}), DAYS, "convert all columns to datetime"),
        (DAYS.assign(day=DAYS.day.dt.tz_localize("UTC")), DAYS, "without a time zone"),
        (np.array([[2**60 + 1]]), np.array([[2**60]]), "integers that float64 holds exactly"),
        (FRAME.reset_index(), FRAME.reset_index(), "got column 'index', which pandas writes"),
        (FRAME.assign(**{"Unnamed: 0": 3}), A, "got column 'Unnamed: 0', which pandas"),
        (np.zeros(3, [("h", float), ("w", float)]), A, "structured array with the fields 'h', 'w'"),
    ],
)  # fmt: skip
def test_what_cannot_be_matched_is_refused_in_one_line(x, y, expected):
    with pytest.raises((ValueError, TypeError), match=expected) as caught:
        wb.estimate(x, y)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("x.npy", "x: expected numbers in an array, got the text or path 'x.npy'; load the file"),
        (1.0, r"x: expected points of shape \(n, d\), got the single number 1.0"),
        ({"h": [1.0]}, r"x: expected numbers in an array, got dict; .*pandas.DataFrame"),
        ((row for row in A), "x: expected numbers in an array, got generator"),
        (seconds([1]), r"x: expected numbers, got times .* x / numpy.timedelta64\(1, 's'\)"),
    ],
)
def test_what_is_no_array_of_numbers_is_a_type_error(given, expected):
    with pytest.raises(TypeError, match=expected):
        check_points(given, "x")


def test_a_sparse_matrix_is_told_how_to_become_dense():
    sparse = pytest.importorskip("scipy.sparse")
    for kind in (sparse.csr_matrix, sparse.coo_array):
        with pytest.raises(TypeError, match=r"got the sparse .*; pass x.toarray\(\)"):
            wb.estimate(kind(A), A)


def test_times_are_counted_in_the_finer_unit_without_rounding():
    first = np.array([[10**18]]).astype("datetime64[ns]")  # float64 rounds this to 128 ns
    answer = wb.estimate(first, first + np.timedelta64(1, "ns"))
    assert answer.value == 1
    assert answer.message.endswith("in the unit ns")
    assert wb.estimate(seconds([1]), seconds([3500], "ms")).value == 2500
    assert "unit s" in wb.estimate(seconds([1]), seconds([3])).message


@pytest.mark.parametrize("kind", ["datetime64", "timedelta64"])
def test_times_that_float64_would_round_are_refused_with_a_unit_that_helps(kind):
    """Microseconds in ns, as pandas 2 has them, over four years."""
    x = np.array([[0], [4 * 31_536_000_000_000 + 1]]).astype(f"{kind}[us]")
    fine = x.astype(f"{kind}[ns]")
    with pytest.raises(ValueError, match=rf"as in x.astype\('{kind}\[us\]'\)") as caught:
        wb.estimate(fine, fine)
    assert "origin" not in str(caught.value)
    week = np.timedelta64(7, "D")
    assert wb.estimate(x, x + week).value == pytest.approx(week / np.timedelta64(1, "us"))


def test_series_weights_follow_the_rows_by_label():
    weights = pd.Series([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    checked = check_samples(FRAME, FRAME, weights[::-1], weights)
    np.testing.assert_array_equal(checked.a, checked.b)
    moved = FRAME.set_axis(list("abcdef"))
    checked = check_samples(moved, A, weights.set_axis(list("abcdef"))[::-1], weights)
    np.testing.assert_array_equal(checked.a, weights)
    np.testing.assert_array_equal(checked.b, weights)
    for points, series in (
        (moved, weights),
        (FRAME, weights.set_axis(list("abcdef"))),
        (A, weights[::-1]),
        (FRAME, weights.set_axis([0, 0, 1, 2, 3, 4])),
    ):
        with pytest.raises(ValueError, match=r"a: expected .*labels .*; pass a.to_numpy\(\)"):
            check_samples(points, A, series)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, jnp.bfloat16])
@pytest.mark.parametrize("count", [3, 1000, 20_000])
def test_weights_normalised_in_their_own_precision_are_accepted(dtype, count):
    # Not accepting these means that a / a.sum() is refused with the advice to compute a / a.sum().
    for seed in range(5):
        weights = jnp.asarray(np.random.default_rng(seed).random(count), dtype)
        weights = np.asarray(weights / weights.sum())
        checked = check_weights(weights, count, "a")
        assert checked.dtype == np.float64
        assert abs(checked.sum() - 1) < 1e-12
    with pytest.raises(ValueError, match=r"a: expected weights that sum to 1 within"):
        check_weights(np.asarray(weights, np.float64) * 1.1, count, "a")


def test_low_precision_excuses_only_its_own_rounding():
    with pytest.raises(ValueError, match=r"within 0\.0022, got a sum of 1\.02"):
        check_weights(np.full(6, 0.17, np.float16), 6, "a")
    with pytest.raises(ValueError, match=r"within 1e-06, got a sum of 1\.00001"):
        check_weights(np.full(8, 1 / 8 + 1.25e-6, np.float32), 8, "a")
    with pytest.raises(ValueError, match="within 1e-06"):
        check_weights(np.full(8, 1 / 8 + 1e-6), 8, "a")


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (np.ma.masked_equal([0.5, 0.5, 0, 0, 0, 0], 0), "a: expected no missing .* a.filled"),
        (np.full(6, 1 / 6) * 1j, "a: expected real numbers"),
        ([0.5, 0.5, None, 0, 0, 0], "a: expected finite weights"),
        (np.ones(6, bool), "a: expected numbers, got dtype bool"),
    ],
)
def test_bad_weights_are_refused(weights, expected):
    with pytest.raises((ValueError, TypeError), match=expected):
        wb.estimate(A, A, a=weights)


def test_parameters_of_tasks_lose_neither_masks_nor_labels():
    assert wb.tasks.get("own_data", samples=FRAME) == wb.tasks.get("own_data", samples=A)
    with pytest.raises(ValueError, match="samples: expected no missing values, got a masked"):
        wb.tasks.get("own_data", samples=np.ma.masked_less(A, 0))
    with pytest.raises(ValueError, match=r"x and y: expected plain arrays, got pandas objects"):
        wb.tasks.get("weighted_points", x=FRAME, y=SWAPPED)


@pytest.mark.parametrize("samples", [(FRAME, SWAPPED + 1), (A, FRAME + 1), (FRAME, A + 1)])
def test_maps_match_columns_too(samples):
    """Those of the very frame that `estimate` matched by name were taken by position."""
    answer = pickle.loads(pickle.dumps(wb.estimate(*samples, "gaussian", 2)))
    for carry in (answer.map, answer.inverse_map):
        np.testing.assert_array_equal(carry(SWAPPED), carry(A))
        np.testing.assert_array_equal(carry(FRAME), carry(A))
        with pytest.raises(ValueError, match="x and points: expected the same columns, got 'h'"):
            carry(FRAME.rename(columns={"h": "a"}))
    assert wb.estimate(*samples).map is None


def test_recommend_matches_columns_too():
    with pytest.raises(ValueError, match="got 'h' only in x and 'a' only in y"):
        wb.recommend(FRAME, FRAME.rename(columns={"h": "a"}))


def test_answers_are_equal_by_content():
    x, y = A[:3], A[3:]
    assert wb.estimate(x, y) == wb.estimate(x, y)
    assert (wb.estimate(x, y) == wb.estimate(x, y + 1)) is False
    assert wb.estimate(x, y).potentials == wb.estimate(x, y).potentials
    assert wb.estimate(x, y).potentials != wb.estimate(x, y * [[1], [2], [3]]).potentials
    failed = wb.Estimate.failed(
        "error", "", target="batch", bound="none", history=np.array([np.nan])
    )
    again = wb.Estimate.failed(
        "error", "", target="batch", bound="none", history=np.array([np.nan])
    )
    other = wb.Estimate.failed("error", "", target="batch", bound="none", history=np.zeros(2))
    assert failed == again != other
    assert failed != 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(failed)


class Recorded:
    """A tensor of PyTorch whose gradient is recorded."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )


def test_a_tensor_with_a_gradient_is_led_to_what_keeps_it():
    with pytest.raises(TypeError, match=r"detach.* wdist_bench\.pytorch keeps its gradient"):
        wb.distance(Recorded(), A)
