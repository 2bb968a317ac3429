"""Exact transport of many points: seconds, certified gap and memory, into results/speed/large.md.

`python benchmarks/speed/large.py` measures points of two laws that no affine map joins
(`sparse.problem`), with equal and other weights, and pictures of four classes with their light as
mass. Dimension 64 is `wb.estimate(x, y, "exact")`, which holds all pairs there. `python
benchmarks/speed/large.py 1000000` gives that many points in the plane an hour, and only prints.
Every measurement has a process of its own, so that its largest memory is its own; POT is `ot.dist`
and `ot.emd2` on the same points, where both fit. After ten minutes ours is interrupted, and gives
the gap so far once its programme is solved.
"""

from __future__ import annotations

import json
import resource
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from sparse import problem, weights
from timing import hardware

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.solvers.sparse_exact import solve_sparse

RESULTS = Path(__file__).parents[2] / "results" / "speed"
POT_POINTS = 10_000  # POT takes minutes beyond
COMPILED_POINTS = 4_000  # up to which `bracket` compiles a program
FITTING_POINTS = 20_000  # whose pairs 24 GiB hold
REPEATS = 3  # of what takes less than a minute
PATIENCE = 600.0  # seconds; an hour for the size that is asked for


@dataclass(frozen=True)
class Case:
    """A problem and a solver.

    Attributes:
        what: "points", "weights" (points with weights of their own) or a kind of pictures.
        size: points of each side, or pixels of an edge.
        p: exponent.
        dim: dimension of points.
        rtol: gap to reach.
        solver: "arcs", "exact" (which chooses), "bracket" (likewise, to 1e-3) or "pot".
    """

    what: str
    size: int
    p: float
    dim: int = 2
    rtol: float = 1e-9
    solver: str = "arcs"

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Points and weights."""
        if self.what not in ("points", "weights"):
            return wb.tasks.get("pictures", kind=self.what, size=self.size).measures()
        x, y = problem(self.size, self.dim)
        if self.what == "points":
            return x, y, None, None
        return x, y, *weights(self.size)


def solve(case: Case) -> dict[str, float]:
    """Seconds, ends and memory of one call, in this process."""
    x, y, a, b = case.arrays()
    cost = Cost(case.p)
    if case.solver == "bracket" and case.size <= COMPILED_POINTS:
        wb.estimate(x, y, "bracket", p=case.p)  # compiles
    solve_sparse(x[:3000:2], y[1:3000:2], None, None, cost, 0.1)  # imports and first calls
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    if case.solver == "pot":
        import ot

        metric = "euclidean" if case.p == 1 else "sqeuclidean"
        lower = upper = float(ot.emd2(
            [] if a is None else a, [] if b is None else b, ot.dist(x, y, metric),
            numItermax=10**9,
        ))  # fmt: skip
    elif case.solver in ("exact", "bracket"):
        answer = wb.estimate(x, y, case.solver, p=case.p, a=a, b=b)
        lower, upper = answer.lower**case.p, answer.upper**case.p
    else:
        found = solve_sparse(x, y, a, b, cost, case.rtol)
        lower, upper = found.lower, found.upper
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"seconds": seconds, "lower": lower, "upper": upper, "mib": memory / 1024,
            "points": len(x) + len(y)}  # fmt: skip


def in_own_process(case: Case, patience: float) -> dict[str, float]:
    """What `solve` says there; interrupted once where it takes long."""
    command = [sys.executable, __file__, json.dumps(asdict(case))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said, _ = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{case} ended with {process.returncode}")
    return json.loads(said.splitlines()[-1])


def measure(case: Case, repeats: int = 1, patience: float = PATIENCE) -> dict[str, float]:
    """The median seconds of `repeats` processes, and what the last one found."""
    runs = [in_own_process(case, patience) for _ in range(repeats)]
    return runs[-1] | {"seconds": statistics.median(run["seconds"] for run in runs)}


def row(case: Case, patience: float = PATIENCE) -> str:
    """A line of the table."""
    points = case.what in ("points", "weights")
    quick = case.size <= POT_POINTS and points and case.dim < 64
    ours = measure(case, REPEATS if quick else 1, patience)
    gap = 1 - ours["lower"] / ours["upper"]
    cells = [case.what, case.solver, f"{case.size:,}", f"{case.p:g}", str(case.dim),
             f"{ours['seconds']:.1f}", f"{gap:.0e}", f"{ours['mib']:.0f}"]  # fmt: skip
    if case.solver == "bracket":
        cells += ["", "", "", ""]
    elif ours["points"] <= 2 * POT_POINTS:
        pot = measure(Case(**asdict(case) | {"solver": "pot"}), REPEATS if quick else 1)
        off = abs(pot["upper"] - ours["upper"]) / pot["upper"]
        cells += [f"{pot['seconds']:.1f}", f"{pot['mib']:.0f}",
                  f"{ours['seconds'] / pot['seconds']:.2f}", f"{off:.0e}"]  # fmt: skip
    else:
        fits = ours["points"] <= 2 * FITTING_POINTS
        cells += ["not measured" if fits else "does not fit", "", "", ""]
    return "| " + " | ".join(cells) + " |"


def cases() -> list[Case]:
    """What the table has."""
    found = [Case("points", 10_000, p, dim) for dim in (2, 3) for p in (1, 2)]
    found += [Case("weights", 10_000, p) for p in (1, 2)]
    found += [Case("points", 10_000, p, 64, solver="exact") for p in (1, 2)]
    for dim in (2, 3):
        found += [Case("points", 50_000, p, dim, 1e-4) for p in (1, 2)]
    found += [Case("weights", 50_000, p, 2, 1e-4) for p in (1, 2)]
    found += [Case("points", 100_000, p, 2, 1e-4) for p in (1, 2)]
    sizes = (2_000, 4_000, 5_000, 10_000, 20_000, 50_000, 100_000)
    found += [Case("points", n, p, 2, 1e-3, "bracket") for n in sizes for p in (1, 2)]
    for kind in ("noise", "shapes", "blobs", "photographs"):
        found += [Case(kind, size, 2, rtol=1e-6) for size in (32, 64, 128)]
    return found


def main() -> None:
    """One measurement in this process, a size that is given, or the table."""
    if len(sys.argv) > 1 and sys.argv[1].startswith("{"):
        print(json.dumps(solve(Case(**json.loads(sys.argv[1])))))
        return
    asked = [Case("points", int(sys.argv[1]), p, 2, 1e-3) for p in (2, 1)] if sys.argv[1:] else []
    lines = [hardware(), "",
             "| what | ours | size | p | dimension | s | gap | MiB | POT, s | POT, MiB | time "
             "| differ |", "|---|---|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    print("\n".join(lines), flush=True)
    for case in asked or cases():
        lines.append(row(case, 3600 if asked else PATIENCE))
        print(lines[-1], flush=True)
    if not asked:
        (RESULTS / "large.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
