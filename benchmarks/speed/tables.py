"""Tables that a long measurement fills in several runs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def with_earlier(
    table: pd.DataFrame, path: Path, same: list[str], order: dict[str, list]
) -> pd.DataFrame:
    """The rows with those of an earlier run's file that were not measured again.

    Args:
        table: new rows.
        path: the earlier run's csv file; there may be none.
        same: columns that say which rows measure the same thing.
        order: by which columns to sort, and the order of their values.
    """
    if path.exists():
        earlier = pd.read_csv(path)
        new = set(table[same].itertuples(index=False, name=None))
        again = [row in new for row in earlier[same].itertuples(index=False, name=None)]
        table = pd.concat([table, earlier[[not found for found in again]]])
    ranks = {name: dict(zip(values, range(len(values)), strict=True))
             for name, values in order.items()}  # fmt: skip
    return table.sort_values(
        list(order), key=lambda column: column.map(ranks[column.name]), kind="stable"
    )
