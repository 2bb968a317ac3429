"""Rows that differ."""

from __future__ import annotations

from typing import Any

import numpy as np

_ENOUGH = 256  # columns in which rows mostly differ already
_SIGN, _OTHERS = np.int64(-(2**63)), np.int64(2**63 - 1)  # bits of a number in float64


def distinct(rows: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows that differ, in their order, which of them each row is, and how often each comes.

    What np.unique(rows, axis=0, return_inverse=True, return_counts=True) gives for finite numbers;
    that makes a type with a field for each column, which takes longer than all else where there are
    many.

    Args:
        rows: (n, d) finite numbers that float64 holds.

    Returns:
        (k, d) rows, (n,) places among them, (k,) counts.
    """
    rows = np.asarray(rows)
    first, places, counts = _parted(rows[:, :_ENOUGH])
    if len(first) < len(rows) and rows.shape[1] > _ENOUGH:
        first, places, counts = _parted(rows)
    return rows[first], places, counts


def _parted(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each distinct row comes first, places and counts: rows as bytes in the order of their
    numbers, the first byte the highest.
    """
    bits = np.ascontiguousarray(rows + 0.0, np.float64).view(np.int64)  # + 0.0: -0.0 is 0.0
    bits ^= (bits >> 63) & _OTHERS  # of numbers below 0 the larger come first
    keys = (bits ^ _SIGN).astype(">i8").view(np.dtype((np.void, 8 * rows.shape[1])))
    _, first, places, counts = np.unique(
        keys.ravel(), return_index=True, return_inverse=True, return_counts=True
    )
    return first, places, counts
