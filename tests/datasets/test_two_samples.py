"""Two samples out of files: columns and groups by name, weights, scaling, and what is doubtful."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import wdist_bench as wb
from wdist_bench.datasets.tables import load_rows

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "height": RNG.normal(170, 10, 40),
        "weight": RNG.normal(70, 5, 40),
        "kind": ["a", "b"] * 20,
        "count": RNG.integers(0, 5, 40),
    }
)
SAVE = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "semicolons.csv": lambda frame, path: frame.to_csv(path, index=False, sep=";", decimal=","),
    "tabs.csv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "parquet": lambda frame, path: frame.to_parquet(path),
    "npz": lambda frame, path: np.savez(
        path, **{k: frame[k].to_numpy(dtype=str if k == "kind" else None) for k in frame}
    ),
}


@pytest.fixture(params=SAVE)
def file(request, tmp_path):
    path = tmp_path / f"table.{request.param}"
    SAVE[request.param](TABLE, path)
    return path


def group(kind, columns=("height", "weight")):
    return TABLE.loc[TABLE["kind"] == kind, list(columns)]


def test_two_groups_of_one_file_in_every_format(file):
    found = wb.read_samples(file, by="kind", columns=["weight", "height"])
    assert (found.groups, found.columns) == (("a", "b"), ["weight", "height"])
    np.testing.assert_allclose(found.x, group("a", ("weight", "height")), rtol=1e-12)
    np.testing.assert_allclose(found.y, group("b", ("weight", "height")), rtol=1e-12)


def test_weights_are_a_column_that_is_no_coordinate(file):
    found = wb.read_samples(file, by="kind", weights="count")
    assert found.columns == ["height", "weight"]
    counts = group("a", ["count"])["count"].to_numpy()
    np.testing.assert_allclose(found.a, counts / counts.sum(), rtol=1e-12)
    known = wb.estimate(found.x, found.y, a=found.a, b=found.b)
    repeated = [np.repeat(group(k), group(k, ["count"])["count"], axis=0) for k in "ab"]
    assert known.value == pytest.approx(wb.estimate(*repeated).value, rel=1e-9)


def test_a_data_frame_is_a_table_too():
    found = wb.read_samples(TABLE, by="kind", groups=["b", "a"], columns=["height"])
    assert found.groups == ("b", "a")
    np.testing.assert_array_equal(found.x, group("b", ["height"]))
    two = wb.read_samples(group("a"), group("b")[["weight", "height"]])
    assert two.columns == ["height", "weight"]
    assert wb.estimate(two.x, two.y).value == wb.estimate(group("a"), group("b")).value
    scaled = wb.read_samples(group("a"), group("b")[["weight", "height"]], standardize=True)
    np.testing.assert_allclose(scaled.y, group("b") / scaled.scales)


def test_columns_without_names_are_counted(tmp_path):
    np.savetxt(tmp_path / "x.csv", group("a"), delimiter=",")
    np.save(tmp_path / "y.npy", group("b"))
    found = wb.read_samples(tmp_path / "x.csv", tmp_path / "y.npy", columns=["2"])
    np.testing.assert_array_equal(found.x, group("a", ["weight"]))
    np.testing.assert_array_equal(found.y, group("b", ["weight"]))
    assert found.columns == []


def test_row_numbers_are_left_out_beside_groups_and_weights_too(tmp_path):
    """As `to_csv` writes them; of one group they are no longer 0 to n - 1."""
    path = tmp_path / "numbered.csv"
    TABLE.to_csv(path)
    found = wb.read_samples(path, by="kind", weights="count")
    assert found.columns == ["height", "weight"]
    np.testing.assert_array_equal(found.x, group("a"))
    TABLE.drop(columns="kind").to_csv(path)
    assert wb.read_samples(path, path, weights="count").columns == ["height", "weight"]
    TABLE.set_axis(range(5, 45)).to_csv(path)
    with pytest.raises(ValueError, match="expected a name for every column"):
        wb.read_samples(path, by="kind")


def test_words_in_rows_of_another_group_are_no_matter(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("h,kind\n1.5,a\nlost,c\n2.5,b\nhigh,b\n")
    with pytest.raises(ValueError, match="got 'high' in row 5, column 1"):
        wb.read_samples(path, by="kind", groups=["a", "b"])
    path.write_text("h,kind\n1.5,a\nlost,c\n2.5,b\n")
    np.testing.assert_array_equal(wb.read_samples(path, by="kind", groups=["a", "b"]).y, [[2.5]])


def test_a_name_that_comes_twice_is_refused_where_it_is_asked_for(tmp_path):
    path = tmp_path / "twice.csv"
    path.write_text("a,a,b\n1.5,10.5,0\n2.5,20.5,1\n")
    assert wb.read_samples(path, path, columns=["b"]).columns == ["b"]
    assert wb.read_samples(path, by="b").x.shape == (1, 2)
    for options in ({"columns": ["a"]}, {"weights": "a"}):
        with pytest.raises(ValueError, match="expected one column 'a', got 2 of that name"):
            wb.read_samples(path, path, **options)


def test_arrays_of_an_npz_file_by_key(tmp_path):
    path = tmp_path / "both.npz"
    x, y = group("a").to_numpy(), group("b").to_numpy()[:7]
    np.savez(path, x=x, y=y)
    found = wb.read_samples(path)
    np.testing.assert_array_equal(found.x, x)
    np.testing.assert_array_equal(found.y, y)
    np.testing.assert_array_equal(load_rows(f"{path}:y", "x"), y)
    with pytest.raises(ValueError, match=r"got the keys x, y; name one, as in FILE.npz:x"):
        load_rows(path, "x")
    with pytest.raises(ValueError, match=r"key of x .*expected one of x, y, got 'z'"):
        load_rows(f"{path}:z", "x")
    labelled = tmp_path / "labelled.npz"
    np.savez(labelled, samples=x, label=np.arange(len(x)) % 2, other=x[:, 0])
    found = wb.read_samples(labelled, by="label")
    assert found.columns == ["samples[0]", "samples[1]"]
    np.testing.assert_array_equal(found.y, x[1::2])
    assert wb.read_samples(labelled, by="label", columns=["samples", "other"]).x.shape[1] == 3


def test_no_array_of_an_npz_file_is_lost_or_taken_silently(tmp_path):
    """Weights beside x and y were dropped; beside `samples` of one column all else was taken."""
    path, rows = tmp_path / "pair.npz", np.array([[0.0], [1.0]])
    np.savez(path, x=rows, y=rows, a=[9, 1], b=[0.1, 0.9])
    found = wb.read_samples(path)
    assert wb.estimate(found.x, found.y, a=found.a, b=found.b).value == pytest.approx(0.8)
    with pytest.raises(ValueError, match=r"weights: expected none beside those of .*pair.npz:a"):
        wb.read_samples(path, weights="1")
    for b, got in (([1.0], r"\(1,\)"), (np.ones((2, 2)), r"\(2, 2\)")):
        np.savez(path, x=rows, y=rows, b=b)
        with pytest.raises(ValueError, match=rf"b \(.*for each of 2 rows, got shape {got}; save"):
            wb.read_samples(path)
    np.savez(path, x=rows, y=rows, w=[9, 1])
    with pytest.raises(ValueError, match="got w beside them; name both"):
        wb.read_samples(path)
    np.savez(path, samples=np.arange(4.0), visit=np.arange(4.0), group=["u", "v"] * 2)
    assert wb.read_samples(path, by="group").columns == ["samples"]


def test_a_column_of_an_array_that_groups_or_weighs_is_no_coordinate(tmp_path):
    path, table = tmp_path / "t.npz", np.column_stack([np.arange(4.0), [5, 5, 7, 7]])
    np.savez(path, samples=table, visit=np.arange(4.0))
    for columns in (None, ["samples"]):
        found = wb.read_samples(path, by="samples[1]", columns=columns)
        np.testing.assert_array_equal(found.y, table[2:, :1])
        found = wb.read_samples(path, path, weights="samples[1]", columns=columns)
        np.testing.assert_array_equal(found.x, table[:, :1])
    named = wb.read_samples(path, by="samples[1]", columns=["samples[1]"])
    np.testing.assert_array_equal(named.y, table[2:, 1:])
    with pytest.raises(ValueError, match=r"one column of labels, got 2 .*as in 'samples\[0\]'"):
        wb.read_samples(path, by="samples")


def test_scaling_is_that_of_all_rows_and_undoes_units():
    plain = wb.read_samples(TABLE, by="kind", columns=["height", "weight"], standardize=True)
    both = np.concatenate([plain.x, plain.y])
    np.testing.assert_allclose(both.std(0), 1, rtol=1e-12)
    np.testing.assert_allclose(plain.scales, TABLE[["height", "weight"]].std(ddof=0), rtol=1e-12)
    other = TABLE.assign(height=TABLE["height"] * 1e6, constant=3.0)
    scaled = wb.read_samples(
        other, by="kind", columns=["height", "weight", "constant"], standardize=True
    )
    np.testing.assert_allclose(scaled.x.iloc[:, :2], plain.x, rtol=1e-9)
    assert scaled.scales[2] == 1
    weighted = wb.read_samples(TABLE, by="kind", weights="count", standardize=True)
    mass = TABLE["count"] / TABLE.groupby("kind")["count"].transform("mean")
    mean = np.average(TABLE["height"], weights=mass)
    expected = np.sqrt(np.average((TABLE["height"] - mean) ** 2, weights=mass))
    assert weighted.scales[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("size", [1e160, 1e-170, 1e-200])
def test_scaling_and_shares_hold_in_every_unit(size):
    x, y = np.array(group("a")), np.array(group("b"))
    plain = wb.read_samples(x, y, standardize=True)
    scaled = wb.read_samples(x * [1, size], y * [1, size], standardize=True)
    np.testing.assert_allclose(scaled.x, plain.x, rtol=1e-12)
    assert "makes 100.0 % of" in wb.read_samples(x * [1, size], y * [1, size]).remark


def test_rows_without_mass_have_no_say_in_scales():
    one = pd.DataFrame({"h": [1.0, 2.0, 4.0, 1e300], "w": [1.0, 1.0, 1.0, 0.0]})
    found, plain = (wb.read_samples(t, t, weights="w", standardize=True) for t in (one, one[:3]))
    np.testing.assert_allclose(found.scales, plain.scales)


def test_a_column_that_makes_the_distance_is_named_with_its_share():
    one, two = np.random.default_rng(1).normal(40_000, 8_000, (2, 20))
    other = group("a").assign(income=one)
    found = wb.read_samples(other, group("b").assign(income=two))
    x, y = found.x.to_numpy(), found.y.to_numpy()
    squares = ((x[:, None] - y[None]) ** 2).mean((0, 1))  # over all pairs
    share = squares[2] / squares.sum()
    assert share > 0.9
    said = float(found.remark.split("makes ")[1].split(" %")[0])
    assert 100 * share - 0.1 <= said <= 100 * share
    assert "column 'income'" in found.remark
    assert "--standardize" in found.remark
    assert wb.read_samples(other, by=None, y=other, standardize=True).remark == ""
    assert wb.read_samples(TABLE, by="kind", columns=["height", "weight"]).remark == ""
    assert wb.read_samples(TABLE, by="kind", columns=["height"]).remark == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"by": "kin"}, "column of x: expected one of height, .*did you mean 'kind'"),
        ({"by": "count"}, r"expected two groups in column 'count', got 5: 0 \(.* rows\), .*groups"),
        ({"by": "kind", "groups": ["a", "c"]}, r"groups: .* there are a \(20 rows\), b \(20 rows"),
        ({"by": "kind", "groups": ["a"]}, "groups: expected two different ones"),
        ({"groups": ["a", "b"]}, "y: expected a second table"),
        ({}, "y: expected a second table, or a column .* add --by COLUMN"),
        ({"by": "kind", "y": TABLE}, "by: expected one table, .* got two"),
        ({"by": "kind", "columns": ["hight"]}, "did you mean 'height'"),
        ({"by": "kind", "columns": ["kind"]}, "expected numbers, got 'a'"),
        ({"by": "kind", "weights": "kind"}, "expected numbers, got 'a'"),
        ({"by": "kind", "weights": "nothing"}, "column of x: expected one of"),
        ({"by": "kind", "standardize": 1}, "standardize: expected true or false"),
    ],
)
def test_mistakes_are_one_line(options, said):
    with pytest.raises((ValueError, TypeError), match=said) as caught:
        wb.read_samples(TABLE, **options)
    assert "\n" not in str(caught.value)


def test_more_mistakes_are_one_line(tmp_path):
    with pytest.raises(ValueError, match=r"expected weights >= 0 .* got a minimum of -1"):
        wb.read_samples(TABLE.assign(w=-1.0), by="kind", weights="w")
    with pytest.raises(ValueError, match=r"expected weights >= 0 .* got zeros alone"):
        wb.read_samples(TABLE.assign(w=0), by="kind", weights="w")
    with pytest.raises(ValueError, match="expected a column of coordinates beside kind, got none"):
        wb.read_samples(TABLE[["kind"]], by="kind")
    with pytest.raises(ValueError, match=r"got none in 1 of 40 rows of column 'kind'"):
        wb.read_samples(TABLE.assign(kind=[None, *TABLE["kind"][1:]]), by="kind")
    path = tmp_path / "t.csv"
    TABLE.to_csv(path, index=False)
    with pytest.raises(ValueError, match=r"got 'a' in row 2, column 3 of the file; .*--by"):
        load_rows(path, "x")
    with pytest.raises(ValueError, match=r"got 'a' in row 6, column 3"):
        wb.read_samples(path, by="count", groups=["0", "1"], columns=["kind"])
    (tmp_path / "p.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"got the picture 'p.png'; say --as mass"):
        load_rows(tmp_path / "p.png", "x")
