"""A law against its image under a dilation about a point."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import L2, Cost
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks import distances, moments, register
from wdist_bench.tasks.directions import ball_points
from wdist_bench.tasks.parameters import as_vector, frozen_vector
from wdist_bench.tasks.transforms import Dilate, MappedTask
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_name, check_number

_BASES = ("cube", "gaussian", "ball")


@register
@dataclass(frozen=True)
class Dilation(MappedTask):
    """mu = a base law against nu = its image under x -> a + s (x - a).

    W_p = |1 - s| (E ||X - a||^p)^(1/p) for every norm and p >= 1: no coupling beats
    | ||x - a|| - ||y - a|| | <= ||x - y||, and the dilation attains the monotone coupling of
    the two distances from a.

    Attributes:
        dim: dimension.
        base: "cube" (uniform on [-1, 1]^dim), "gaussian" (N(0, I)) or "ball" (uniform in the unit
            ball).
        factor: s >= 0.
        center: a, a number for every coordinate or a vector of length `dim`.
    """

    name: ClassVar[str] = "dilation"
    version: ClassVar[int] = 2  # 2: the image is s x + (1 - s) a, which keeps its digits for far a
    reference: ClassVar[str] = "dilation about a: W_p = |1 - s| (E ||X - a||^p)^(1/p)"

    dim: int = 2
    base: str = "cube"
    factor: float = 2.0
    center: Any = 0.0

    def __post_init__(self) -> None:
        check_integer(self.dim, "dim", 1)
        check_name(self.base, _BASES, "base")
        check_number(self.factor, "factor", minimum=0)
        object.__setattr__(self, "center", frozen_vector(self.center, "center", self.dim))

    def sampler(self) -> Sampler:
        """n independent points of mu and n of nu a draw, each of shape (n, dim)."""
        return _Dilated(self._shift(), jnp.asarray(self.factor, jnp.float32), self.base)

    def _shift(self) -> jax.Array:
        """(1 - s) a, so that the image of x is s x + (1 - s) a: a may be far away."""
        shift = (1 - float(self.factor)) * as_vector(self.center, self.dim)
        return jnp.asarray(shift, jnp.float32)

    def truth_for(self, cost: Cost) -> Truth | None:
        """|1 - s| (E ||X - a||^p)^(1/p) in l2, l1 and linf; of an off-centre ball in l2, and in l1
        at p = 1.
        """
        a = as_vector(self.center, self.dim)
        moment, kind = _closed_moment(self.base, a, cost), "closed-form"
        if moment is None or (cost == L2(1) and self.base != "ball" and self.dim > 1):
            kind = "quadrature"
        moment = _moment(self.base, a, cost) if moment is None else moment
        if moment is None:
            return None
        return Truth(abs(1 - self.factor) * cost.root(moment), 0.0, kind, self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """(x, a + s (x - a)): optimal for every p."""
        x = _base_points(self.base, key, n, self.dim)
        return x, self.factor * x + self._shift()

    def optimal_map(self) -> Dilate:
        """The dilation by s about a."""
        return Dilate(float(self.factor), as_vector(self.center, self.dim))


def _moment(base: str, a: np.ndarray, cost: Cost) -> float | None:
    """E ||X - a||^p of a base law, by quadrature; None where there is none."""
    if base == "ball":
        return moments.ball_moment(a, cost)
    law = moments.uniform() if base == "cube" else moments.normal(1.0, cost.p)
    return moments.product_moment(law, a, cost)


def _closed_moment(base: str, a: np.ndarray, cost: Cost) -> float | None:
    """E ||X - a||^p of a base law where a formula is known: p = 1 and 2 in l2 and l1."""
    if cost.p not in (1, 2) or cost.norm not in ("l2", "l1"):
        return None
    dim = len(a)
    variance = {"cube": 1 / 3, "gaussian": 1.0, "ball": 1 / (dim + 2)}[base]
    squares = variance + a**2
    euclidean = cost.norm == "l2" or dim == 1
    if euclidean and cost.p == 2:
        return float(squares.sum())
    firsts = {
        "cube": distances.cube_mean_abs,
        "gaussian": lambda a: distances.gaussian_mean_abs(a, 1.0),
        "ball": distances.ball_mean_abs,
    }[base](a)
    if cost.p == 1 and (cost.norm == "l1" or dim == 1):
        return float(firsts.sum())
    if cost.p == 1:
        mean = {
            "cube": distances.cube_mean_l2,
            "gaussian": lambda a: distances.gaussian_mean_l2(a, 1.0),
            "ball": distances.ball_mean_l2,
        }[base](a)
        return mean if math.isfinite(mean) else None
    if base != "ball":
        return distances.independent_mean_square_l1(firsts, squares)
    if not a.any():  # E |X_i X_j| = E |X|^2 E |t_i t_j| with E |t_i t_j| = 2 / (pi dim)
        return dim / (dim + 2) * (1 + (dim - 1) * 2 / math.pi)
    return None


def _base_points(base: str, key: jax.Array, n: int, dim: int) -> jax.Array:
    if base == "cube":
        return jax.random.uniform(key, (n, dim), jnp.float32, -1, 1)
    if base == "gaussian":
        return jax.random.normal(key, (n, dim), jnp.float32)
    return ball_points(key, n, dim)


@pytree
@dataclass(frozen=True)
class _Dilated(Sampler):
    shift: jax.Array
    factor: jax.Array
    base: str = field(metadata={"static": True})

    @property
    def dim(self) -> int:
        return self.shift.shape[0]

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        key_x, key_y = jax.random.split(key)
        before = _base_points(self.base, key_y, n, self.dim)
        y = self.factor * before + self.shift
        return _base_points(self.base, key_x, n, self.dim), y
