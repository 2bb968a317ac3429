"""`bracket` beside POT's exact solver and OTT-JAX's Sinkhorn at the same certified gap.

Sinkhorn gets the largest temperature of 2^-k, k = 2, 3, ..., of the mean cost at which its own
certified interval (c-transformed potential below, rounded plan above) is as narrow as asked;
finding that temperature costs it nothing here, the search is not timed. In the plane sizes end at
2,048 points, elsewhere at 4,096.

Run: python benchmarks/speed/bracket.py [--repeats 5]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

sys.path.insert(0, str(Path(__file__).parent))
from problems import gaussians, pot
from timing import alternate, hardware, median_and_spread

import wdist_bench as wb
from wdist_bench.costs import Cost

RTOL = 1e-3
SIZES = {dim: (64, 256, 1024, 2048) + ((4096,) if dim > 2 else ()) for dim in (2, 16, 128, 784)}
MAX_ITERATIONS = 20_000
PATIENCE = 20.0  # seconds for one Sinkhorn run; beyond it is given up


def iterations_within(x: np.ndarray, y: np.ndarray, seconds: float) -> int:
    """How many Sinkhorn iterations fit, from the time that the second hundred takes."""

    def timed(iterations: int) -> float:
        solver = wb.estimators.get("sinkhorn", epsilon=1e-5, max_iterations=iterations)
        wb.estimate(x, y, solver)  # compiles
        start = time.perf_counter()
        wb.estimate(x, y, solver)
        return time.perf_counter() - start

    each = max(timed(200) - timed(100), 1e-4) / 100
    return int(min(MAX_ITERATIONS, seconds / each))


def sinkhorn_at_gap(x: np.ndarray, y: np.ndarray) -> Any | None:
    """The hottest Sinkhorn that reaches the gap, or None where none does in time."""
    most = iterations_within(x, y, PATIENCE)
    for k in range(2, 16):
        solver = wb.estimators.get("sinkhorn", epsilon=2.0**-k, threshold=1e-4, max_iterations=most)
        answer = wb.estimate(x, y, solver)
        if answer.status != "ok":
            return None
        if answer.upper - answer.lower <= RTOL * answer.upper:
            return solver
    return None


def row(n: int, dim: int, repeats: int) -> dict[str, object]:
    """One size: seconds, gaps, and whether the exact value lies inside."""
    x, y = gaussians(n, dim)
    exact = pot(x, y)
    found = wb.estimate(x, y, "bracket", rtol=RTOL)
    calls = {
        "bracket": lambda: wb.estimate(x, y, "bracket", rtol=RTOL),
        "exact": lambda: wb.estimate(x, y, "exact"),
        "pot": lambda: pot(x, y),
    }
    solver = sinkhorn_at_gap(x, y)
    if solver is not None:
        calls["sinkhorn"] = lambda: wb.estimate(x, y, solver)
    timed = {name: median_and_spread(times) for name, times in alternate(calls, repeats).items()}
    out: dict[str, object] = {"n": n, "dim": dim}
    for name in ("bracket", "exact", "pot", "sinkhorn"):
        middle, spread = timed.get(name, (np.nan, np.nan))
        out |= {f"{name}_s": middle, f"{name}_spread": spread}
    out["sinkhorn_epsilon"] = np.nan if solver is None else solver.epsilon
    out["gap"] = (found.upper - found.lower) / found.upper
    out["contains"] = bool(found.lower <= exact + 1e-12 and exact <= found.upper + 1e-12)
    out["status"] = found.status
    out["entries_per_second"] = Cost().matrix(x, y).size / timed["bracket"][0]
    return out


def main(
    repeats: Annotated[int, typer.Option(help="Timed rounds.")] = 5,
    out: Annotated[Path, typer.Option(help="Results folder.")] = Path("results/speed"),
) -> None:
    """Time `bracket` against POT and OTT-JAX."""
    rows = []
    where = hardware()
    for dim, sizes in SIZES.items():
        for n in sizes:
            rows.append(row(n, dim, repeats))
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "bracket.csv", index=False, float_format="%.4g")
    columns = ["n", "dim", "bracket_s", "exact_s", "pot_s", "sinkhorn_s", "sinkhorn_epsilon", "gap",
               "contains"]  # fmt: skip
    (out / "bracket.md").write_text(
        "# A certified interval: bracket, POT and OTT-JAX\n\n"
        f"{where}. Medians of {repeats} rounds in seconds, calls alternating, compilation not "
        f"counted. Gap asked for: {RTOL:g}, certified. `pot` is `ot.dist` and bare `ot.emd2`, "
        "`exact` ours with all checks. `sinkhorn` is OTT-JAX at the hottest temperature that "
        "reaches the same gap (in units of the mean cost); empty where it did not reach it within "
        f"{MAX_ITERATIONS:,} iterations or {PATIENCE:.0f} s. `contains`: whether the exact value "
        "lies in the interval.\n\n"
        + table[columns].to_markdown(index=False, floatfmt=".3g")
        + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    typer.run(main)
