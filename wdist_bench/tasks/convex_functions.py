"""Strongly convex functions u whose gradients are optimal maps for p = 2 (Knott and Smith), as
pytrees, and the inverse of such a map.

Source: Korotin, Li, Genevay, Solomon, Filippov, Burnaev, Do neural optimal transport solvers
work? A continuous Wasserstein-2 benchmark, NeurIPS 2021 (arXiv 2106.01954).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.pytrees import pytree

_NEWTON_STEPS = 200
_HALVINGS = 30  # of a step that goes too far
_DECREASE = 1e-4  # share of what the slope promises that a step has to bring (Armijo)
_NOISE = 1e-14  # of a value: what rounding may add to it
# Of the size of a point: where the gradient is this near to y, x is found.
_RESIDUAL = 1e-12
# Of drawn functions: slopes, temperature over the root of the dimension, curvature at least.
_PLACES, _SOFTNESS, _STRENGTH = 10, 0.2, 0.25
# Numbers of the Hessians that are held at once: 32 MiB of float64.
_ENTRIES = 2**22


class ConvexFunction(ABC):
    """u on points (n, dim), written in JAX; implementations are pytree dataclasses.

    Attributes:
        strength: beta > 0: u - beta |x|^2 / 2 is convex.
    """

    strength: Any

    @abstractmethod
    def value(self, points: jax.Array) -> jax.Array:
        """u at points (n, dim), shape (n,)."""

    def gradient(self, points: jax.Array) -> jax.Array:
        """grad u at points (n, dim), shape (n, dim)."""
        with jax.default_matmul_precision("highest"):
            return jax.grad(lambda x: self.value(x).sum())(points)

    def inverse_gradient(self, points: jax.Array) -> jax.Array:
        """x with grad u(x) = y for y (m, dim), shape (m, dim): argmin_x u(x) - <x, y>.

        By damped Newton steps, in float64: use under `jax.enable_x64(True)`. |x - found| is at most
        |grad u(found) - y| / beta; where that is above 1e-8 of the size of x the row is NaN.
        """
        dim = points.shape[1]
        batch = max(1, _ENTRIES // dim**2)
        return jax.lax.map(self._solve, points, batch_size=min(batch, len(points)))

    def _solve(self, y: jax.Array) -> jax.Array:
        """The x of one y, shape (dim,)."""

        def one(x: jax.Array) -> jax.Array:
            return self.value(x[None])[0] - x @ y

        def open_(state: _Newton) -> jax.Array:
            size = _RESIDUAL * (1 + jnp.linalg.norm(y))
            return (state.steps < _NEWTON_STEPS) & (jnp.linalg.norm(state.slope) > size)

        def step(state: _Newton) -> _Newton:
            move = -jnp.linalg.solve(jax.hessian(one)(state.x), state.slope)
            here, promised = one(state.x), state.slope @ move
            lengths = 0.5 ** jnp.arange(_HALVINGS, dtype=y.dtype)
            values = jax.vmap(lambda length: one(state.x + length * move))(lengths)
            allowed = here + _DECREASE * lengths * promised + _NOISE * jnp.abs(here)
            length = lengths[jnp.argmax(values <= allowed)]
            x = state.x + length * move
            return _Newton(x, jax.grad(one)(x), state.steps + 1)

        with jax.default_matmul_precision("highest"):
            start = _Newton(y, jax.grad(one)(y), jnp.zeros((), jnp.int32))
            end = jax.lax.while_loop(open_, step, start)
        near = jnp.linalg.norm(end.slope) <= 1e-8 * self.strength * (1 + jnp.linalg.norm(end.x))
        return jnp.where(near, end.x, jnp.nan)


class _Newton(NamedTuple):
    x: jax.Array
    slope: jax.Array
    steps: jax.Array


@pytree
@dataclass(frozen=True, eq=False)
class Layers:
    """psi(x) = <f, h_K(x)> + beta |x|^2 / 2 with h_0 = q_0 and h_k = celu(V_k h_k-1 + q_k).

    q_k(x) = (x . Q_k)^2 + W_k x + b_k. Convex where V_k and f are not negative.

    Attributes:
        quadratic: (dim, h_k) Q_k of each layer.
        weight: (h_k, dim) W_k.
        bias: (h_k,) b_k.
        convex: (h_k, h_k-1) V_k of each layer but the first.
        final: (h_K,) f.
        beta: beta.
    """

    quadratic: tuple[Any, ...]
    weight: tuple[Any, ...]
    bias: tuple[Any, ...]
    convex: tuple[Any, ...]
    final: Any
    beta: Any

    def value(self, points: jax.Array) -> jax.Array:
        """psi at points (n, dim), shape (n,)."""
        hidden = self._bent(points, 0)
        for k, matrix in enumerate(self.convex, 1):
            hidden = jax.nn.celu(hidden @ matrix.T + self._bent(points, k))
        return hidden @ self.final + self.beta / 2 * (points**2).sum(1)

    def _bent(self, points: jax.Array, k: int) -> jax.Array:
        return (points @ self.quadratic[k]) ** 2 + points @ self.weight[k].T + self.bias[k]


@pytree
@dataclass(frozen=True, eq=False)
class Networks(ConvexFunction):
    """u = s (sum_v psi_v(x) + <shift, x>), so that grad u = s (sum_v grad psi_v + shift).

    Attributes:
        layers: psi_v, two in the published pairs.
        shift: (dim,).
        scale: s > 0.
    """

    layers: tuple[Layers, ...]
    shift: Any
    scale: Any

    @property
    def strength(self) -> Any:
        """s sum_v beta_v."""
        return self.scale * sum(part.beta for part in self.layers)

    def value(self, points: jax.Array) -> jax.Array:
        """u at points (n, dim), shape (n,)."""
        return self.scale * (sum(part.value(points) for part in self.layers) + points @ self.shift)


@pytree
@dataclass(frozen=True, eq=False)
class SoftMaximum(ConvexFunction):
    """u = t log sum_k exp((<x, c_k> - b_k) / t) + beta |x|^2 / 2.

    grad u = sum_k w_k(x) c_k + beta x with weights w summing to one: mass is drawn to the places
    c_k, the nearer the lower the temperature t.

    Attributes:
        places: (K, dim) c_k.
        bias: (K,) b_k.
        temperature: t > 0.
        strength: beta > 0.
    """

    places: Any
    bias: Any
    temperature: Any
    strength: Any

    def value(self, points: jax.Array) -> jax.Array:
        """u at points (n, dim), shape (n,)."""
        heights = (points @ self.places.T - self.bias) / self.temperature
        bend = self.temperature * jax.nn.logsumexp(heights, axis=1)
        return bend + self.strength / 2 * (points**2).sum(1)


def drawn_function(rng: np.random.Generator, dim: int) -> SoftMaximum:
    """A soft maximum of ten planes whose slopes c_k are N(0, I), each the highest nearest to c_k.

    As the published maps, it carries mu towards ten places. With t = 0.2 sqrt(dim) the linear map
    leaves about 10 (dim 2) to 50 % (dim 128) of the variance, theirs 14 to 64 %.
    """
    places = rng.standard_normal((_PLACES, dim))
    temperature, strength = np.float64(_SOFTNESS * dim**0.5), np.float64(_STRENGTH)
    return SoftMaximum(places, (places**2).sum(1) / 2, temperature, strength)
