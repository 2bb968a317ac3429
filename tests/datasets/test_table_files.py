"""Files of samples: headers, index columns, names; every file is read right or refused."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

import wdist_bench as wb
from wdist_bench.datasets.tables import load_rows

A = np.random.default_rng(0).normal(size=(20, 2))
FRAME = pd.DataFrame(A, columns=["h", "w"])


def written(folder, text, name="t.csv"):
    path = folder / name
    path.write_text(text)
    return path


def same(path, names, values=A):
    rows = load_rows(path, "x")
    assert list(getattr(rows, "columns", ())) == names
    np.testing.assert_array_equal(np.asarray(rows), values)


@pytest.mark.parametrize(
    "columns", [["h", "w"], [0, 1], [2019, 2020], ["e1", "O2"], ["# a", "b 1"]]
)
@pytest.mark.parametrize("index", [False, True])
def test_headers_of_pandas_are_names_and_its_row_numbers_no_column(tmp_path, columns, index):
    path = tmp_path / "t.csv"
    pd.DataFrame(A, columns=columns).to_csv(path, index=index)
    same(path, [str(c).lstrip("# ") for c in columns])
    pd.read_csv(path, dtype=str).to_csv(
        path, index=False
    )  # where an index is now called "Unnamed: 0"
    same(path, [str(c).lstrip("# ") for c in columns])


def test_tabs_quotes_and_row_numbers_from_one_are_read(tmp_path):
    FRAME.to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    same(tmp_path / "t.tsv", ["h", "w"])
    FRAME.set_axis(range(1, 21)).to_csv(tmp_path / "r.csv", quoting=2)  # as R's write.csv
    same(tmp_path / "r.csv", ["h", "w"])
    (tmp_path / "b.csv").write_text("\ufeff" + FRAME.to_csv(index=False))
    same(tmp_path / "b.csv", ["h", "w"])


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("1;2\n3;4\n", [[1, 2], [3, 4]]),
        ("1,5;2\n3,25;-4e1\n", [[1.5, 2], [3.25, -40]]),
        ("a;b\n1,5;2\n0,125;4\n", [[1.5, 2], [0.125, 4]]),
        ("a;b\n1.234;2\n0.125;4\n", [[1.234, 2], [0.125, 4]]),
        ("a;b\n0,5;1.25\n0,125;4\n", [[0.5, 1.25], [0.125, 4]]),
        ('"a;b";c\n"1";2\n3;4\n', [[1, 2], [3, 4]]),
        ("1\t2\n3\t4\n", [[1, 2], [3, 4]]),
        ('"a;x",b\n"1",2\n3,4\n', [[1, 2], [3, 4]]),
    ],
)
def test_separators_are_those_of_the_lines(tmp_path, text, rows):
    np.testing.assert_array_equal(load_rows(written(tmp_path, text), "x"), rows)
    if "," not in text:
        np.testing.assert_array_equal(load_rows(written(tmp_path, text, "t.tsv"), "x"), rows)


def test_numbers_without_names_stay_numbers(tmp_path):
    path = tmp_path / "t.csv"
    np.savetxt(path, A, delimiter=",")
    same(path, [])
    for text in ("3,4\n1,2\n", "0,0\n0,1\n", "2019\n2020\n2021\n", "5,5\n1.5,2.5\n"):
        rows = load_rows(written(tmp_path, text), "x")
        expected = [[float(cell) for cell in line.split(",")] for line in text.split()]
        np.testing.assert_array_equal(rows, expected)


@pytest.mark.parametrize(
    "text",
    [
        "0,1\n5,7\n3,9\n",  # counts below: row or names?
        "2019,2020\n5,7\n3,9\n8,8\n",
        "3,4\n3.1,4.2\n2.9,3.8\n3.3,4.4\n",
        "0\n0.5\n0.25\n0.75\n",
        "12..5\n5\n7\n",  # a slip or a name?
        "25%,50%\n1.5,2.5\n2.5,3.5\n",
        "O.5\n1.5\n2.5\n",
    ],
)
def test_a_first_line_that_may_be_either_is_refused_and_can_be_settled(tmp_path, text):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match="--header or --no-header") as caught:
        load_rows(path, "x")
    assert "\n" not in str(caught.value)
    first, *below = text.split()
    named = load_rows(path, "x", header=True)
    assert list(named.columns) == first.split(",")
    assert len(named) == len(below)
    try:
        [float(cell) for cell in first.split(",")]
    except ValueError:
        with pytest.raises(ValueError, match="in row 1, column 1"):
            load_rows(path, "x", header=False)
    else:
        assert len(load_rows(path, "x", header=False)) == len(below) + 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12..5,3\n5,6\n", "got '12..5' in row 1, column 1 .*correct it, or say --header"),
        ("h,2019\n5,6\n", "got 'h' in row 1, column 1 .*say --header"),
        ("h,w\n5,6\nh,w\n", "got 'h' in row 3, column 1"),
        ("h,w\n5,NA\n7,8\n", "NaN or inf in 1 of 2"),
        ("h,w\n5,6\n7,inf\n", "NaN or inf in 1 of 2"),
        ("h,w\n5\n7,8\n", "NaN or inf in 1 of 2"),
        ("t,w\n1700000000000000001,2\n5,6\n", "integers that float64 holds exactly"),
        ("1,2\n3;4\n", "got '3;4' in row 2, column 1 .*separate values with commas"),
        ("1,234;2\n3,456;4\n", "read in one way, got '1,234', where the comma may part thousands"),
        ("a;b\n1.234;0,5\n2.5;0,75\n", "read in one way, got '1.234', where the point may part"),
        ("h,w\n\n5,6\n \n7,x\n", "got 'x' in row 5, column 2"),
        (",h\na,5\nb,6\n", "got 'a' in row 2, column 1"),
        (",h\n7,5\n3,6\n", "expected a name for every column, got none for the first"),
        ("index,h\n0,5\n1,6\n", "got column 'index', which pandas writes to number the rows"),
        ("h\n", "got 'h' in row 1"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(tmp_path, text, expected):
    with pytest.raises(ValueError, match=expected) as caught:
        load_rows(written(tmp_path, text), "x")
    assert "\n" not in str(caught.value)


def test_a_file_in_another_encoding_is_told_so(tmp_path):
    (tmp_path / "t.csv").write_bytes("H\xf6he,w\n1.5,2\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"expected text in UTF-8, .*t\.csv; save it in UTF-8"):
        load_rows(tmp_path / "t.csv", "x")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_columns_of_two_files_are_matched_by_name(tmp_path, suffix):
    def load(frame, name):
        path = tmp_path / f"{name}.{suffix}"
        if suffix == "parquet":
            frame.to_parquet(path)
        else:
            frame.to_csv(path, index=False, sep="," if suffix == "csv" else "\t")
        return load_rows(path, name)

    x = load(FRAME, "x")
    assert wb.estimate(x, load(FRAME[["w", "h"]], "y")).value == 0
    assert wb.estimate(x, A).value == 0
    with pytest.raises(ValueError, match="got 'w' only in x and 'v' only in y"):
        wb.estimate(x, load(FRAME.rename(columns={"w": "v"}), "y"))
    with pytest.raises(ValueError, match="same columns, got none only in x and 'z' only in y"):
        wb.estimate(x, load(FRAME.assign(z=0.5), "y"))


def test_parquet_leaves_the_index_out_and_names_other_columns(tmp_path):
    path = tmp_path / "t.parquet"
    FRAME.set_axis(range(5, 25)).to_parquet(path)
    same(path, ["h", "w"])
    FRAME.set_axis(range(5, 25)).rename_axis("id").to_parquet(path)
    same(path, ["h", "w"])
    for column, expected in (
        (pd.Series(["a"] * 20), r"x \(.*t.parquet\): expected numbers, got 'a' .* column 'z'"),
        (pd.Series([1, None] * 10, dtype="Int64"), "NaN or inf in 10 of 20"),
        (pd.to_datetime(["2020-01-01"] * 20), "times beside other columns in column 'z'"),
        (pd.Series(range(20)), None),
    ):
        FRAME.assign(z=column).to_parquet(path)
        if expected:
            with pytest.raises((ValueError, TypeError), match=expected):
                load_rows(path, "x")
    same(path, ["h", "w", "z"], np.c_[A, np.arange(20)])
    FRAME.assign(__index_level_0__=range(20)).to_parquet(path)
    with pytest.raises(ValueError, match="got column '__index_level_0__'"):
        load_rows(path, "x")
    FRAME.assign(h=pd.to_timedelta(1, "s"), w=pd.to_timedelta(2, "s")).to_parquet(path)
    with pytest.raises(TypeError, match="got times of dtype"):
        load_rows(path, "x")


def test_parquet_with_texts_is_read_however_many_rows(tmp_path):
    """Of one text for all rows and of one a row; what they take is counted, not guessed."""
    path, rows = tmp_path / "t.parquet", 60_000
    kinds = pd.Series(["a", "b"] * (rows // 2))
    numbers = {"h": np.arange(rows) / 7, "n": pd.Categorical(np.arange(rows) % 3)}
    names = {"id": [f"row {k}" for k in range(rows)], "kind": kinds, "c": kinds.astype("category")}
    pd.DataFrame(numbers | names).to_parquet(path)
    for by in ("kind", "c"):
        found = wb.read_samples(path, by=by, columns=["h"])
        assert found.groups == ("a", "b")
        np.testing.assert_array_equal(found.y, np.arange(1, rows, 2)[:, None] / 7)


def test_parquet_with_empty_columns_and_views_of_texts_is_read(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    path, rows = tmp_path / "t.parquet", 20_000
    kinds = pa.array(["a", "b"] * (rows // 2))
    with suppress(pa.ArrowNotImplementedError):  # an Arrow that writes no views
        kinds = kinds.cast(pa.string_view())
    parquet.write_table(pa.table({"h": np.arange(rows), "n": pa.nulls(rows), "kind": kinds}), path)
    assert wb.read_samples(path, by="kind", columns=["h"]).y.shape == (rows // 2, 1)
