"""Every check of user input, in one place.

Each function returns the checked value or raises a one-line error that states
what was expected, what came, and how to fix it.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

WEIGHT_SUM_TOLERANCE = 1e-6


def check_points(points: Any, name: str) -> np.ndarray:
    """Sample points as a finite float64 array of shape (n, d), n >= 1, d >= 1."""
    try:
        array = np.asarray(points)
    except Exception as error:
        raise TypeError(
            f"{name}: expected an array of shape (n, d), got {type(points).__name__} that "
            f"NumPy cannot convert ({error}); pass a NumPy or JAX array"
        ) from error
    if array.dtype == object or not (
        np.issubdtype(array.dtype, np.number) or array.dtype == bool or _is_ml_float(array.dtype)
    ):
        raise TypeError(
            f"{name}: expected numbers, got dtype {array.dtype}; convert with astype(float)"
        )
    if np.iscomplexobj(array):
        raise TypeError(
            f"{name}: expected real numbers, got dtype {array.dtype}; "
            "stack real and imaginary parts as two coordinates"
        )
    if array.ndim != 2:
        fix = "use reshape(-1, 1) for points on a line" if array.ndim == 1 else "flatten each point"
        raise ValueError(
            f"{name}: expected shape (n, d), one point a row, got shape {array.shape}; {fix}"
        )
    if array.shape[0] == 0 or array.shape[1] == 0:
        raise ValueError(
            f"{name}: expected at least one point and one coordinate, got shape {array.shape}; "
            "check that the data loaded"
        )
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        bad = int(np.count_nonzero(~np.isfinite(array).all(axis=1)))
        raise ValueError(
            f"{name}: expected finite numbers, got NaN or inf in {bad} of {array.shape[0]} points; "
            "drop or repair those rows"
        )
    return array


def _is_ml_float(dtype: np.dtype) -> bool:
    """bfloat16 and its kin, which NumPy does not count among its numbers."""
    return dtype.kind == "V" and "float" in dtype.name


def check_same_dimension(x: np.ndarray, y: np.ndarray) -> None:
    """Both point sets live in the same space."""
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"x and y: expected equal dimensions, got {x.shape[1]} and {y.shape[1]}; "
            "both must hold points of the same space, one a row"
        )


def check_weights(weights: Any, count: int, name: str) -> np.ndarray | None:
    """Probability weights of shape (count,): finite, non-negative, summing to one within 1e-6."""
    if weights is None:
        return None
    array = np.asarray(weights)
    if array.dtype == object or not np.issubdtype(array.dtype, np.number):
        raise TypeError(f"{name}: expected numbers, got dtype {array.dtype}; pass float weights")
    if array.shape != (count,):
        raise ValueError(
            f"{name}: expected one weight per point, shape ({count},), got shape {array.shape}; "
            "pass None for equal weights"
        )
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite weights, got NaN or inf; repair them first")
    if (array < 0).any():
        raise ValueError(
            f"{name}: expected non-negative weights, got a minimum of {array.min():.6g}; "
            "a measure has no negative mass"
        )
    total = math.fsum(array)
    if total == 0:
        raise ValueError(f"{name}: expected weights that sum to 1, got all zeros; give some mass")
    if abs(total - 1) > WEIGHT_SUM_TOLERANCE:
        raise ValueError(
            f"{name}: expected weights that sum to 1 within {WEIGHT_SUM_TOLERANCE:g}, got a sum of "
            f"{total:.9g}; normalise with {name} / {name}.sum()"
        )
    return array / total


def check_p(p: Any) -> int:
    """The exponent of the cost d(x, y)^p: 1 or 2."""
    if isinstance(p, bool) or p not in (1, 2):
        raise ValueError(f"p: expected 1 or 2, got {p!r}; other exponents are not supported")
    return int(p)


def check_name(name: Any, known: Iterable[str], kind: str) -> str:
    """A name out of `known`; otherwise the error lists them and suggests the nearest."""
    choices = list(known)
    if name in choices:
        return name
    near = difflib.get_close_matches(str(name), choices, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(
        f"{kind}: expected one of {', '.join(choices) or '(none)'}, got {name!r}; "
        f"{hint or 'pick one of these'}".rstrip()
    )


def check_integer(value: Any, name: str, minimum: int) -> int:
    """A whole number of at least `minimum`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < minimum:
        raise ValueError(f"{name}: expected a whole number >= {minimum}, got {value!r}; change it")
    return int(value)


def check_number(
    value: Any, name: str, *, minimum: float | None = None, above: float | None = None
) -> float:
    """A finite number, at least `minimum` and strictly above `above` where these are given."""
    wanted = "a finite number"
    if minimum is not None:
        wanted += f" >= {minimum:g}"
    if above is not None:
        wanted += f" > {above:g}"
    try:
        number = float(value)
        if isinstance(value, (bool, str)):
            raise TypeError
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected {wanted}, got {value!r}; pass a number") from None
    low = minimum is not None and number < minimum
    if not math.isfinite(number) or low or (above is not None and number <= above):
        raise ValueError(f"{name}: expected {wanted}, got {value!r}; change it")
    return number
