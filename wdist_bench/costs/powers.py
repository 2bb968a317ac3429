"""d^p and its root, for NumPy and JAX: the one place that tells powers apart.

p = 1 and p = 2 are computed without a power function, which rounds.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def power(distance: Any, p: int | float) -> Any:
    """d^p of distances d >= 0, entry by entry."""
    return distance if p == 1 else distance**p


def power_in_place(distance: np.ndarray, p: int | float) -> np.ndarray:
    """`power` of an array of the host, which is overwritten."""
    if p != 1:
        distance **= p
    return distance


def roots(costs: np.ndarray, p: int | float) -> np.ndarray:
    """W_p from W_p^p, entry by entry. Negative costs, as vacuous bounds are, stay for p = 1 and
    give 0 otherwise.
    """
    if p == 1:
        return costs
    positive = np.maximum(costs, 0.0)
    return np.sqrt(positive) if p == 2 else positive ** (1 / p)


def root_slope(value: float, p: int | float) -> float:
    """d W_p / d W_p^p = 1 / (p W_p^(p - 1)) at W_p = value: inf at 0 for p > 1."""
    if p == 1:
        return 1.0
    return 1 / (p * value ** (p - 1)) if value > 0 else math.inf


def rise(costs: np.ndarray, step: float, p: int | float) -> np.ndarray:
    """(W + step)^p - W^p or a little more, for costs W^p >= 0: p step (W + step)^(p - 1) for p
    other than 1 and 2, which convexity puts above it.
    """
    if p == 1:
        return np.full_like(costs, step)
    if p == 2:
        return step * (2 * np.sqrt(costs) + step)
    return p * step * (roots(costs, p) + step) ** (p - 1)


def scaled(values: Any, p: int | float, exponent: int) -> Any:
    """Values times 2^(p exponent), which rounds nothing where p is whole."""
    whole = math.floor(p * exponent)
    return np.ldexp(values * 2.0 ** (p * exponent - whole), whole)


def safe_sqrt(squared: jax.Array) -> jax.Array:
    """Square root with derivative 0 at 0 instead of infinity. NaN passes through."""
    zero = squared == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, squared)))


def sqrt(squared: Any, xp: Any) -> Any:
    """Square root by NumPy, or `safe_sqrt` where xp is jax.numpy."""
    return np.sqrt(squared) if xp is np else safe_sqrt(squared)
