"""A point mass against a Gaussian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.problem import Sampler
from wdist_bench.tasks import distances, register
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.parameters import frozen_vector
from wdist_bench.truth import Truth
from wdist_bench.validation import check_number, check_p


@register
@dataclass(frozen=True)
class PointMass(Task):
    """mu = the point mass at a, nu = N(0, std^2 I): W_p = (E ||a - Y||^p)^(1/p) for every norm.

    There is one coupling only. In l2 and p = 1 this is the mean of a noncentral chi variable.

    Attributes:
        at: a, a vector whose length is the dimension.
        std: standard deviation of each coordinate.
    """

    name: ClassVar[str] = "point_mass"
    reference: ClassVar[str] = "one coupling only: W_p = (E ||a - Y||^p)^(1/p)"

    at: Any = (3.0, 4.0)
    std: float = 1.0

    def __post_init__(self) -> None:
        at = frozen_vector(self.at, "at")
        object.__setattr__(self, "at", at if isinstance(at, tuple) else (at,))
        check_number(self.std, "std", minimum=0)

    @property
    def dim(self) -> int:
        """Dimension of the points, the length of a row."""
        return len(self.at)

    def sampler(self) -> Sampler:
        """Copies of a, and samples of the Gaussian."""
        at = jnp.asarray(self.at, jnp.float32)
        return _PointAndGaussian(at, jnp.asarray(self.std, jnp.float32))

    def truth(self, p: int = 1, norm: str = "l2") -> Truth | None:
        """W_p = (E ||a - Y||^p)^(1/p), since all of nu has to travel to a."""
        cost, a = Cost(p, norm), np.asarray(self.at, np.float64)
        squares = self.std**2 + a**2
        firsts = distances.gaussian_mean_abs(a, self.std)
        if cost.norm == "l2" and cost.p == 2:
            moment = float(squares.sum())
        elif cost.p == 2:
            moment = distances.independent_mean_square_l1(firsts, squares)
        elif cost.norm == "l1" or self.dim == 1:
            moment = float(firsts.sum())
        else:
            moment = distances.gaussian_mean_l2(a, self.std)
            return Truth(moment, 0.0, "quadrature", self.reference)
        return Truth(cost.root(moment), 0.0, "closed-form", self.reference)

    def pairs(self, key: jax.Array, n: int, p: int = 1) -> tuple[jax.Array, jax.Array] | None:
        """(a, y) for points y of nu: the only coupling with a point mass."""
        check_p(p)
        return self.sampler().draw(key, n)

    def potential(self, points: jax.Array, p: int = 1) -> jax.Array | None:
        """For p = 1: -||x - a||. None for p = 2, where phi is finite at a alone."""
        if check_p(p) == 2:
            return None
        away = points - np.asarray(self.at)
        return -jnp.linalg.norm(away, axis=1).astype(jnp.float32)

    def potential_gradient(self, points: jax.Array, p: int = 1) -> jax.Array | None:
        """For p = 1: -(x - a) / ||x - a||."""
        if check_p(p) == 2:
            return None
        away = points - np.asarray(self.at)
        length = jnp.linalg.norm(away, axis=1, keepdims=True)
        return (-away / jnp.where(length > 0, length, 1)).astype(jnp.float32)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _PointAndGaussian(Sampler):
    at: jax.Array
    std: jax.Array

    @property
    def dim(self) -> int:
        return self.at.shape[0]

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        x = jnp.broadcast_to(self.at, (n, self.dim))
        return x, self.std * jax.random.normal(key, (n, self.dim), jnp.float32)
