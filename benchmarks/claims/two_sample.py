"""Level and power of `two_sample_test`, beside the energy distance and MMD.

Level: mu = nu, tests at 5 % with 199 permutations; with weights, which stay at their places, too.
Power: laws that differ, the same permutations for all tests. Energy distance and MMD (Gaussian
kernel, its width the median distance of the pooled rows) are computed here from the pooled
distances, 2 E|X - Y| - E|X - X'| - E|Y - Y'| and its kernel counterpart.

Run: python benchmarks/claims/two_sample.py [--runs 2000] [--slow-runs 400] [--power-runs 200]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from scipy.spatial.distance import pdist, squareform
from scipy.stats import beta

import wdist_bench as wb
from wdist_bench.population.permuted import Pool

Generator = np.random.Generator
Draw = Callable[[Generator, int], np.ndarray]
PERMUTATIONS, LEVEL = 199, 0.05


def normal(dim: int) -> Draw:
    """N(0, I)."""
    return lambda g, n: g.normal(size=(n, dim))


EQUAL: dict[str, tuple[str, Draw]] = {
    "normal": ("continuous", normal(1)),
    "exponential": ("continuous", lambda g, n: g.exponential(size=(n, 1))),
    "Cauchy": ("continuous", lambda g, n: g.standard_cauchy(size=(n, 1))),
    "coin 0.3": ("discrete", lambda g, n: (g.uniform(size=(n, 1)) < 0.3) * 1.0),
    "Poisson 2": ("discrete", lambda g, n: g.poisson(2, size=(n, 1)).astype(float)),
    "normal, plane": ("continuous", normal(2)),
    "lattice, plane": ("discrete", lambda g, n: g.integers(0, 3, size=(n, 2)).astype(float)),
}
"""Laws against themselves."""

HEAVY = {"normal, heavy rows": "normal", "normal, plane, heavy rows": "normal, plane"}
"""The same with weights: two rows of each sample carry ten times the mass of any other."""

METHODS = {
    "normal": ("one_dimensional",), "exponential": ("one_dimensional",),
    "Cauchy": ("one_dimensional",), "coin 0.3": ("one_dimensional",),
    "Poisson 2": ("one_dimensional",),
    "normal, plane": ("exact", "nearest_neighbor", "sinkhorn_divergence"),
    "lattice, plane": ("exact", "nearest_neighbor", "sinkhorn_divergence"),
    "normal, heavy rows": ("one_dimensional",),
    "normal, plane, heavy rows": ("exact", "nearest_neighbor"),
}  # fmt: skip
SIZES = (20, 15)


def moved(dim: int, shift: float) -> Draw:
    """N(0, I) with its first coordinate moved."""
    step = np.eye(dim)[0] * shift
    return lambda g, n: g.normal(size=(n, dim)) + step


def contaminated(share: float, far: float) -> Draw:
    """A share of a plane normal moved far."""
    return lambda g, n: g.normal(size=(n, 2)) + far * (g.uniform(size=(n, 1)) < share) * [1, 0]


def clusters(share: float) -> Draw:
    """Two clusters in the plane, 6 apart, the far one with that share."""
    return lambda g, n: g.normal(size=(n, 2)) + 6 * (g.uniform(size=(n, 1)) < share) * [1, 0]


DIFFERENT: dict[str, tuple[Draw, Draw]] = {
    "moved by 0.5, dim 2": (normal(2), moved(2, 0.5)),
    "moved by 0.8, dim 10": (normal(10), moved(10, 0.8)),
    "scaled by 1.5, dim 2": (normal(2), lambda g, n: 1.5 * g.normal(size=(n, 2))),
    "scaled by 1.2, dim 10": (normal(10), lambda g, n: 1.2 * g.normal(size=(n, 10))),
    "clusters .5 and .3": (clusters(0.5), clusters(0.3)),
    "8 % moved by 8": (normal(2), contaminated(0.08, 8.0)),
}
"""Pairs that differ."""
POWER_SIZE = 50


def clopper_pearson(count: int, trials: int) -> tuple[float, float]:
    """Two-sided 95 % band of a share; (0, 1) without trials."""
    low = beta.ppf(0.025, count, trials - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, trials - count) if count < trials else 1.0
    return float(low), float(high)


def rejected(pvalues: Iterable[float]) -> dict[str, Any]:
    """Share of p-values at most 5 %, with its band."""
    small = [bool(pvalue <= LEVEL + 1e-12) for pvalue in pvalues]
    low, high = clopper_pearson(sum(small), len(small))
    return {"runs": len(small), "rejected": sum(small) / len(small), "low": low, "high": high}


def heavy(n: int) -> np.ndarray:
    """Weights of n rows."""
    weights = np.where(np.arange(n) < 2, 10.0, 1.0)
    return weights / weights.sum()


def level(law: str, method: str, runs: int) -> dict[str, Any]:
    """Rejections of one law against itself."""
    kind, draw = EQUAL[HEAVY.get(law, law)]
    weights = [heavy(n) for n in SIZES] if law in HEAVY else (None, None)
    options: dict[str, Any] = {"permutations": PERMUTATIONS}
    options |= dict(zip("ab", weights, strict=True))
    pvalues = []
    for run in range(runs):
        generator = np.random.default_rng([run, 5])
        x, y = (draw(generator, n) for n in SIZES)
        found = wb.two_sample_test(x, y, method, seed=run, **options)
        pvalues.append(found.pvalue)
    return {"law": law, "kind": kind, "method": method} | rejected(pvalues)


def quadratic_pvalue(kernel: np.ndarray, pool: Pool, orders: np.ndarray) -> float:
    """Of -h^T K h with h = 1 / n on x and -1 / m on y, over the same partings."""
    n, count = pool.count, len(pool.points)
    signs = np.full((len(orders), count), -1 / (count - n))
    np.put_along_axis(signs, orders[:, :n], 1 / n, axis=1)
    values = np.einsum("bi,ij,bj->b", signs, kernel, signs, optimize=True)
    return float((1 + (values[1:] >= values[0] - 1e-12).sum()) / len(orders))


def power(pair: str, runs: int) -> list[dict[str, Any]]:
    """Rejections of one pair by all tests, on the same samples and partings."""
    first, second = DIFFERENT[pair]
    found: dict[str, list[float]] = {}
    for run in range(runs):
        generator = np.random.default_rng([run, 6])
        x, y = first(generator, POWER_SIZE), second(generator, POWER_SIZE)
        for method in ("exact", "nearest_neighbor"):
            answer = wb.two_sample_test(x, y, method, permutations=PERMUTATIONS, seed=run)
            found.setdefault(method, []).append(answer.pvalue)
        pool = Pool.of(wb.Samples(x, y).weighted())
        orders = np.stack(list(pool.orders(PERMUTATIONS, run)))
        distances = squareform(pdist(pool.points))
        width = np.median(distances[distances > 0])
        kernels = {"energy distance": -distances, "MMD": np.exp(-((distances / width) ** 2) / 2)}
        for name, kernel in kernels.items():
            found.setdefault(name, []).append(quadratic_pvalue(kernel, pool, orders))
    return [{"pair": pair, "test": name} | rejected(values) for name, values in found.items()]


def main(
    runs: Annotated[int, typer.Option(help="Samples of each law at mu = nu.")] = 2000,
    slow_runs: Annotated[int, typer.Option(help="The same for sinkhorn_divergence.")] = 400,
    power_runs: Annotated[int, typer.Option(help="Samples of each pair that differs.")] = 200,
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = Path("results/claims"),
) -> None:
    """Simulate all and write the page."""
    levels = []
    for law, methods in METHODS.items():
        for method in methods:
            count = slow_runs if method == "sinkhorn_divergence" else runs
            levels.append(level(law, method, count))
            typer.echo(levels[-1])
    powers = []
    for pair in DIFFERENT:
        powers += power(pair, power_runs)
        typer.echo(powers[-4:])
    write(pd.DataFrame(levels), pd.DataFrame(powers), out)


def write(levels: pd.DataFrame, powers: pd.DataFrame, out: Path) -> None:
    """two_sample.md."""
    out.mkdir(parents=True, exist_ok=True)
    shown = powers.assign(
        share=[f"{r.rejected:.2f} [{r.low:.2f}, {r.high:.2f}]" for r in powers.itertuples()]
    ).pivot_table(index="pair", columns="test", values="share", aggfunc="first", sort=False)
    text = (
        "# Level and power of `two_sample_test`\n\n"
        f"Tests at 5 % with {PERMUTATIONS} permutations; brackets are 95 % Clopper-Pearson bands. "
        "Written by `python benchmarks/claims/two_sample.py`.\n\n"
        f"## Level: mu = nu, {SIZES[0]} and {SIZES[1]} rows\n\n"
        f"{levels.to_markdown(index=False, floatfmt='.3g')}\n\n"
        f"## Power: {POWER_SIZE} rows of each, {powers['runs'].max()} samples\n\n"
        f"{shown.reset_index().to_markdown(index=False)}\n"
    )
    (out / "two_sample.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
