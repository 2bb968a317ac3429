"""A Gaussian against its image under the gradient of a convex function."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks import register
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.parameters import frozen_vector
from wdist_bench.truth import Truth
from wdist_bench.validation import check_number

_HALVINGS = 60  # of an interval, down to the spacing of float64
_STEEP = 100.0  # size of w: the trapezoid rule over all of a normal law takes so many points more


@register
@dataclass(frozen=True)
class ConvexGradient(Task):
    """mu = N(0, I) against nu = its image under T(x) = x + 2 s w sigmoid(w . x).

    T is the gradient of |x|^2 / 2 + 2 s log(1 + exp(w . x)), convex for s >= 0, so it is optimal
    for p = 2 (Brenier): W_2 = 2 s |w| sqrt(E sigmoid(|w| Z)^2), Z standard normal. All mass moves
    along +w, so the mean of w . x / |w| rises by E |x - T x|: W_1 = s |w| exactly, and s ||w||_1 in
    l1 by the function sign(w) . x.

    Attributes:
        direction: w, a vector whose length is the dimension.
        strength: s >= 0.

    Source: Brenier, Comm. Pure Appl. Math. 44(4), 1991.
    """

    name: ClassVar[str] = "convex_gradient"
    reference: ClassVar[str] = "gradient of a convex function (Brenier 1991); W_1 = s ||w||"

    direction: Any = (1.0, 1.0)
    strength: float = 1.0

    def __post_init__(self) -> None:
        w = frozen_vector(self.direction, "direction")
        object.__setattr__(self, "direction", w if isinstance(w, tuple) else (w,))
        check_number(self.strength, "strength", minimum=0)

    @property
    def dim(self) -> int:
        """Dimension of the points, the length of a row."""
        return len(self.direction)

    def sampler(self) -> _Pushed:
        """n independent points of mu and n of nu a draw, each of shape (n, dim)."""
        w = jnp.asarray(self.direction, jnp.float32)
        return _Pushed(w, jnp.asarray(self.strength, jnp.float32))

    def truth_for(self, cost: Cost) -> Truth | None:
        """2 s ||w|| (E sigmoid(w . X)^p)^(1/p): at p = 1 s ||w|| in every norm; else in l2, and in
        l1 and linf where w is along an axis.
        """
        w = np.asarray(self.direction, np.float64)
        if not cost.is_norm:
            return None
        if cost.p == 1:
            return Truth(self.strength * cost.length(w), 0.0, "closed-form", self.reference)
        if not cost.minkowski or (cost.norm != "l2" and np.count_nonzero(w) > 1):
            return None
        size = float(np.linalg.norm(w))
        moment = mean_square_sigmoid(size) if cost.p == 2 else mean_power_sigmoid(size, cost.p)
        value = 2 * self.strength * size * cost.root(moment)
        return Truth(value, 0.0, "quadrature", self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """(x, T(x)): optimal for every p, since T moves along w alone and is increasing there."""
        x = jax.random.normal(key, (n, self.dim), jnp.float32)
        return x, self.sampler().push(x)

    def potential_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """For p = 1: -w . x / |w|; p = 2: -4 s log(1 + exp(w . x)); None for other p."""
        if p not in (1, 2):
            return None
        w = np.asarray(self.direction)
        along = jnp.asarray(points) @ w
        if p == 2:
            return (-4 * self.strength * jax.nn.softplus(along)).astype(jnp.float32)
        return (-along / (np.linalg.norm(w) or 1)).astype(jnp.float32)

    def potential_gradient_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """For p = 1: -w / |w|; p = 2: -4 s w sigmoid(w . x) = 2 (x - T x); None for other p."""
        if p not in (1, 2):
            return None
        w = np.asarray(self.direction)
        if p == 2:
            bend = jax.nn.sigmoid(jnp.asarray(points) @ w)[:, None]
            return (-4 * self.strength * bend * w).astype(jnp.float32)
        unit = jnp.asarray(-w / (np.linalg.norm(w) or 1), jnp.float32)
        return jnp.broadcast_to(unit, points.shape)

    def map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """T, optimal for every p."""
        from scipy.special import expit

        w = np.asarray(self.direction, np.float64)
        return points + 2 * self.strength * expit(points @ w)[:, None] * w

    def inverse_map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """y - 2 s w sigmoid(u) with u + 2 s |w|^2 sigmoid(u) = w . y, by bisection."""
        from scipy.special import expit

        w = np.asarray(self.direction, np.float64)
        reach = 2 * self.strength * float(w @ w)
        high = points @ w
        low = high - reach
        for _ in range(_HALVINGS):
            u = (low + high) / 2
            above = u + reach * expit(u) > points @ w
            low, high = np.where(above, low, u), np.where(above, u, high)
        return points - 2 * self.strength * expit((low + high) / 2)[:, None] * w


def mean_square_sigmoid(size: float) -> float:
    """E sigmoid(size Z)^2, Z standard normal, to about 1e-15.

    sigmoid^2 = sigmoid - sigmoid', and sigmoid has mean 1/2: what is left is the mean of
    sigmoid'(size z) = 1 / (4 cosh^2(size z / 2)), by the trapezoid rule, which converges
    geometrically for analytic integrands (the poles lie at +-i pi / size).
    """
    step = 0.25 / max(size, 1.0)
    reach = min(9.0, 90.0 / size) if size > 0 else 9.0
    z = np.arange(-math.ceil(reach / step), math.ceil(reach / step) + 1) * step
    bell = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return 0.5 - float((bell / (4 * np.cosh(size * z / 2) ** 2)).sum() * step)


def mean_power_sigmoid(size: float, p: float) -> float:
    """E sigmoid(size Z)^p, Z standard normal, by the trapezoid rule, which converges geometrically
    in a strip without the poles at +-i pi / size. Of steep ones E sigmoid = 1/2 is taken off, which
    leaves an integrand of the width 1 / size.
    """
    step = 0.125 / max(size, 1.0)
    steep = size > _STEEP
    reach = 90 / size if steep else 12.0
    z = np.arange(-math.ceil(reach / step), math.ceil(reach / step) + 1) * step
    bell = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    log = -np.logaddexp(0, -size * z)
    if steep:
        return 0.5 + float((bell * np.exp(log) * np.expm1((p - 1) * log)).sum() * step)
    return float((bell * np.exp(p * log)).sum() * step)


@pytree
@dataclass(frozen=True)
class _Pushed(Sampler):
    direction: jax.Array
    strength: jax.Array

    @property
    def dim(self) -> int:
        return self.direction.shape[0]

    def push(self, x: jax.Array) -> jax.Array:
        along = jnp.matmul(x, self.direction, precision=jax.lax.Precision.HIGHEST)
        return x + 2 * self.strength * jax.nn.sigmoid(along)[:, None] * self.direction

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        noise = jax.random.normal(key, (2, n, self.dim), jnp.float32)
        return noise[0], self.push(noise[1])
