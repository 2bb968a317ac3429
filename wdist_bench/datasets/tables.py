"""A user's sample array, given in memory or as a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wdist_bench.datasets.digits import load_digits
from wdist_bench.datasets.files import RefusedError, check_size, find_file, read_arrays, stored
from wdist_bench.datasets.image_folder import SUFFIXES as PICTURES
from wdist_bench.datasets.image_folder import read_image_folder
from wdist_bench.datasets.text_tables import TEXT, UNNAMED, Lines, read_text, refuse_words
from wdist_bench.inputs.containers import as_float64, counts_rows
from wdist_bench.validation import check_name, check_points

if TYPE_CHECKING:
    import pandas as pd

_SUFFIXES = (".npy", ".npz", *TEXT, ".parquet")
_LARGE = 2**28
_SHOWN = 20  # names in an error


@dataclass(frozen=True, eq=False)
class Table:
    """Columns as they lie in a file, before anything is taken for a number.

    Attributes:
        label: what to call it in errors.
        content: the columns; named 0 to d - 1 where the file names none.
        named: whether the names are those of the file.
        lines: those of a text file that it was read from.
        points_of: the array of an .npz file whose columns are coordinates where none are named.
    """

    label: str
    content: pd.DataFrame
    named: bool
    lines: Lines | None = None
    points_of: str | None = None

    def names(self) -> list[str]:
        """What the columns are called: by the file, else "1" to "d"."""
        columns = self.content.columns
        return [str(name) for name in (columns if self.named else range(1, len(columns) + 1))]

    def places(self, wanted: Sequence[str]) -> list[int]:
        """Where columns lie; "k" of an .npz file stands for all columns "k[0]", "k[1]" ... too."""
        names, found = self.names(), []
        for name in wanted:
            parts = [k for k, column in enumerate(names) if column.startswith(f"{name}[")]
            if name in names or not parts:
                shown = [*names[:_SHOWN], "..."] if len(names) > _SHOWN else names
                hint = partial(_among, names, shown)
                check_name(name, names, f"column of {self.label}", hint)
                if (count := names.count(name)) > 1:
                    raise ValueError(
                        f"{self.label}: expected one column {name!r}, got {count} of that name; "
                        "name them apart"
                    )
                parts = [names.index(name)]
            found += parts
        return found

    def words(self, name: str) -> np.ndarray:
        """A column as text, one label a row."""
        places = self.places([name])
        if len(places) > 1:
            raise ValueError(
                f"{self.label}: expected one column of labels, got {len(places)} called {name!r}; "
                f"name one, as in '{self.names()[places[0]]}'"
            )
        column = self.content.iloc[:, places[0]]
        if missing := int(column.isna().sum() + (column.astype(str) == "").sum()):
            raise ValueError(
                f"{self.label}: expected a label in every row, got none in {missing} of "
                f"{len(column)} rows of column {name!r}; fill them in, or drop those rows"
            )
        if column.dtype.kind == "f" and (column % 1 == 0).all():
            column = column.astype(np.int64)
        return column.astype(str).to_numpy(object)

    def points(self, places: Sequence[int] | None = None) -> Any:
        """The columns at these places (default: `coordinates`) as finite numbers (n, d).

        A data frame where they have names.
        """
        chosen = self.coordinates() if places is None else list(places)
        if self.lines is not None:
            refuse_words(self.content, chosen, self.lines, self.label)
        content = self.content.iloc[:, chosen]
        return _checked(content if self.named else _plain(content, self.label), self.label)

    def coordinates(self, apart: Sequence[str] = ()) -> list[int]:
        """Places of all columns but those apart, and but the first of a text file where that
        numbers the rows without a name.
        """
        left_out, count = set(self.places(apart)), self.content.shape[1]
        if 0 not in left_out and count > 1 and self._numbers_rows():
            left_out.add(0)
        return [k for k in range(count) if k not in left_out]

    def _numbers_rows(self) -> bool:
        """Whether the first column has no name; it must number the rows then."""
        if not self.named or self.lines is None or self.names()[0] not in UNNAMED:
            return False
        refuse_words(self.content, [0], self.lines, self.label)
        if not counts_rows(self.content.iloc[:, 0].to_numpy()):
            raise ValueError(
                f"{self.label}: expected a name for every column, got none for the first, which "
                "does not number the rows either; write it with index=False, or name it"
            )
        return True


def _among(names: list[str], shown: list[str]) -> str:
    """A hint where a list of all names would be too long to read, "" elsewhere."""
    if len(names) <= _SHOWN:
        return ""
    return f"there are {len(names)}: {', '.join(shown)}"


def _plain(content: pd.DataFrame, label: str) -> np.ndarray:
    if content.dtypes.nunique() == 1:
        return content.to_numpy()
    columns = (content.iloc[:, k].to_numpy() for k in range(content.shape[1]))
    return np.stack([as_float64(column, label) for column in columns], axis=1)


def load_rows(samples: Any, parameter: str, header: bool | None = None) -> Any:
    """Points (n, dim) in float64 from an array, or from the path of a file or an image folder.

    A data frame where the file names its columns, so that they can be matched with those of
    another file (or where one was given), else an array.

    Args:
        samples: an array, or a path: .npy, .npz (one array, or the key "samples", or FILE.npz:KEY),
            .csv and .tsv (separated by commas, tabs or semicolons), .parquet, or a folder of
            images.
        parameter: what to call the samples in errors.
        header: whether the first line of a .csv or .tsv file holds names; None to decide, by the
            rule of `has_header`.

    Raises:
        FileNotFoundError: no such file.
        ValueError, TypeError: the content is not a finite table of numbers.
    """
    if not isinstance(samples, (str, Path)):
        return _checked(samples, parameter)
    return read_table(samples, parameter, header).points()


def read_table(
    path: str | Path, parameter: str, header: bool | None = None, whole: bool = False
) -> Table:
    """The columns of a file or an image folder, whatever they hold.

    Of an .npz file those of one array, "samples" or that of FILE.npz:KEY; if `whole`, those of all
    its arrays, called `key`, or `key[0]`, `key[1]` ... of two dimensions.
    """
    import pandas as pd

    folder = Path(os.path.expanduser(path))
    if folder.is_dir():
        images = read_image_folder(folder, parameter)
        return Table(f"{parameter} ({folder})", images, True)
    name, key = split_key(str(path))
    file = find_file(name, parameter)
    suffix, label = file.suffix.lower(), f"{parameter} ({file})"
    _check_suffix(file, parameter)
    if suffix in TEXT:
        content, lines = read_text(file, parameter, header)
        return Table(label, content, lines.above > 0, lines)
    if suffix == ".parquet":
        return Table(label, _read_parquet(file, parameter), True)
    arrays = read_arrays(file, parameter)
    if whole and not key and len(arrays) > 1:
        columns = _side_by_side(arrays, label)
        return Table(label, columns, True, points_of="samples" if "samples" in arrays else None)
    rows = check_points(arrays[_key(arrays, key, label)], label)
    return Table(label, pd.DataFrame(rows, copy=False), False)


def split_key(path: str) -> tuple[str, str]:
    """FILE.npz:KEY as its two parts; any other path, and ""."""
    name, colon, key = path.rpartition(":")
    return (name, key) if colon and name.lower().endswith(".npz") else (path, "")


def _key(arrays: dict[str, np.ndarray], key: str, label: str) -> str:
    """The array that is meant."""
    if key:
        return check_name(key, arrays, f"key of {label}")
    if len(arrays) != 1 and "samples" not in arrays:
        raise ValueError(
            f"{label}: expected one array, or the key 'samples', got the keys "
            f"{', '.join(arrays) or '(none)'}; name one, as in FILE.npz:{next(iter(arrays), 'KEY')}"
        )
    return next(iter(arrays)) if len(arrays) == 1 else "samples"


def _check_suffix(file: Path, parameter: str) -> None:
    if file.suffix.lower() in PICTURES:
        raise ValueError(
            f"{parameter}: expected a folder of images or a file of rows, got the picture "
            f"{file.name!r}; say --as mass (wb.measures.from_image) where light is mass at its "
            "place, or put the pictures of a sample in a folder"
        )
    if file.suffix.lower() not in _SUFFIXES:
        raise ValueError(
            f"{parameter}: expected a folder of images or a file ending in {', '.join(_SUFFIXES)}, "
            f"got {file.name!r}; convert it, or pass the array"
        )


def _side_by_side(arrays: dict[str, np.ndarray], label: str) -> pd.DataFrame:
    """The arrays of an .npz file as columns."""
    import pandas as pd

    shapes = {key: array.shape for key, array in arrays.items()}
    if (
        any(len(s) not in (1, 2) for s in shapes.values())
        or len({s[0] for s in shapes.values()}) > 1
    ):
        raise ValueError(
            f"{label}: expected arrays (n,) or (n, d) with one n, as columns of one table, got "
            f"{', '.join(f'{key} {shape}' for key, shape in shapes.items())}; save what belongs "
            "together in a file of its own, or name one array, as in FILE.npz:KEY"
        )
    columns: dict[str, np.ndarray] = {}
    for key, array in arrays.items():
        if array.ndim == 1:
            columns[key] = array
        else:
            columns |= {f"{key}[{k}]": array[:, k] for k in range(array.shape[1])}
    return pd.DataFrame(columns, copy=False)


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
    longest = 100 * packed  # bytes of one value, compressed well and then repeated
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    texts = []
    for field in schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if _is_text(kind):
            texts.append(field.name)
        if _is_text(kind) or pa.types.is_null(kind):  # nothing of a null is read
            continue
        numeric = pa.types.is_primitive(kind) or pa.types.is_decimal(kind)
        if not numeric and field.name not in index and metadata.num_rows * longest > _LARGE:
            raise RefusedError(
                f"{parameter}: expected numbers, got the column {field.name!r} of type "
                f"{field.type!s:.60} in {path}; encode or drop such columns"
            )
    source, size = f"{parameter}: {path}", 8 * metadata.num_rows * metadata.num_columns
    check_size(size + _bytes_of_chunks(metadata, texts), packed, source)
    if texts:
        check_size(size + _bytes_of_texts(path, texts), packed, source)


def _is_text(kind: Any) -> bool:
    """Whether values of a type of Arrow are texts, each of which a file may hold once."""
    from pyarrow import types

    kinds = "string", "large_string", "string_view", "binary", "large_binary", "binary_view"
    return any(getattr(types, f"is_{name}")(kind) for name in kinds)


def _bytes_of_chunks(metadata: Any, names: Sequence[str]) -> int:
    """Bytes of columns of a Parquet file as it holds them, unpacked."""
    groups = [metadata.row_group(k) for k in range(metadata.num_row_groups)]
    chunks = [group.column(k) for group in groups for k in range(group.num_columns)]
    return sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema in names)


def _bytes_of_texts(path: Path, names: list[str]) -> int:
    """Bytes of columns of text once every row has its own; each text is held once here."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    total = 0
    with pq.ParquetFile(path, read_dictionary=names) as file:
        columns = file.read(columns=names).columns
    for column in columns:
        for part in column.chunks:
            lengths = pc.binary_length(part.dictionary).take(part.indices)
            total += pc.sum(lengths).as_py() or 0
    return total
