"""Pictures, histograms and counts as what they are: mass at places."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from wdist_bench.datasets.files import find_file
from wdist_bench.datasets.image_folder import SUFFIXES, read_image
from wdist_bench.datasets.tables import load_rows
from wdist_bench.inputs.containers import (
    Container,
    as_float64,
    match_rows,
    refuse_masked,
    unwrap,
)
from wdist_bench.validation import check_finite, check_flag, check_no_times, check_number

_FILL = "fill them, as in {}.filled(0)"


class Measure(NamedTuple):
    """Places with mass, as `wb.estimate(x, y, a=..., b=...)` takes them.

    Attributes:
        points: (n, d) places.
        weights: (n,) their shares of the mass, positive, which sum to one.
    """

    points: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, " n"]


def from_image(
    image: Any, spacing: Any = 1.0, invert: bool = False, header: bool | None = None
) -> Measure:
    """A picture as a measure: the value of each pixel is mass at its place (row, column).

    Bright is much; `invert` makes it of dark pixels, as ink on paper is. Of a picture with colours
    the channels are summed. Pixels without mass are left out, and the mass is divided by its sum:
    two pictures are compared as distributions of light, however bright they are.

    Args:
        image: (height, width) values >= 0, (height, width, 3) colours, or the path of a picture
            or of a table of values.
        spacing: of the pixels: a number, or one for rows and one for columns; distances are in its
            unit.
        invert: mass is full intensity less the value: 255 for 8 bits, 65535 for 16, 1 for floats.
        header: whether the first line of a table in a text file holds names; None to decide.

    Raises:
        ValueError, TypeError: no picture, values below 0 or not finite, or no mass at all.
    """
    pixels = _pixels(image, header)
    if check_flag(invert, "invert"):
        pixels = _full(pixels) - pixels.astype(np.float64)
    if pixels.ndim == 3 and pixels.shape[2] in (1, 3):
        pixels = pixels.astype(np.float64).sum(2)
    if pixels.ndim != 2:
        raise ValueError(
            "image: expected shape (height, width), or (height, width, 3) for colours, got "
            f"{pixels.shape}; for other grids use wb.measures.from_counts"
        )
    return from_counts(pixels, spacing=spacing)


def from_counts(counts: Any, positions: Any = None, spacing: Any = 1.0) -> Measure:
    """Counts or masses as a measure: a histogram, or values on a grid of any dimension.

    Args:
        counts: values >= 0: (n,) at `positions`, or on a grid, whose places are then their indices
            times `spacing`.
        positions: (n,) or (n, d) places of the counts; None for a grid. Counts with an index
            (pandas) are matched to those of the positions by label.
        spacing: of the grid: a number, or one for each axis.

    Raises:
        ValueError, TypeError: values below 0 or not finite, positions that do not fit, labels that
            name no place of a grid, or no mass.
    """
    refuse_masked(counts, "counts", _FILL.format("counts"))
    given = unwrap(counts, "counts")
    if positions is None:
        mass = _masses(_on_grid(given, "counts"))
        points = np.argwhere(np.ones(mass.shape, bool)) * _steps(spacing, mass.ndim)
    else:
        places = unwrap(positions, "positions")
        mass = _masses(_in_order(given, places))
        points = as_float64(check_no_times(places.values, "positions"), "positions")
        points = points[:, None] if points.ndim == 1 else points
        if points.ndim != 2 or points.shape[:1] != mass.shape:
            raise ValueError(
                f"positions: expected one place for each of the counts, got shape {points.shape} "
                f"for counts of shape {mass.shape}; give (n,) or (n, d) places for (n,) counts"
            )
        check_finite(points[mass > 0], "positions")
    mass = mass.ravel()
    held = mass > 0
    return Measure(points[held].astype(np.float64), mass[held] / mass.sum())


def _on_grid(given: Container, name: str) -> np.ndarray:
    """The values, whose rows, and columns where their names are numbers, count from 0."""
    try:
        columns = np.array(given.columns or (), np.float64)
    except ValueError:  # words name no places
        columns = np.empty(0)
    for labels in (given.index, columns):
        if labels is not None and not np.array_equal(labels, np.arange(len(labels))):
            raise ValueError(
                f"{name}: expected the labels 0, 1, 2 ... of a grid, got {labels.tolist()!s:.60}; "
                "pass the places, as in wb.measures.from_counts(counts, counts.index), or "
                f"{name}.to_numpy() if the values lie side by side"
            )
    return given.values


def _in_order(given: Container, places: Container) -> np.ndarray:
    """The values in the order of the places: by label, unless the labels are the places."""
    labels = given.index
    if labels is not None and places.index is None and np.array_equal(labels, places.values):
        return given.values
    return match_rows(given, places, "counts")


def _masses(values: np.ndarray) -> np.ndarray:
    mass = check_no_times(values, "counts").astype(np.float64)
    if mass.size == 0 or mass.ndim == 0:
        raise ValueError(
            f"counts: expected an array of numbers >= 0, got shape {mass.shape}; pass how much "
            "mass is at each place"
        )
    low, total = mass.min(), mass.sum()  # NaN and inf show in the sum
    if not np.isfinite(total) or low < 0 or total == 0:
        got = f"{low:g}" if low < 0 else "none at all" if total == 0 else "NaN or inf"
        raise ValueError(
            f"counts: expected finite masses >= 0 and some above, got {got}; shift, clip or "
            "repair them"
        )
    return mass


def _steps(spacing: Any, axes: int) -> np.ndarray:
    given = [check_number(step, "spacing", above=0) for step in np.atleast_1d(spacing)]
    if len(given) not in (1, axes):
        raise ValueError(
            f"spacing: expected one number, or one for each of {axes} axes, got {len(given)}; "
            "give the step between neighbours"
        )
    return np.broadcast_to(given, (axes,))


def _pixels(image: Any, header: bool | None) -> np.ndarray:
    if not isinstance(image, (str, Path)):
        refuse_masked(image, "image", _FILL.format("image"))
        return check_no_times(_on_grid(unwrap(image, "image"), "image"), "image")
    if Path(image).suffix.lower() in SUFFIXES:
        return read_image(find_file(str(image), "image"), "image")
    return np.asarray(load_rows(image, "image", header))


def _full(pixels: np.ndarray) -> float:
    """The value of full intensity."""
    if pixels.dtype.kind == "u" and pixels.dtype.itemsize <= 2:
        return float(np.iinfo(pixels.dtype).max)
    if pixels.dtype.kind != "f" or pixels.max(initial=0) > 1:
        raise ValueError(
            "invert: expected whole numbers of 8 or 16 bits (uint8, uint16) or floats up to 1, got "
            f"type {pixels.dtype} up to {pixels.max(initial=0):g}; pass full intensity less the "
            "picture"
        )
    return 1.0
