"""One mixture of two Gaussians, with two sets of weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.problem import Sampler, draw_by_weight
from wdist_bench.pytrees import pytree
from wdist_bench.registry import freeze
from wdist_bench.tasks import register
from wdist_bench.tasks.base import Task
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_number, check_weights


@register
@dataclass(frozen=True)
class ReweightedMixture(Task):
    """Mixtures of N(0, std^2 I) and N(D e_1, std^2 I): weights (p, 1 - p) against (q, 1 - q).

    W_1 = |p - q| D in both norms, however much the components overlap: the mean of x_1 differs by
    that much (x_1 is 1-Lipschitz), and moving a mass |p - q| by D e_1 does it. W_2 is known where
    the weights are equal (0) and for point masses (std = 0): sqrt(|p - q|) D.

    Attributes:
        dim: dimension.
        separation: D >= 0, distance of the component means.
        weights_x: (p, 1 - p), weights of mu.
        weights_y: (q, 1 - q), weights of nu.
        std: standard deviation of each coordinate of a component.
    """

    name: ClassVar[str] = "reweighted_mixture"
    reference: ClassVar[str] = "W_1 = |p - q| D: x_1 as potential, and the move by D e_1 as plan"

    dim: int = 2
    separation: float = 4.0
    weights_x: Any = (0.5, 0.5)
    weights_y: Any = (0.2, 0.8)
    std: float = 1.0

    def __post_init__(self) -> None:
        check_integer(self.dim, "dim", 1)
        check_number(self.separation, "separation", minimum=0)
        check_number(self.std, "std", minimum=0)
        for name in ("weights_x", "weights_y"):
            object.__setattr__(self, name, freeze(getattr(self, name)))
            check_weights(getattr(self, name), 2, name)

    def sampler(self) -> Sampler:
        """n independent points of mu and n of nu a draw, each of shape (n, dim)."""
        parts = (self._shares("x"), self._shares("y"), self._axis() * self.separation, self.std)
        return _Mixtures(*(jnp.asarray(part, jnp.float32) for part in parts))

    def truth_for(self, cost: Cost) -> Truth | None:
        """|p - q| D for p = 1; (p - q)^(1/p) D for point masses; in l2, l1 and linf."""
        if not cost.minkowski:
            return None
        moved = abs(self._second("x") - self._second("y"))
        if cost.p == 1:
            return Truth(moved * self.separation, 0.0, "closed-form", self.reference)
        if self.std == 0 or moved == 0 or self.separation == 0:
            value = cost.root(moved) * self.separation
            return Truth(value, 0.0, "closed-form", "two point masses, or equal measures")
        return None

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """Equal noise, and equal components but for a mass |p - q| that moves by D e_1."""
        if self.truth(p) is None:
            return None
        key_component, key_noise = jax.random.split(key)
        p_second, q_second = self._second("x"), self._second("y")
        low, high = sorted((p_second, q_second))
        # Both at D e_1, the heavier of the two alone, neither.
        shares = jnp.asarray([low, high - low, 1 - high], jnp.float32)
        place = draw_by_weight(key_component, shares, n)[:, None]
        noise = self.std * jax.random.normal(key_noise, (n, self.dim), jnp.float32)
        move = jnp.asarray(self._axis() * self.separation, jnp.float32)
        x, y = (
            noise + jnp.where(place <= (1 if second == high else 0), move, 0)
            for second in (p_second, q_second)
        )
        return x, y

    def potential_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """For p = 1: x_1 where mu has more mass at D e_1 than nu, else -x_1."""
        slope = self._slope(p)
        return None if slope is None else (slope * points[:, 0]).astype(jnp.float32)

    def potential_gradient_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """For p = 1 the constant e_1, or -e_1, at every point; None for p > 1."""
        slope = self._slope(p)
        if slope is None:
            return None
        return jnp.broadcast_to(jnp.asarray(slope * self._axis(), jnp.float32), points.shape)

    def _second(self, side: str) -> float:
        """Weight of the component at D e_1."""
        first, second = getattr(self, f"weights_{side}")
        return float(second / (first + second))

    def _shares(self, side: str) -> np.ndarray:
        """Weights of the components at D e_1 and at 0."""
        first, second = getattr(self, f"weights_{side}")
        return np.array([second, first], np.float64) / (first + second)

    def _axis(self) -> np.ndarray:
        return np.eye(1, self.dim)[0]

    def _slope(self, p: float) -> float | None:
        if p != 1:
            return None
        return float(np.sign(self._second("x") - self._second("y")))


@pytree
@dataclass(frozen=True)
class _Mixtures(Sampler):
    shares_x: jax.Array
    shares_y: jax.Array
    move: jax.Array
    std: jax.Array

    @property
    def dim(self) -> int:
        return self.move.shape[0]

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        key_x, key_y = jax.random.split(key)
        return self._side(key_x, n, self.shares_x), self._side(key_y, n, self.shares_y)

    def _side(self, key: jax.Array, n: int, shares: jax.Array) -> jax.Array:
        key_component, key_noise = jax.random.split(key)
        moved = draw_by_weight(key_component, shares, n)[:, None] == 0
        noise = self.std * jax.random.normal(key_noise, (n, self.dim), jnp.float32)
        return noise + jnp.where(moved, self.move, 0)
