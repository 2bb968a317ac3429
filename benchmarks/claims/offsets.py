"""Whether bounds hold for data of any size at any place: in calls on arrays, on tasks, in suites.

Every task with parameters of location is placed at an offset and brought to a size. Then every
estimator that claims a side is asked, by three ways:

- estimate: `wb.estimate` on 60 stored rows, against the exact value of those very rows;
- evaluate: `wb.evaluate`, a batch estimator against the exact one on the same batches, an estimator
  of the population against the truth, from which it may err by 4 standard errors;
- suite: the protocol of suites, batch by batch against the exact values of the same batches.

`excess` is the largest (value - allowed) / truth of a lower bound, or (allowed - value) / truth of
an upper one: at most the stated rounding, 1e-5 of the value for float32 critics. Where an offset
leaves the stored rows without digits (1.7e9 at size 1e-6: float64 is 2e-7 apart there) the rows
differ from those that were meant, and are judged as they are stored.

Run: python benchmarks/claims/offsets.py
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import pandas as pd
import typer

import wdist_bench as wb
from wdist_bench.protocol.stream import Stream, batch_truths, run_stream

OFFSETS = (0.0, 1e4, 1e8, 1.7e9)
SIZES = (1e-6, 1.0, 1e6)
ROUNDING = 1e-5
ROWS = np.random.default_rng(0).integers(-64, 64, (60, 2)) / 32
SHORT: dict[str, Any] = {"steps": 60}
SHORT_FUNNEL: dict[str, Any] = SHORT | {
    "centers": 32, "planes": 8, "batch_size": 64, "held_out": 5,
}  # fmt: skip
BATCH = ("nearest_neighbor", "c_transform", "double_c_transform")
POPULATION = ("spectral_norm", "group_sort", "funnel")
STREAM = Stream(n=48, runs=2, eval_batches=20)


def tasks(offset: float, size: float) -> Iterator[tuple[str, Callable[[], wb.Task]]]:
    """Every task with parameters of location, by the name of its row."""
    places = ((0, 0), (1, 0), (0, 2)), ((3, 0), (1, 1), (0, -1), (2, 2))
    own = {"samples": offset + size * ROWS}
    parameters: dict[str, dict[str, Any]] = {
        "gaussians": {
            "mean_x": (offset, 3 * offset), "mean_y": (offset + 2 * size, 3 * offset),
            "cov_x": ((size**2, 0.0), (0.0, size**2)), "cov_y": ((size**2, 0.0), (0.0, size**2)),
        },
        "one_dimensional": {
            "x": "norm", "y": "expon",
            "x_params": {"loc": offset, "scale": size}, "y_params": {"loc": offset, "scale": size},
        },
        "clusters": {
            "centers": size * np.array([(-6, 0), (6, 0), (0, 9)]) + np.array([offset, -offset]),
            "moves": size * np.array([(1, 1), (-1, 2), (0, -2)]), "radius": 0.5 * size,
        },
        "histogram": {"positions": offset + size * np.arange(4)},
        "weighted_points": {"x": offset + size * np.array(places[0]),
                            "y": offset + size * np.array(places[1])},
        "own_data translate": own | {"transform": "translate", "shift": 0.75 * size},
        "own_data dilate": own | {"transform": "dilate", "factor": 1.5},
        "own_data funnels": own | {"transform": "funnels", "width": 4},
    }  # fmt: skip
    for name, given in parameters.items():
        yield name, lambda name=name, given=given: wb.tasks.get(name.split()[0], **given)


def estimators(names: tuple[str, ...]) -> Iterator[wb.Estimator]:
    """With short trainings: a bound holds however short they are."""
    for name in names:
        short = SHORT_FUNNEL if name == "funnel" else SHORT
        yield wb.estimators.get(name, **({} if name == "nearest_neighbor" else short))


def estimator_claims_nothing(name: str) -> bool:
    """Whether neither `value` nor an end of an interval of it is a bound on a batch."""
    estimator: Any = wb.estimators.factory(name)
    return estimator.bound == "none"


def on_rows(task: wb.Task) -> Iterator[tuple[str, float, str]]:
    """Every claim of every estimator on 60 stored rows."""
    x, y = (np.asarray(part, np.float64) for part in task.sample(jax.random.key(7), 60))
    for p in (1, 2):
        exact = wb.estimate(x, y, p=p)
        for name in wb.estimators.names():
            estimator = next(estimators((name,))) if name in BATCH + POPULATION else name
            if name == "exact" or estimator_claims_nothing(name):
                continue
            try:
                answer = wb.estimate(x, y, estimator, p)
            except ValueError:  # another p or another dimension
                continue
            if answer.status != "ok":
                yield f"{name} W{p}", -math.inf, answer.status
                continue
            lower = [answer.lower] + [answer.value] * (answer.bound in ("lower", "exact"))
            upper = [answer.upper] + [answer.value] * (answer.bound in ("upper", "exact"))
            over = [end / exact.value - 1 for end in lower if end is not None]
            under = [1 - end / exact.value for end in upper if end is not None]
            if over + under:
                yield f"{name} W{p}", max(over + under), "ok"


def on_task(task: wb.Task) -> Iterator[tuple[str, float, str]]:
    """Lower bounds by `wb.evaluate`."""
    exact = wb.evaluate(task, "exact", eval_batches=20)
    truth = task.truth(1)
    for estimator in estimators(BATCH + POPULATION):
        if estimator.target == "batch":
            answer = wb.evaluate(task, estimator, eval_batches=20, batch_size=64)
            allowed = exact.value
        elif truth is None:
            continue
        else:
            answer = wb.evaluate(task, estimator, eval_samples=20_000)
            allowed = truth.value + 4 * (answer.stderr or 0.0)
        if answer.status != "ok":
            yield estimator.name, -math.inf, answer.status
        else:
            yield estimator.name, (answer.value - allowed) / exact.value, "ok"


def in_suites(task: wb.Task) -> Iterator[tuple[str, float, str]]:
    """Lower bounds batch by batch."""
    cost = wb.Cost()
    exact = batch_truths(task, cost, STREAM)
    for estimator in estimators(BATCH):
        found = run_stream(task, estimator, cost, STREAM)
        status = next((status for status in found.statuses if status != "ok"), "ok")
        yield estimator.name, float(np.nanmax(found.costs / exact)) - 1, status


WAYS = {"estimate": on_rows, "evaluate": on_task, "suite": in_suites}


def main(
    out: Annotated[Path, typer.Option(help="Folder of the table.")] = Path("results/claims"),
) -> None:
    """Ask everything everywhere and write the table."""
    rows = []
    for offset in OFFSETS:
        for size in SIZES:
            start = time.perf_counter()
            for name, build in tasks(offset, size):
                try:
                    task = build()
                except ValueError as refusal:  # moves that float64 has no digits for, say
                    rows.append((offset, size, name, "refused", "", -math.inf, str(refusal)[:60]))
                    continue
                for way, ask in WAYS.items():
                    for who, excess, status in ask(task):
                        rows.append((offset, size, name, way, who, excess, status))
            typer.echo(f"offset {offset:g}, size {size:g}: {time.perf_counter() - start:.0f} s")
    columns = ["offset", "size", "task", "way", "estimator", "excess", "status"]
    write(pd.DataFrame(rows, columns=columns), out)


def write(table: pd.DataFrame, out: Path) -> None:
    """offsets.csv with every claim, offsets.md by place, size and way."""
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "offsets.csv", index=False, float_format="%.4g")
    asked = table[table.way != "refused"]
    grouped = asked.groupby(["way", "offset", "size"])
    summary = grouped.agg(
        claims=("excess", "size"),
        failed=("status", lambda status: int((status != "ok").sum())),
        largest_excess=("excess", "max"),
        broken=("excess", lambda excess: int((excess > ROUNDING).sum())),
    ).reset_index()
    refused = table[table.way == "refused"]
    text = (
        "# Whether bounds hold for data of any size at any place\n\n"
        f"{len(asked)} claims of all estimators that make one, on all tasks with parameters of "
        "location. `largest_excess` is relative to the exact value; `broken` counts claims beyond "
        f"the stated rounding of {ROUNDING:g}; `failed` are answers with another status than ok. "
        f"{len(refused)} tasks refused their parameters, whose digits float64 does not hold. "
        "Written by `python benchmarks/claims/offsets.py`; every claim is in "
        "`offsets.csv`.\n\n"
        f"{summary.to_markdown(index=False, floatfmt='.3g')}\n"
    )
    (out / "offsets.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
