"""Arrays that are points by their shape, but look like something else: what to say of them."""

from __future__ import annotations

import numpy as np

# Sides of the smallest picture, and the longest side over the shortest of what is taken for one.
_SMALLEST = 8
_LONGEST = 2.0
# Mean square step between neighbours over twice the variance: 1 for independent rows, below for
# pictures (0.54 for a square of two pixels in 28 x 28).
_SMOOTH = 0.6
# A spot on a dark ground: the least side of the picture, and the largest share of its lines, in
# both directions, that hold anything.
_SPOT_SIDE = 16
_SPOT = 0.8


def doubt(x: np.ndarray, y: np.ndarray) -> str:
    """One sentence where (n, d) arrays x and y look like two pictures or two histograms, else "".

    Pictures: equal shapes, nothing negative, at least 8 rows and columns and at most twice as many
    of one as of the other, and in both arrays either neighbouring rows *and* neighbouring columns
    resemble each other (mean square step at most 0.6 of that of independent lines), or, from 16
    rows and columns on, all that is not 0 lies in an unbroken run of at most 80 % of the rows
    *and* of the columns. Rows of a sample come in no order and rarely lie at the origin, so samples
    meet neither: uniform, exponential, Poisson or one-hot coordinates, and flattened pictures, one
    a row, give "". Pictures of pure noise or of fewer than about 10 x 10 pixels mostly do too.

    Histograms: equal shapes (n, 1), n >= 3, nothing negative, and both sum to 1.
    """
    if x.shape != y.shape or x.min() < 0 or y.min() < 0:
        return ""
    rows, columns = x.shape
    if columns == 1:
        sums = np.array([x.sum(), y.sum()])
        if rows >= 3 and (np.abs(sums - 1) <= 1e-6).all():
            return (
                "x and y sum to 1 each as histograms do, but their values were taken for points "
                "on a line; for histograms pass the bins' places as x and y and the values as "
                "weights, a=x.ravel() and b=y.ravel(), or see wb.measures.from_counts"
            )
        return ""
    if min(rows, columns) < _SMALLEST or max(rows, columns) > _LONGEST * min(rows, columns):
        return ""
    if not all(_smooth(v) and _smooth(v.T) for v in (x, y)) and not all(
        _spot(v) and _spot(v.T) for v in (x, y)
    ):
        return ""
    return (
        f"x and y look like two pictures of {rows} x {columns} pixels, but their {rows} rows were "
        f"taken for points in dimension {columns}; for pictures pass the places of the pixels, and "
        "the pixels as weights: (x, a), (y, b) = map(wb.measures.from_image, (x, y)), then "
        "wb.estimate(x, y, a=a, b=b)"
    )


def _smooth(lines: np.ndarray) -> bool:
    variance = lines.var(axis=0).sum()
    step = (np.diff(lines, axis=0) ** 2).mean(axis=0).sum()
    return bool(variance > 0 and step <= _SMOOTH * 2 * variance)


def _spot(lines: np.ndarray) -> bool:
    held = np.flatnonzero(lines.any(axis=1))
    if min(lines.shape) < _SPOT_SIDE or held.size == 0:
        return False
    return bool(np.ptp(held) == held.size - 1 and held.size <= _SPOT * len(lines))
