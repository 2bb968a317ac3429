"""Ground costs c(x, y) = d(x, y)^p."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.validation import check_name, check_p

# Below this dimension squared distances are summed from differences: exact for close points,
# and as fast as the matrix product. Above it the Gram form wins by an order of magnitude.
_DIRECT_DIMENSION = 16
# Entries of the float64 Gram form with d^2 below this share of |x|^2 + |y|^2 are recomputed from
# differences, which bounds the relative error of every distance by about 1e-13.
_CANCELLATION = 1e-3


@dataclass(frozen=True)
class Cost:
    """Ground cost c(x, y) = ||x - y||^p.

    Attributes:
        p: exponent, 1 or 2.
        norm: "l2" (Euclidean) or "l1" (sum of absolute differences).
    """

    p: int = 1
    norm: str = "l2"

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", check_p(self.p))
        check_name(self.norm, ("l2", "l1"), "norm")

    def between(self, x: jax.Array, y: jax.Array) -> jax.Array:
        """Cost of matched points: c(x_i, y_i), shape (n,), for x and y of shape (n, d)."""
        if self.norm == "l1":
            distance = jnp.abs(x - y).sum(-1)
            return distance if self.p == 1 else distance**2
        squared = ((x - y) ** 2).sum(-1)
        return squared if self.p == 2 else _safe_sqrt(squared)

    def pairwise(self, x: jax.Array, y: jax.Array) -> jax.Array:
        """Cost matrix c(x_i, y_j), shape (n, m), on device.

        Runs in the dtype of the inputs. Points are centred on the mean of x first, and the
        matrix product of the Gram form uses the highest precision (TF32 would spoil it).
        """
        if self.norm == "l1":
            distance = jnp.abs(x[:, None, :] - y[None, :, :]).sum(-1)
            return distance if self.p == 1 else distance**2
        if x.shape[1] <= _DIRECT_DIMENSION:
            squared = ((x[:, None, :] - y[None, :, :]) ** 2).sum(-1)
        else:
            center = x.mean(0)
            x, y = x - center, y - center
            gram = jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
            squared = (x * x).sum(1)[:, None] + (y * y).sum(1)[None, :] - 2 * gram
            squared = jnp.maximum(squared, 0)
        return squared if self.p == 2 else _safe_sqrt(squared)

    def matrix(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Cost matrix c(x_i, y_j), shape (n, m), float64 on the host; zero for equal points."""
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        if self.norm == "l1":
            from scipy.spatial.distance import cdist

            distance = cdist(x, y, "cityblock")
            return distance if self.p == 1 else distance**2
        squared = _squared_distances(x, y)
        return squared if self.p == 2 else np.sqrt(squared, out=squared)

    def root(self, cost: float) -> float:
        """W_p from E[c] = W_p^p. For p = 2 a negative cost (a vacuous lower bound) gives 0."""
        return float(cost) if self.p == 1 else float(np.sqrt(np.maximum(cost, 0.0)))

    def dual_norm(self, gradient: jax.Array) -> jax.Array:
        """Norm of gradients dual to the ground norm (l2; l-infinity for l1), over the last axis."""
        if self.norm == "l1":
            return jnp.abs(gradient).max(-1)
        return _safe_sqrt((gradient**2).sum(-1))


def _safe_sqrt(squared: jax.Array) -> jax.Array:
    """Square root with derivative 0 at 0 instead of infinity. NaN passes through."""
    zero = squared == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, squared)))


def _squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances in float64: Gram form, close pairs again from differences."""
    center = x.mean(0)
    x, y = x - center, y - center
    scale = np.einsum("id,id->i", x, x)[:, None] + np.einsum("jd,jd->j", y, y)[None, :]
    squared = x @ y.T
    squared *= -2
    squared += scale
    scale *= _CANCELLATION
    close = np.flatnonzero(squared < scale)
    if close.size > squared.size // 8:
        from scipy.spatial.distance import cdist

        return cdist(x, y, "sqeuclidean")
    if close.size:
        rows, columns = np.unravel_index(close, squared.shape)
        block = max(1, 2**22 // x.shape[1])
        for start in range(0, close.size, block):
            part = slice(start, start + block)
            gap = x[rows[part]] - y[columns[part]]
            squared[rows[part], columns[part]] = np.einsum("id,id->i", gap, gap)
    return squared
