"""Every check of user input, in one place.

Each function returns the checked value or raises a one-line error that states
what was expected, what came, and how to fix it.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from wdist_bench.inputs.containers import (
    Container,
    as_float64,
    match_columns,
    match_rows,
    match_times,
    unwrap,
)
from wdist_bench.inputs.doubts import doubt

WEIGHT_SUM_TOLERANCE = 1e-6
# Share of letters that two names must have in common for "did you mean": a slip of one letter in
# four or of two in eight, and no other word.
_NEAR = 0.7
# Of int32, in which sizes and steps are counted inside compiled programs.
_LARGEST = 2**31 - 1
_STEEPEST = 1000  # of powers of distances: already of one half, float64 holds no 1075th
SEEDS = 2**32
"""Seeds are below this number: `jax.random.key` takes a larger one modulo it, so that 0 and 2^32
would give the same numbers under two names."""


def check_points(points: Any, name: str) -> np.ndarray:
    """Sample points as a finite float64 array of shape (n, d), n >= 1, d >= 1.

    Arrays, nested lists and data frames of numbers. What is missing (NaN, None, NA, masked) or no
    number is refused, and so are integers that float64 would round. Times are refused here, since
    their unit and origin have a meaning only beside those of the other measure (`check_samples`).
    """
    return _finite_points(check_no_times(unwrap(points, name).values, name), name)


def check_no_times(array: np.ndarray, name: str) -> np.ndarray:
    """Numbers, and no dates or durations."""
    if array.dtype.kind in "mM":
        raise TypeError(
            f"{name}: expected numbers, got times of dtype {array.dtype}; subtract an origin from "
            f"dates, then divide by one unit, as in {name} / numpy.timedelta64(1, 's')"
        )
    return array


def check_rows(array: np.ndarray, name: str) -> np.ndarray:
    """Float64 of shape (n, d), n >= 1, d >= 1, finite or not."""
    if array.ndim == 0:
        raise TypeError(
            f"{name}: expected points of shape (n, d), got the single number {array.item()!r:.40}; "
            "pass an array, [[number]] for one point on a line"
        )
    if array.ndim == 1:
        raise ValueError(
            f"{name}: expected shape (n, d), one point a row, got shape {array.shape}; for points "
            "on a line use reshape(-1, 1); for a histogram the bins' places are the points, "
            "reshape(-1, 1), and its values are the weights, a= for x and b= for y"
        )
    if array.ndim > 2:
        raise ValueError(
            f"{name}: expected shape (n, d), one point a row, got shape {array.shape}; "
            "flatten each point, as in reshape(n, -1) for n pictures"
        )
    if array.shape[0] == 0 or array.shape[1] == 0:
        raise ValueError(
            f"{name}: expected at least one point and one coordinate, got shape {array.shape}; "
            "check that the data loaded"
        )
    return as_float64(array, name)


def check_asked(points: Any, dim: int | None = None) -> np.ndarray:
    """Points (k, d) that a map or a potential is asked about: finite, in float64, k >= 0.

    Args:
        points: one a row.
        dim: d, the number of coordinates of its samples; None where it takes any.
    """
    array = as_float64(check_no_times(unwrap(points, "points").values, "points"), "points")
    if array.ndim != 2 or dim not in (None, array.shape[1]):
        raise ValueError(
            f"points: expected shape (n, {dim or 'd'}), one point a row, as the samples of the "
            f"map have, got {array.shape}; pass one row for each point"
        )
    return check_finite(array, "points")


def _finite_points(array: np.ndarray, name: str) -> np.ndarray:
    return check_finite(check_rows(array, name), name)


def check_finite(array: np.ndarray, name: str) -> np.ndarray:
    """Points (n, d) without NaN and inf."""
    if not np.isfinite(array).all():
        bad = int(np.count_nonzero(~np.isfinite(array).all(axis=1)))
        raise ValueError(
            f"{name}: expected finite numbers, got NaN or inf in {bad} of {array.shape[0]} points; "
            "drop or repair those rows"
        )
    return array


def check_pair(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Points of two measures in one space, (n, d) and (m, d) in float64.

    Columns are matched by name where both have names, and times are brought to one unit.
    """
    return _pair(unwrap(x, "x"), unwrap(y, "y"))[:2]


