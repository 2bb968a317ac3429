"""Errors against the number of points and against the dimension: slopes and one figure."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from wdist_bench.folders import write
from wdist_bench.report.results import Results
from wdist_bench.report.tables.cells import Cell
from wdist_bench.report.text.escaping import cell as in_a_cell
from wdist_bench.report.text.escaping import csv, inline
from wdist_bench.results.rates import plug_in_rate, root_mean_square, slope

if TYPE_CHECKING:
    from collections.abc import Iterable

_FEWEST = 4  # sizes that make a suite one about rates


@dataclass(frozen=True, eq=False)
class Law:
    """The cells of one family of tasks at one exponent.

    Attributes:
        family: its name.
        p: exponent.
        errors: (runs,) errors of a run against the population's distance by variant, dim and n.
        truths: that distance by dim.
        estimators: variant -> name of the estimator.
    """

    family: str
    p: float
    errors: dict[tuple[str, int, int], np.ndarray]
    truths: dict[int, float]
    estimators: dict[str, str]

    @property
    def dim(self) -> int:
        """The dimension with the most cells, at which methods are compared over n."""
        return _most(dim for _, dim, _ in self.errors)

    @property
    def n(self) -> int:
        """The number of points with the most dimensions, at which they are compared over these."""
        dims = {(dim, n) for _, dim, n in self.errors}
        return _most(n for _, n in sorted(dims, reverse=True))

    def over_n(self, variant: str, dim: int) -> tuple[np.ndarray, np.ndarray]:
        """Sizes (k,) and errors (runs, k) of a variant at one dimension."""
        return _table({n: e for (v, d, n), e in self.errors.items() if (v, d) == (variant, dim)})

    def over_dim(self, variant: str, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Dimensions (k,) and errors (runs, k) of a variant at one number of points."""
        return _table({d: e for (v, d, m), e in self.errors.items() if (v, m) == (variant, n)})


def laws(results: Results) -> list[Law]:
    """Those of a suite about rates: at least four numbers of points in one; else none."""
    groups: dict[tuple[str, float], list[Cell]] = {}
    for cell in results.cells:
        if cell.record.get("costs") and not math.isnan(cell.population):
            groups.setdefault((cell.record["family"], cell.record["p"]), []).append(cell)
    sizes = [len({cell.record["n"] for cell in here}) for here in groups.values()]
    if max(sizes, default=0) < _FEWEST:  # no array is read then
        return []
    return [_law(family, p, here) for (family, p), here in groups.items()]


def slopes(found: list[Law]) -> pd.DataFrame:
    """A row for each law, exponent, variant and dimension with three numbers of points or more."""
    rows = []
    for law in found:
        pairs = dict.fromkeys((variant, dim) for variant, dim, _ in law.errors)
        for variant, dim in sorted(pairs, key=lambda pair: pair[1]):
            sizes, errors = law.over_n(variant, dim)
            if len(sizes) < 3:
                continue
            fitted = slope(sizes, errors)
            exact = law.estimators[variant] == "exact"
            rows.append(
                {
                    "family": law.family, "p": law.p, "dim": dim, "estimator": variant,
                    "n_from": int(sizes[0]), "n_to": int(sizes[-1]), "runs": len(errors),
                    "slope": fitted.value, "slope_ci_low": fitted.low, "slope_ci_high": fitted.high,
                    "theory": plug_in_rate(dim, law.truths[dim]) if exact else math.nan,
                    "error_at_most_points": float(root_mean_square(errors)[-1]),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def write_rates(folder: Path, results: Results) -> list[Path]:
    """`rates.csv`, `rates.md` and `rates.png`; nothing where no task was run at four sizes."""
    found = laws(results)
    if not found:
        return []
    from wdist_bench.report.drawing import save
    from wdist_bench.report.figures.rates import draw

    table = slopes(found)
    return [
        write(folder / "rates.csv", csv(table)),
        write(folder / "rates.md", _markdown(table)),
        save(draw(found), folder / "rates.png"),
    ]


def _law(family: str, p: float, here: list[Cell]) -> Law:
    errors = {
        (cell.variant, int(cell.record["dim"]), int(cell.record["n"])): cell.errors("population")
        for cell in here
    }
    return Law(
        family,
        p,
        {key: values for key, values in errors.items() if np.isfinite(values).all()},
        {int(cell.record["dim"]): cell.population for cell in here},
        {cell.variant: cell.record["estimator"] for cell in here},
    )


def _table(found: dict[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Keys in order, and the runs that all have."""
    sizes = sorted(found)
    runs = min((len(values) for values in found.values()), default=0)
    columns = [found[size][:runs] for size in sizes]
    return np.array(sizes, float), np.array(columns).T.reshape(runs, len(sizes))


def _most(values: Iterable[int]) -> int:
    """The value that comes most often, the first of those in order."""
    return Counter(values).most_common(1)[0][0]


_INTRODUCTION = """# How errors fall with the number of points

![Errors against points and dimension](rates.png)

Slopes of the root mean square error over runs against n, both on logarithmic axes: -0.5 is the
rate of a mean, -0.1 says that ten times the points take off a fifth of the error. Brackets: 95 %
interval, a run being one unit. Theory, as n grows without end, of the exact value of the batch:
-min(1/2, 1/d) where the laws are equal, -min(1/2, 2/d) where they are apart. Where the noise of n
points is as large as the distance itself the slope may still be another one. Not every estimator
was run at all n; `rates.csv` has the sizes of each.
"""


def _markdown(table: pd.DataFrame) -> str:
    parts = [_INTRODUCTION]
    for (family, p), rows in table.groupby(["family", "p"], sort=False):
        parts.append(f"\n## {inline(family)}, W{p:g}\n\n{_grid(rows)}\n")
    return "".join(parts)


def _grid(rows: pd.DataFrame) -> str:
    """One line a dimension, one column an estimator."""
    names = list(dict.fromkeys(rows["estimator"]))
    head = ["dim", "n", "theory", *names]
    lines = [head, ["---"] * len(head)]
    for dim, here in rows.groupby("dim", sort=True):
        by_name = {row["estimator"]: row for _, row in here.iterrows()}
        theory = here["theory"].dropna()
        sizes = f"{here['n_from'].min()} to {here['n_to'].max()}"
        known = f"{theory.iloc[0]:.2f}" if len(theory) else ""
        lines.append([str(dim), sizes, known, *(_cell(by_name.get(name)) for name in names)])
    return "\n".join("| " + " | ".join(map(in_a_cell, line)) + " |" for line in lines)


def _cell(row: Any) -> str:
    if row is None or math.isnan(row["slope"]):
        return ""
    if math.isnan(row["slope_ci_low"]):
        return f"{row['slope']:.2f}"
    return f"{row['slope']:.2f} [{row['slope_ci_low']:.2f}, {row['slope_ci_high']:.2f}]"
