"""The sliced Wasserstein distance by random directions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wdist_bench.costs.powers import rise
from wdist_bench.problem import Samples
from wdist_bench.solvers.one_dimensional import line_cost_and_rounding
from wdist_bench.solvers.proofs.rounding import UNIT

# Projected coordinates held at once.
_BLOCK_ENTRIES = 2**22


def directions(key: jax.Array, count: int, dim: int) -> Float[np.ndarray, "{dim} {count}"]:
    """(dim, count) directions, uniform on the unit sphere."""
    drawn = np.asarray(jax.random.normal(key, (dim, count), jnp.float32), np.float64)
    return drawn / np.linalg.norm(drawn, axis=0)


def sliced_costs(
    x: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, "m d"],
    a: Float[np.ndarray, " n"] | None,
    b: Float[np.ndarray, " m"] | None,
    p: int | float,
    theta: Float[np.ndarray, "d k"],
) -> Float[np.ndarray, " k"]:
    """W_p^p of the projections on each of the k columns of theta, shape (k,).

    Their mean over the sphere is SW_p^p. Every one is a lower bound on W_p^p of the samples,
    since a projection is 1-Lipschitz.

    Source: Bonneel, Rabin, Peyre, Pfister 2015, Sliced and Radon Wasserstein barycenters.
    """
    return sliced_costs_and_rounding(x, y, a, b, p, theta)[0]


def sliced_costs_and_rounding(
    x: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, "m d"],
    a: Float[np.ndarray, " n"] | None,
    b: Float[np.ndarray, " m"] | None,
    p: int | float,
    theta: Float[np.ndarray, "d k"],
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """`sliced_costs`, and what rounding can have added to each of them."""
    kept = Samples(x, y, a, b).with_mass()
    origin = kept.x.mean(0)
    x, y, a, b = kept.x - origin, kept.y - origin, kept.a, kept.b
    block = max(1, _BLOCK_ENTRIES // max(len(x), len(y)))
    parts = [theta[:, first : first + block] for first in range(0, theta.shape[1], block)]
    solved = [line_cost_and_rounding(x @ part, y @ part, a, b, p) for part in parts]
    costs, rounding = (np.concatenate(part) for part in zip(*solved, strict=True))
    # Rounding moves the projection of a point by a share of it, and W_p by the p-mean of that.
    off = sum(
        _mean_of_power(theta.shape[0] * UNIT * np.abs(points).sum(1), mass, p)
        for points, mass in ((x, a), (y, b))
    )
    return costs, rounding + rise(costs, off, p)


def _mean_of_power(sizes: np.ndarray, weights: np.ndarray | None, p: int | float) -> float:
    """(sum_i w_i s_i^p)^(1/p), near one, since powers of what is small are lost."""
    power = int(np.frexp(sizes.max())[1])
    mean = np.average(np.ldexp(sizes, -power) ** p, weights=weights) ** (1 / p)
    return float(np.ldexp(mean, power))
