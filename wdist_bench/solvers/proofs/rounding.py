"""What rounding in float64 can hide from a bound: taken off it where it shows."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

UNIT = float(np.finfo(np.float64).eps)
LEAST = float(np.finfo(np.float64).tiny)
"""Costs below it have lost digits, or all of them."""
# A bound holds up to this share of itself without more ado, so ordinary numbers keep their bits.
SHARE = 1e-9


def running_sums(parts: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """parts_1 + ... + parts_i for each i, to the last digit.

    Plain sums of a million equal parts drift by 1e-11, always the same way. What each addition
    rounds off is a number itself, and these are added up beside.

    Source: Knuth, The Art of Computer Programming, volume 2, section 4.2.2, theorem B.
    """
    sums = np.cumsum(parts)
    before = np.concatenate([[0.0], sums[:-1]])
    added = sums - before
    rounded_off = (before - (sums - added)) + (parts - added)
    return np.asarray(sums + np.cumsum(rounded_off))


def dual_value(
    phi: Float[np.ndarray, " n"],
    psi: Float[np.ndarray, " m"],
    a: Float[np.ndarray, " n"],
    b: Float[np.ndarray, " m"],
) -> tuple[float, float]:
    """sum_i a_i phi_i + sum_j b_j psi_j, and what rounding can have added to it.

    The sum itself is exact; its products, the weights and the subtraction that made a c-transform
    are each off by half a unit of the potential. Potentials without mass do not count.
    """
    terms = (
        np.concatenate([a * phi, b * psi])
        if (a > 0).all() and (b > 0).all()
        else (np.concatenate([(a * phi)[a > 0], (b * psi)[b > 0]]))
    )
    return math.fsum(terms), 2 * UNIT * math.fsum(np.abs(terms))


def below(total: float, rounding: float) -> float:
    """A lower bound that was computed as `total`, off by up to `rounding`, and is at least 0."""
    return total if rounding <= SHARE * total else max(total - rounding, 0.0)


def above(total: float, rounding: float) -> float:
    """An upper bound that was computed as `total`, off by up to `rounding`."""
    return total if rounding <= SHARE * total else total + rounding
