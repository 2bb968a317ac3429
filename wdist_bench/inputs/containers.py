"""What users hand over, as one NumPy array with the names and labels that it carries.

Nothing is read silently: masked and missing values, index columns, columns in another order and
times in other units are matched, counted or refused here, before anybody computes with them.
"""

from __future__ import annotations

import numbers
import os
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np

from wdist_bench.inputs.traced import refuse_traced

# Integers up to here are exact in float64.
EXACT_INTEGER = 2**53
# Columns that pandas writes where nobody named them: row numbers, no coordinates.
_ROW_NUMBERS = ("", "Unnamed: 0", "__index_level_0__")
# The same after reset_index; these may be a user's own, so their content decides.
_MAYBE_ROW_NUMBERS = ("index", "level_0")
# Units of times, each followed by the next coarser one.
_UNITS = ("as", "fs", "ps", "ns", "us", "ms", "s", "D")
_SHOWN = 4


@dataclass(frozen=True, eq=False)
class Container:
    """An array as it was given.

    Attributes:
        values: numbers (float64 where they came as objects, with NaN for what is missing) or times.
        columns: names of the columns, None where they have none.
        index: labels of the rows, None where they have none.
    """

    values: np.ndarray
    columns: tuple[str, ...] | None = None
    index: np.ndarray | None = None


def unwrap(given: Any, name: str) -> Container:
    """The array inside of whatever was given; what holds no numbers or times is refused.

    Raises:
        TypeError: no array, or entries that are neither numbers nor times.
        ValueError: masked entries, or a column of row numbers.
    """
    _refuse_other_things(given, name)
    refuse_masked(given, name)
    columns = _column_names(given)
    if columns is not None and _dtypes_differ(given):
        array = _by_column(given, name, columns)
    else:
        array = _as_array(given, name)
    if array.dtype == object:
        array = _from_objects(array, name, columns)
    if array.dtype.kind not in "biufmM" and not is_ml_float(array.dtype):
        raise TypeError(no_numbers(array.dtype, name))
    if array.dtype.kind in "mM" and (gaps := np.isnat(array)).any():
        bad = int(gaps.reshape(len(gaps), -1).any(1).sum()) if gaps.ndim else 1
        raise ValueError(
            f"{name}: expected times, got NaT in {bad} of {len(gaps) if gaps.ndim else 1} rows; "
            "drop or repair those rows"
        )
    if columns is not None and array.ndim == 2 and len(columns) == array.shape[1]:
        _refuse_row_numbers(array, name, columns)
    else:
        columns = None
    return Container(array, columns, _row_labels(given))


def is_ml_float(dtype: np.dtype) -> bool:
    """bfloat16 and its kin, which NumPy does not count among its numbers."""
    return dtype.kind == "V" and "float" in dtype.name


def _refuse_other_things(given: Any, name: str) -> None:
    kind = type(given).__name__
    if given is None:
        raise TypeError(f"{name}: expected numbers in an array, got None; pass the data")
    if isinstance(given, (str, bytes, os.PathLike)):
        raise TypeError(
            f"{name}: expected numbers in an array, got the text or path {given!r}; load the files "
            "first, with s = wb.read_samples('x.csv', 'y.csv') and then s.x and s.y, or run "
            "`wdist-bench estimate` on them"
        )
    if isinstance(given, (Mapping, Set, Iterator)):
        raise TypeError(
            f"{name}: expected numbers in an array, got {kind}; make it an array first, "
            "with numpy.array(list(...)) or pandas.DataFrame(...)"
        )
    for densify in ("toarray", "todense"):
        if hasattr(given, densify) and not isinstance(given, np.ndarray):
            raise TypeError(
                f"{name}: expected a dense array, got the sparse {kind}; pass {name}.{densify}()"
            )


