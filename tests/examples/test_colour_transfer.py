"""The script of the colour transfer, on a few pixels."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import wdist_bench as wb

SCRIPT = Path(__file__).parents[2] / "examples" / "colour_transfer.py"


@pytest.fixture(scope="module")
def script():
    for needed in ("sklearn", "PIL", "matplotlib"):
        pytest.importorskip(needed)
    spec = importlib.util.spec_from_file_location("colour_transfer", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["colour_transfer"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("method", "share"), [("exact", 0.35), ("sinkhorn", 0.35),
                                               ("gaussian", 0.6)])  # fmt: skip
def test_a_photograph_takes_on_the_colours_of_another(script, method, share):
    """Its new colours are nearer to those of the target than before, on pixels not seen."""
    source, target = script.photographs(every=12)
    before = wb.estimate(script.colours(source, 200, 2), script.colours(target, 200, 3), p=2).value
    options = script.METHODS[method]
    moved, left = script.transfer(source, target, method, rows=200, **options)
    assert moved.shape == source.shape
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert left < share * before


def test_the_picture_shows_two_photographs_and_four_transfers(script, monkeypatch):
    quick = {"steps": 5, "batch_size": 16}
    monkeypatch.setitem(script.METHODS, "c_transform", quick)
    figure = script.picture(every=24, rows=50)
    titles = [axis.get_title() for axis in figure.axes]
    shown = {title.split(":")[0].split(",")[0] for title in titles}
    assert shown == {"source", "target", *script.METHODS}
    shapes = {np.shape(axis.images[0].get_array()) for axis in figure.axes}
    assert shapes == {(18, 27, 3)}


def test_what_has_no_map_is_refused(script):
    source, target = script.photographs(every=24)
    with pytest.raises(ValueError, match="bracket: expected an estimator with a map"):
        script.transfer(source, target, "bracket", rows=20)
