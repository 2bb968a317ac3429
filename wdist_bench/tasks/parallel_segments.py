"""Parallel segments: Example 1 of the WGAN paper."""

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
from wdist_bench.tasks.transforms import MappedTask, Translate
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_number


@register
@dataclass(frozen=True)
class ParallelSegments(MappedTask):
    """mu = (0, U, 0, ...) against nu = (theta, U, 0, ...), U uniform on [0, 1]: W_p = |theta|.

    W_p shrinks with theta while the other divergences do not see how far apart the segments are.

    Attributes:
        theta: distance of the segments, of either sign.
        dim: dimension of the space, at least 2.

    Source: Arjovsky, Chintala, Bottou 2017 (arXiv 1701.07875), Example 1.
    """

    name: ClassVar[str] = "parallel_segments"
    reference: ClassVar[str] = "translation: W_p = |theta| (Arjovsky et al. 2017, Example 1)"

    theta: float = 1.0
    dim: int = 2

    def __post_init__(self) -> None:
        check_number(self.theta, "theta")
        check_integer(self.dim, "dim", 2)

    @property
    def jsd(self) -> float:
        """Jensen-Shannon divergence in nats: log 2 for disjoint segments, 0 for theta = 0."""
        return math.log(2) if self.theta else 0.0

    @property
    def kl(self) -> float:
        """Kullback-Leibler divergence: infinite for disjoint segments, 0 for theta = 0."""
        return math.inf if self.theta else 0.0

    def sampler(self) -> Sampler:
        """n independent points of mu and n of nu a draw, each of shape (n, dim)."""
        return _Segments(jnp.asarray(self._move(), jnp.float32))

    def truth_for(self, cost: Cost) -> Truth | None:
        """The length of the translation: |theta| in l2, l1 and linf."""
        value = self.optimal_map().distance(np.zeros((1, self.dim)), cost)
        return None if value is None else Truth(value, 0.0, "closed-form", self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """(x, x + (theta, 0, ...)): optimal for every p."""
        x, _ = self.sampler().draw(key, n)
        return x, x + jnp.asarray(self._move(), jnp.float32)

    def optimal_map(self) -> Translate:
        """The translation by theta along the first coordinate."""
        return Translate(self._move())

    def _move(self) -> np.ndarray:
        return np.eye(1, self.dim)[0] * self.theta


@pytree
@dataclass(frozen=True)
class _Segments(Sampler):
    move: jax.Array

    @property
    def dim(self) -> int:
        return self.move.shape[0]

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        height = jax.random.uniform(key, (2, n), jnp.float32)
        segments = jnp.zeros((2, n, self.dim), jnp.float32).at[:, :, 1].set(height)
        return segments[0], segments[1] + self.move
