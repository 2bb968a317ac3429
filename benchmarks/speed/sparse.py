"""Transport along few pairs beside all pairs, between which `exact` and `bracket` choose.

`python benchmarks/speed/sparse.py` measures both ways in turns, into results/speed/sparse.md: those
of `exact` on 2,048, 4,096 and (in the plane) 8,192 points of each side, those of `bracket` (to its
default gap) on 1,200 and 2,400. x is normal; y is two thirds and one third of a wider normal, 3
apart, so that no affine map takes one to the other; other weights than equal ones are Gamma(2).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from timing import alternate, hardware, median_and_spread

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.solvers.sparse_exact import solve_sparse

Points = np.ndarray
Weights = np.ndarray | None
Calls = dict[str, Callable[[], object]]
RESULTS = Path(__file__).parents[2] / "results" / "speed"
HEAD = """
| of | n | weights | p | dimension | arcs, s | all pairs, s | ratio |
|---|---|---|---|---|---|---|---|"""
SIZES = {
    "exact": ((2048, (2, 3, 8)), (4096, (2, 3, 8)), (8192, (2,))),
    "bracket": ((1200, (2, 3, 8)), (2400, (2, 3, 8))),
}


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


def exact_calls(x: Points, y: Points, a: Weights, b: Weights, p: float) -> Calls:
    """Both ways of `exact`."""
    return {
        "arcs": lambda: solve_sparse(x, y, a, b, Cost(p)),
        "dense": lambda: solve_exact(Cost(p).matrix(x, y), a, b),
    }


def bracket_calls(x: Points, y: Points, a: Weights, b: Weights, p: float) -> Calls:
    """Both ways of `bracket`, by the number of pairs from which it takes arcs."""

    def way(pairs: int) -> None:
        with patch("wdist_bench.estimators.bracket._MANY", pairs):
            answer = wb.estimate(x, y, "bracket", p=p, a=a, b=b)
        assert answer.status == "ok"
        assert ("arcs" in answer.diagnostics) == (pairs == 1)

    return {"arcs": lambda: way(1), "all pairs": lambda: way(2**62)}


def row(estimator: str, n: int, own: bool, p: float, dim: int, repeats: int) -> str:
    """Median seconds of both ways in turns on one problem, and half their quartiles' distance;
    `own` says whether points have weights of their own.
    """
    x, y = problem(n, dim)
    a, b = weights(n) if own else (None, None)
    calls = (exact_calls if estimator == "exact" else bracket_calls)(x, y, a, b, p)
    (arcs, off), (whole, spread) = map(median_and_spread, alternate(calls, repeats).values())
    cells = (
        estimator, f"{n:,}", "own" if own else "equal", f"{p:g}", str(dim),
        f"{arcs:.2f} +- {off:.2f}", f"{whole:.2f} +- {spread:.2f}", f"{arcs / whole:.2f}",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def rows(repeats: int) -> Iterator[str]:
    """The table."""
    for estimator, sizes in SIZES.items():
        for n, dims in sizes:
            for dim in dims:
                for own in (False, True):
                    for p in (1, 2):
                        yield row(estimator, n, own, p, dim, repeats)


def main(repeats: int = 3) -> None:
    """Write results/speed/sparse.md, row by row."""
    lines = [hardware(), HEAD]
    for line in rows(repeats):
        print(line, flush=True)
        lines.append(line)
        (RESULTS / "sparse.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
