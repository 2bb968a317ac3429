"""A results folder with what is made of its journal, each once however many writers ask for it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from wdist_bench.report.tables.cells import Cell, cells
from wdist_bench.results.journal import read_run

if TYPE_CHECKING:
    import pandas as pd


class Results:
    """The journal of a folder and the tables of its task x estimator cells.

    Args:
        folder: results folder.

    Raises:
        FileNotFoundError: no journal with a run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = read_run(folder)

    def __repr__(self) -> str:
        return f"Results({str(self.folder)!r}, {len(self.journal.planned())} cells)"

    def _repr_html_(self) -> str:
        """The errors in short, for notebooks."""
        names = ["task", "dim", "estimator", "p", "n", "estimate", "bias_batch", "bias_population"]
        shown = self.table[names] if len(self.table) else self.table
        return shown.to_html(index=False, float_format="{:.4g}".format, border=0)

    @cached_property
    def cells(self) -> list[Cell]:
        """Its task x estimator cells, in the order of the suite."""
        return cells(self.journal)

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a cell, as `error_table` makes it; made once."""
        from wdist_bench.report.tables.errors import error_table

        return error_table(self.journal)

    @cached_property
    def labelled(self) -> pd.DataFrame:
        """The rows as `labelled_table` has them, with headings and units; made once."""
        from wdist_bench.report.tables.errors import labelled_table

        return labelled_table(self.journal, self.table)

    @cached_property
    def compared(self) -> pd.DataFrame:
        """The best estimator of each setting beside the others (`comparison_table`); made once."""
        from wdist_bench.report.comparing.comparisons import comparison_table

        return comparison_table(self.journal)
