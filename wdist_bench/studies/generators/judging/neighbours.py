"""What the nearest rows say: precision and recall, and whether training rows are copied."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from wdist_bench.costs import Cost

_COST = Cost(p=1)
K = 3
"""Neighbours that span the ball of a row; the paper's."""
COPY = 1 / 3
"""A row is a copy where its nearest training row is nearer than this part of the second nearest."""


class Likeness(NamedTuple):
    """Shares of rows within the reach of the others.

    Attributes:
        precision: of the generated rows, within a ball of a real one.
        recall: of the real rows, within a ball of a generated one.
    """

    precision: float
    recall: float


class Copies(NamedTuple):
    """Generated rows beside the training rows.

    Attributes:
        nearest: median distance of a row to its nearest training row.
        copied: share of the rows that are copies.
    """

    nearest: float
    copied: float


def precision_recall(
    real: Float[np.ndarray, "n d"], generated: Float[np.ndarray, "m d"], k: int = K
) -> Likeness:
    """How many rows of either set lie in a ball of the other.

    The ball of a row reaches to its k-th nearest other row of its own set. Rows that are all alike
    have balls of radius 0, so a generator of one picture has precision, and no recall.

    Source: Kynkaanniemi, Karras, Laine, Lehtinen, Aila 2019 (arXiv 1904.06991), equations 1 and 2;
    they measure in the features of a network, here it is the rows' own space.
    """
    apart = _COST.matrix(real, generated)
    within_real = (apart <= _balls(real, k)[:, None]).any(0).mean()
    within_generated = (apart <= _balls(generated, k)[None, :]).any(1).mean()
    return Likeness(float(within_real), float(within_generated))


def _balls(rows: np.ndarray, k: int) -> np.ndarray:
    """(n,) distance of each row to its k-th nearest other row."""
    apart = _COST.matrix(rows, rows)
    np.fill_diagonal(apart, 0.0)  # the row itself comes first
    return np.partition(apart, k, axis=1)[:, k]


def copies(rows: Float[np.ndarray, "n d"], training: Float[np.ndarray, "m d"]) -> Copies:
    """How near rows are to the training rows, and how many are one of them.

    Source: a nearest distance below a third of the second, Yoon, Choi, Kwon, Ryu 2023, Diffusion
    Probabilistic Models Generalize when They Fail to Memorize.
    """
    two = np.partition(_COST.matrix(rows, training), 1, axis=1)[:, :2]
    copied = (two[:, 0] < COPY * two[:, 1]) | (two[:, 0] == 0)
    return Copies(float(np.median(two[:, 0])), float(copied.mean()))
