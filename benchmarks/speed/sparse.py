"""Exact transport along few pairs beside all pairs, between which `exact` chooses.

`python benchmarks/speed/sparse.py` measures both solvers in turns on 2,048, 4,096 and (in the
plane) 8,192 points of each side, into results/speed/sparse.md. x is normal; y is two thirds and one
third of a wider normal, 3 apart, so that no affine map takes one to the other; other weights than
equal ones are Gamma(2).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from timing import alternate, hardware, median_and_spread

from wdist_bench.costs import Cost
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.solvers.sparse_exact import solve_sparse

RESULTS = Path(__file__).parents[2] / "results" / "speed"
HEAD = "| n | weights | p | dimension | arcs, s | dense, s | ratio |\n|---|---|---|---|---|---|---|"


def problem(n: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """The two samples, (n, dim) each."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, dim))
    wide = np.array([2, 0.7, *np.ones(dim - 2)])
    y = rng.normal(size=(n, dim)) * wide + np.eye(1, dim)
    return x, y + np.where(rng.random((n, 1)) < 0.3, 3.0, 0)


def weights(n: int) -> np.ndarray:
    """(2, n) weights of both sides."""
    drawn = np.random.default_rng(1).gamma(2.0, size=(2, n))
    return drawn / drawn.sum(axis=1, keepdims=True)


def row(n: int, own: bool, p: float, dim: int, repeats: int) -> str:
    """Median seconds of both solvers in turns on one problem, and half their quartiles' distance;
    `own` says whether points have weights of their own.
    """
    x, y = problem(n, dim)
    a, b = weights(n) if own else (None, None)
    calls = {
        "arcs": lambda: solve_sparse(x, y, a, b, Cost(p)),
        "dense": lambda: solve_exact(Cost(p).matrix(x, y), a, b),
    }
    found = {name: median_and_spread(took) for name, took in alternate(calls, repeats).items()}
    cells = [f"{middle:.2f} +- {spread:.2f}" for middle, spread in found.values()]
    ratio = found["arcs"][0] / found["dense"][0]
    kind = "own" if own else "equal"
    return f"| {n:,} | {kind} | {p:g} | {dim} | {cells[0]} | {cells[1]} | {ratio:.2f} |"


def rows(repeats: int) -> Iterator[str]:
    """The table."""
    for n, dims in ((2048, (2, 3, 8)), (4096, (2, 3, 8)), (8192, (2,))):
        for dim in dims:
            for own in (False, True):
                for p in (1, 2):
                    yield row(n, own, p, dim, repeats)


def main(repeats: int = 3) -> None:
    """Write results/speed/sparse.md, row by row."""
    lines = [hardware(), "", HEAD]
    for line in rows(repeats):
        print(line, flush=True)
        lines.append(line)
        (RESULTS / "sparse.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
