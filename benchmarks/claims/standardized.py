"""Does `population_interval` hold its level where columns are divided by the rows' own deviations?

The columns of two samples are brought to units 1, 1000 and 0.01, read by `wb.read_samples(...,
standardize=True)`, and the interval is asked for W1 of the populations over their *own* deviations,
which is known: a translation stays one when its columns are scaled.

Run: python benchmarks/claims/standardized.py [--law normal] [--share 0.1]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from two_sample import clopper_pearson

import wdist_bench as wb

Law = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]

LAWS: dict[str, tuple[Law, float]] = {  # and its variance
    "normal": (lambda rng, size: rng.normal(size=size), 1.0),
    "exponential": (lambda rng, size: rng.exponential(size=size), 1.0),
    "t5": (lambda rng, size: rng.standard_t(5, size=size), 5 / 3),
    "lattice": (lambda rng, size: rng.integers(0, 4, size=size).astype(float), 1.25),
}
UNITS = np.array([1.0, 1000.0, 0.01])
REPETITIONS = {100: 400, 400: 100}  # of each setting, by the rows of each sample
CASES = ((1, 1.0), (3, 1.0), (3, 0.0))  # dimension, and by how much the first column moves


def held(law: str, dim: int, shift: float, rows: int, seed: int) -> bool | None:
    """Whether one interval held the distance; None where it was refused."""
    draw, variance = LAWS[law]
    rng = np.random.default_rng((seed, rows, dim, list(LAWS).index(law)))
    move = np.zeros(dim)
    move[0] = shift
    units = UNITS[:dim]
    x, y = draw(rng, (rows, dim)) * units, (draw(rng, (rows, dim)) + move) * units
    samples = wb.read_samples(x, y, standardize=True)
    found = wb.population_interval(samples.x, samples.y, seed=seed)
    truth = shift / np.sqrt(variance + shift**2 / 4)  # the deviation of both populations pooled
    return None if found.status != "ok" else bool(found.lower <= truth <= found.upper)


def counted(law: str, dim: int, shift: float, rows: int, repetitions: int) -> dict[str, Any]:
    """How many intervals of one setting held, of those that answered."""
    found = [held(law, dim, shift, rows, seed) for seed in range(repetitions)]
    told = [answer for answer in found if answer is not None]
    low, high = clopper_pearson(sum(told), len(told)) if told else (0.0, 1.0)
    return {
        "law": law, "dim": dim, "shift": f"{shift:g}", "rows": rows,
        "held": f"{sum(told)} of {len(told)} [{low:.3f}, {high:.3f}]",
        "refused": len(found) - len(told),
    }  # fmt: skip


def main(
    share: Annotated[float, typer.Option(help="Of the repetitions, for a trial.")] = 1.0,
    law: Annotated[list[str] | None, typer.Option(help="Only these laws.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the table.")] = Path("results/claims"),
) -> None:
    """Simulate all and write standardized.md."""
    found = []
    for rows, repetitions in REPETITIONS.items():
        for name in law or LAWS:
            for dim, shift in CASES:
                found.append(counted(name, dim, shift, rows, math.ceil(share * repetitions)))
                typer.echo(found[-1])
    text = (
        "# Does `population_interval` hold after `standardize=True`?\n\n"
        "Columns in units 1, 1000 and 0.01, divided by the rows' own pooled deviations; the "
        "interval, 95 %, is held against W1 of the populations over their own. Brackets are 95 % "
        "Clopper-Pearson bands. Written by `python benchmarks/claims/standardized.py`.\n\n"
        f"{pd.DataFrame(found).to_markdown(index=False)}\n"
    )
    (out / "standardized.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
