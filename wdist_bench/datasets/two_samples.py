"""`read_samples`: two samples out of one or two files, by the names of their columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from wdist_bench.datasets.files import find_file, read_arrays
from wdist_bench.datasets.tables import Table, load_rows, read_table, split_key
from wdist_bench.datasets.text_tables import numbers
from wdist_bench.inputs.elsewhere import explained
from wdist_bench.validation import check_flag, check_pair

# Share of the mean squared distance from which on one column is said to make it.
_ALONE = 0.9
_ROUNDING = 1e-12  # a deviation below this share of the largest number is none
_SHOWN, _FEW = 12, 3  # groups in an error, and where there are more


@dataclass(frozen=True, eq=False)
class TwoSamples:
    """Two samples as `wb.estimate(s.x, s.y, a=s.a, b=s.b)` takes them.

    Attributes:
        x: (n, d) points, a data frame where columns have names.
        y: (m, d) points; columns with names are matched with those of x by whoever takes both.
        a: (n,) weights of x that sum to one, None for equal ones.
        b: (m,) weights of y.
        groups: what x and y are: two values of a column, or "x" and "y".
        by: the column that tells them apart, "" for two files.
        scales: (d,) what the columns of x were divided by, None where they are as given.
    """

    x: Any
    y: Any
    a: Float[np.ndarray, " n"] | None
    b: Float[np.ndarray, " m"] | None
    groups: tuple[str, str] = ("x", "y")
    by: str = ""
    scales: Float[np.ndarray, " d"] | None = None

    @property
    def columns(self) -> list[str]:
        """Names of the columns; empty where they have none."""
        return [str(name) for name in getattr(self.x, "columns", ())]

    @property
    def scaling(self) -> str:
        """What was done to the columns, in words."""
        if self.scales is None:
            return "none"
        return f"each column over its standard deviation in all {len(self.x) + len(self.y)} rows"

    @property
    def remark(self) -> str:
        """A sentence where one of several columns makes nearly all of the distance, else ""."""
        if self.scales is not None:
            return ""
        shares = squared_shares(self)
        if len(shares) < 2 or shares.max() < _ALONE:
            return ""
        place = int(shares.argmax())
        name = repr(self.columns[place]) if self.columns else str(place + 1)
        share = f"{math.floor(1000 * shares[place]) / 10:.1f}"
        return (
            f"column {name} makes {share} % of the mean squared distance between rows of x and of "
            f"y, the other {len(shares) - 1} the rest; if their units differ, divide each by its "
            "standard deviation with --standardize (standardize=True), or choose columns with "
            "--columns (columns=)"
        )


@explained
def read_samples(
    x: Any,
    y: Any = None,
    *,
    columns: Sequence[str] | None = None,
    by: str | None = None,
    groups: Sequence[Any] | None = None,
    weights: str | None = None,
    standardize: bool = False,
    header: bool | None = None,
) -> TwoSamples:
    """Two samples from two tables, or from two groups of one.

    Columns are matched by name where both tables have names. Those of a table without names are
    called "1" to "d".

    Args:
        x: a data frame or an array, or a path: .csv or .tsv (separated by commas, tabs or
            semicolons), .parquet, .npy, .npz (FILE.npz:KEY for one of several arrays; with `by`,
            `weights` or `columns` its arrays are columns), or a folder of images.
        y: the other table; None with `by`, or for an .npz file with the keys "x" and "y", and "a"
            and "b" where the rows have weights.
        columns: which to use; by default all but those of `by` and `weights`, and of an .npz file
            with the key "samples" those of that array.
        by: a column of x whose two values tell the samples apart.
        groups: the two values, where the column has more; x gets the first.
        weights: a column of weights >= 0, which are divided by their sum in each sample.
        standardize: divide each column by its standard deviation in the rows of both samples
            together (with their weights, the two counting by their rows). Columns without
            deviation stay.
        header: whether the first line of a text file holds names; None to decide.

    Raises:
        FileNotFoundError: no such file.
        ValueError, TypeError: no such column, not two groups, or what is no finite table of
            numbers; the message says what was expected and the fix.
    """
    picked = columns is not None or by is not None or weights is not None
    own: dict[str, str] = {}
    if y is None and by is None:
        x, y, own = _two_keys(x, weights)
    if by is not None and y is not None:
        raise ValueError(
            "by: expected one table, whose groups are compared, got two; leave out by, or y"
        )
    if groups is not None and by is None:
        raise ValueError(
            f"groups: expected a column that tells them apart, got none beside {list(groups)}; add "
            "--by COLUMN (by=)"
        )
    wanted = [columns] if isinstance(columns, str) else columns
    if by is None:
        tables = [_table(given, name, header, picked) for name, given in (("x", x), ("y", y))]
        (x, a), (y, b) = (_part(t, _places(t, wanted, None, weights), weights) for t in tables)
        if own:
            a, b = _own_weights(own, {"a": len(x), "b": len(y)})
        found = TwoSamples(x, y, a, b)
    else:
        found = _grouped(_table(x, "x", header, True), by, groups, wanted, weights)
    return _scaled(found) if check_flag(standardize, "standardize") else found


def holds_both(x: Any) -> bool:
    """Whether it is the path of an .npz file with the keys "x" and "y"."""
    return {"x", "y"} <= _keys(x)


def _keys(x: Any) -> set[str]:
    """Those of an .npz file; none where it is no path of one."""
    if not isinstance(x, (str, Path)) or not str(x).lower().endswith(".npz"):
        return set()
    return set(read_arrays(find_file(str(x), "x"), "x"))


def _two_keys(x: Any, weights: str | None) -> tuple[str, str, dict[str, str]]:
    """The arrays x and y of one .npz file, and those of a and b that it has."""
    keys = _keys(x)
    if not {"x", "y"} <= keys:
        raise ValueError(
            "y: expected a second table, or a column of the first that tells two groups apart, got "
            "neither; name the other file, or add --by COLUMN (by=)"
        )
    if strange := keys - {"x", "y", "a", "b"}:
        raise ValueError(
            f"x ({x}): expected the keys x and y, and a and b for weights, got "
            f"{', '.join(sorted(strange))} beside them; name both samples, as in FILE.npz:x "
            "FILE.npz:y"
        )
    own = {key: f"{x}:{key}" for key in sorted(keys & {"a", "b"})}
    if own and weights is not None:
        raise ValueError(
            f"weights: expected none beside those of {', '.join(own.values())}, got {weights!r}; "
            "leave it out"
        )
    return f"{x}:x", f"{x}:y", own


def _table(given: Any, parameter: str, header: bool | None, whole: bool) -> Table:
    import pandas as pd

    if isinstance(given, (str, Path)):
        return read_table(given, parameter, header, whole)
    if isinstance(given, pd.DataFrame):
        return Table(parameter, given, True)
    if hasattr(given, "to_pandas"):  # polars, Arrow
        return Table(parameter, given.to_pandas(), True)
    return Table(parameter, pd.DataFrame(load_rows(given, parameter)), False)


def _places(
    table: Table, columns: Sequence[str] | None, by: str | None, weights: str | None
) -> list[int]:
    """Where the coordinates of a whole table lie."""
    apart = [name for name in (by, weights) if name is not None]
    left_out, names = table.places(apart), table.names()
    if columns is None:
        own = [] if table.points_of is None else table.places([table.points_of])
        places = [k for k in own if k not in left_out] or table.coordinates(apart)
    else:  # of a whole array, the column that groups or weighs is no coordinate
        asked = table.places(columns)
        places = [k for k in asked if k not in left_out or names[k] in columns]
    if not places and (apart or columns is not None):
        raise ValueError(
            f"{table.label}: expected a column of coordinates beside {', '.join(apart)}, got none; "
            "add one, or name it with --columns (columns=)"
        )
    return places


def _part(table: Table, places: list[int], weights: str | None) -> tuple[Any, Any]:
    """Points and weights of some rows, or of all."""
    return table.points(places), None if weights is None else _weights(table, weights)


def _own_weights(own: dict[str, str], rows: dict[str, int]) -> list[np.ndarray | None]:
    """The arrays a and b of an .npz file with both samples, divided by their sums."""
    import pandas as pd

    found: dict[str, np.ndarray] = {}
    for key, path in own.items():
        file, name = split_key(path)
        array = np.atleast_1d(read_arrays(find_file(file, key), key)[name])
        label = f"{key} ({file})"
        if array.shape not in ((count := rows[key],), (count, 1)):
            raise ValueError(
                f"{label}: expected one weight for each of {count} rows, got shape {array.shape}; "
                "save as many"
            )
        content = pd.DataFrame(array)
        found[key] = _weights(Table(label, content, False), "1")
    return [found.get(key) for key in ("a", "b")]


def _weights(table: Table, name: str) -> np.ndarray:
    """A column of weights, divided by its sum."""
    mass = np.asarray(table.points(table.places([name])))
    if mass.shape[1] != 1 or (mass < 0).any() or not mass.any():
        got = "several columns" if mass.shape[1] != 1 else f"a minimum of {mass.min():g}"
        got = got if mass.any() else "zeros alone"
        raise ValueError(
            f"{table.label}: expected weights >= 0 and some above in column {name!r}, got {got}; "
            "choose another column, or repair it"
        )
    return mass[:, 0] / math.fsum(mass[:, 0])


def _grouped(
    table: Table,
    by: str,
    groups: Sequence[Any] | None,
    columns: Sequence[str] | None,
    weights: str | None,
) -> TwoSamples:
    """The rows of two groups."""
    labels = table.words(by)
    chosen = _two_groups(labels, by, groups, table.label)
    places, parts = _places(table, columns, by, weights), []
    for group in chosen:
        rows = table.content[labels == group]
        if table.lines is not None:  # words may stand in rows of other groups
            rows = rows.apply(numbers)
        named = replace(table, label=f"{table.label}, {by} = {group}", content=rows)
        parts.append(_part(named, places, weights))
    (x, a), (y, b) = parts
    return TwoSamples(x, y, a, b, chosen, by)


def _two_groups(
    labels: np.ndarray, by: str, groups: Sequence[Any] | None, label: str
) -> tuple[str, str]:
    values, counts = np.unique(labels, return_counts=True)
    held = [f"{value} ({count} rows)" for value, count in zip(values, counts, strict=True)]
    shown = ", ".join(held)
    if len(held) > _SHOWN:
        shown = f"{', '.join(held[:_FEW])} and {len(held) - _FEW} more"
    if groups is None:
        if len(values) == 2:
            return str(values[0]), str(values[1])
        first = ",".join(map(str, values[:2])) if len(values) > 1 else "A,B"
        raise ValueError(
            f"{label}: expected two groups in column {by!r}, got {len(values)}: {shown}; choose "
            f"two with --groups {first} (groups=), or another column"
        )
    wanted = [str(group) for group in groups]
    if len(wanted) != 2 or wanted[0] == wanted[1] or not set(wanted) <= set(values):
        raise ValueError(
            f"groups: expected two different ones of column {by!r}, got {', '.join(wanted)}; there "
            f"are {shown}"
        )
    return wanted[0], wanted[1]


# Columns of both


def _scaled(found: TwoSamples) -> TwoSamples:
    x, y = check_pair(found.x, found.y)
    held = np.concatenate([_held(x, found.a), _held(y, found.b)])
    mass = np.concatenate([
        np.ones(len(points)) if weights is None else len(points) * weights
        for points, weights in ((x, found.a), (y, found.b))
    ]) / len(held)  # fmt: skip
    power = _power(np.abs(held).max(0))
    rows = np.ldexp(held, -power)
    centered = rows - mass @ rows
    scales = np.sqrt(mass @ (centered - mass @ centered) ** 2)
    extended = scales > _ROUNDING * np.abs(rows).max(0)
    scales = np.where(extended, np.ldexp(scales, power), 1.0)
    x, y = x / scales, y / scales
    if found.columns:
        import pandas as pd

        names = found.x.columns
        x, y = pd.DataFrame(x, columns=names), pd.DataFrame(y, columns=names)
    return replace(found, x=x, y=y, scales=scales)


def squared_shares(found: TwoSamples) -> Float[np.ndarray, " d"]:
    """Share of each column in E ||X - Y||^2 over all pairs of rows of x and y: Var X_k + Var Y_k +
    (E X_k - E Y_k)^2 over the sum of it; zeros where all rows are equal.
    """
    x, y = check_pair(found.x, found.y)
    x, y = _held(x, found.a), _held(y, found.b)
    power = _power(max(np.abs(x).max(), np.abs(y).max()))
    x, y = np.ldexp(x, -power), np.ldexp(y, -power)
    center = x.mean(0)
    total, means = np.zeros(x.shape[1]), []
    for points, weights in ((x - center, found.a), (y - center, found.b)):
        mean = np.average(points, axis=0, weights=weights)
        total += np.average((points - mean) ** 2, axis=0, weights=weights)
        means.append(mean)
    total += (means[0] - means[1]) ** 2
    return total / total.sum() if total.sum() > 0 else total


def _held(points: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """The points, 0 where they have no mass: those have no say in a scale."""
    return points if weights is None else np.where(weights[:, None] > 0, points, 0.0)


def _power(size: Any) -> Any:
    """k where 2^-k brings a size next to 1, exactly: squares stay in the range of float64."""
    return np.frexp(size)[1]
