"""What a caller of a compiled program hands over: arrays of JAX, or what the host reads first."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.inputs.containers import (
    Container,
    as_float64,
    match_columns,
    match_rows,
    no_numbers,
    unwrap,
)
from wdist_bench.validation import check_no_times

# Whole numbers up to here are exact in float32.
_EXACT_IN_SINGLE = 2**24
# How many times as far from zero as from one another float32 keeps coordinates as they are.
_NEAR = 8


def arrays_of_device(x: Any, y: Any, a: Any, b: Any, may_move: bool) -> list[Any]:
    """Points and weights as numbers of JAX in at least single precision, None where they are None.

    What comes from the host is read there: names of columns and labels are matched. Whole numbers
    that single precision would round, and coordinates in double precision that are far from zero,
    are counted from the first row of x that has mass where single precision is what they get.

    Args:
        x: points of mu.
        y: points of nu.
        a: weights of x, or None.
        b: weights of y, or None.
        may_move: whether a common origin of x and y means nothing.

    Raises:
        ValueError, TypeError: what the host can tell is no array of numbers, or does not fit.
    """
    x, y, a, b = (_read(values, name) for values, name in zip((x, y, a, b), "xyab", strict=True))
    a, b = _in_order(a, x, "a"), _in_order(b, y, "b")
    if isinstance(x, Container) and isinstance(y, Container):
        y = match_columns(x, y)
        if may_move:
            x, y = _from_one_origin(x, y, a, b)
    given = (x, y, a, b)
    x, y, a, b = (_numbers(values, name) for values, name in zip(given, "xyab", strict=True))
    both = _floating(x, y)
    found = (x, "x", both), (y, "y", both), (a, "a", _floating(a)), (b, "b", _floating(b))
    return [_on_device(*each) for each in found]


def _read(values: Any, name: str) -> Any:
    """A container of what the host holds."""
    parts = jax.tree.leaves(values) if isinstance(values, (list, tuple)) else [values]
    of_jax = any(isinstance(part, jax.Array) or hasattr(part, "__jax_array__") for part in parts)
    return values if values is None or of_jax else unwrap(values, name)


def _in_order(weights: Any, points: Any, name: str) -> Any:
    if not isinstance(weights, Container):
        return weights
    labelled = points if isinstance(points, Container) else None
    return replace(weights, values=match_rows(weights, labelled, name))


def _from_one_origin(x: Container, y: Container, a: Any, b: Any) -> tuple[Container, Container]:
    """Large whole numbers, and columns in double precision that single would leave few digits, from
    the first row of x with mass, which changes no difference; others as given.
    """
    arrays = [side.values for side in (x, y)]
    if any(array.dtype.kind not in "iuf" or array.ndim != 2 or not array.size for array in arrays):
        return x, y
    points = [as_float64(array, name) for array, name in zip(arrays, "xy", strict=True)]
    kept = [array[_with_mass(mass, len(array))] for array, mass in zip(points, (a, b), strict=True)]
    if points[0].shape[1] != points[1].shape[1] or not all(map(len, kept)):
        return x, y
    whole = all(array.dtype.kind in "iu" for array in arrays)
    far = _all_large(points) if whole else _far(kept, arrays)
    if not far.any():
        return x, y
    with np.errstate(over="ignore"):  # inf: beyond its range
        left, right = (
            (array - np.where(far, kept[0][0], 0.0)).astype(None if whole else np.float32)
            for array in points
        )
    return replace(x, values=left), replace(y, values=right)


def _with_mass(weights: Any, count: int) -> np.ndarray:
    """Which of the points have some, as far as the host knows."""
    known = isinstance(weights, Container) and weights.values.shape == (count,)
    if not known or weights.values.dtype.kind in "mM":  # refused later
        return np.ones(count, bool)
    return np.asarray(weights.values > 0)


def _all_large(points: list[np.ndarray]) -> np.ndarray:
    """All columns, where there is a whole number that single precision may round."""
    return np.asarray(max(np.abs(array).max() for array in points) > _EXACT_IN_SINGLE)


def _far(kept: list[np.ndarray], arrays: list[np.ndarray]) -> np.ndarray:
    """The columns far from zero, where digits are lost on the way to the device."""
    if _floating(*arrays) != jnp.float32 or max(array.dtype.itemsize for array in arrays) <= 4:
        return np.zeros(1, bool)
    both = np.concatenate(kept)
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and inf stay what they are
        return np.asarray(np.abs(both).max(0) > _NEAR * np.ptp(both, axis=0))


def _numbers(values: Any, name: str) -> Any:
    """An array of the host or of JAX, in its own type."""
    if isinstance(values, Container):
        return check_no_times(values.values, name)
    array = None if values is None else jnp.asarray(values)
    if array is not None and jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise TypeError(no_numbers(array.dtype, name))
    return array


def _floating(*arrays: Any) -> Any:
    """The finer of their types, single precision at least; whole numbers take that of the others,
    and among themselves the finest that JAX is set to.
    """
    types = [jax.dtypes.canonicalize_dtype(array.dtype) for array in arrays if array is not None]
    real = [dtype for dtype in types if jnp.issubdtype(dtype, jnp.inexact)]
    return reduce(jnp.promote_types, real or [jax.dtypes.canonicalize_dtype(float)], jnp.float32)


def _on_device(array: Any, name: str, dtype: Any) -> Any:
    if array is None or isinstance(array, jax.Array):
        return None if array is None else array.astype(dtype)
    with np.errstate(over="ignore"):  # inf: beyond its range
        return jnp.asarray(as_float64(array, name).astype(dtype))
