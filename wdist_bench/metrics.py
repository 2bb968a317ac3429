"""How right an answer, a potential or a map is: pure functions; those of JAX arrays traceable."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from wdist_bench.costs import Cost
from wdist_bench.costs.l2 import power_of_two
from wdist_bench.solvers.c_transform import c_transform

# Points that go through a network and its gradient at once.
_CHUNK = 8192


def signed_error(estimate: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """Estimate - truth, in the unit of both (W or W^p)."""
    return np.asarray(estimate, np.float64) - np.asarray(truth, np.float64)


def relative_error(estimate: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """(estimate - truth) / |truth|, signed; NaN for a truth of 0, which has no relative error."""
    size = np.abs(np.asarray(truth, np.float64))
    return signed_error(estimate, truth) / np.where(size == 0, np.nan, size)


def gradients(function: Callable[[jax.Array], jax.Array], points: jax.Array) -> jax.Array:
    """grad f at points (n, d), shape (n, d), for f from (n, d) to (n,) that acts row by row.

    Matrix products have the highest precision, those of derivatives too: a network's own setting
    does not reach them where it has a derivative rule of its own.
    """

    def one(point: jax.Array) -> jax.Array:
        return jax.grad(lambda z: function(z[None, :])[0])(point)

    with jax.default_matmul_precision("highest"):
        return jax.lax.map(one, points, batch_size=max(1, min(_CHUNK, points.shape[0])))


def max_gradient_norm(
    function: Callable[[jax.Array], jax.Array], points: jax.Array, cost: Cost
) -> jax.Array:
    """max_i |grad f(z_i)| in the dual norm of the cost; at most 1 where f is 1-Lipschitz.

    It samples the Lipschitz constant from below and proves nothing.
    """
    return cost.dual_norm(gradients(function, points)).max()


def admissibility_violation(
    phi: jax.Array, psi: jax.Array, x: jax.Array, y: jax.Array, cost: Cost
) -> jax.Array:
    """max_ij phi_i + psi_j - c(x_i, y_j), in units of W^p; at most 0 where the pair is admissible.

    Lowering psi by it repairs the pair. Memory is O(n + m) beyond one tile of costs.

    Args:
        phi: (n,) potential at x; -inf takes a point out.
        psi: (m,) potential at y.
        x: (n, d) points of mu.
        y: (m, d) points of nu.
        cost: ground cost.
    """
    return (psi - c_transform(phi, x, y, cost)).max()


def gradient_cosine(gradient: jax.Array, reference: jax.Array) -> jax.Array:
    """mean_i <g_i, g*_i> / (|g_i| |g*_i|) over rows (n, d), Euclidean; 0 where either vanishes.

    Source: Korotin, Kolesov, Burnaev 2022 (arXiv 2206.07767), the metric cos.
    """
    gradient, reference = _near_one(gradient), _near_one(reference)
    size = jnp.linalg.norm(gradient, axis=-1) * jnp.linalg.norm(reference, axis=-1)
    product = (gradient * reference).sum(-1)
    return jnp.where(size == 0, 0, product / jnp.where(size == 0, 1, size)).mean()


def _near_one(rows: jax.Array) -> jax.Array:
    """Rows over the power of two next to their largest entry, whose squares are held then."""
    largest = jnp.abs(rows).max(-1, keepdims=True)
    unit = largest / (2 * jnp.frexp(largest)[0])  # a power of two, with no rounding
    return rows / jnp.where(unit > 0, unit, 1)


def gradient_l2(gradient: jax.Array, reference: jax.Array) -> jax.Array:
    """mean_i |g_i - g*_i|^2 over rows (n, d), Euclidean.

    Source: Korotin, Kolesov, Burnaev 2022 (arXiv 2206.07767), the metric L2.
    """
    return ((gradient - reference) ** 2).sum(-1).mean()


def unexplained_variance(images: ArrayLike, optimal: ArrayLike) -> float:
    """L2-UVP = 100 mean_i |T_i - T*_i|^2 / Var(T*), in percent, of images (n, d) of n points.

    Var is the total variance, the sum over coordinates, of the optimal images; NaN where it is 0.
    Predicting their mean everywhere has 100.

    Source: Korotin et al. 2021 (arXiv 2106.01954), the metric L2-UVP.
    """
    found, best = np.asarray(images, np.float64), np.asarray(optimal, np.float64)
    spread = np.ptp(best, axis=0)
    if not spread.any():
        return math.nan
    unit = power_of_two(spread)
    found, best = np.ldexp(found, -unit), np.ldexp(best, -unit)
    variance = float(best.var(axis=0).sum())
    return 100 * float(((found - best) ** 2).sum(1).mean()) / variance


def map_cosine(images: ArrayLike, optimal: ArrayLike, points: ArrayLike) -> float:
    """E <T - id, T* - id> / sqrt(E |T - id|^2 E |T* - id|^2) over points (n, d); NaN where one of
    the maps moves nothing.

    Source: Korotin et al. 2021 (arXiv 2106.01954), the metric cos.
    """
    start = np.asarray(points, np.float64)
    move, best = np.asarray(images, np.float64) - start, np.asarray(optimal, np.float64) - start
    # The cosine does not depend on either size; float64 holds products of squares of these.
    move, best = (np.ldexp(part, -power_of_two(part, within=200)) for part in (move, best))
    size = math.sqrt(float((move**2).sum()) * float((best**2).sum()))
    return float((move * best).sum()) / size if size else math.nan
