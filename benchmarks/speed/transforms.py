"""Nearest neighbours and c-transforms from 1,000 to 1,000,000 points: seconds and memory.

Host routes are float64 (`pruned_c_transform`, with a k-d tree where the potential is 0), device
routes the tiles of `c_transform`. Every measurement has a process of its own; compilation is not
counted, `peak_mib` is memory beyond the imports, samples included. Values are compared with plain
NumPy in float64 at 50 of the points.

Potentials: zero (the nearest neighbour); rough (0.3 times normal noise); linear, the optimal one of
the shift between the two normal laws: for p = 1 every point on a ray ties, the worst for pruning.

Run: python benchmarks/speed/transforms.py [--most 1000000]
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
from fresh import in_fresh_process
from tables import with_earlier
from timing import hardware

from wdist_bench.costs import Cost

SHIFT = 0.5
# route, p, potential, dim, largest n of a default run, largest n of all
CASES = [
    ("estimator", 1, "zero", 3, 10**6, 10**6),
    ("host", 2, "linear", 3, 10**5, 10**6),
    ("host", 1, "linear", 3, 10**5, 4 * 10**5),
    ("host", 1, "rough", 3, 10**5, 10**6),
    ("float32", 1, "zero", 3, 10**5, 10**6),
    ("float32", 1, "linear", 3, 10**5, 10**6),
    ("float32", 2, "linear", 3, 10**5, 4 * 10**5),
    ("float64", 1, "linear", 3, 10**5, 4 * 10**5),
    ("estimator", 1, "zero", 64, 3 * 10**4, 10**5),
    ("float32", 1, "linear", 64, 3 * 10**4, 10**5),
]  # fmt: skip
SIZES = (10**3, 10**4, 3 * 10**4, 10**5, 2 * 10**5, 4 * 10**5, 10**6)
CHECKED = 50
ORDER = {
    "dim": [3, 64],
    "route": ["estimator", "host", "float32", "float64"],
    "potential": ["zero", "rough", "linear"],
    "p": [1, 2],
    "n": list(SIZES),
}


def problem(n: int, dim: int, p: int, potential: str) -> tuple[np.ndarray, ...]:
    """phi, x, y."""
    rng = np.random.default_rng(n + dim)
    x, y = rng.normal(size=(n, dim)), rng.normal(size=(n, dim)) + SHIFT / dim**0.5
    along = x @ np.full(dim, dim**-0.5)
    phi = {
        "zero": np.zeros(n),
        "rough": 0.3 * rng.normal(size=n),
        "linear": -along if p == 1 else -2 * SHIFT * along,
    }
    return phi[potential], x, y


def measure(route: str, p: int, potential: str, n: int, dim: int) -> dict[str, Any]:
    """Seconds of one call, and how far its values are off at some points."""
    phi, x, y = problem(n, dim, p, potential)
    cost = Cost(p)
    if route == "host":
        psi, seconds = _host(phi, x, y, cost)
    elif route == "estimator":
        return _estimator(x, y, cost)
    else:
        psi, seconds = _device(phi, x, y, cost, route)
    some = np.random.default_rng(0).choice(n, min(n, CHECKED), replace=False)
    wanted = [(((x - y[j]) ** 2).sum(1) ** (p / 2) - phi).min() for j in some]
    return {"seconds": seconds, "error": float(np.abs(psi[some] - wanted).max())}


def _host(phi: np.ndarray, x: np.ndarray, y: np.ndarray, cost: Cost) -> tuple[np.ndarray, float]:
    from wdist_bench.solvers.matrix_free.pruned_c_transform import pruned_c_transform

    start = time.perf_counter()
    psi = pruned_c_transform(phi, x, y, cost)
    return psi, time.perf_counter() - start


def _estimator(x: np.ndarray, y: np.ndarray, cost: Cost) -> dict[str, Any]:
    """The public call; its mean cannot be checked at a few points, so it is up to 10,000."""
    import wdist_bench as wb

    start = time.perf_counter()
    answer = wb.estimate(x, y, "nearest_neighbor", cost.p)
    seconds = time.perf_counter() - start
    if len(x) > 10**4:
        return {"seconds": seconds, "error": None}
    rows = [np.sqrt(((x - point) ** 2).sum(1).min()) for point in y]
    return {"seconds": seconds, "error": abs(answer.value - float(np.mean(rows)))}


def _device(
    phi: np.ndarray, x: np.ndarray, y: np.ndarray, cost: Cost, dtype: str
) -> tuple[np.ndarray, float]:
    import jax
    import jax.numpy as jnp

    from wdist_bench.solvers.c_transform import c_transform, nearest_neighbor_costs

    def nearest(phi: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        return nearest_neighbor_costs(x, y, cost)

    def transform(phi: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        return c_transform(phi, x, y, cost)

    with jax.enable_x64(dtype == "float64"):
        arrays = [jnp.asarray(array, dtype) for array in (phi, x, y)]
        compiled = jax.jit(transform if phi.any() else nearest).lower(*arrays).compile()
        start = time.perf_counter()
        psi = jax.block_until_ready(compiled(*arrays))
        seconds = time.perf_counter() - start
    return np.asarray(psi, np.float64), seconds


def operations(p: int, potential: str, dim: int) -> int:
    """Arithmetic of one pair: differences, squares, sums; root; potential; minimum.

    In more than 16 dimensions the squares are a matrix product, a multiplication and an addition
    a coordinate, and three operations beside it.
    """
    squared = 3 * dim - 1 if dim <= 16 else 2 * dim + 3
    return squared + (p == 1 and potential != "zero") + (potential != "zero") + 1


def matrix_product_rate(dtype: str) -> float:
    """Operations a second in a product of 4,096 x 4,096 matrices, the most this machine does."""
    import jax
    import jax.numpy as jnp

    size = 4096
    with jax.enable_x64(dtype == "float64"):
        product = jax.jit(lambda a: a @ a)
        a = jnp.ones((size, size), dtype)
        product(a).block_until_ready()
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            product(a).block_until_ready()
            seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


def main(
    most: Annotated[int, typer.Option(help="Only sizes up to this.")] = 10**6,
    only: Annotated[str, typer.Option(help="Only this route; other rows are kept.")] = "",
    everything: Annotated[
        bool, typer.Option("--everything", help="The long ones too, about 10 minutes.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Results folder.")] = Path("results/speed"),
) -> None:
    """Time nearest neighbours and c-transforms against the number of points."""
    where = hardware()
    rates = {dtype: matrix_product_rate(dtype) for dtype in ("float32", "float64")}
    rows = []
    for route, p, potential, dim, usual, largest in CASES:
        for n in SIZES:
            if only not in route or n > min(most, largest if everything else usual):
                continue
            found = in_fresh_process("transforms", "measure", route, p, potential, n, dim)
            done = n * n * operations(p, potential, dim) / found["seconds"]
            row = {"route": route, "p": p, "potential": potential, "dim": dim, "n": n} | found
            row["ns_per_pair"] = found["seconds"] / n**2 * 1e9
            row["share_of_rate"] = done / rates[route] if route in rates else None
            rows.append(row)
            print(row, flush=True)
            write(rows, where, rates, out)


def write(rows: list[dict[str, Any]], where: str, rates: dict[str, float], out: Path) -> None:
    """The table so far."""
    path = out / "transforms.csv"
    table = with_earlier(pd.DataFrame(rows), path, list(ORDER), ORDER)
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, float_format="%.4g")
    (out / "transforms.md").write_text(
        "# Nearest neighbours and c-transforms: seconds and memory against the number of points\n\n"
        f"{where}. n points on each side, one call in a process of its own, compilation not "
        'counted. `estimator` is `wb.estimate(x, y, "nearest_neighbor")` (float64, k-d tree up to '
        "12 dimensions), `host` the pruned c-transform in float64, `float32` and `float64` the "
        "tiles of the device. Potentials: zero; rough, 0.3 times normal noise; linear, the optimal "
        "one of a shift. `peak_mib`: memory beyond the imports, samples included. `error`: largest "
        f"error at {CHECKED} points against plain NumPy (`estimator`: of the value, up to 10,000 "
        "points). `share_of_rate`: arithmetic a second over that of a matrix product of the same "
        f"type ({rates['float32'] / 1e9:.0f} Gflop/s in float32, {rates['float64'] / 1e9:.0f} in "
        "float64, both cores).\n\n" + table.to_markdown(index=False, floatfmt=".3g") + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    typer.run(main)
