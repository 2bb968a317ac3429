"""Exact transport along few pairs: seconds, memory and gap, a row a problem, as Markdown.

`python benchmarks/speed/sparse.py 10000,2,2 50000,2,3` measures n = 10,000 points of each side at
p = 2 in the plane, then 50,000 in space. Without arguments it measures 4,096 points beside the
dense solver, between which `exact` chooses, into results/speed/sparse.md. x is normal; y is two
thirds and one third of a wider normal, 3 apart, so that no affine map takes one to the other. Each
problem of the first kind has a process of its
own, so that its largest memory is its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from timing import alternate, hardware, median_and_spread

from wdist_bench.costs import Cost
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.solvers.sparse_exact import solve_sparse

RESULTS = Path(__file__).parents[2] / "results" / "speed"


def problem(n: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """The two samples, (n, dim) each."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, dim))
    wide = np.array([2, 0.7, *np.ones(dim - 2)])
    y = rng.normal(size=(n, dim)) * wide + np.eye(1, dim)
    return x, y + np.where(rng.random((n, 1)) < 0.3, 3.0, 0)


def row(n: int, p: float, dim: int, rtol: float = 1e-9) -> str:
    """One row; memory is what the call added to the largest of the process."""
    x, y = problem(n, dim)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    found = solve_sparse(x, y, None, None, Cost(p), rtol)
    seconds = time.perf_counter() - start
    mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    gap = (found.upper - found.lower) / found.upper
    return f"| {n:,} | {p:g} | {dim} | {seconds:.1f} | {gap:.0e} | {mib} | {found.arcs:,} |"


def beside_dense(n: int, p: float, dim: int, repeats: int) -> str:
    """One row: median seconds of both solvers in turns on one problem, and half their quartiles'
    distance.
    """
    x, y = problem(n, dim)
    calls = {
        "arcs": lambda: solve_sparse(x, y, None, None, Cost(p)),
        "dense": lambda: solve_exact(Cost(p).matrix(x, y), None, None),
    }
    found = {name: median_and_spread(took) for name, took in alternate(calls, repeats).items()}
    cells = [f"{middle:.2f} +- {spread:.2f}" for middle, spread in found.values()]
    ratio = found["arcs"][0] / found["dense"][0]
    return f"| {n:,} | {p:g} | {dim} | {cells[0]} | {cells[1]} | {ratio:.2f} |"


def write_beside(repeats: int = 3) -> None:
    """results/speed/sparse.md."""
    head = "| n | p | dimension | arcs, s | dense, s | ratio |\n|---|---|---|---|---|---|"
    places = [(p, dim) for dim in (2, 3, 8) for p in (1, 2)]
    lines = [hardware(), "", head, *(beside_dense(4096, p, dim, repeats) for p, dim in places)]
    (RESULTS / "sparse.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def main() -> None:
    """Measure what the arguments n,p,dim[,rtol] name, or where `exact` chooses."""
    if len(sys.argv) == 1:
        write_beside()
        return
    if len(sys.argv) == 2 and sys.argv[1].startswith("="):
        n, p, dim, *rtol = (float(part) for part in sys.argv[1][1:].split(","))
        print(row(int(n), p, int(dim), *rtol))
        return
    print("| n | p | dimension | s | gap | MiB | arcs |\n|---|---|---|---|---|---|---|", flush=True)
    for asked in sys.argv[1:]:
        subprocess.run([sys.executable, __file__, f"={asked}"], check=True)


if __name__ == "__main__":
    main()
