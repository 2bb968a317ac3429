"""Points in cells of neighbours, a few in each: a coarser problem and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

_MOST = 4  # points of a cell


@dataclass(frozen=True)
class Cells:
    """Points in cells of a k-d tree, halved at the median of their widest coordinate.

    Attributes:
        order: (n,) the points, those of a cell together.
        first: (cells,) where each cell begins in that order.
        size: (cells,) points of each, 1 to 4.
    """

    order: Int[np.ndarray, " n"]
    first: Int[np.ndarray, " cells"]
    size: Int[np.ndarray, " cells"]

    @classmethod
    def of(cls, points: Float[np.ndarray, "n d"]) -> Cells:
        """The cells of points (n, d), as few as hold four each; their number is a power of two."""
        order, first, size = np.arange(len(points)), np.zeros(1, int), np.array([len(points)])
        while len(first) * _MOST < len(points):
            ordered = points[order]
            low, high = (least.reduceat(ordered, first) for least in (np.minimum, np.maximum))
            cell = np.repeat(np.arange(len(first)), size)
            along = ordered[np.arange(len(order)), (high - low).argmax(1)[cell]]
            order = order[np.lexsort((along, cell))]
            size = np.stack([size // 2, size - size // 2], axis=1).ravel()
            first = np.cumsum(size) - size
        return cls(order, first, size)

    def sums(self, parts: Int[np.ndarray, " n"]) -> Int[np.ndarray, " cells"]:
        """The mass of each cell, for whole numbers of parts."""
        total: np.ndarray = np.add.reduceat(parts[self.order], self.first)
        return total

    def points(
        self, points: Float[np.ndarray, "n d"], parts: Int[np.ndarray, " n"], means: bool
    ) -> Float[np.ndarray, "cells d"]:
        """The mean of each cell by mass, or else one of its points."""
        if not means:
            return points[self.order[self.first + self.size // 2]]
        weights = (parts + 0.5)[self.order, None]  # a cell may have no part
        sums = np.add.reduceat(weights * points[self.order], self.first)
        center: np.ndarray = sums / np.add.reduceat(weights, self.first)
        return center


def members(
    left: Cells, right: Cells, i: Int[np.ndarray, " k"], j: Int[np.ndarray, " k"]
) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
    """All pairs of a point of cell i_l and a point of cell j_l, over all l: both ends."""
    wide = right.size[j]
    many = left.size[i] * wide
    cells = np.repeat(np.arange(len(i)), many)
    number = np.arange(len(cells)) - np.repeat(np.cumsum(many) - many, many)
    rows = left.order[left.first[i][cells] + number // wide[cells]]
    columns = right.order[right.first[j][cells] + number % wide[cells]]
    return rows, columns


def parted(
    left: Cells,
    right: Cells,
    i: Int[np.ndarray, " k"],
    j: Int[np.ndarray, " k"],
    mass: Float[np.ndarray, " k"],
    supply: Int[np.ndarray, " n"],
    demand: Int[np.ndarray, " m"],
) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"], Float[np.ndarray, " pairs"]]:
    """A plan of cells, mass_l from cell i_l to cell j_l, parted among their points: both ends and
    the mass between them, in whole numbers. Points of a cell send and take in their order.

    All mass lies on a line twice, by rows and by columns, the cells of either side one after the
    other; each entry of the plan is an interval of both.
    """
    by_row, by_column = np.lexsort((j, i)), np.lexsort((i, j))
    ends, ends_across = np.cumsum(mass[by_row]), np.cumsum(mass[by_column])
    shift = np.empty(len(mass))  # of an entry, from the first line to the second
    shift[by_column] = ends_across - mass[by_column]
    shift[by_row] -= ends - mass[by_row]
    sent, taken = np.cumsum(supply[left.order]), np.cumsum(demand[right.order])
    entry = by_column[np.minimum(np.searchsorted(ends_across, taken), len(mass) - 1)]
    cuts = np.unique(np.concatenate([sent, ends, taken - shift[entry]]))
    parts = np.diff(cuts, prepend=0.0)
    middle = (cuts - parts / 2)[parts > 0]
    entry = by_row[np.searchsorted(ends, middle)]
    rows = left.order[np.searchsorted(sent, middle)]
    columns = right.order[np.searchsorted(taken, middle + shift[entry])]
    return rows, columns, parts[parts > 0]
