"""Routes for two pictures on one grid by linear programmes of their own, solved by HiGHS."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import coo_array

from wdist_bench.cards.routes.programmes import optimum
from wdist_bench.costs import Cost


def picture_flow(task: Any, cost: Cost) -> tuple[float, float]:
    """W_1 in l1: mass flows from pixel to pixel, 1 / size a step; 4 arcs a pixel instead of all
    pairs. Source: Ling and Okada 2007, EMD-L1.
    """
    mu, nu = _on_grid(task)
    pixels = np.arange(mu.size).reshape(mu.shape)
    steps = [(pixels[:-1], pixels[1:]), (pixels[:, :-1], pixels[:, 1:])]
    starts = np.concatenate([end.ravel() for a, b in steps for end in (a, b)])
    ends = np.concatenate([end.ravel() for a, b in steps for end in (b, a)])
    arcs = np.arange(len(starts))
    signs = np.repeat([1.0, -1.0], len(arcs))
    leaving = coo_array((signs, (np.r_[starts, ends], np.r_[arcs, arcs])))
    costs = np.full(len(arcs), 1 / task.size)
    return optimum(costs, leaving, (mu - nu).ravel()), 1e-7


def picture_by_axes(task: Any, cost: Cost) -> tuple[float, float]:
    """W_2 in l2: mass moves along its column first, then along its row, since the cost is a sum;
    2 size^3 variables instead of size^4. Source: Auricchio, Bassetti, Gualandi, Veneroni 2018
    (arXiv 1805.07416).
    """
    mu, nu = _on_grid(task)
    side = task.size
    pixels, grid = mu.size, np.indices((side, side, side)).reshape(3, -1)
    i, j, k = grid  # mass of (i, j) to row k, and of (i, j) to column k
    variables = np.arange(side**3)
    middle, last = 2 * pixels, pixels
    rows = np.concatenate([i * side + j, middle + k * side + j, middle + i * side + j,
                           last + i * side + k])  # fmt: skip
    columns = np.concatenate([variables, variables, side**3 + variables, side**3 + variables])
    signs = np.repeat([1.0, 1.0, -1.0, 1.0], side**3)
    sums = coo_array((signs, (rows, columns)))
    costs = np.concatenate([(i - k) ** 2, (j - k) ** 2]) / side**2
    moved = optimum(costs, sums, np.concatenate([mu.ravel(), nu.ravel(), np.zeros(pixels)]))
    return float(np.sqrt(moved)), 1e-7


def _on_grid(task: Any) -> tuple[np.ndarray, np.ndarray]:
    """The masses of both pictures, (size, size) each."""
    pictures = []
    x, y, a, b = task.measures()
    for places, masses in ((x, a), (y, b)):
        picture = np.zeros((task.size, task.size))
        row, column = np.floor(places * task.size).astype(int).T
        picture[row, column] = masses
        pictures.append(picture)
    return pictures[0], pictures[1]
