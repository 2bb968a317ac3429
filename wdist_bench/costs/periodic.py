"""Differences of coordinates that come back to where they were after a period."""

from __future__ import annotations

from typing import Any

import numpy as np

_EXACT = 2  # turns whose length no rounding changes, nor what is left after them


def shortest_gap(x: Any, y: Any, period: Any, xp: Any) -> Any:
    """x - y + k period of least size over whole k, entry by entry.

    On the host it has all its digits, however many periods apart x and y are: remainders of a
    division are exact, and what rounding took off x - y comes back at the end.
    """
    gap = x - y
    turns = xp.round(gap / period)
    if xp is not np:
        return gap - period * turns
    back = gap - x
    taken = (x - (gap - back)) - (y + back)  # Moller 1965, Knuth 1969
    if np.abs(turns).max(initial=0) <= _EXACT:
        return gap - period * turns + taken
    turned = np.fmod(gap, period)
    near = turned - period * np.round(turned / period) + np.fmod(taken, period)
    return near - period * np.round(near / period)
