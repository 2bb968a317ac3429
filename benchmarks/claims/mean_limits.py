"""How often the one-sided limits of `population/limits.py` miss, with other factors of its term.

A limit moves outwards by a factor times the first Cornish-Fisher term of the sample's skewness.
Factor 0 is Student's limit, 1 Hall's, 2 ours. Nominal: 2.5 % on either side.

Run: python benchmarks/claims/mean_limits.py [--runs 4000]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from wdist_bench.population import limits
from wdist_bench.population.limits import MeanLimits, Side

Generator = np.random.Generator
Draw = Callable[[Generator, int], np.ndarray]
FACTORS, SIZES, ERROR = (0.0, 1.0, 2.0), (50, 100, 400, 1000), 0.025

LAWS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda g, n: g.normal(size=n), 0.0),
    "exponential": (lambda g, n: g.exponential(size=n), 1.0),
    "log-normal 0.8": (lambda g, n: np.exp(0.8 * g.normal(size=n)), math.exp(0.32)),
    "log-normal 1": (lambda g, n: np.exp(g.normal(size=n)), math.exp(0.5)),
    "Weibull 0.6": (lambda g, n: g.exponential(size=n) ** (1 / 0.6), math.gamma(1 + 1 / 0.6)),
    "Pareto 4": (lambda g, n: g.pareto(4, size=n), 1 / 3),
    "Pareto 3": (lambda g, n: g.pareto(3, size=n), 1 / 2),
    "Pareto 2.2": (lambda g, n: g.pareto(2.2, size=n), 1 / 1.2),
    "Student 2": (lambda g, n: g.standard_t(2, size=n), 0.0),
    "coin, 20 expected": (lambda g, n: (g.uniform(size=n) < 20 / n) * 1.0, math.nan),
    "20 expected at 10": (
        lambda g, n: g.normal(size=n) + 10 * (g.uniform(size=n) < 20 / n), math.nan,
    ),
}  # fmt: skip


def simulate(law: str, n: int, runs: int) -> list[dict[str, object]]:
    """Misses on either side over `runs` samples, by factor."""
    draw, mean = LAWS[law]
    if math.isnan(mean):
        mean = 20 / n * (10 if "at 10" in law else 1)
    generator = np.random.default_rng([n, list(LAWS).index(law)])
    even, nothing = np.full(n, 1 / n), Side(np.zeros(n), np.full(n, 1 / n))
    found = [MeanLimits.of(Side(draw(generator, n), even), nothing) for _ in range(runs)]
    rows = []
    for factor in FACTORS:
        limits._SKEWNESS_TERMS = factor
        below = sum(one.upper(ERROR) < mean - 1e-12 for one in found) / runs
        above = sum(one.lower(ERROR) > mean + 1e-12 for one in found) / runs
        rows.append({"law": law, "n": n, "factor": factor, "upper misses": below,
                     "lower misses": above, "both": below + above})  # fmt: skip
    return rows


def main(
    runs: Annotated[int, typer.Option(help="Samples of each law.")] = 4000,
    out: Annotated[Path, typer.Option(help="Folder of the table.")] = Path("results/claims"),
) -> None:
    """Simulate all laws and write the table."""
    rows = pd.DataFrame([row for n in SIZES for law in LAWS for row in simulate(law, n, runs)])
    out.mkdir(parents=True, exist_ok=True)
    wide = rows.pivot_table(index=["n", "law"], columns="factor", sort=False)
    wide.columns = [f"{name}, factor {factor:g}" for name, factor in wide.columns]
    text = (
        "# How often one-sided limits of a mean miss\n\n"
        f"{runs} samples a row; nominal 2.5 % on either side, 5 % for both. It is Student's limit, "
        "moved outwards by a factor times the first Cornish-Fisher term of the sample's skewness, "
        "and never closer than a mass of log(1 / error) / n at the far end of the values. Factor 2 "
        "is what `population_interval` takes. Written by `python benchmarks/claims/mean_limits.py`."
        f"\n\n{wide.reset_index().to_markdown(index=False, floatfmt='.3f')}\n"
    )
    (out / "mean_limits.md").write_text(text, encoding="utf-8")
    typer.echo(text)


if __name__ == "__main__":
    typer.run(main)
