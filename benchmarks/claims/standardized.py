"""Does `population_interval` hold its level where columns are divided by the rows' own deviations?

The columns of two samples are brought to units 1, 1000 and 0.01, read by `wb.read_samples(...,
standardize=True)`, and the interval is asked for W1 of the populations over their *own* deviations,
which is known: a translation stays one when its columns are scaled. Prints a row per law:

    python benchmarks/claims/standardized.py --rows 100 --repetitions 100
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

import wdist_bench as wb

Law = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]

LAWS: dict[str, tuple[Law, float]] = {  # and its variance
    "normal": (lambda rng, size: rng.normal(size=size), 1.0),
    "exponential": (lambda rng, size: rng.exponential(size=size), 1.0),
    "t5": (lambda rng, size: rng.standard_t(5, size=size), 5 / 3),
    "lattice": (lambda rng, size: rng.integers(0, 4, size=size).astype(float), 1.25),
}
UNITS = np.array([1.0, 1000.0, 0.01])


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


def main() -> None:
    """One row per law, dimension and shift."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--laws", nargs="*", default=list(LAWS))
    given = parser.parse_args()
    print("| law | dim | shift | held | refused |\n|---|---|---|---|---|")
    for law in given.laws:
        for dim, shift in ((1, 1.0), (3, 1.0), (3, 0.0)):
            seeds = range(given.repetitions)
            found = [held(law, dim, shift, given.rows, seed) for seed in seeds]
            told = [answer for answer in found if answer is not None]
            counts = f"{sum(told)} of {len(told)} | {len(found) - len(told)}"
            print(f"| {law} | {dim} | {shift:g} | {counts} |", flush=True)


if __name__ == "__main__":
    main()
