"""A point mass against a Gaussian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import L1, L2, Cost
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks import distances, register
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.directions import lengths
from wdist_bench.tasks.moments import normal, product_moment
from wdist_bench.tasks.parameters import frozen_vector
from wdist_bench.truth import Truth
from wdist_bench.validation import check_number


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

    def truth_for(self, cost: Cost) -> Truth | None:
        """W_p = (E ||a - Y||^p)^(1/p), since all of nu has to travel to a; in l2, l1 and linf."""
        unit = distances.unit_of_powers(cost.p, np.asarray(self.at), np.asarray(self.std))
        a, std = np.ldexp(self.at, -unit), float(np.ldexp(self.std, -unit))
        moment, kind = _closed_moment(a, std, cost), "closed-form"
        if moment is None and cost == L2(1):
            moment, kind = distances.gaussian_mean_l2(a, std), "quadrature"
        elif moment is None and std == 0:
            moment = float(cost.matched(a, np.zeros_like(a))) if cost.is_norm else None
        elif moment is None:
            moment, kind = product_moment(normal(std, cost.p), a, cost), "quadrature"
        if moment is None:
            return None
        return Truth(float(np.ldexp(cost.root(moment), unit)), 0.0, kind, self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """(a, y) for points y of nu: the only coupling with a point mass."""
        return self.sampler().draw(key, n)

    def potential_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """For p = 1: -||x - a||. None for other p, where phi is finite at a alone."""
        if p != 1:
            return None
        away = points - np.asarray(self.at)
        return -lengths(away)[:, 0].astype(jnp.float32)

    def potential_gradient_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """For p = 1: -(x - a) / ||x - a||."""
        if p != 1:
            return None
        away = points - np.asarray(self.at)
        length = lengths(away)
        return (-away / jnp.where(length > 0, length, 1)).astype(jnp.float32)


def _closed_moment(a: np.ndarray, std: float, cost: Cost) -> float | None:
    """E ||a - Y||^p for p = 1 and 2 where a formula is known."""
    squares = std**2 + a**2
    firsts = distances.gaussian_mean_abs(a, std)
    if cost == L2(2):
        return float(squares.sum())
    if cost == L1(2):
        return distances.independent_mean_square_l1(firsts, squares)
    if cost == L1(1) or (cost == L2(1) and len(a) == 1):
        return float(firsts.sum())
    return None


@pytree
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
