"""How often a generator's interval holds the distance of its law to eight Gaussians.

One generator of each kind is trained once on the mixture of `studies.generators.mixture`; then its
law is fixed and can be drawn from without end, and so can the mixture. The distance of the two laws
is bracketed by rows of its own, which no interval sees:

- below, p = 1: f(x) = min_j |x - y_j| - psi_j is 1-Lipschitz whatever the potentials psi are, so
  mean f over 100,000 mixture rows minus mean f over 100,000 generated rows is at most W1 but for
  its standard error; psi and y_j are those of the exact plan of one more batch;
- below, p = 2: the same number, since W_1 <= W_2;
- above: the mean of exact distances (p = 2: of their squares) of independent batches is at least
  W_p but for its standard error.

An interval `held` where it reaches from below the lower end to above the upper end, each widened by
two standard errors: harder than holding the distance itself. Stated: 95 % of the intervals hold
the distance.

Run: python benchmarks/claims/generators.py [--repetitions 100]
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
import pandas as pd
import typer
from two_sample import clopper_pearson

import wdist_bench as wb
from wdist_bench import experiment
from wdist_bench.studies.generators import mixture
from wdist_bench.studies.generators.study import drawn, train_all
from wdist_bench.studies.generators.words import LABELS

KINDS = ("non_saturating", "sn_gan", "gradient_penalty", "self_attention", "conditional",
         "c_transform", "ddpm")  # fmt: skip
STEPS, ROWS, MANY = 3000, 250, 100_000
BATCHES, BATCH = 10, {1: 3_000, 2: 6_000}
TILE = 500

Rows = Callable[[int], np.ndarray]


class Bracket(NamedTuple):
    """What the distance of two laws is between.

    Attributes:
        lower: a lower bound on W_1, and so on W_p.
        lower_error: its standard error.
        upper: from independent batches.
        upper_error: its standard error.
    """

    lower: float
    lower_error: float
    upper: float
    upper_error: float


def trained_rows(name: str, count: int) -> np.ndarray:
    """(count, 2) independent rows of a generator of that kind, trained with seed 0."""
    study = experiment.get("generator", generator=name, steps=STEPS, runs=1)
    method = study.method()
    parameters = jax.tree.map(lambda leaf: leaf[:, -1:], train_all(study, method)[0].parameters)
    return drawn(method, count, 1, parameters)[0][0, 0, :, :2].astype(np.float64)


def taker(rows: np.ndarray) -> Rows:
    """Gives so many rows at a call, each row once."""
    left = [rows]

    def take(n: int) -> np.ndarray:
        (whole,) = left
        if n > len(whole):
            raise ValueError(f"rows: expected {n} more, got {len(whole)}; draw more at first")
        left[0] = whole[n:]
        return whole[:n]

    return take


def bracket(generated: Rows, real: Rows, p: int, below: tuple[float, float]) -> Bracket:
    """The distance of the two laws at p, from rows that are used nowhere else.

    Args:
        generated: rows of the generator.
        real: rows of the mixture.
        p: exponent.
        below: the lower end, with its standard error.
    """
    found = []
    for _ in range(BATCHES):
        found.append(wb.estimate(generated(BATCH[p]), real(BATCH[p]), "exact", p=p).value)
    costs = np.array(found) ** p
    error = costs.std(ddof=1) / BATCHES**0.5
    upper = costs.mean() ** (1 / p)
    upper_error = error if p == 1 else error / (2 * upper)
    return Bracket(*below, upper, upper_error)


def lipschitz(generated: Rows, real: Rows) -> tuple[float, float]:
    """A lower bound on W_1 with its standard error."""
    x, y = real(BATCH[1]), generated(BATCH[1])
    psi = wb.estimate(x, y, "exact", p=1).potentials.psi
    ours, theirs = critic(real(MANY), y, psi), critic(generated(MANY), y, psi)
    error = (ours.var() / len(ours) + theirs.var() / len(theirs)) ** 0.5
    return float(ours.mean() - theirs.mean()), float(error)


def critic(points: np.ndarray, y: np.ndarray, psi: np.ndarray) -> np.ndarray:
    """f(x) = min_j |x - y_j| - psi_j at every point."""
    parts = [points[start : start + TILE] for start in range(0, len(points), TILE)]
    return np.concatenate(
        [(np.hypot(*(part.T[:, :, None] - y.T[:, None])) - psi).min(1) for part in parts]
    )


def simulate(name: str, repetitions: int) -> Iterator[dict[str, Any]]:
    """The counts of one kind at p = 1 and 2."""
    need = 2 * ROWS * repetitions + MANY + BATCH[1] + BATCHES * sum(BATCH.values())
    generated = taker(trained_rows(name, need))
    real = taker(mixture.draw(np.random.default_rng(97), need)[0].astype(np.float64))
    below = lipschitz(generated, real)
    for p in (1, 2):
        start = time.perf_counter()
        ends = bracket(generated, real, p, below)
        answers = [
            wb.population_interval(generated(ROWS), real(ROWS), p=p, seed=seed)
            for seed in range(repetitions)
        ]
        yield counted(name, p, ends, answers) | {"seconds": time.perf_counter() - start}


def counted(name: str, p: int, ends: Bracket, answers: list[Any]) -> dict[str, Any]:
    """One row of the table."""
    kept = [a for a in answers if a.status == "ok"]
    high = ends.upper + 2 * ends.upper_error
    low = ends.lower - 2 * ends.lower_error
    held = sum(bool(a.lower <= low and a.upper >= high) for a in kept)
    band = clopper_pearson(held, len(kept))
    return {
        "generator": LABELS[name],
        "p": p,
        "lower": ends.lower,
        "lower se": ends.lower_error,
        "upper": ends.upper,
        "upper se": ends.upper_error,
        "answers": len(kept),
        "refused": len(answers) - len(kept),
        "held": held,
        "band low": band[0],
        "band high": band[1],
        "mean lower": float(np.mean([a.lower for a in kept])),
        "mean upper": float(np.mean([a.upper for a in kept])),
    }


def main(
    repetitions: Annotated[int, typer.Option(help="Intervals of each kind and p.")] = 100,
    out: Annotated[Path, typer.Option(help="Folder of the table.")] = Path("results/claims"),
) -> None:
    """Simulate all kinds and write the table."""
    rows: list[dict[str, Any]] = []
    for name in KINDS:
        for row in simulate(name, repetitions):
            rows.append(row)
            typer.echo(row)
            write(pd.DataFrame(rows), repetitions, out)


def write(table: pd.DataFrame, repetitions: int, out: Path) -> None:
    """generators.md."""
    out.mkdir(parents=True, exist_ok=True)
    shown = table.drop(columns="seconds").astype(object)
    worst = int(table["held"].min())
    text = (
        "# How often the interval of a generator holds the distance of its law\n\n"
        f"One generator of each kind, trained for {STEPS:,} steps on the mixture of eight "
        f"Gaussians with known weights; {repetitions} intervals each and p, of {ROWS} fresh "
        "generated and as many mixture rows. Stated: 95 % hold the distance of the two laws. "
        f"`lower` and `upper` bracket that distance: below, a 1-Lipschitz function on {MANY:,} "
        f"rows of either law, which bounds W1 and so W2; above, the exact distances of "
        f"{BATCHES} independent batches "
        f"of {BATCH[1]:,} (p = 1) or {BATCH[2]:,} (p = 2) rows; each with its standard error. "
        "`held` counts the intervals that hold the whole bracket, widened by two standard errors. "
        "Batches are farther apart than laws, so where the law is near the mixture `upper` is too "
        f"high and the count is strict. The least of all counts is {worst}. Written by "
        "`python benchmarks/claims/generators.py`.\n\n"
        f"{shown.where(shown.notna(), '').to_markdown(index=False, floatfmt='.3g')}\n"
    )
    (out / "generators.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
