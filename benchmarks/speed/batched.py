"""A thousand small problems at once: `bracket`, POT in a loop, OTT-JAX's Sinkhorn under vmap.

`bracket` is one compiled program in two forms, over the problems in sequence on every core
(`map`) and as one batch (`vmap`). POT is `ot.dist` and bare `ot.emd2` in a loop, exact. Sinkhorn
has the temperature 2^-k of the mean cost, the hottest at which at least 95 of the first 100
problems reach the gap; finding it is not timed. Its seconds are those of the first hundred
problems, scaled to all.

Run: python benchmarks/speed/batched.py [--problems 1000] [--repeats 3]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import typer

sys.path.insert(0, str(Path(__file__).parent))
from bracket import RTOL
from problems import gaussians, pot
from timing import alternate, hardware, median_and_spread

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.protocol.parallel import share_count
from wdist_bench.solvers.bracket import bracket

N = 64
DIMS = (2, 16, 128)
HUNDRED = 100
MAX_ITERATIONS = 5_000


def problems(count: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """(count, N, dim) samples of both measures."""
    x, y = gaussians(N * count, dim)
    return x.reshape(count, N, dim), y.reshape(count, N, dim)


def one_bracket(x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Both ends for one problem."""
    even = jnp.full(N, 1 / N, x.dtype)
    found = bracket(x, y, even, even, Cost(), rtol=RTOL)
    return found.lower, found.upper


def mapped(x: np.ndarray, y: np.ndarray) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    """One problem after the other in one program, every core its share."""
    shares = share_count(len(x))
    with jax.enable_x64(True):
        program = jax.jit(lambda u, v: jax.lax.map(lambda pair: one_bracket(*pair), (u, v)))
        parts = [(jnp.asarray(u), jnp.asarray(v)) for u, v in zip(
            np.split(x, shares), np.split(y, shares), strict=True)]  # fmt: skip
        compiled = program.lower(*parts[0]).compile()

    def execute(part: tuple[jax.Array, jax.Array]) -> Any:
        with jax.enable_x64(True):
            return jax.tree.map(np.asarray, compiled(*part))

    def call() -> tuple[np.ndarray, np.ndarray]:
        with ThreadPoolExecutor(shares) as pool:
            lower, upper = zip(*pool.map(execute, parts), strict=True)
        return np.concatenate(lower), np.concatenate(upper)

    return call


def batched(x: np.ndarray, y: np.ndarray) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    """All problems as one batch."""
    with jax.enable_x64(True):
        program, points = jax.jit(jax.vmap(one_bracket)), (jnp.asarray(x), jnp.asarray(y))

    def call() -> tuple[np.ndarray, np.ndarray]:
        with jax.enable_x64(True):
            lower, upper = program(*points)
            return np.asarray(lower), np.asarray(upper)

    return call


def temperature(x: np.ndarray, y: np.ndarray) -> float | None:
    """The hottest 2^-k of the mean cost at which Sinkhorn's own interval is narrow enough."""
    for k in range(6, 14):
        solver = wb.estimators.get(
            "sinkhorn", epsilon=2.0**-k, threshold=1e-4, max_iterations=MAX_ITERATIONS
        )
        answers = [wb.estimate(u, v, solver) for u, v in zip(x[:HUNDRED], y[:HUNDRED], strict=True)]
        narrow = [a.status == "ok" and a.upper - a.lower <= RTOL * a.upper for a in answers]
        if np.mean(narrow) >= 0.95:
            return 2.0**-k
    return None


def sinkhorn(x: np.ndarray, y: np.ndarray, epsilon: float) -> Callable[[], np.ndarray]:
    """OTT-JAX as its users call it, under vmap, in float64 as its interval needs."""
    from ott.geometry import geometry
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import sinkhorn as solver

    def one(u: jax.Array, v: jax.Array) -> jax.Array:
        costs = Cost().pairwise(u, v)
        problem = linear_problem.LinearProblem(
            geometry.Geometry(cost_matrix=costs, epsilon=epsilon * costs.mean())
        )
        return solver.Sinkhorn(threshold=1e-4, max_iterations=MAX_ITERATIONS)(problem).reg_ot_cost

    with jax.enable_x64(True):
        program, points = jax.jit(jax.vmap(one)), (jnp.asarray(x), jnp.asarray(y))

    def call() -> np.ndarray:
        with jax.enable_x64(True):
            return np.asarray(program(*points))

    return call


def row(count: int, dim: int, repeats: int) -> dict[str, object]:
    """One dimension: seconds for all problems, and how many intervals hold the exact value."""
    x, y = problems(count, dim)

    def loop() -> np.ndarray:
        return np.array([pot(u, v) for u, v in zip(x, y, strict=True)])

    calls: dict[str, Callable[[], Any]] = {
        "map": mapped(x, y), "vmap": batched(x, y), "pot": loop}  # fmt: skip
    epsilon = temperature(x, y)
    if epsilon is not None:
        calls["sinkhorn"] = sinkhorn(x[:HUNDRED], y[:HUNDRED], epsilon)
    exact, (lower, upper) = loop(), calls["map"]()
    timed = {name: median_and_spread(times) for name, times in alternate(calls, repeats).items()}
    out: dict[str, object] = {"problems": count, "n": N, "dim": dim}
    for name in ("map", "vmap", "pot", "sinkhorn"):
        middle, spread = timed.get(name, (np.nan, np.nan))
        if name == "sinkhorn":
            middle, spread = (value * count / min(count, HUNDRED) for value in (middle, spread))
        out |= {f"{name}_s": middle, f"{name}_spread": spread}
    slack = 1e-9 * exact
    out["sinkhorn_epsilon"] = np.nan if epsilon is None else epsilon
    out["hold"] = int(((lower <= exact + slack) & (exact <= upper + slack)).sum())
    out["narrow"] = int((upper - lower <= RTOL * upper * (1 + 1e-9)).sum())
    return out


def main(
    problems: Annotated[int, typer.Option(help="Problems of 64 points.")] = 1000,
    repeats: Annotated[int, typer.Option(help="Timed rounds.")] = 3,
    out: Annotated[Path, typer.Option(help="Results folder.")] = Path("results/speed"),
) -> None:
    """Time a batch of small problems."""
    where = hardware()
    rows = []
    for dim in DIMS:
        rows.append(row(problems, dim, repeats))
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "batched.csv", index=False, float_format="%.4g")
    columns = ["dim", "map_s", "vmap_s", "pot_s", "sinkhorn_s", "sinkhorn_epsilon", "hold",
               "narrow"]  # fmt: skip
    (out / "batched.md").write_text(
        f"# {problems:,} problems of {N} points: bracket, POT and OTT-JAX\n\n"
        f"{where}. Seconds for all problems, medians of {repeats} rounds, calls alternating, "
        f"compilation not counted. Gap asked for: {RTOL:g}, certified. `map` and `vmap` are "
        "`bracket` over the problems in sequence on every core and as one batch; `pot` is "
        "`ot.dist` and bare `ot.emd2` in a loop, exact; `sinkhorn` is OTT-JAX under vmap at the "
        "hottest temperature (in units of the mean cost) that reaches the gap in 95 of 100 "
        "problems (seconds of the first hundred, scaled). `hold`, `narrow`: how many intervals of "
        "`bracket` hold the exact value, and reach the gap.\n\n"
        + table[columns].astype(object).to_markdown(index=False, floatfmt=".3g")
        + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    typer.run(main)
