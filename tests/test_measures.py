"""Pictures and counts as measures, by hand and against counting."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import wdist_bench as wb
from wdist_bench.cli import app
from wdist_bench.measures import from_counts, from_image


def test_a_spot_that_moves():
    """Three pixels down and four to the right: five, whatever its brightness."""
    x, y = np.zeros((2, 12, 20), np.uint8)
    x[2:4, 3:6], y[5:7, 7:10] = 200, 50
    (u, a), (v, b) = from_image(x), from_image(y, spacing=1)
    for p in (1, 2, 3.5):
        assert wb.estimate(u, v, p=p, a=a, b=b).value == pytest.approx(5, rel=1e-12)
    assert len(u) == 6
    wide, _ = from_image(x, spacing=(2, 3))
    np.testing.assert_array_equal(wide[0], [4, 9])


def test_histograms_need_positions():
    """P = 3, 2, 1, 4 against Q = 1, 2, 4, 3 moves 5 units of mass by one place."""
    places = [0.0, 1.0, 2.0, 3.0]
    (u, a), (v, b) = from_counts([3, 2, 1, 4], places), from_counts([1, 2, 4, 3], places)
    assert wb.estimate(u, v, a=a, b=b).value == pytest.approx(0.5)
    grid, c = from_counts(np.ones((2, 3, 4)), spacing=0.5)
    assert grid.shape == (24, 3)
    assert grid.max(0).tolist() == [0.5, 1.0, 1.5]
    assert c.sum() == pytest.approx(1)


def test_ink_on_paper_and_colours():
    paper = np.full((9, 9), 255, np.uint8)
    paper[4, 4] = 0
    points, weights = from_image(paper, invert=True)
    np.testing.assert_array_equal(points, [[4, 4]])
    assert weights == [1]
    colours = np.zeros((2, 2, 3))
    colours[0, 1], colours[1, 0] = [0.5, 0.1, 0.0], [0.0, 0.0, 0.2]
    points, weights = from_image(colours)
    np.testing.assert_array_equal(points, [[0, 1], [1, 0]])
    np.testing.assert_allclose(weights, [0.75, 0.25])


def test_counts_of_pandas_keep_their_labels():
    """By place, 0.1 of the mass would be at 5."""
    counts = pd.Series([10, 90], index=["a", "b"])
    points, weights = from_counts(counts, pd.Series([5.0, 0.0], index=["b", "a"]))
    assert dict(zip(points.ravel(), weights, strict=True)) == {0.0: 0.1, 5.0: 0.9}
    waves = pd.Series([7, 7, 7, 3]).value_counts()
    points, weights = from_counts(waves, waves.index)
    assert dict(zip(points.ravel(), weights, strict=True)) == {7.0: 0.75, 3.0: 0.25}
    np.testing.assert_array_equal(from_counts(pd.DataFrame(np.eye(2))).points, [[0, 0], [1, 1]])


def test_a_picture_in_the_other_byte_order_is_one():
    pixels = np.array([[65535, 0], [65535, 65535]], ">u2")
    np.testing.assert_array_equal(from_image(pixels, invert=True).points, [[0, 1]])


@pytest.mark.parametrize("suffix", ["png", "npy"])
def test_files_from_the_command_line(tmp_path, suffix):
    pictures = np.zeros((2, 10, 10), np.uint8)
    pictures[0, 1, 1], pictures[1, 4, 5] = 255, 9
    paths = [str(tmp_path / f"{name}.{suffix}") for name in "ab"]
    for path, picture in zip(paths, pictures, strict=True):
        if suffix == "png":
            Image.fromarray(picture).save(path)
        else:
            np.save(path, picture)
    answer = CliRunner().invoke(app, ["estimate", *paths, "--as", "mass", "--json"])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.output)
    assert found["value"] == pytest.approx(5)
    assert found["x"] == "mass at 1 places"


def test_a_grid_whose_first_line_is_unclear_is_settled_by_an_option(tmp_path, command):
    (tmp_path / "a.csv").write_text("3,1\n2,1.5\n")
    (tmp_path / "b.csv").write_text("0,1\n0.5,1.5\n1.5,0.5\n")
    asked = ("estimate", tmp_path / "a.csv", tmp_path / "b.csv", "--as", "mass")
    assert "--header or --no-header" in command(*asked)[2]
    assert "y         mass at 5 places" in command(*asked, "--no-header")[1]
    assert "y         mass at 4 places" in command(*asked, "--header")[1]


TWO_DAYS = np.array(["2020-01-01", "2020-01-02"], "M8[D]")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: from_image(np.zeros((3, 3))), "got none at all"),
        (lambda: from_image(-np.ones((3, 3))), "got -1"),
        (lambda: from_image(np.full((3, 3), np.nan)), "NaN or inf"),
        (lambda: from_image(np.ones(3)), r"image: expected shape \(height, width\)"),
        (lambda: from_image(np.ones((2, 2, 4))), r"image: expected shape \(height, width\)"),
        (lambda: from_image(np.full((2, 2), 7.0), invert=True), "invert: expected whole numbers"),
        (lambda: from_image(np.full((2, 2), 7), invert=True), "invert: expected whole numbers"),
        (lambda: from_image(np.ma.masked_equal(np.eye(2), 0)), "image: expected no missing"),
        (lambda: from_counts(np.ma.masked_equal([0, 1], 0)), "counts: expected no missing values"),
        (lambda: from_image(np.ones((2, 2)), spacing=0), "spacing: expected a finite number > 0"),
        (lambda: from_image(np.ones((2, 2)), spacing=(1, 2, 3)), "one for each of 2 axes"),
        (lambda: from_counts([1, 2], [1.0, 2.0, 3.0]), "positions: expected one place for each"),
        (lambda: from_counts(["a"]), "counts: expected numbers"),
        (lambda: from_counts([]), "counts: expected an array of numbers"),
        (lambda: from_counts([1, 1], TWO_DAYS), "positions: expected numbers, got times"),
        (lambda: from_counts([1, 1], [1 + 5j, 2]), "positions: expected real numbers"),
        (lambda: from_counts([1, 1], [2**60 + 1, 0]), "positions: expected integers that float64"),
        (lambda: from_counts([1, 1], [0, np.nan]), "positions: expected finite numbers"),
        (lambda: from_image(np.ones((2, 2, 3)) * 1j), "image: expected real numbers"),
        (lambda: from_counts(pd.Series([3, 1], [7, 3])), r"counts: .* labels .* got \[7, 3\];"),
        (lambda: from_counts(pd.Series([3, 1], [7, 3]), [1, 2]), "counts: expected labels 0 to n"),
        (lambda: from_counts(pd.DataFrame({5: [1], 7: [2]})), r"counts: .* got \[5.0, 7.0\]"),
    ],
)
def test_what_is_no_measure_is_told_so(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
