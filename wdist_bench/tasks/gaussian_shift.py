"""Two Gaussians that differ by a translation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks import register
from wdist_bench.tasks.parameters import frozen_vector
from wdist_bench.tasks.transforms import MappedTask, Translate
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_number


@register
@dataclass(frozen=True)
class GaussianShift(MappedTask):
    """mu = N(v/2, scale^2 I) against nu = N(-v/2, scale^2 I): W_p = ||v|| for every p.

    Attributes:
        dim: dimension.
        shift: v, a number for every coordinate or a vector of length `dim`.
        scale: standard deviation of each coordinate.

    The default is N((1, 1), I) against N((-1, -1), I), whose distance is 2 sqrt(2) = 2.828427.
    """

    name: ClassVar[str] = "gaussian_shift"
    reference: ClassVar[str] = "translation: W_p(mu, mu + v) = ||v|| for every norm and p >= 1"

    dim: int = 2
    shift: float | tuple[float, ...] = 2.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_integer(self.dim, "dim", 1)
        check_number(self.scale, "scale", minimum=0)
        object.__setattr__(self, "shift", frozen_vector(self.shift, "shift", self.dim))

    def vector(self) -> np.ndarray:
        """The translation v from nu to mu, shape (dim,)."""
        return np.broadcast_to(np.asarray(self.shift, np.float64), (self.dim,))

    def sampler(self) -> Sampler:
        """n independent points of mu and n of nu a draw, each of shape (n, dim)."""
        half = jnp.asarray(self.vector() / 2, jnp.float32)
        return _ShiftedGaussians(half, jnp.asarray(self.scale, jnp.float32))

    def truth_for(self, cost: Cost) -> Truth | None:
        """W_p = ||v||, the length of the translation in the norm of the cost."""
        value = Translate(self.vector()).distance(np.zeros((1, self.dim)), cost)
        return None if value is None else Truth(value, 0.0, "closed-form", self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """(x, x - v): optimal for every p."""
        x, _ = self.sampler().draw(key, n)
        return x, x - jnp.asarray(self.vector(), jnp.float32)

    def optimal_map(self) -> Translate:
        """The translation from mu to nu, by -v."""
        return Translate(-self.vector())


@pytree
@dataclass(frozen=True)
class _ShiftedGaussians(Sampler):
    half_shift: jax.Array
    scale: jax.Array

    @property
    def dim(self) -> int:
        return self.half_shift.shape[0]

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        noise = self.scale * jax.random.normal(key, (2, n, self.dim), jnp.float32)
        return noise[0] + self.half_shift, noise[1] - self.half_shift