def _pair(x: Container, y: Container) -> tuple[np.ndarray, np.ndarray, str]:
    """The points, and the unit of what were times, else ""."""
    left, right, unit = match_times(x.values, match_columns(x, y).values)
    points = _finite_points(left, "x"), _finite_points(right, "y")
    check_same_dimension(*points)
    return *points, unit


class CheckedSamples(NamedTuple):
    """Points and weights that passed every check, and a remark on how they were read.

    Attributes:
        x: (n, d) points of mu in float64.
        y: (m, d) points of nu in float64.
        a: (n,) weights of x that sum to 1, None for equal ones.
        b: (m,) weights of y that sum to 1, None for equal ones.
        remark: one sentence on what the user may not have meant, mostly "".
        columns: names of the coordinates, None where no side has names.
    """

    x: np.ndarray
    y: np.ndarray
    a: np.ndarray | None
    b: np.ndarray | None
    remark: str
    columns: tuple[str, ...] | None


def check_samples(x: Any, y: Any, a: Any = None, b: Any = None) -> CheckedSamples:
    """Weighted points of two measures.

    Columns of y are brought to the order of x by name, and weights with an index (pandas) to the
    order of their points by label; neither is ever matched by position where the names differ.
    Dates and durations must be of one kind on both sides and are counted in the finer unit.
    """
    left, right = unwrap(x, "x"), unwrap(y, "y")
    points_x, points_y, unit = _pair(left, right)
    remark = f"x and y are times: distances are in the unit {unit}" if unit else ""
    if not remark and left.columns is None and right.columns is None and a is None and b is None:
        remark = doubt(points_x, points_y)
    weights_a = check_weights(a, len(points_x), "a", left)
    weights_b = check_weights(b, len(points_y), "b", right)
    columns = right.columns if left.columns is None else left.columns
    return CheckedSamples(points_x, points_y, weights_a, weights_b, remark, columns)


def check_columns(points: Any, columns: tuple[str, ...]) -> np.ndarray:
    """Points (k, d) that a map is asked about, in the order of the columns of its samples: by name
    where they have names, by position where they have none.
    """
    samples = Container(np.empty((0, len(columns))), columns)
    return match_columns(samples, unwrap(points, "points"), ("x", "points")).values


def check_same_dimension(x: Any, y: Any, names: tuple[str, str] = ("x", "y")) -> None:
    """Both point sets live in the same space."""
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"{names[0]} and {names[1]}: expected equal dimensions, got {x.shape[1]} and "
            f"{y.shape[1]}; both must hold points of the same space, one a row"
        )


def check_weights(
    weights: Any, count: int, name: str, points: Container | None = None
) -> np.ndarray | None:
    """Probability weights of shape (count,): finite, non-negative, summing to one.

    The sum may be off by 1e-6, and for weights in less than double precision by the rounding of
    their own type, `_sum_tolerance`; what is returned sums to one in float64.

    Args:
        weights: anything like an array, or None for equal weights.
        count: number of points.
        name: of the weights, for errors.
        points: the points' container: weights with an index are matched to its rows by label.
    """
    if weights is None:
        return None
    given = unwrap(weights, name)
    array = match_rows(given, points, name)
    if array.dtype.kind in "bmM":
        raise TypeError(f"{name}: expected numbers, got dtype {array.dtype}; pass float weights")
    if array.shape != (count,):
        raise ValueError(
            f"{name}: expected one weight per point, shape ({count},), got shape {array.shape}; "
            "pass None for equal weights"
        )
    tolerance = _sum_tolerance(array.dtype, count)
    array = as_float64(array, name)
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
    if abs(total - 1) > tolerance:
        raise ValueError(
            f"{name}: expected weights that sum to 1 within {tolerance:.2g}, got a sum of "
            f"{total:.9g}; normalise with {name} / {name}.sum()"
        )
    return array / total


