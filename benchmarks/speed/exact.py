"""What `exact` costs on top of bare POT, all checks included, and beside scipy's assignment.

`pot` is `ot.dist` and bare `ot.emd2`, `assignment` scipy's `cdist` and `linear_sum_assignment`
(equal weights and numbers of points only; up to 1,024 points), `exact` the public call. Calls
alternate. Memory is that of one call in a process of its own, beyond the imports.

Run: python benchmarks/speed/exact.py [--most 4096]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

sys.path.insert(0, str(Path(__file__).parent))
from fresh import in_fresh_process
from problems import gaussians, pot
from tables import with_earlier
from timing import alternate, hardware, median_and_spread

import wdist_bench as wb

DIMS = (2, 16, 784)
SIZES = (64, 128, 256, 512, 1024, 2048, 4096)
METHODS = ("exact", "pot", "assignment")
ASSIGNMENT_UP_TO = 1024  # 2,048 points in the plane take scipy 7 s, POT 0.4 s
SECONDS = 3.0  # for the rounds of one size, at least 3 rounds and at most 300


def assignment(x: np.ndarray, y: np.ndarray) -> float:
    """The exact value, from the assignment problem."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    costs = cdist(x, y)
    rows, columns = linear_sum_assignment(costs)
    return float(costs[rows, columns].mean())


def exact(x: np.ndarray, y: np.ndarray) -> float:
    """The public call, with all its checks."""
    return wb.estimate(x, y, "exact").value


CALLS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "exact": exact,
    "pot": pot,
    "assignment": assignment,
}


def once(method: str, n: int, dim: int) -> dict[str, Any]:
    """One call, for its memory."""
    x, y = gaussians(n, dim)
    return {"value": CALLS[method](x, y)}


def row(n: int, dim: int) -> dict[str, Any]:
    """Seconds, overhead over POT, memory, and how far the values are apart."""
    x, y = gaussians(n, dim)
    names = [name for name in METHODS if name != "assignment" or n <= ASSIGNMENT_UP_TO]
    calls = {name: partial(CALLS[name], x, y) for name in names}
    start = time.perf_counter()
    values = {name: call() for name, call in calls.items()}
    rounds = int(np.clip(SECONDS / (time.perf_counter() - start), 3, 300))
    seconds = alternate(calls, rounds)
    out: dict[str, Any] = {"n": n, "dim": dim, "rounds": rounds}
    for name in names:
        out[f"{name}_s"], out[f"{name}_spread"] = median_and_spread(seconds[name])
    # Round by round, so that what slows a whole round cancels.
    ratios = np.array(seconds["exact"]) / np.array(seconds["pot"])
    out["overhead_percent"] = 100 * (float(np.median(ratios)) - 1)
    out["apart"] = max(abs(value / values["pot"] - 1) for value in values.values())
    for name in METHODS[:2]:
        out[f"{name}_mib"] = in_fresh_process("exact", "once", name, n, dim)["peak_mib"]
    return out


def main(
    most: Annotated[int, typer.Option(help="Only sizes up to this.")] = 4096,
    only: Annotated[int, typer.Option(help="Only this dimension; other rows are kept.")] = 0,
    out: Annotated[Path, typer.Option(help="Results folder.")] = Path("results/speed"),
) -> None:
    """Time `exact` against bare POT and scipy."""
    where = hardware()
    for call in CALLS.values():  # loads what they load
        call(*gaussians(8, 2))
    rows = []
    for dim in DIMS:
        for n in SIZES:
            if n <= most and only in (0, dim):
                rows.append(row(n, dim))
                print(rows[-1], flush=True)
                write(rows, where, out)


def write(rows: list[dict[str, Any]], where: str, out: Path) -> None:
    """The table so far."""
    out.mkdir(parents=True, exist_ok=True)
    order = {"dim": list(DIMS), "n": list(SIZES)}
    table = with_earlier(pd.DataFrame(rows), out / "exact.csv", ["dim", "n"], order)
    table.to_csv(out / "exact.csv", index=False, float_format="%.4g")
    shown = table.drop(columns=[f"{name}_spread" for name in METHODS])
    (out / "exact.md").write_text(
        "# The exact value: our call, bare POT and scipy's assignment\n\n"
        f"{where}. Medians over `rounds` rounds in seconds, calls alternating. `overhead_percent`: "
        "median over rounds of exact / pot, less one; all checks, the certificate and the cost "
        "matrix are in it. `apart`: largest relative difference of the three values. `_mib`: "
        "memory of one call in a process of its own beyond the imports, samples included.\n\n"
        + shown.astype(object).to_markdown(index=False, floatfmt=".3g")
        + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    typer.run(main)
