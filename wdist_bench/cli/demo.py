"""`wdist-bench demo`: what this is about, in a few seconds and without data."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.table import Table

from wdist_bench.cli.output import console, echo, text

_METHODS = (
    "exact", "bracket", "nearest_neighbor", "sliced", "sinkhorn_divergence", "gradient_penalty",
    "weight_clipping",
)  # fmt: skip


def demo(
    n: Annotated[int, typer.Option(min=16, max=5000, help="Points of each population.")] = 500,
    dim: Annotated[int, typer.Option(min=1, max=1000, help="Their dimension.")] = 2,
    seed: Annotated[int, typer.Option(help="Of the points.")] = 0,
) -> None:
    """Ask several estimators for one distance that is known, and compare.

    Two normal populations, one moved by a vector of length 2.83, so that W1 is 2.83. Each estimator
    sees the same points. Needs no data, no network and no suite.
    """
    import jax

    import wdist_bench as wb

    task = wb.tasks.get("gaussian_shift", dim=dim)
    truth = task.truth(1)
    assert truth is not None  # closed form
    known = truth.value
    x, y = task.sample(jax.random.key(seed), n)
    table = Table("estimator", "value", "error", "claims", "seconds", box=None, pad_edge=False)
    for name in _METHODS:
        start = time.perf_counter()
        answer = wb.estimate(x, y, name, seed=seed)
        error = f"{answer.value / known - 1:+.1%}" if answer.status == "ok" else answer.status
        bound = {"none": "nothing", "exact": "exact"}.get(answer.bound, f"{answer.bound} bound")
        row = (name, f"{answer.value:.4f}", error, f"{bound}, of the {answer.target}")
        table.add_row(*map(text, row), text(f"{time.perf_counter() - start:.2f}"))
    echo(f"W1 of two normal populations in dimension {dim}, {n} points each; truth {known:.4f}")
    console().print(table)
    echo("seconds: a first call, compilation included")
    echo("next: wdist-bench estimate X.csv Y.csv    your own samples")
    echo("      wdist-bench recommend X.csv Y.csv   how far apart their populations are")
    echo("      wdist-bench run quick               tables and a page over 20 runs each")
