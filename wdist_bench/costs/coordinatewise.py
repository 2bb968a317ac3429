"""Norms that fold the absolute differences of coordinates, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Real

from wdist_bench.costs import l2
from wdist_bench.costs.base import Cost
from wdist_bench.costs.powers import power, power_in_place


class Coordinatewise(Cost):
    """c(x, y) = ||x - y||^p for a norm that is a sum or a maximum of absolute values.

    Attributes:
        fold: of two absolute values: their sum, or the larger one.
        scipy_name: what scipy's `cdist` calls the distance.
    """

    is_norm: ClassVar[bool] = True
    by_boxes: ClassVar[bool] = True
    fold: ClassVar[Callable[[Any, Any], Any]]
    scipy_name: ClassVar[str]

    def pairwise(self, x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
        """Cost matrix c(x_i, y_j), shape (n, m), on device; many entries by coordinates."""
        if x.shape[1] <= l2.DIRECT_DIMENSION and x.shape[0] * y.shape[0] > l2.SMALL_ENTRIES:
            return self.by_coordinates(x.T[:, :, None], y.T[:, None, :])
        return self.between(x[:, None, :], y[None, :, :])

    def by_coordinates(
        self, x: Float[Array, "d *#k"], y: Float[Array, "d *#k"]
    ) -> Float[Array, "*k"]:
        """c(x, y) for points of few dimensions, whose coordinates are the first axis."""
        gaps = (jnp.abs(x[k] - y[k]) for k in range(x.shape[0]))
        costs: jax.Array = power(reduce(type(self).fold, gaps), self.p)
        return costs

    def matrix(
        self, x: Real[Array | np.ndarray, "n d"], y: Real[Array | np.ndarray, "m d"]
    ) -> Float[np.ndarray, "n m"]:
        """Cost matrix c(x_i, y_j), shape (n, m), float64 on the host; zero for equal points."""
        from scipy.spatial.distance import cdist

        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        return power_in_place(cdist(x, y, self.scipy_name), self.p)
