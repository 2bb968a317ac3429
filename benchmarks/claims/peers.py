"""Small inputs on which other libraries do not give what they claim, as a table.

Run in the environment of the peers: `.venv-peers/bin/python benchmarks/claims/peers.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import ot
import ot.bsp
from ott.geometry import pointcloud
from ott.solvers import linear
from ott.tools import unreg
from scipy.stats import wasserstein_distance_nd

import wdist_bench as wb

FOLDER = Path(__file__).parents[2] / "results" / "claims"


def samples(seed: int, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal rows in the plane, the second ones moved by 1 and wider."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)), 1.5 * rng.normal(size=(m, 2)) + 1


def min_sliced_plan() -> tuple[str, str, float, float]:
    """The cost that it returns against that of its own plan, and the exact one."""
    x, y = samples(6, 8, 12)
    plan, said = ot.sliced.min_sliced_transport_plan(
        x, y, metric="euclidean", n_projections=50, seed=0
    )
    own = float((np.asarray(plan) * ot.dist(x, y, metric="euclidean")).sum())
    text = f"ot.sliced.min_sliced_transport_plan, W_1 of 8 and 12 points; its plan costs {own:.4f}"
    return "POT", text, float(said), wb.estimate(x, y).value


def bsp() -> tuple[str, str, float, float]:
    """The largest and the smallest of twenty calls with one seed."""
    x, y = samples(3, 12, 12)
    found = [float(ot.bsp.compute_bspot_bijection(x, y, p=2, seed=0)[0]) for _ in range(20)]
    text = "ot.bsp.compute_bspot_bijection, p = 2, seed = 0: most and least of twenty calls"
    return "POT", text, max(found), min(found)


def simplex_of_small_costs() -> tuple[str, str, float, float]:
    """Distances near 1e-6, whose third powers are near 1e-18."""
    x, y = (1e-6 * rows for rows in samples(6, 12, 12))
    weights = np.full(12, 1 / 12)
    said = ot.emd2(weights, weights, wb.Cost(3).matrix(x, y)) ** (1 / 3)
    return "POT", "ot.emd2, W_3 of points 1e-6 apart", float(said), wb.estimate(x, y, p=3).value


def programme_of_small_costs() -> tuple[str, str, float, float]:
    """Distances near 1e-6, where the linear programme's tolerances show."""
    x, y = (1e-6 * rows for rows in samples(6, 12, 12))
    text = "scipy.stats.wasserstein_distance_nd, W_1 of points 1e-6 apart"
    return "scipy", text, float(wasserstein_distance_nd(x, y)), wb.estimate(x, y).value


def low_rank() -> tuple[str, str, float, float]:
    """Its defaults, which say that they have converged."""
    x, y = samples(0, 512, 512)
    cloud = pointcloud.PointCloud(jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32))
    found = linear.solve(cloud, rank=50)
    text = f"ott.solvers.linear.solve(rank=50), W_2, converged: {bool(found.converged)}"
    return "ott-jax", text, float(found.primal_cost) ** 0.5, wb.estimate(x, y, p=2).value


def assignment_far_away() -> tuple[str, str, float, float]:
    """float32, 10^6 from the origin."""
    x, y = (rows + 1e6 for rows in samples(6, 12, 12))
    cloud = pointcloud.PointCloud(*(jnp.asarray(rows, jnp.float32) for rows in (x, y)))
    said, exact = float(unreg.hungarian(cloud)[0]), wb.estimate(x, y, p=2).cost
    return "ott-jax", "ott.tools.unreg.hungarian, W_2^2 of points near 10^6", said, exact


CASES: tuple[Callable[[], tuple[str, str, float, float]], ...] = (
    min_sliced_plan, bsp, simplex_of_small_costs, programme_of_small_costs, low_rank,
    assignment_far_away,
)  # fmt: skip


def main() -> None:
    """Write results/claims/peers.md."""
    lines = ["| library | call | it gives | exact |", "|---|---|---|---|"]
    for case in CASES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            library, text, said, exact = case()
        lines.append(f"| {library} {version(library)} | {text} | {said:.6g} | {exact:.6g} |")
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "peers.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
