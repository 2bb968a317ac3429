"""A user's sample array, given in memory or as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from wdist_bench.datasets.digits import load_digits
from wdist_bench.datasets.files import find_file, read_arrays
from wdist_bench.datasets.image_folder import read_image_folder
from wdist_bench.validation import check_points


def load_rows(samples: Any, parameter: str) -> np.ndarray:
    """Points (n, dim) in float64 from an array, or from the path of a file or an image folder.

    Raises:
        FileNotFoundError: no such file.
        ValueError, TypeError: the content is not a finite table of numbers.
    """
    if not isinstance(samples, (str, Path)):
        return check_points(samples, parameter)
    folder = Path(samples).expanduser()
    if folder.is_dir():
        return read_image_folder(folder, parameter)
    path = find_file(str(samples), parameter)
    readers = {
        ".npy": _read_numpy,
        ".npz": _read_numpy,
        ".csv": _read_csv,
        ".parquet": _read_parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ValueError(
            f"{parameter}: expected a folder of images or a file ending in {', '.join(readers)}, "
            f"got {path.name!r}; convert it, or pass the array"
        )
    return check_points(reader(path, parameter), f"{parameter} ({path})")


def digits_as_rows() -> np.ndarray:
    """The digits of scikit-learn with pixels in [-1, 1]: real rows that are always there."""
    images = load_digits("all")
    return images.pixels.astype(np.float64) * (2 / images.maximum) - 1


def _read_parquet(path: Path, parameter: str) -> np.ndarray:
    import pandas as pd

    try:
        table = pd.read_parquet(path)
    except ImportError:
        raise ValueError(
            f"{parameter}: expected a reader of Parquet files for {path}, got none installed; "
            "install one with: pip install pyarrow"
        ) from None
    except (ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"{parameter}: expected a Parquet table, got {path} ({reason}); write it again"
        ) from None
    words = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    if words:
        raise ValueError(
            f"{parameter}: expected columns of numbers in {path}, got {words[0]!r} of type "
            f"{table[words[0]].dtype}; encode or drop such columns"
        )
    return table.to_numpy(np.float64)


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


def _read_csv(path: Path, parameter: str) -> np.ndarray:
    """Comma-separated numbers, one point a line; one line of column names may come first."""
    import pandas as pd

    try:
        table = pd.read_csv(path, header=None, dtype=str, skipinitialspace=True)
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"{parameter}: expected a table of numbers, got {path} ({reason}); "
            "give every line the same number of comma-separated values"
        ) from None
    numbers = table.apply(pd.to_numeric, errors="coerce")
    named = len(table) > 1 and bool(numbers.iloc[0].isna().all() and table.iloc[0].notna().all())
    bad = np.argwhere((numbers.isna() & table.notna()).to_numpy()[named:])
    if bad.size:
        row, column = bad[0]
        line = int(row) + named
        raise ValueError(
            f"{parameter}: expected a table of numbers, got {table.iat[line, column]!r} in row "
            f"{line + 1}, column {column + 1} of {path}; encode or drop such columns"
        )
    return numbers.to_numpy(np.float64)[named:]
