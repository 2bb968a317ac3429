"""The Mahalanobis distance to a power."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Real

from wdist_bench.costs.base import Cost, register
from wdist_bench.costs.l2 import L2
from wdist_bench.costs.powers import power, safe_sqrt, sqrt
from wdist_bench.registry import FrozenArray

# Asymmetry of a matrix that rounding explains, relative to its largest entry.
_ASYMMETRY = 1e-8
# Distances below this share of what L^T x sums up, whose rounding they have, are computed again
# from the differences of the points.
_ROUNDED_OFF = 1e-5
# Entries of the cost matrix looked at together, and coordinates of differences held at once.
_BLOCK_ENTRIES = 2**20


@register
@dataclass(frozen=True)
class Mahalanobis(Cost):
    """c(x, y) = ((x - y)^T S^-1 (x - y))^(p / 2); p = 2 is the squared Mahalanobis distance.

    Attributes:
        precision: S^-1, the inverse of the covariance, (d, d), symmetric and positive definite.
        p: exponent, a real number >= 1.
    """

    name: ClassVar[str] = "mahalanobis"
    is_norm: ClassVar[bool] = True
    negative_type: ClassVar[float] = 2.0

    precision: Any
    p: float = 1
    # L and its inverse with precision = L L^T: the distance is ||L^T (x - y)||_2.
    factor: FrozenArray = field(init=False, repr=False, compare=False)
    inverse: FrozenArray = field(init=False, repr=False, compare=False)

    def settle(self) -> None:
        """The matrix is that of a norm."""
        given = np.asarray(self.precision, np.float64)
        if given.ndim != 2 or given.shape[0] != given.shape[1] or not np.isfinite(given).all():
            raise ValueError(
                "precision: expected a finite (d, d) matrix, the inverse of a covariance, got "
                f"shape {given.shape}; pass numpy.linalg.inv(covariance)"
            )
        lowest = float(np.linalg.eigvalsh((given + given.T) / 2).min()) if given.size else 0.0
        skew = float(np.abs(given - given.T).max(initial=0))
        if skew > _ASYMMETRY * np.abs(given).max(initial=0) or lowest <= 0:
            raise ValueError(
                "precision: expected a symmetric positive definite matrix, got one with asymmetry "
                f"{skew:.3g} and smallest eigenvalue {lowest:.3g}; add a little to the diagonal of "
                "the covariance before it is inverted"
            )
        factor = np.linalg.cholesky((given + given.T) / 2)
        object.__setattr__(self, "precision", FrozenArray(given))
        object.__setattr__(self, "factor", FrozenArray(factor))
        object.__setattr__(self, "inverse", FrozenArray(np.linalg.inv(factor)))

    def check_points(self, points: Float[np.ndarray, "n d"], name: str) -> None:
        """Rows are as long as those of the matrix."""
        if points.shape[-1] != len(self.factor.values):
            raise ValueError(
                f"precision: expected one row for each of the {points.shape[-1]} coordinates of "
                f"{name}, got {len(self.factor.values)}; give a matrix that fits the points"
            )

    def distance(self, x: Any, y: Any, xp: Any) -> Any:
        """||L^T (x - y)||_2 over the last axis."""
        factor = xp.asarray(self.factor.values, x.dtype)
        return sqrt((_product(x - y, factor, xp) ** 2).sum(-1), xp)

    def pairwise(self, x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
        """Cost matrix c(x_i, y_j), shape (n, m), on device: that of L2 at the points L^T x, whose
        rounding it has.
        """
        factor, center = jnp.asarray(self.factor.values, x.dtype), x.mean(0)
        return L2(self.p).pairwise(*(_product(z - center, factor, jnp) for z in (x, y)))

    def matrix(
        self, x: Real[Array | np.ndarray, "n d"], y: Real[Array | np.ndarray, "m d"]
    ) -> Float[np.ndarray, "n m"]:
        """Cost matrix c(x_i, y_j), shape (n, m), float64 on the host: L2's at the points L^T x,
        those of close points from their differences.
        """
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        self.check_points(x, "x")
        self.check_points(y, "y")
        center = x.mean(0)
        costs = L2(self.p).matrix(*(_product(z - center, self.factor.values, np) for z in (x, y)))
        sizes_x, sizes_y = (self._sizes(z - center) for z in (x, y))
        step = max(1, _BLOCK_ENTRIES // len(y))
        for first in range(0, len(x), step):
            rows = slice(first, first + step)
            close = _ROUNDED_OFF * (sizes_x[rows, None] + sizes_y[None, :])
            self._again(x[rows], y, costs[rows], costs[rows] < power(close, self.p))
        return costs

    def _sizes(self, points: np.ndarray) -> np.ndarray:
        """Lengths of |L|^T |x|, which no rounding of L^T x exceeds by more than its share."""
        sums = np.abs(points) @ np.abs(self.factor.values)
        return np.asarray(L2(1).matched(sums, np.zeros_like(sums)))

    def _again(self, x: np.ndarray, y: np.ndarray, costs: np.ndarray, here: np.ndarray) -> None:
        """Those costs from the differences of the points."""
        rows, columns = np.nonzero(here)
        block = max(1, _BLOCK_ENTRIES // x.shape[1])
        for first in range(0, len(rows), block):
            part = rows[first : first + block], columns[first : first + block]
            costs[part] = self.matched(x[part[0]], y[part[1]])

    def lengths_of_axes(self, dim: int) -> Float[np.ndarray, " {dim}"]:
        """||L^T e_k||_2, the lengths of the rows of L."""
        lengths: np.ndarray = np.sqrt((self.factor.values**2).sum(-1))
        return lengths

    def scaled(self, factor: float) -> Mahalanobis:
        """That of the precision times factor^2."""
        return Mahalanobis(factor * (factor * self.precision.values), self.p)

    def dual_norm(self, gradient: Float[Array, "*n d"]) -> Float[Array, "*n"]:
        """(g^T S g)^(1/2) of gradients, over the last axis."""
        inverse: Any = jnp.asarray(self.inverse.values, gradient.dtype)
        squared: jax.Array = (_product(gradient, inverse.T, jnp) ** 2).sum(-1)
        return safe_sqrt(squared)


def _product(points: Any, factor: Any, xp: Any) -> Any:
    """Points times a matrix, over the last axis. On the host equal points stay equal, which they
    do not in the blocks of a processor's matrix product.
    """
    if xp is jnp:
        return jnp.matmul(points, factor, precision=jax.lax.Precision.HIGHEST)
    return np.einsum("...d,dk->...k", points, factor)
