"""The sum of absolute differences to a power."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Real

from wdist_bench.costs import l2
from wdist_bench.costs.base import Cost, register
from wdist_bench.costs.powers import power, power_in_place


@register
@dataclass(frozen=True)
class L1(Cost):
    """c(x, y) = ||x - y||_1^p, the sum of absolute differences.

    Attributes:
        p: exponent, a real number >= 1.
    """

    name: ClassVar[str] = "l1"
    is_norm: ClassVar[bool] = True
    by_boxes: ClassVar[bool] = True
    minkowski: ClassVar[float] = 1.0
    negative_type: ClassVar[float] = 1.0

    p: float = 1

    def distance(self, x: Any, y: Any, xp: Any) -> Any:
        """sum_k |x_k - y_k| over the last axis."""
        return xp.abs(x - y).sum(-1)

    def pairwise(self, x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
        """Cost matrix c(x_i, y_j), shape (n, m), on device; many entries by coordinates."""
        if x.shape[1] <= l2.DIRECT_DIMENSION and x.shape[0] * y.shape[0] > l2.SMALL_ENTRIES:
            return self.by_coordinates(x.T[:, :, None], y.T[:, None, :])
        return self.between(x[:, None, :], y[None, :, :])

    def by_coordinates(
        self, x: Float[Array, "d *#k"], y: Float[Array, "d *#k"]
    ) -> Float[Array, "*k"]:
        """c(x, y) for points of few dimensions, whose coordinates are the first axis."""
        gaps = (x[k] - y[k] for k in range(x.shape[0]))
        costs: jax.Array = power(reduce(operator.add, map(jnp.abs, gaps)), self.p)
        return costs

    def matrix(
        self, x: Real[Array | np.ndarray, "n d"], y: Real[Array | np.ndarray, "m d"]
    ) -> Float[np.ndarray, "n m"]:
        """Cost matrix c(x_i, y_j), shape (n, m), float64 on the host; zero for equal points."""
        from scipy.spatial.distance import cdist

        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        return power_in_place(cdist(x, y, "cityblock"), self.p)

    def dual_norm(self, gradient: Float[Array, "*n d"]) -> Float[Array, "*n"]:
        """The largest absolute component of gradients, over the last axis."""
        return jnp.abs(gradient).max(-1)

    def length(self, vector: Float[np.ndarray, " d"]) -> float:
        """sum_k |v_k|."""
        return float(np.abs(vector).sum())