def refuse_masked(given: Any, name: str, fix: str = "") -> None:
    """A masked value is a missing one, also inside of a list; `fix` says what to do instead."""
    if isinstance(given, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(given)
        rows = mask.reshape(len(mask), -1).any(1) if mask.ndim else mask.reshape(1)
    elif isinstance(given, (list, tuple)):
        rows = np.array([_holds_masked(row) for row in given], bool)
    else:
        return
    if rows.any():
        if not fix and getattr(given, "ndim", 2) == 1:
            fix = f"drop those entries, with {name}.compressed(), or fill them with {name}.filled"
        fix = fix or f"drop those rows, with numpy.ma.compress_rows({name}) in two dimensions"
        raise ValueError(
            f"{name}: expected no missing values, got masked ones in {int(rows.sum())} of "
            f"{rows.size} rows; {fix}"
        )


def _holds_masked(row: Any) -> bool:
    if isinstance(row, np.ma.MaskedArray):
        return bool(np.ma.getmaskarray(row).any())
    return isinstance(row, (list, tuple)) and any(entry is np.ma.masked for entry in row)


def _as_array(given: Any, name: str) -> np.ndarray:
    try:
        plain = given.to_numpy() if not hasattr(given, "__array__") and hasattr(
            given, "to_numpy"
        ) else given  # fmt: skip
        return np.asarray(plain)
    except Exception as error:
        refuse_traced(given, name)
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        reason += "; wdist_bench.pytorch keeps its gradient" * ("requires grad" in reason)
        raise TypeError(
            f"{name}: expected an array of shape (n, d), got {type(given).__name__} that "
            f"NumPy cannot convert ({reason}); pass a NumPy or JAX array"
        ) from error


def no_numbers(dtype: np.dtype, name: str) -> str:
    """What is said of entries of a type that holds no real numbers."""
    if dtype.kind == "c":
        return (
            f"{name}: expected real numbers, got dtype {dtype}; "
            "stack real and imaginary parts as two coordinates"
        )
    if dtype.names:
        return (
            f"{name}: expected numbers in rows and columns, got a structured array with the fields "
            f"{_listed(dtype.names)}; convert it with "
            "numpy.lib.recfunctions.structured_to_unstructured"
        )
    return f"{name}: expected numbers, got dtype {dtype}; convert with astype(float)"


# Labels


def _column_names(given: Any) -> tuple[str, ...] | None:
    """Of data frames and tables (pandas, polars, Arrow) and of xarray's labelled arrays."""
    if isinstance(given, np.ndarray):
        return None
    columns = getattr(given, "column_names", getattr(given, "columns", None))
    if columns is None and hasattr(given, "dims") and hasattr(given, "coords"):
        last = given.dims[-1] if len(given.dims) == 2 else None
        columns = np.asarray(given.coords[last]) if last in given.coords else None
    if columns is None or callable(columns):
        return None
    return tuple(str(column) for column in columns)


def _row_labels(given: Any) -> np.ndarray | None:
    index = getattr(given, "index", None) if hasattr(given, "iloc") else None
    return None if index is None or callable(index) else np.asarray(index)


def _dtypes_differ(given: Any) -> bool:
    return hasattr(given, "iloc") and len(set(map(str, given.dtypes))) > 1


def _by_column(given: Any, name: str, columns: tuple[str, ...]) -> np.ndarray:
    """A data frame whose columns have several types."""
    parts = [_as_array(given.iloc[:, k], name) for k in range(len(columns))]
    for k, part in enumerate(parts):
        if part.dtype == object:
            parts[k] = _from_objects(part[:, None], name, columns[k : k + 1])[:, 0]
        elif part.dtype.kind not in "biufmM":
            raise TypeError(_not_a_number(name, f"column {columns[k]!r}", f"dtype {part.dtype}"))
    times = [part.dtype.kind in "mM" for part in parts]
    if any(times):
        if not all(times) or len({part.dtype.kind for part in parts}) > 1:
            odd = columns[times.index(True)]
            raise TypeError(_not_a_number(name, f"column {odd!r}", "times beside other columns"))
        return np.stack(parts, axis=1)
    return np.stack([as_float64(part, name) for part in parts], axis=1)


def _from_objects(array: np.ndarray, name: str, columns: tuple[str, ...] | None) -> np.ndarray:
    """Numbers that came as Python objects in float64, with NaN for None, NA and NaT."""
    out = np.empty(array.shape)
    for place in np.ndindex(array.shape):
        entry = array[place]
        if _is_missing(entry):
            out[place] = np.nan
        elif isinstance(entry, (numbers.Real, Decimal, np.bool_)):
            out[place] = float(entry)
            if isinstance(entry, numbers.Integral) and int(out[place]) != int(entry):
                raise ValueError(_too_large(name))
        else:
            where = f"entry {tuple(map(int, place))}"
            if columns is not None and len(place) == 2 and len(columns) == array.shape[1]:
                where = f"row {place[0]} of column {columns[place[1]]!r}"
            fix = "encode or drop it"
            if hasattr(entry, "isoformat"):
                fix = "convert all columns to datetime64 without a time zone, or to numbers"
            what = f"{entry!r:.60} ({type(entry).__name__})"
            raise TypeError(_not_a_number(name, where, what, fix))
    return out


def _is_missing(entry: Any) -> bool:
    return entry is None or type(entry).__name__ in ("NAType", "NaTType")


def _not_a_number(name: str, where: str, what: str, fix: str = "encode or drop it") -> str:
    what = " ".join(what.split())
    return f"{name}: expected numbers, got {what} in {where}; {fix}"


def _refuse_row_numbers(array: np.ndarray, name: str, columns: tuple[str, ...]) -> None:
    for k, column in enumerate(columns):
        numbered = column in _ROW_NUMBERS
        if column in _MAYBE_ROW_NUMBERS and array.dtype.kind in "iuf":
            numbered = counts_rows(array[:, k])
        if numbered:
            raise ValueError(
                f"{name}: expected columns of coordinates, got column {column!r}, which pandas "
                "writes to number the rows; drop it, write with index=False, or read with "
                "index_col=0 (or rename it if it is a coordinate)"
            )


def counts_rows(values: np.ndarray) -> bool:
    """Whether the entries are 0 to n - 1 or 1 to n, in any order."""
    ordered = np.sort(values)
    steps = np.arange(len(values))
    return bool((ordered == steps).all() or (ordered == steps + 1).all())


# Numbers


def as_float64(array: np.ndarray, name: str) -> np.ndarray:
    """In float64 and C order; integers that float64 cannot hold are refused."""
    if _rounded(array):
        raise ValueError(_too_large(name))
    return array.astype(np.float64, order="C")


def _rounded(array: np.ndarray) -> bool:
    """Whether some are integers that float64 does not hold."""
    if array.dtype.kind not in "iu" or array.dtype.itemsize < 8:
        return False
    large = (array > EXACT_INTEGER) | (array < -EXACT_INTEGER)
    return any(int(float(v)) != v for v in array[large].tolist())


def _too_large(name: str) -> str:
    return (
        f"{name}: expected integers that float64 holds exactly, got some above 2^53 in size that "
        "would be rounded; subtract one origin from x and y first"
    )


# Pairs


def match_columns(x: Container, y: Container, names: tuple[str, str] = ("x", "y")) -> Container:
    """y with its columns in the order of x, by name where both have names.

    By position where only one side has names: an array, or a frame whose columns are numbered
    0 to d - 1 against names that are no numbers.

    Raises:
        ValueError: the names differ.
    """
    left, right = x.columns, y.columns
    if left is None or right is None or left == right:
        return y
    if len(set(left)) == len(left) and sorted(left) == sorted(right):
        place = {column: k for k, column in enumerate(right)}
        return replace(y, values=y.values[:, [place[c] for c in left]], columns=left)
    numbered = [names == tuple(map(str, range(len(names)))) for names in (left, right)]
    digits = [any(c.isdigit() for c in names) for names in (left, right)]
    if numbered != [False, False] and digits != [True, True] and len(left) == len(right):
        return y
    only_x = [c for c in left if c not in right]
    only_y = [c for c in right if c not in left]
    first, second = names
    found = f"{_listed(only_x)} only in {first} and {_listed(only_y)} only in {second}"
    if not only_x and not only_y:
        found = f"names that come more than once, {_listed(left)} and {_listed(right)}"
    raise ValueError(
        f"{first} and {second}: expected the same columns, got {found}; name them alike, choose "
        "those that both have (--columns, or columns= of wb.read_samples), or pass arrays, as in "
        f"{first}.to_numpy(), to match them by position"
    )


def _listed(names: Any) -> str:
    names = list(names)
    text = ", ".join(map(repr, names[:_SHOWN])) or "none"
    return text + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def match_rows(weights: Container, points: Container | None, name: str) -> np.ndarray:
    """Weights in the order of the points: by label where the weights have labels.

    Raises:
        ValueError: the labels are not those of the points.
    """
    labels = weights.index
    if labels is None:
        return weights.values
    rows = None if points is None else points.index
    wanted = np.arange(len(labels)) if rows is None else rows
    if len(labels) != len(wanted) or bool(np.all(labels == wanted)):
        return weights.values  # a wrong length is refused by its own check
    if rows is not None and len(set(labels.tolist())) == len(labels):
        place = {label: k for k, label in enumerate(labels.tolist())}
        if set(place) == set(rows.tolist()):
            return weights.values[[place[label] for label in rows.tolist()]]
    expected = "labels 0 to n - 1, since the points have none" if rows is None else "the labels"
    source = "" if rows is None else " of the points' rows"
    raise ValueError(
        f"{name}: expected {expected}{source}, got the index {_listed(labels.tolist())}; "
        f"pass {name}.to_numpy() if the weights are in the order of the points"
    )


def match_times(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """Both as numbers in one unit, the finer of the two, and that unit; "" where nothing is a time.

    Dates are counted from the earliest of both: distances do not depend on the origin, and
    float64 would round nanoseconds since 1970.

    Raises:
        TypeError: dates, durations and numbers mixed, or units without a common one.
        ValueError: a unit that is too fine for the other's values, or for float64.
    """
    kinds = {array.dtype.kind for array in (x, y)}
    if not kinds & {"m", "M"}:
        return x, y, ""
    given = f"{x.dtype} and {y.dtype}"
    bare = [np.datetime_data(v.dtype)[0] == "generic" for v in (x, y) if v.dtype.kind in "mM"]
    try:
        if len(kinds) > 1 or bare[0] != bare[1]:
            raise TypeError
        shared = np.promote_types(x.dtype, y.dtype)
    except TypeError:
        raise TypeError(
            f"x and y: expected times of one kind with units that convert, got {given}; convert "
            "both to numbers in one unit, as in x / numpy.timedelta64(1, 's')"
        ) from None
    counts = []
    for array in (x, y):
        try:
            fine = array.astype(shared)  # NumPy 2.5 raises on overflow, before it wrapped around
            fits = (fine.astype(array.dtype) == array).all()
        except OverflowError:
            fits = False
        if not fits:
            raise ValueError(
                f"x and y: expected times that fit one unit, got {given}, of which some overflow "
                f"in {shared}; convert both to numbers in one unit first"
            )
        counts.append(fine.view(np.int64))
    if "M" in kinds:
        first = min(int(count.min()) for count in counts)
        if max(int(count.max()) for count in counts) - first > np.iinfo(np.int64).max:
            raise ValueError(
                f"x and y: expected dates less than 2^63 units apart, got {given} that are more; "
                "convert both to a coarser unit first"
            )
        counts = [count - first for count in counts]
    unit, multiple = np.datetime_data(shared)
    if any(map(_rounded, counts)):
        coarser = dict(pairwise(_UNITS)).get(unit, "Y")
        kind = "datetime64" if "M" in kinds else "timedelta64"
        raise ValueError(
            f"x and y: expected times that float64 counts exactly, got {given}, some of which it "
            f"would round; convert both to a coarser unit, as in x.astype('{kind}[{coarser}]')"
        )
    return counts[0], counts[1], unit if multiple == 1 else f"{multiple} {unit}"
