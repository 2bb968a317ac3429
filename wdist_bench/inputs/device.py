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
    unwrap,
)
from wdist_bench.validation import check_no_times

# Whole numbers up to here are exact in float32.
_EXACT_IN_SINGLE = 2**24


def arrays_of_device(x: Any, y: Any, a: Any, b: Any, may_move: bool) -> list[Any]:
    """Points and weights as numbers of JAX in at least single precision, None where they are None.

    What comes from the host is read there: names of columns and labels are matched, and whole
    numbers that single precision would round are counted from the first row of x.

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
    if isinstance(x, Container) and isinstance(y, Container):
        y = match_columns(x, y)
        if may_move:
            x, y = _from_one_origin(x, y)
    given = (x, y, _in_order(a, x, "a"), _in_order(b, y, "b"))
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


def _from_one_origin(x: Container, y: Container) -> tuple[Container, Container]:
    """Large whole numbers from the first row of x, which changes no difference; others as given."""
    arrays = [side.values for side in (x, y)]
    if any(array.dtype.kind not in "iu" or array.ndim != 2 or not array.size for array in arrays):
        return x, y
    points = [as_float64(array, name) for array, name in zip(arrays, "xy", strict=True)]
    fit = points[0].shape[1] == points[1].shape[1]
    if not fit or max(np.abs(array).max() for array in points) <= _EXACT_IN_SINGLE:
        return x, y
    left, right = (array - points[0][:1] for array in points)
    return replace(x, values=left), replace(y, values=right)


def _numbers(values: Any, name: str) -> Any:
    """An array of the host or of JAX, in its own type."""
    if isinstance(values, Container):
        return check_no_times(values.values, name)
    return None if values is None else jnp.asarray(values)


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
