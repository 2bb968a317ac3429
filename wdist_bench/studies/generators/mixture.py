"""Eight Gaussians on a circle, with known weights that differ: what a generator can lose."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.solvers.exact import solve_exact

RADIUS, SD = 2.0, 0.1
WEIGHTS = np.array([0.20, 0.05, 0.15, 0.10, 0.25, 0.05, 0.10, 0.10])
"""Of the modes, counter-clockwise from (2, 0)."""
_ANGLES = 2 * np.pi * np.arange(len(WEIGHTS)) / len(WEIGHTS)
CENTRES = RADIUS * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)

REACH = 4.0
"""Standard deviations of a mode within which a row is on it; 1 in 3,000 of its own is not."""
FOUND = 0.2
"""A mode is found where rows on it have this share of its weight."""


class Modes(NamedTuple):
    """What rows make of the modes.

    Attributes:
        modes: how many of the eight are found.
        on_modes: share of the rows within `REACH` of a centre.
        weights_w1: W1 of the shares of the modes (by the nearest centre) to their weights, in the
            units of the rows: mass times the distance between centres that it must move.
    """

    modes: int
    on_modes: float
    weights_w1: float


def draw(generator: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) independent rows in float32 and the (n,) numbers of their modes."""
    modes = generator.choice(len(WEIGHTS), n, p=WEIGHTS)
    rows = CENTRES[modes] + SD * generator.standard_normal((n, 2))
    return rows.astype(np.float32), modes


def modes_of(rows: np.ndarray) -> Modes:
    """Which modes (n, 2) rows are on, and how far their weights are from the true ones."""
    to_centres = Cost(p=1).matrix(np.asarray(rows, np.float64), CENTRES)
    nearest = to_centres.argmin(1)
    on = to_centres.min(1) <= REACH * SD
    counts = np.bincount(nearest[on], minlength=len(WEIGHTS)) / len(rows)
    shares = np.bincount(nearest, minlength=len(WEIGHTS)) / len(rows)
    moved = solve_exact(Cost(p=1).matrix(CENTRES, CENTRES), shares, WEIGHTS).cost
    return Modes(int((counts >= FOUND * WEIGHTS).sum()), float(on.mean()), float(moved))
