"""The sum of absolute differences to a power."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wdist_bench.costs.base import register
from wdist_bench.costs.coordinatewise import Coordinatewise


@register
@dataclass(frozen=True)
class L1(Coordinatewise):
    """c(x, y) = ||x - y||_1^p, the sum of absolute differences.

    Attributes:
        p: exponent, a real number >= 1.
    """

    name: ClassVar[str] = "l1"
    fold: ClassVar[Any] = staticmethod(operator.add)
    scipy_name: ClassVar[str] = "cityblock"
    minkowski: ClassVar[float] = 1.0
    negative_type: ClassVar[float] = 1.0

    p: float = 1

    def distance(self, x: Any, y: Any, xp: Any) -> Any:
        """sum_k |x_k - y_k| over the last axis."""
        return xp.abs(x - y).sum(-1)

    def dual_norm(self, gradient: Float[Array, "*n d"]) -> Float[Array, "*n"]:
        """The largest absolute component of gradients, over the last axis."""
        return jnp.abs(gradient).max(-1)

    def length(self, vector: Float[np.ndarray, " d"]) -> float:
        """The norm of one vector: sum_k |v_k|."""
        return float(np.abs(vector).sum())
