"""What records say beside costs: maps, gradients, certified ends, and whether it is noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from wdist_bench.costs.powers import roots
from wdist_bench.report.compare import MIN_EFFECT, matched
from wdist_bench.report.comparing.changes import same_samples
from wdist_bench.report.comparing.two_samples import Samples, tests
from wdist_bench.report.tables.cells import Cell
from wdist_bench.report.tables.errors import OF_RUNS
from wdist_bench.results.journal import unpack

_ENDS = ("lower", "upper", "stderr")  # in units of the data
_ROUNDING = 1e-5


def misplaced_ends(record: dict[str, Any]) -> str:
    """What is wrong with the certified ends of a record, in words; empty where they may hold."""
    low, high = (_values(record, name) for name in ("lower", "upper"))
    slack = _ROUNDING * np.abs(np.nan_to_num(high, nan=0.0))
    if np.any(low > high + slack):
        return "expected a certified lower end below the upper one, got one above"
    if (record["bound"], record["target"]) != ("exact", "batch"):
        return ""
    values = roots(unpack(record["costs"]).mean(axis=1), record["p"])
    slack = _ROUNDING * np.abs(values)
    if np.any(low > values + slack) or np.any(high < values - slack):
        return "expected exact values within their certified ends, got others"
    return ""


def changed_columns(before: Path, after: Path, level: float) -> str:
    """The first column that is another beyond noise in a cell of both folders, in words.

    The test is that of errors: signs or orders of whole runs, all columns of all cells at once.
    """
    found = [
        (name, a, b)
        for a, b in matched(before, after)
        for name in (*OF_RUNS, *_ENDS)
        if np.isfinite(_values(a.record, name)).any() and np.isfinite(_values(b.record, name)).any()
    ]
    samples = [Samples(*(_values(c.record, name) for c in (a, b)), *(_none(c) for c in (a, b)))
               for name, a, b in found]  # fmt: skip
    answers = tests(samples, [same_samples(a, b) for _, a, b in found])
    for (name, _, b), sample, (p_value, _, _) in zip(found, samples, answers, strict=True):
        first, second = (float(np.nanmean(values)) for values in sample[:2])
        unit = max(abs(first), 0 if name in _ENDS else 1)  # cosines and shares of a variance
        if p_value < level and abs(second - first) > MIN_EFFECT * unit:
            return f"{name}: {b.variant} on {b.label} ({first:.4g} and {second:.4g})"
    return ""


def _values(record: dict[str, Any], name: str) -> np.ndarray:
    """(runs,) values, NaN where a run has none."""
    values = unpack(record[name]) if record.get(name) else np.zeros(0)
    return values if len(values) else np.full(int(record["runs"]), np.nan)


def _none(cell: Cell) -> np.ndarray:
    """No failures: they are tested with the errors."""
    return np.zeros(int(cell.record["runs"]))