def _sum_tolerance(dtype: np.dtype, count: int) -> float:
    """How far the exact sum of a / a.sum() may be from 1 in this type.

    With the unit roundoff u = eps / 2: every division rounds by u and a pairwise sum by
    u log2(count), both relative; below the smallest normal number a weight rounds by half of the
    smallest subnormal one instead. float64 and integers: 1e-6.
    """
    if dtype.kind in "biu" or dtype.itemsize >= 8:
        return WEIGHT_SUM_TOLERANCE
    limits = jnp.finfo(dtype)
    relative = float(limits.eps) / 2 * (2 + math.log2(max(count, 1)))
    return max(WEIGHT_SUM_TOLERANCE, relative + count * float(limits.smallest_subnormal) / 2)


def check_p(p: Any) -> float:
    """The exponent of the cost d(x, y)^p: a real number from 1 to 1,000, whole ones as int."""
    if np.ndim(p) > 0:
        raise ValueError(
            f"p: expected one number >= 1, got {type(p).__name__} of length {len(p)}; weights are "
            "passed by name, as in wb.estimate(x, y, a=weights_x, b=weights_y)"
        )
    number = check_number(p, "p", minimum=1)
    if number > _STEEPEST:
        raise ValueError(
            f"p: expected an exponent of at most {_STEEPEST}, got {number:g}; float64 holds no "
            "higher powers of distances, even of near ones: lower it"
        )
    return int(number) if number.is_integer() else number


def check_one_or_two(p: Any, who: str) -> int:
    """The exponent where formulas exist for 1 and 2 only."""
    if (number := check_p(p)) not in (1, 2):
        raise ValueError(
            f"p: expected 1 or 2 for {who}, got {p!r}; wb.estimate(x, y, p={p!r}) takes any p >= 1"
        )
    return int(number)


def check_name(
    name: Any, known: Iterable[str], kind: str, hint: Callable[[], str] | None = None
) -> str:
    """A name out of `known`; otherwise the error lists them and says `hint()`, or the nearest."""
    choices = list(known)
    if np.ndim(name) == 0 and name in choices:
        return name
    said = hint() if hint else ""
    if not said:
        folded = {fold(choice): choice for choice in choices}
        near = difflib.get_close_matches(fold(str(name)), folded, n=1, cutoff=_NEAR)
        said = f"did you mean {folded[near[0]]!r}?" if near else "pick one of these"
    raise ValueError(
        f"{kind}: expected one of {', '.join(choices) or '(none)'}, got {name!r:.60}; {said}"
    )


def fold(name: str) -> str:
    """A name without case, spaces and punctuation: how far two spellings are apart otherwise."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def check_integer(value: Any, name: str, minimum: int, maximum: int = _LARGEST) -> int:
    """A whole number from `minimum` to `maximum`: an int, Python's or NumPy's, and no bool."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < minimum:
        raise ValueError(
            f"{name}: expected a whole number >= {minimum}, got {value!r:.60}; change it"
        )
    if value > maximum:
        raise ValueError(
            f"{name}: expected a whole number <= {maximum}, got {value!r:.60}; change it"
        )
    return int(value)


def check_seed(value: Any, name: str = "seed") -> int:
    """A seed: a whole number from 0 to 2^32 - 1."""
    return check_integer(value, name, 0, SEEDS - 1)


def check_flag(value: Any, name: str) -> bool:
    """True or False, and nothing that Python would take for one of them."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name}: expected true or false, got {value!r:.60}; write one of them")
    return bool(value)


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
        if isinstance(value, (bool, np.bool_, str)):
            raise TypeError
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}: expected {wanted}, got {value!r:.60}; pass a number") from None
    low = minimum is not None and number < minimum
    if not math.isfinite(number) or low or (above is not None and number <= above):
        raise ValueError(f"{name}: expected {wanted}, got {value!r}; change it")
    return number
