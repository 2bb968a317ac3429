"""The largest absolute difference to a power."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from wdist_bench.costs.base import register
from wdist_bench.costs.coordinatewise import Coordinatewise


@register
@dataclass(frozen=True)
class LInf(Coordinatewise):
    """c(x, y) = ||x - y||_inf^p, the largest absolute difference (Chebyshev, chessboard).

    Attributes:
        p: exponent, a real number >= 1.
    """

    name: ClassVar[str] = "linf"
    fold: ClassVar[Any] = staticmethod(jnp.maximum)
    scipy_name: ClassVar[str] = "chebyshev"
    minkowski: ClassVar[float] = math.inf

    p: float = 1

    def distance(self, x: Any, y: Any, xp: Any) -> Any:
        """max_k |x_k - y_k| over the last axis."""
        return xp.abs(x - y).max(-1)

    def dual_norm(self, gradient: Float[Array, "*n d"]) -> Float[Array, "*n"]:
        """The sum of absolute components of gradients, over the last axis."""
        return jnp.abs(gradient).sum(-1)
