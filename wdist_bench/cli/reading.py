"""Results folders that come from anywhere: a record that is none of ours costs one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """What a reader stumbles on in a record, as one line that names the folder.

    The functions of the library, `wdist_bench.report.write_report` say, raise it as it is.

    Raises:
        ValueError: a record without a field that readers need, or with another type of value.
    """
    try:
        yield
    except (LookupError, AttributeError, ArithmeticError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{folder}: expected records as this version writes them, got one that cannot be read "
            f"({type(error).__name__}: {error}); remove its line from the journal, or run the "
            "suite into another folder"
        ) from error
