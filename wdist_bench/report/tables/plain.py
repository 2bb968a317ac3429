"""The report of an experiment that has none of its own: one table of what its records say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from wdist_bench.folders import write
from wdist_bench.report.text.escaping import cell, csv, inline
from wdist_bench.report.text.wording import shown

_ENDS = ("status", "message", "failed", "runs", "compile_seconds", "run_seconds")


def write_plain(folder: Path, name: str, records: list[dict[str, Any]]) -> list[Path]:
    """`NAME.csv` and `NAME.md`: a row a record, its parameters, single numbers, and how it ended.

    Lists (a value per run, a history) stay in the journal.
    """
    own = [key for record in records for key, value in record.items() if _is_number(value)]
    known = {*_ENDS, "version", "schema", "written", "seconds", "peak_memory", "key"}
    numbers = [key for key in dict.fromkeys(own) if key not in known]
    rows = [
        record["parameters"] | {key: record.get(key) for key in (*numbers, *_ENDS)}
        for record in records
    ]
    table = pd.DataFrame(rows)
    body = [[cell(shown(value)) for value in row] for row in table.itertuples(index=False)]
    text = tabulate(body, [cell(str(c)) for c in table.columns], "pipe", disable_numparse=True)
    stem = re.sub(r"\W", "_", name)[:60]  # a name may come from anybody's journal
    return [
        write(folder / f"{stem}.csv", csv(table)),
        write(folder / f"{stem}.md", f"# {inline(name.replace('_', ' '))}\n\n{text}\n"),
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
