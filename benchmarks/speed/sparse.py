"""Exact transport along few pairs: seconds, memory and gap, a row a problem, as Markdown.

`python benchmarks/speed/sparse.py 10000,2,2 50000,2,3` measures n = 10,000 points of each side at
p = 2 in the plane, then 50,000 in space. x is normal; y is two thirds and one third of a wider
normal, 3 apart, so that no affine map takes one to the other. Each problem has a process of its
own, so that its largest memory is its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.solvers.sparse_exact import solve_sparse


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


def main() -> None:
    """Measure what the arguments n,p,dim[,rtol] name."""
    if len(sys.argv) == 2 and sys.argv[1].startswith("="):
        n, p, dim, *rtol = (float(part) for part in sys.argv[1][1:].split(","))
        print(row(int(n), p, int(dim), *rtol))
        return
    print("| n | p | dimension | s | gap | MiB | arcs |\n|---|---|---|---|---|---|---|", flush=True)
    for asked in sys.argv[1:]:
        subprocess.run([sys.executable, __file__, f"={asked}"], check=True)


if __name__ == "__main__":
    main()
