"""A Gaussian with one wide or narrow coordinate against the standard one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks import register
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.moments import normal_length_mean
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_number


@register
@dataclass(frozen=True)
class SpikedGaussian(Task):
    """mu = N(0, diag(spike, 1, ..., 1)) against nu = N(0, I).

    Projecting on the first coordinate gives a lower bound, the monotone map of that coordinate
    attains it: W_2 = |sqrt(spike) - 1| and W_1 = |sqrt(spike) - 1| sqrt(2 / pi), in both norms
    and every dimension.

    Attributes:
        dim: dimension.
        spike: variance (not standard deviation) of the first coordinate of mu.

    Source: the spiked transport model of Niles-Weed and Rigollet 2022 (arXiv 1909.07513).
    """

    name: ClassVar[str] = "spiked_gaussian"
    reference: ClassVar[str] = "monotone map of one coordinate: W_p = |sqrt(spike) - 1| ||Z||_p"

    dim: int = 2
    spike: float = 4.0

    def __post_init__(self) -> None:
        check_integer(self.dim, "dim", 1)
        check_number(self.spike, "spike", minimum=0)

    def sampler(self) -> Sampler:
        """n independent points of mu and n of nu a draw, each of shape (n, dim)."""
        return _SpikedPair(jnp.asarray(self._stds(), jnp.float32))

    def truth_for(self, cost: Cost) -> Truth | None:
        """|sqrt(spike) - 1| (E |Z|^p)^(1/p), Z standard normal."""
        if not cost.minkowski:
            return None
        size = {1.0: math.sqrt(2 / math.pi), 2.0: 1.0}.get(cost.p)
        if size is None:
            size = normal_length_mean(1, cost.p)
        # The second form of sqrt(spike) - 1 keeps its digits near spike = 1.
        value = abs(self.spike - 1) / (math.sqrt(self.spike) + 1) * size
        return Truth(value, 0.0, "closed-form", self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """(diag(sqrt(spike), 1, ...) z, z): optimal for every p."""
        noise = jax.random.normal(key, (n, self.dim), jnp.float32)
        return noise * jnp.asarray(self._stds(), jnp.float32), noise

    def potential_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """+-|x_1| (p = 1), (1 - 1 / sqrt(spike)) x_1^2 (p = 2); None for spike = 0 and other p."""
        slope = self._slope(p)
        if slope is None:
            return None
        first = points[:, 0]
        return (slope * (jnp.abs(first) if p == 1 else first**2)).astype(jnp.float32)

    def potential_gradient_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """For p = 1: +-sign(x_1) e_1; p = 2: 2 (1 - 1 / sqrt(spike)) x_1 e_1."""
        slope = self._slope(p)
        if slope is None:
            return None
        first = jnp.sign(points) if p == 1 else 2 * points
        return (slope * first * np.eye(1, self.dim)).astype(jnp.float32)

    def map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """diag(1 / sqrt(spike), 1, ...) x, optimal for every p; None for spike = 0."""
        return points / self._stds() if self.spike > 0 else None

    def inverse_map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """diag(sqrt(spike), 1, ...) y."""
        return points * self._stds()

    def _stds(self) -> np.ndarray:
        stds = np.ones(self.dim)
        stds[0] = math.sqrt(self.spike)
        return stds

    def _slope(self, p: float) -> float | None:
        if p == 1:
            return float(np.sign(self.spike - 1))
        if p != 2:
            return None
        return 1 - 1 / math.sqrt(self.spike) if self.spike > 0 else None


@pytree
@dataclass(frozen=True)
class _SpikedPair(Sampler):
    stds: jax.Array

    @property
    def dim(self) -> int:
        return self.stds.shape[0]

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        noise = jax.random.normal(key, (2, n, self.dim), jnp.float32)
        return self.stds * noise[0], noise[1]
