"""Tables in text files: separators, headers, numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wdist_bench.datasets.files import check_size

if TYPE_CHECKING:
    import pandas as pd

# Separators by the end of a file's name; what its lines say comes first.
TEXT = {".csv": ",", ".tsv": "\t"}
# How files write a value that is missing.
MISSING = {"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "<na>", "nat"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.I | re.A)
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
# What starts like a number is rather a slip in one, or a number with a unit, than a name.
_LIKE_A_NUMBER = re.compile(r"[+\-.,$€£]*\d.*|[+-]?[OoIl][.,]\d.*", re.DOTALL)
# As it is written where values are separated by semicolons; what may be thousands there.
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
_SEPARATORS = {
    ",": ("comma-separated", "commas"),
    "\t": ("tab-separated", "tabs"),
    ";": ("semicolon-separated", "semicolons"),
}
UNNAMED = ("", "Unnamed: 0")  # what pandas writes above row numbers, and calls them when read
_FEWEST_BELOW = 3
_LOOKED_AT = 1000  # rows that decide about the first
_SNIFFED = 20  # lines that decide about the separator
_YEARS = (1800, 2100)
_BLOCK = 2**20
_MOST_COLUMNS = 2**16  # of a text file: pandas takes about 10 KB for each
_CELL = 60  # bytes of a cell of text in memory, whatever it holds


class Lines(NamedTuple):
    """Where the rows of a table come from.

    Attributes:
        path: the text file.
        above: rows of it above the first of the table: 1 where it names the columns.
        rows: rows of it in all.
        separator: of its values.
    """

    path: Path
    above: int
    rows: int
    separator: str

    def number(self, row: int) -> int:
        """The line of a row of the file, both from 0: blank lines are no rows.

        The row itself where values span lines.
        """
        with self.path.open(encoding="utf-8", errors="replace") as file:
            held = [k for k, line in enumerate(file) if line.strip(" \n")]
        return held[row] if len(held) == self.rows else row


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
    if len(below) and first[0] in UNNAMED and len(first) > 1:
        rest = cells[:, 1:]
        if all(_is_name(cell) for cell in rest[0]):
            return True
        if not all(_WHOLE.fullmatch(cell) for cell in rest[0]):
            return False
        found = has_header(rest)
        return True if found else None
    if any(cell.lower() in MISSING for cell in first):
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
    missing = cell.lower() in MISSING
    return not (missing or _NUMBER.fullmatch(cell) or _LIKE_A_NUMBER.fullmatch(cell))


def _is_year(cell: str) -> bool:
    return bool(_WHOLE.fullmatch(cell)) and _YEARS[0] <= int(cell) <= _YEARS[1]


def read_text(path: Path, parameter: str, header: bool | None) -> tuple[pd.DataFrame, Lines]:
    """Columns, numbers where all cells are and text elsewhere, and where they come from.

    Columns have the names of the first line where it holds names, else the numbers 0 to d - 1.
    """
    import pandas as pd

    separator = _separator(path)
    _check_text(path, parameter, separator)
    try:
        table = pd.read_csv(
            path, sep=separator, header=None, dtype=str, keep_default_na=False,
            skipinitialspace=True, encoding="utf-8-sig",
        )  # fmt: skip
    except UnicodeDecodeError:
        raise ValueError(
            f"{parameter}: expected text in UTF-8, got another encoding in {path}; save it in UTF-8"
        ) from None
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"{parameter}: expected a table of numbers, got {path} ({reason}); "
            f"give every line the same number of {_SEPARATORS[separator][0]} values"
        ) from None
    table = table.fillna("").apply(lambda column: column.str.strip())  # NaN where a line is short
    if separator == ";":
        table = _with_points(table, f"{parameter} ({path})")
    cells = table.to_numpy(object)
    decided = has_header(cells[:_LOOKED_AT]) if header is None else header
    if decided is None:
        raise ValueError(
            f"{parameter}: expected a first line that is clearly names or numbers, got "
            f"{separator.join(cells[0])[:60]!r} in {path}; correct it, or say what it is with "
            "--header or --no-header (header=True or False)"
        )
    above = int(decided)
    columns = [numbers(table[k][above:]) for k in table]
    names = [name.lstrip("#").strip() for name in cells[0]] if decided else range(len(columns))
    content = pd.concat(columns, axis=1, ignore_index=True).set_axis(list(names), axis=1)
    return content.reset_index(drop=True), Lines(path, above, len(table), separator)


def _separator(path: Path) -> str:
    """What stands equally often in each of the first lines, outside of quotes: ; tab or comma."""
    usual = TEXT[path.suffix.lower()]
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        lines = [file.readline(_BLOCK) for _ in range(_SNIFFED)]
    bare = [re.sub(r'"[^"]*"', "", line) for line in lines if line.strip()]

    def fits(separator: str) -> bool:
        counts = {line.count(separator) for line in bare}
        return len(counts) == 1 and counts != {0}

    if fits(";"):
        return ";"
    if not bare or usual in bare[0]:
        return usual
    return next((other for other in ("\t", ",") if fits(other)), usual)


def _with_points(table: pd.DataFrame, label: str) -> pd.DataFrame:
    """Decimal commas, which is why a file is separated by semicolons, as points."""
    cells = [cell for k in table for cell in table[k] if _COMMA.fullmatch(cell)]
    if not cells:
        return table
    doubtful, sign = cells[:1], "comma"
    if not all(map(_THOUSANDS.fullmatch, cells)):
        points = (cell for k in table for cell in table[k] if "." in cell)
        doubtful, sign = list(filter(_THOUSANDS.fullmatch, points))[:1], "point"
    if doubtful:
        raise ValueError(
            f"{label}: expected numbers that are read in one way, got {doubtful[0]!r}, where the "
            f"{sign} may part thousands or decimals; write decimals with points, and no thousands"
        )
    return table.map(lambda cell: cell.replace(",", ".") if _COMMA.fullmatch(cell) else cell)


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


def numbers(column: pd.Series) -> pd.Series:
    """The numbers of a column of text, NaN for what is missing; the text where a cell is neither.

    pandas before 3 rounds decimals again, so Python reads them.
    """
    import pandas as pd

    if column.dtype.kind in "iuf":
        return column
    found = pd.to_numeric(column, errors="coerce")
    if found.dtype != np.float64:
        return found
    valid = found.notna()
    if not column[~valid].str.lower().isin(MISSING).all():
        return column
    exact = np.full(len(found), np.nan)
    exact[valid.to_numpy()] = column[valid].to_numpy(object)  # Python's float, correctly rounded
    return pd.Series(exact, index=column.index)


def refuse_words(content: Any, places: list[int], lines: Lines, label: str) -> None:
    """Raise ValueError where one of the columns holds text, with its row and column in the file.

    The index of `content` counts the rows of the file below those above the table.
    """
    import pandas as pd

    for column in places:
        values = content.iloc[:, column]
        if values.dtype.kind in "iuf":
            continue
        none = pd.to_numeric(values, errors="coerce").isna() & ~values.str.lower().isin(MISSING)
        place = int(np.argmax(none.to_numpy()))
        row, cell = int(values.index[place]) + lines.above, values.iloc[place]
        raise ValueError(
            f"{label}: expected a table of numbers, got {cell!r:.60} in row "
            f"{lines.number(row) + 1}, column {column + 1} of the file; "
            f"{_fix(cell, row, lines.separator)}"
        )


def _fix(cell: str, row: int, separator: str) -> str:
    if row == 0:
        return "correct it, or say --header (header=True) if the first line holds names"
    if separator not in cell and any(other in cell for other in ";\t"):
        return f"separate values with {_SEPARATORS[separator][1]}"
    return (
        "correct it, choose other columns with --columns a,b (columns= of wb.read_samples), or "
        "compare its groups with --by (by=)"
    )
