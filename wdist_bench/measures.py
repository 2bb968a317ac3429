"""Pictures, histograms and counts as what they are: mass at places."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from wdist_bench.datasets.files import find_file
from wdist_bench.datasets.image_folder import SUFFIXES, read_image
from wdist_bench.datasets.tables import load_rows
from wdist_bench.inputs.containers import refuse_masked
from wdist_bench.validation import check_flag, check_number

_FILL = "fill them, as in {}.filled(0)"


class Measure(NamedTuple):
    """Places with mass, as `wb.estimate(x, y, a=..., b=...)` takes them.

    Attributes:
        points: (n, d) places.
        weights: (n,) their shares of the mass, positive, which sum to one.
    """

    points: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, " n"]


def from_image(image: Any, spacing: Any = 1.0, invert: bool = False) -> Measure:
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

    Raises:
        ValueError, TypeError: no picture, values below 0 or not finite, or no mass at all.
    """
    pixels = _pixels(image)
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
        positions: (n,) or (n, d) places of the counts; None for a grid.
        spacing: of the grid: a number, or one for each axis.

    Raises:
        ValueError, TypeError: values below 0 or not finite, positions that do not fit, or no mass.
    """
    mass = _masses(counts)
    refuse_masked(positions, "positions")
    if positions is None:
        points = np.argwhere(np.ones(mass.shape, bool)) * _steps(spacing, mass.ndim)
    else:
        points = np.asarray(positions, np.float64)
        points = points[:, None] if points.ndim == 1 else points
        if points.ndim != 2 or points.shape[:1] != mass.shape:
            raise ValueError(
                f"positions: expected one place for each of the counts, got shape {points.shape} "
                f"for counts of shape {mass.shape}; give (n,) or (n, d) places for (n,) counts"
            )
    mass = mass.ravel()
    held = mass > 0
    return Measure(points[held].astype(np.float64), mass[held] / mass.sum())


def _masses(counts: Any) -> np.ndarray:
    refuse_masked(counts, "counts", _FILL.format("counts"))
    mass = np.asarray(counts)
    if mass.dtype.kind not in "biuf" or mass.size == 0 or mass.ndim == 0:
        raise ValueError(
            f"counts: expected an array of numbers >= 0, got type {mass.dtype} and shape "
            f"{mass.shape}; pass how much mass is at each place"
        )
    mass = mass.astype(np.float64)
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


def _pixels(image: Any) -> np.ndarray:
    if not isinstance(image, (str, Path)):
        refuse_masked(image, "image", _FILL.format("image"))
        return np.asarray(image)
    if Path(image).suffix.lower() in SUFFIXES:
        return read_image(find_file(str(image), "image"), "image")
    return np.asarray(load_rows(image, "image"))


def _full(pixels: np.ndarray) -> float:
    """The value of full intensity."""
    if pixels.dtype in (np.uint8, np.uint16):
        return float(np.iinfo(pixels.dtype).max)
    if pixels.dtype.kind != "f" or pixels.max(initial=0) > 1:
        raise ValueError(
            "invert: expected whole numbers of 8 or 16 bits (uint8, uint16) or floats up to 1, got "
            f"type {pixels.dtype} up to {pixels.max(initial=0):g}; pass full intensity less the "
            "picture"
        )
    return 1.0
