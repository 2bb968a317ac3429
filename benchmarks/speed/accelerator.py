"""What one accelerator does: rates, what TF32 would do to costs, c-transforms, certified intervals.

`rates` are those of square matrix products of 8,192 in each precision. `costs` is the largest error
of a Euclidean distance between two batches against float64: of `Cost.pairwise`, whose products have
the highest precision, and of the same Gram form at JAX's default, TF32 on recent GPUs. `transforms`
are c-transforms of the optimal potential of a shift, all pairs, in float32. `bracket` is the
certified interval beside OTT-JAX's Sinkhorn at the same certified gap (`bracket.py`).

Training beside PyTorch on the same device is `critics.py`; Table 1 is
`wdist-bench run benchmarks/mallasto.toml --profile gpu`.

Run: python benchmarks/speed/accelerator.py [--part rates] [--out results/speed/gpu]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import typer

sys.path.insert(0, str(Path(__file__).parent))
from bracket import RTOL, sinkhorn_at_gap
from problems import gaussians
from timing import hardware, median_and_spread

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.solvers.c_transform import c_transform

SIDE = 8192
REPEATS = 5
TRANSFORMS = ((3, 10**5), (3, 10**6), (64, 10**5), (784, 3 * 10**4))
BRACKETS = ((2, 1024), (16, 1024), (16, 4096), (784, 4096), (16, 16384))


def seconds_of(call: Any, *arguments: Any) -> float:
    """Median of REPEATS calls after one that is not counted; waits for the result."""
    taken = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        jax.block_until_ready(call(*arguments))
        taken.append(time.perf_counter() - start)
    return median_and_spread(taken[1:])[0]


def rates() -> Iterator[dict[str, Any]]:
    """Operations a second of a large product, by precision."""
    a, b = jax.random.normal(jax.random.key(0), (2, SIDE, SIDE))
    kinds = {
        "float32, highest": (jnp.float32, jax.lax.Precision.HIGHEST),
        "float32, default": (jnp.float32, jax.lax.Precision.DEFAULT),
        "bfloat16": (jnp.bfloat16, jax.lax.Precision.DEFAULT),
    }
    for name, (dtype, precision) in kinds.items():
        product = jax.jit(lambda a, b, precision=precision: jnp.matmul(a, b, precision=precision))
        seconds = seconds_of(product, a.astype(dtype), b.astype(dtype))
        yield {"product": name, "TFLOP/s": 2 * SIDE**3 / seconds / 1e12}


def costs() -> Iterator[dict[str, Any]]:
    """Largest relative error of a distance, guarded and not."""

    def unguarded(x: jax.Array, y: jax.Array) -> jax.Array:
        center = x.mean(0)
        x, y = x - center, y - center
        gram = jnp.matmul(x, y.T)
        squared = (x * x).sum(1)[:, None] + (y * y).sum(1)[None, :] - 2 * gram
        return jnp.sqrt(jnp.maximum(squared, 0))

    for dim in (32, 784, 3072):
        for apart in (1.0, 1e-2):  # matched points this far apart, others about sqrt(2 dim)
            rng = np.random.default_rng(dim)
            x = rng.normal(size=(256, dim)).astype(np.float32)
            y = (x + apart * rng.normal(size=x.shape) / dim**0.5).astype(np.float32)
            true = Cost().matrix(x, y)
            row: dict[str, Any] = {"dim": dim, "nearest": apart}
            for name, form in (("highest", Cost().pairwise), ("default", unguarded)):
                error = np.abs(np.asarray(jax.jit(form)(x, y), np.float64) - true) / true
                row[f"{name}: nearest pairs"] = error.diagonal().max()
                row[f"{name}: others"] = (error - np.diag(error.diagonal())).max()
            yield row


def transforms() -> Iterator[dict[str, Any]]:
    """Seconds of all pairs, and the error at some points."""
    cost = Cost()
    for dim, n in TRANSFORMS:
        x, y = (points.astype(np.float32) for points in gaussians(n, dim))
        phi = -x @ np.full(dim, dim**-0.5, np.float32)
        program = jax.jit(lambda phi, x, y: c_transform(phi, x, y, cost))
        arrays = [jax.device_put(array) for array in (phi, x, y)]
        seconds = seconds_of(program, *arrays)
        psi = np.asarray(program(*arrays), np.float64)
        some = np.random.default_rng(0).choice(n, 50, replace=False)
        wanted = (cost.matrix(x, y[some]) - np.asarray(phi, np.float64)[:, None]).min(0)
        yield {
            "dim": dim,
            "n": n,
            "seconds": seconds,
            "ps a pair": seconds / n**2 * 1e12,
            "error": float(np.abs(psi[some] - wanted).max()),
        }


def bracket() -> Iterator[dict[str, Any]]:
    """Seconds of a certified interval."""
    for dim, n in BRACKETS:
        x, y = gaussians(n, dim)
        found = wb.estimate(x, y, "bracket", rtol=RTOL)
        row: dict[str, Any] = {"dim": dim, "n": n, "status": found.status}
        row["gap"] = (found.upper - found.lower) / found.upper
        row["bracket, s"] = seconds_of(lambda x=x, y=y: wb.estimate(x, y, "bracket", rtol=RTOL))
        solver = sinkhorn_at_gap(x, y)
        if solver is not None:
            row["Sinkhorn, s"] = seconds_of(lambda x=x, y=y, s=solver: wb.estimate(x, y, s))
            row["its epsilon"] = solver.epsilon
        yield row


PARTS = {"rates": rates, "costs": costs, "transforms": transforms, "bracket": bracket}


def main(
    part: Annotated[
        list[str] | None, typer.Option(help="Only these; files of others stay.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Results folder.")] = Path("results/speed/gpu"),
) -> None:
    """Measure what JAX's default device does."""
    out.mkdir(parents=True, exist_ok=True)
    where = hardware()
    print(where, flush=True)
    for name in part or PARTS:
        rows = []
        for row in PARTS[name]():
            rows.append(row)
            print(name, row, flush=True)
            save(out / f"{name}.csv", pd.DataFrame(rows).assign(hardware=where))
    (out / "accelerator.md").write_text(text(out), encoding="utf-8")


def save(path: Path, table: pd.DataFrame) -> None:
    """Write the rows in place of those of the same hardware; those of others stay."""
    if path.exists():
        before = pd.read_csv(path)
        device = table["hardware"].iloc[0].split(", load")[0]
        kept = before[~before["hardware"].str.startswith(device)]
        table = pd.concat([kept, table])
    table.to_csv(path, index=False, float_format="%.4g")


def text(folder: Path) -> str:
    """All parts that were measured, from their files."""
    pieces = ["# One accelerator"]
    for name, function in PARTS.items():
        path = folder / f"{name}.csv"
        if path.exists():
            pieces.append(f"## {function.__doc__}")
            for hardware, rows in pd.read_csv(path).groupby("hardware", sort=False):
                shown = rows.drop(columns="hardware").map(
                    lambda cell: f"{cell:.3g}" if isinstance(cell, float) else cell
                )
                table = shown.to_markdown(index=False, disable_numparse=True)
                pieces += [f"{hardware}. {REPEATS} rounds, medians.", table]
    return "\n\n".join(pieces) + "\n"


if __name__ == "__main__":
    typer.run(main)
