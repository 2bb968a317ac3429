"""Pictures and counts as measures, by hand and against counting."""

from __future__ import annotations

import json

import numpy as np
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
        (lambda: from_counts(["a"]), "counts: expected an array of numbers"),
    ],
)
def test_what_is_no_measure_is_told_so(call, message):
    with pytest.raises(ValueError, match=message):
        call()
