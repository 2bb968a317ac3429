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
from wdist_bench.report.text.escaping import csv, grid, inline
from wdist_bench.report.text.wording import count
from wdist_bench.results.rates import plug_in_rate, root_mean_square, slope

if TYPE_CHECKING:
    from collections.abc import Iterable

_FEWEST = 4  # sizes that make a suite one about rates
_DENSE = ("gaussian_shift", "spiked_gaussian", "dilation", "reweighted_mixture")
"""Tasks whose laws have a density in the space, and no part that has to stay."""
_WIDTHS = ("std", "scale", "factor", "spike", "radius_x", "radius_y", "x", "y")
"""Parameters that are widths of a law, or hold one."""


@dataclass(frozen=True, eq=False)
class Law:
    """The cells of one family of tasks at one exponent, one law in each dimension.

    Attributes:
        family: its name, with what varies in it beside the dimension.
        p: exponent.
        errors: (runs,) errors of a run against the population's distance by variant, dim and n.
        truths: that distance by dim.
        supports: by dim, the dimension of what the laws have a density on; None where not known.
        estimators: variant -> name of the estimator.
        lost: cells that are left out, since a run gave no number.
    """

    family: str
    p: float
    errors: dict[tuple[str, int, int], np.ndarray]
    truths: dict[int, float]
    supports: dict[int, int | None]
    estimators: dict[str, str]
    lost: int

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
    """Those of a suite about rates: at least four numbers of points in one; else none. Where a run
    of each cell gave no number, a law has no errors.
    """
    groups: dict[tuple[str, float], list[Cell]] = {}
    for cell in results.cells:
        if cell.record.get("costs") and not math.isnan(cell.population):
            groups.setdefault((cell.record["family"], cell.record["p"]), []).append(cell)
    apart = [
        (name, p, cells)
        for (family, p), here in groups.items()
        for name, cells in _told_apart(family, here).items()
    ]
    sizes = [len({cell.record["n"] for cell in here}) for *_, here in apart]
    if max(sizes, default=0) < _FEWEST:  # no array is read then
        return []
    return [_law(*each) for each in apart]


def _told_apart(family: str, here: list[Cell]) -> dict[str, list[Cell]]:
    """The cells of a family by what its tasks differ in at one dimension, shifts or norms say."""
    found: dict[int, list[dict[str, str]]] = {}
    asked = [_asked(cell.record) for cell in here]
    for cell, options in zip(here, asked, strict=True):
        found.setdefault(int(cell.record["dim"]), []).append(options)
    names = dict.fromkeys(name for options in asked for name in options)
    vary = [
        name
        for name in names
        if any(len({options.get(name) for options in same}) > 1 for same in found.values())
    ]
    apart: dict[str, list[Cell]] = {}
    for cell, options in zip(here, asked, strict=True):
        said = [f"{name} {options.get(name)}" for name in vary]
        apart.setdefault(", ".join([family, *said]), []).append(cell)
    return apart


def _asked(record: dict[str, Any]) -> dict[str, str]:
    """What makes a law beside its number of points."""
    shared = {name: str(record.get(name)) for name in ("task", "norm", "protocol", "seed")}
    return shared | {name: str(value) for name, value in record["task_parameters"].items()}


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
                    "theory": _theory(law, dim) if exact else math.nan,
                    "error_at_most_points": float(root_mean_square(errors)[-1]),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _theory(law: Law, dim: int) -> float:
    support = law.supports[dim]
    return math.nan if support is None else plug_in_rate(support, law.truths[dim])


def write_rates(folder: Path, results: Results) -> list[Path]:
    """`rates.csv`, `rates.md` and `rates.png`; nothing where no task was run at four sizes."""
    every = laws(results)
    found = [law for law in every if law.errors]
    if not found:
        return []
    from wdist_bench.report.drawing import save
    from wdist_bench.report.figures.rates import draw

    table = slopes(found)
    return [
        write(folder / "rates.csv", csv(table)),
        write(folder / "rates.md", _markdown(table, sum(law.lost for law in every))),
        save(draw(found), folder / "rates.png"),
    ]


def _law(family: str, p: float, here: list[Cell]) -> Law:
    errors = {
        (cell.variant, int(cell.record["dim"]), int(cell.record["n"])): cell.errors("population")
        for cell in here
    }
    whole = {key: values for key, values in errors.items() if np.isfinite(values).all()}
    return Law(
        family,
        p,
        whole,
        {int(cell.record["dim"]): cell.population for cell in here},
        {int(cell.record["dim"]): _support(cell.record) for cell in here},
        {cell.variant: cell.record["estimator"] for cell in here},
        len(errors) - len(whole),
    )


def _support(record: dict[str, Any]) -> int | None:
    """The dimension of the set on which both laws of a task have a density; None where it may have
    none, or the mass of a part may have to stay.
    """
    task, dim, given = record["task"], int(record["dim"]), record["task_parameters"]
    if any(_flat(value) for name, value in given.items() if name in _WIDTHS):
        return None  # points, or a law of fewer dimensions
    if task == "concentric_spheres":
        return dim - 1
    dense = "sphere" not in str(given) if task == "radial" else task in _DENSE
    return dim if dense else None


def _flat(width: Any) -> bool:
    """Whether a width is 0, or one of a law that is named with its parameters."""
    if isinstance(width, dict):
        width = list(width.values())
    if isinstance(width, list | tuple):
        return any(map(_flat, width))
    return isinstance(width, int | float) and width == 0


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
-min(1/2, 1/d) where the laws are equal, -min(1/2, 2/d) where they are apart, for laws with a
density in d dimensions. Spheres have one less than the space, and nothing is stated of tasks whose
laws may have no density. Where the noise of n points is as large as the distance itself the slope
may still be another one. Not every estimator was run at all n; `rates.csv` has the sizes of each.
"""


def _markdown(table: pd.DataFrame, lost: int) -> str:
    parts = [_INTRODUCTION]
    if lost:
        parts.append(f"\nLeft out, since a run gave no number: {count(lost, 'cell')}.\n")
    for (family, p), rows in table.groupby(["family", "p"], sort=False):
        parts.append(f"\n## {inline(family)}, W{p:g}\n\n{_grid(rows)}\n")
    return "".join(parts)


def _grid(rows: pd.DataFrame) -> str:
    """One line a dimension, one column an estimator."""
    names = list(dict.fromkeys(rows["estimator"]))
    lines = []
    for dim, here in rows.groupby("dim", sort=True):
        by_name = {row["estimator"]: row for _, row in here.iterrows()}
        theory = here["theory"].dropna()
        sizes = f"{here['n_from'].min()} to {here['n_to'].max()}"
        known = f"{theory.iloc[0]:.2f}" if len(theory) else ""
        lines.append([str(dim), sizes, known, *(_cell(by_name.get(name)) for name in names)])
    return grid(["dim", "n", "theory", *names], lines)


def _cell(row: Any) -> str:
    if row is None or math.isnan(row["slope"]):
        return ""
    if math.isnan(row["slope_ci_low"]):
        return f"{row['slope']:.2f}"
    return f"{row['slope']:.2f} [{row['slope_ci_low']:.2f}, {row['slope_ci_high']:.2f}]"
