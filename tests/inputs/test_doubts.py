"""Who passes two pictures or two histograms is told; who passes samples is left alone."""

from __future__ import annotations

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.datasets.digits import load_digits
from wdist_bench.inputs.doubts import doubt

ROWS, COLUMNS = np.mgrid[:28, :28]


def spot(rng, side):
    picture = np.zeros((28, 28))
    row, column = rng.integers(28 - side, size=2)
    picture[row : row + side, column : column + side] = 1 + rng.random((side, side))
    return picture


def landscape(rng):
    row, column = rng.uniform(4, 24, size=2)
    return np.exp(-((ROWS - row) ** 2 + (COLUMNS - column) ** 2) / 20) + 0.05 * rng.random((28, 28))


@pytest.mark.parametrize("draw", [landscape, *(lambda rng, k=k: spot(rng, k) for k in (1, 2, 5))])
def test_two_pictures_are_answered_with_a_remark(draw):
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert "pixels as weights" in doubt(draw(rng), draw(rng))
    x = draw(rng)
    y = np.roll(x, (0, 1), (0, 1)) if draw is landscape else draw(rng)
    answer = wb.estimate(x, y)
    assert answer.status == "ok"
    assert "look like two pictures of 28 x 28 pixels" in answer.message
    (u, a), (v, b) = map(wb.measures.from_image, (x, y))  # what the remark says
    pictures = wb.estimate(u, v, a=a, b=b)
    assert pictures.message == ""


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (64, 64), (30, 20)])
def test_samples_get_no_remark(shape):
    rng = np.random.default_rng(1)
    n, d = shape
    draws = (
        rng.normal,
        rng.random,
        rng.exponential,
        lambda size: rng.poisson(0.05, size).astype(float),
        lambda size: rng.poisson(3.0, size).astype(float),
        lambda size: np.eye(d)[rng.integers(d, size=n)],
        lambda size: np.exp(rng.normal(size=(n, 1)) + 0.3 * rng.normal(size=size)),
        lambda size: np.abs(rng.normal(size=(n, 1)) * rng.normal(size=(1, d))),
        lambda size: np.abs(np.cumsum(rng.normal(size=size), 1)),  # trajectories, one a row
    )
    for draw in draws:
        assert not any(doubt(draw(size=shape), draw(size=shape)) for _ in range(40))


def test_flattened_pictures_get_no_remark():
    digits = load_digits("all")
    pixels = digits.pixels.astype(float)
    assert doubt(pixels[:64], pixels[64:128]) == ""
    threes, eights = (pixels[digits.labels == k][:64] for k in (3, 8))
    assert doubt(threes, eights) == ""
    wide = np.repeat(np.repeat(pixels.reshape(-1, 8, 8), 4, 1), 4, 2)[:, 2:30, 2:30]
    assert doubt(wide[:64].reshape(64, 784), wide[64:128].reshape(64, 784)) == ""


def test_two_histograms_are_told_what_their_values_are():
    x, y = [0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]
    with pytest.raises(
        ValueError, match=r"points on a line .*; for a histogram .* a= for x and b="
    ):
        wb.estimate(x, y)
    answer = wb.estimate(np.reshape(x, (-1, 1)), np.reshape(y, (-1, 1)))
    assert answer.status == "ok"
    assert "sum to 1 each as histograms do" in answer.message
    places = np.arange(4.0)[:, None]
    assert wb.estimate(places, places, a=x, b=y).value == pytest.approx(2)
    assert wb.estimate(places, places + 1).message == ""
