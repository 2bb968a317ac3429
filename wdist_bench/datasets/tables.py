"""A user's sample array, given in memory or as a file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wdist_bench.containers import as_float64, counts_rows
from wdist_bench.datasets.digits import load_digits
from wdist_bench.datasets.files import (
    RefusedError,
    check_size,
    find_file,
    read_arrays,
    stored,
)
from wdist_bench.datasets.image_folder import read_image_folder
from wdist_bench.validation import check_points

if TYPE_CHECKING:
    import pandas as pd

_TEXT = {".csv": ",", ".tsv": "\t"}
_SUFFIXES = (".npy", ".npz", *_TEXT, ".parquet")


def load_rows(samples: Any, parameter: str, header: bool | None = None) -> Any:
    """Points (n, dim) in float64 from an array, or from the path of a file or an image folder.

    A data frame where the file names its columns, so that they can be matched with those of
    another file (or where one was given), else an array.

    Args:
        samples: an array, or a path: .npy, .npz (one array, or the key "samples"), .csv, .tsv,
            .parquet, or a folder of images.
        parameter: what to call the samples in errors.
        header: whether the first line of a .csv or .tsv file holds names; None to decide, by the
            rule of `has_header`.

    Raises:
        FileNotFoundError: no such file.
        ValueError, TypeError: the content is not a finite table of numbers.
    """
    if not isinstance(samples, (str, Path)):
        return _checked(samples, parameter)
    folder = Path(os.path.expanduser(samples))
    if folder.is_dir():
        return _checked(read_image_folder(folder, parameter), f"{parameter} ({folder})")
    path = find_file(str(samples), parameter)
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise ValueError(
            f"{parameter}: expected a folder of images or a file ending in {', '.join(_SUFFIXES)}, "
            f"got {path.name!r}; convert it, or pass the array"
        )
    if suffix in _TEXT:
        content = _read_text(path, parameter, _TEXT[suffix], header)
    elif suffix == ".parquet":
        content = _read_parquet(path, parameter)
    else:
        content = _read_numpy(path, parameter)
    return _checked(content, f"{parameter} ({path})")


def _checked(content: Any, label: str) -> Any:
    """Float64 rows with the names that they came with."""
    points = check_points(content, label)
    if not hasattr(content, "iloc"):
        return points
    import pandas as pd

    return pd.DataFrame(points, columns=content.columns, copy=False)


def digits_as_rows() -> np.ndarray:
    """The digits of scikit-learn with pixels in [-1, 1]: real rows that are always there."""
    images = load_digits("all")
    return images.pixels.astype(np.float64) * (2 / images.maximum) - 1


def _read_parquet(path: Path, parameter: str) -> pd.DataFrame:
    """The columns; an index that pandas stored is no coordinate and is left out."""
    import pandas as pd

    try:
        _check_parquet(path, parameter)
        return pd.read_parquet(path)
    except ImportError:
        raise ValueError(
            f"{parameter}: expected a reader of Parquet files for {path}, got none installed; "
            "install one with: pip install pyarrow"
        ) from None
    except RefusedError:
        raise
    except Exception as error:  # whatever the reader stumbles on
        reason = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{parameter}: expected a Parquet table, got {path} ({reason}); write it again"
        ) from None


def _check_parquet(path: Path, parameter: str) -> None:
    """Refuse what does not fit before it is read: a few bytes may stand for many rows.

    Without pyarrow, whose reader knows that, another one reads unchecked.
    """
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, metadata, packed = pq.read_schema(path), pq.read_metadata(path), stored(path)
    longest = 100 * packed  # bytes of one text, compressed well and then repeated
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    for field in schema:
        numeric = pa.types.is_primitive(field.type) or pa.types.is_decimal(field.type)
        if not numeric and field.name not in index and metadata.num_rows * longest > _LARGE:
            raise RefusedError(
                f"{parameter}: expected numbers, got the column {field.name!r} of type "
                f"{field.type!s:.60} in {path}; encode or drop such columns"
            )
    size = 8 * metadata.num_rows * metadata.num_columns
    check_size(size, packed, f"{parameter}: {path}")


def _read_numpy(path: Path, parameter: str) -> np.ndarray:
    arrays = read_arrays(path, parameter)
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    if "samples" in arrays:
        return arrays["samples"]
    raise ValueError(
        f"{parameter}: expected one array, or the key 'samples', got the keys "
        f"{', '.join(arrays) or '(none)'} in {path}; save the rows as samples=..."
    )


# Text files

# How files write a value that is missing.
_MISSING = {"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "<na>", "nat"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.I | re.A)
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
# What starts like a number is rather a slip in one, or a number with a unit, than a name.
_LIKE_A_NUMBER = re.compile(r"[+\-.,$€£]*\d.*|[+-]?[OoIl][.,]\d.*", re.DOTALL)
_SEPARATORS = {",": ("comma-separated", "commas"), "\t": ("tab-separated", "tabs")}
_UNNAMED = ("", "Unnamed: 0")  # what pandas writes above row numbers, and calls them when read
_FEWEST_BELOW = 3
_LOOKED_AT = 1000  # rows that decide about the first
_YEARS = (1800, 2100)
_BLOCK = 2**20
_LARGE = 2**28
_MOST_COLUMNS = 2**16  # of a text file: pandas takes about 10 KB for each
_CELL = 60  # bytes of a cell of text in memory, whatever it holds


def has_header(cells: np.ndarray) -> bool | None:
    """Whether the first row of a table of text holds names; None where that cannot be told.

    - A row of names has no number and nothing missing (but for the first cell, which pandas leaves
      empty above row numbers). Cells that start like numbers, as "12..5" or "5 kg", may be slips:
      if all do, it cannot be told.
    - Names may be whole numbers: 0 to d - 1, as pandas numbers columns, or years. In two or more
      columns over three or more rows that all have a decimal point or an exponent in every
      column they are names; over whole numbers it cannot be told, unless all rows are years.
    - Any other different whole numbers, or these in one column, over cells that all have a decimal
      point or an exponent: it cannot be told.
    - All else is data.
    """
    first, below = cells[0], cells[1:]
    if len(below) and first[0] in _UNNAMED and len(first) > 1:
        rest = cells[:, 1:]
        if all(_is_name(cell) for cell in rest[0]):
            return True
        if not all(_WHOLE.fullmatch(cell) for cell in rest[0]):
            return False
        found = has_header(rest)
        return True if found else None
    if any(cell.lower() in _MISSING for cell in first):
        return False
    if not any(_NUMBER.fullmatch(cell) for cell in first):
        if not len(below):
            return False
        return True if any(_is_name(cell) for cell in first) else None
    if not len(below) or not all(_WHOLE.fullmatch(cell) for cell in first):
        return False
    whole = [int(cell) for cell in first]
    if len(set(whole)) < len(whole):
        return False
    fractions = all(_NUMBER.fullmatch(c) and not _WHOLE.fullmatch(c.lstrip("+-"))
                    for c in below.ravel())  # fmt: skip
    numbered = whole == list(range(len(whole)))
    years = all(map(_is_year, first)) and not all(map(_is_year, below.ravel()))
    if fractions and (numbered or years) and len(whole) > 1 and len(below) >= _FEWEST_BELOW:
        return True
    return None if fractions or numbered or years else False


def _is_name(cell: str) -> bool:
    missing = cell.lower() in _MISSING
    return not (missing or _NUMBER.fullmatch(cell) or _LIKE_A_NUMBER.fullmatch(cell))


def _is_year(cell: str) -> bool:
    return bool(_WHOLE.fullmatch(cell)) and _YEARS[0] <= int(cell) <= _YEARS[1]


def _read_text(path: Path, parameter: str, separator: str, header: bool | None) -> Any:
    """Numbers, one point a line; a data frame where the first line holds names."""
    import pandas as pd

    _check_text(path, parameter, separator)
    try:
        table = pd.read_csv(
            path, sep=separator, header=None, dtype=str, keep_default_na=False,
            skipinitialspace=True, encoding="utf-8-sig",
        )  # fmt: skip
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"{parameter}: expected a table of numbers, got {path} ({reason}); "
            f"give every line the same number of {_SEPARATORS[separator][0]} values"
        ) from None
    table = table.fillna("").apply(lambda column: column.str.strip())  # NaN where a line is short
    cells = table.to_numpy(object)
    decided = has_header(cells[:_LOOKED_AT]) if header is None else header
    named = bool(decided)
    below = (_numbers(table[k][int(named) :]) for k in table)
    numbers = np.stack([as_float64(column, f"{parameter} ({path})") for column in below], axis=1)
    for row, column in np.argwhere(np.isnan(numbers)):
        line, cell = int(row) + named, cells[row + named, column]
        if cell.lower() not in _MISSING and (decided is not None or line > 0):
            raise ValueError(
                f"{parameter}: expected a table of numbers, got {cell!r:.60} in row {line + 1}, "
                f"column {column + 1} of {path}; {_fix(cell, line, separator)}"
            )
    if decided is None:
        raise ValueError(
            f"{parameter}: expected a first line that is clearly names or numbers, got "
            f"{separator.join(cells[0])[:60]!r} in {path}; correct it, or say what it is with "
            "--header or --no-header (header=True or False)"
        )
    if not named:
        return numbers
    names = [name.lstrip("#").strip() for name in cells[0]]
    if names[0] in _UNNAMED and len(names) > 1:
        if not counts_rows(numbers[:, 0]):
            raise ValueError(
                f"{parameter}: expected a name for every column, got none for the first of {path}, "
                "which does not number the rows either; write it with index=False, or name it"
            )
        names, numbers = names[1:], numbers[:, 1:]
    return pd.DataFrame(numbers, columns=names)


def _check_text(path: Path, parameter: str, separator: str) -> None:
    """Refuse what is no text, and more columns or cells than fit, before pandas reads it."""
    cells, columns = 1, 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if b"\0" in block:
                raise ValueError(
                    f"{parameter}: expected text, got bytes of value 0 in {path}; save it as text "
                    "in UTF-8"
                )
            if not columns:
                first, newline, _ = block.partition(b"\n")
                columns = (cells + first.count(separator.encode())) if newline else 0
            cells += block.count(separator.encode()) + block.count(b"\n")
            if (columns or cells) > _MOST_COLUMNS:
                raise ValueError(
                    f"{parameter}: expected at most {_MOST_COLUMNS:,} columns in a text file, got "
                    f"more in {path}; save it as .npy"
                )
    check_size(_CELL * cells, path.stat().st_size, f"{parameter}: {path}")


def _numbers(column: pd.Series) -> np.ndarray:
    """The numbers of a column of text, NaN for what is none; pandas before 3 rounds them again."""
    import pandas as pd

    found = pd.to_numeric(column, errors="coerce").to_numpy()
    if found.dtype != np.float64:
        return found
    exact, valid = np.full(len(found), np.nan), ~np.isnan(found)
    exact[valid] = column.to_numpy(object)[valid]  # Python's float, correctly rounded
    return exact


def _fix(cell: str, line: int, separator: str) -> str:
    if line == 0:
        return "correct it, or say --header (header=True) if the first line holds names"
    if separator not in cell and any(other in cell for other in ";\t"):
        return f"separate values with {_SEPARATORS[separator][1]}"
    return "encode or drop such columns"
