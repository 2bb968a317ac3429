"""Coordinates in which two laws have the same mean and covariance, and gradients stay gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wdist_bench.pytrees import pytree

# Share of the mean variance that every direction has at least. Directions without variance on one
# side only would be stretched without end.
_RIDGE = 1e-4


class Moments(NamedTuple):
    """Mean (d,) and covariance (d, d) of a law, from rows that are not kept."""

    mean: jax.Array
    covariance: jax.Array


@pytree
@dataclass(frozen=True)
class Frame:
    """x' = B^T (x - m) and y' = B^-1 (y - k) / s^2.

    For a convex phi', phi(x) = s^2 phi'(x') + <k, x> is convex and grad phi(x) = k + s^2 B grad
    phi'(x'), that is y' = grad phi'(x'); its conjugate is phi*(y) = s^2 phi'*(y') + <m, y - k>.
    So an optimal map stays one, for any B that has an inverse, and the identity in these
    coordinates is x -> k + s^2 B B^T (x - m). Here B is symmetric but for rounding, s^2 B^2 the
    optimal map of the Gaussians, and s makes the mean variance 1.

    Attributes:
        start: (d,) m.
        end: (d,) k.
        matrix: (d, d) B.
        inverse: (d, d) B^-1.
        scale: s^2.

    Source: Knott and Smith 1984; Gelbrich 1990 for the map.
    """

    start: jax.Array
    end: jax.Array
    matrix: jax.Array
    inverse: jax.Array
    scale: jax.Array

    @classmethod
    def identity(cls, dim: int) -> Frame:
        """x' = x and y' = y."""
        zero, one = jnp.zeros(dim, jnp.float32), jnp.eye(dim, dtype=jnp.float32)
        return cls(zero, zero, one, one, jnp.ones((), jnp.float32))

    @classmethod
    def of(cls, mu: Moments, nu: Moments) -> Frame:
        """That in which both laws have the mean 0 and one covariance."""
        first, second = _ridged(mu.covariance, nu.covariance)
        with jax.default_matmul_precision("highest"):  # TF32 would make it another frame
            root, inverse = _power(first, 0.5), _power(first, -0.5)
            monge = inverse @ _power(root @ second @ root, 0.5) @ inverse
            half, back = _power(monge, 0.5), _power(monge, -0.5)
            scale = jnp.trace(half @ first @ half) / len(first)
        size = jnp.sqrt(scale)
        return cls(mu.mean, nu.mean, half / size, back * size, scale)

    def enter_x(self, x: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """x' at points (n, d), of the frame's dtype."""
        return (x - self.start) @ self.matrix

    def enter_y(self, y: Float[Array, "m d"]) -> Float[Array, "m d"]:
        """y' at points (m, d), of the frame's dtype."""
        return (y - self.end) @ self.inverse.T / self.scale

    def leave_x(self, x: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """x of x' at points (n, d), of the frame's dtype."""
        return self.start + x @ self.inverse

    def leave_y(self, y: Float[Array, "m d"]) -> Float[Array, "m d"]:
        """y of y' at points (m, d), of the frame's dtype."""
        return self.end + self.scale * y @ self.matrix.T

    def potential(self, x: Float[Array, "n d"], values: Float[Array, " n"]) -> Float[Array, " n"]:
        """phi at points x (n, d) from the values phi' at their x'."""
        return self.scale * values + x @ self.end

    def conjugate(self, y: Float[Array, "m d"], values: Float[Array, " m"]) -> Float[Array, " m"]:
        """phi* at points y (m, d) from the values phi'* at their y'."""
        return self.scale * values + (y - self.end) @ self.start

    def at(self, dtype: Any) -> Frame:
        """In another dtype, with B^-1 that of B to its rounding, since bounds rest on it."""
        cast = jax.tree.map(lambda numbers: numbers.astype(dtype), self)
        return replace(cast, inverse=jnp.linalg.inv(cast.matrix))


def moments(
    draw: Callable[[jax.Array], tuple[jax.Array, jax.Array]], count: int
) -> tuple[Moments, Moments]:
    """Of two laws, from `count` draws of (n, d) and (n, d) rows, one after the other."""
    first = tuple(rows.mean(0) for rows in draw(jnp.zeros((), jnp.int32)))

    def add(sums: Any, index: jax.Array) -> tuple[Any, None]:
        (x, y) = (rows - mean for rows, mean in zip(draw(index), first, strict=True))
        with jax.default_matmul_precision("highest"):
            new = x.mean(0), x.T @ x / len(x), y.mean(0), y.T @ y / len(y)
        return tuple(old + one for old, one in zip(sums, new, strict=True)), None

    dim = len(first[0])
    vector, square = jnp.zeros(dim, jnp.float32), jnp.zeros((dim, dim), jnp.float32)
    indices = jnp.arange(count, dtype=jnp.int32)
    sums, _ = jax.lax.scan(add, (vector, square) * 2, indices)
    means = [total / count for total in sums]
    found = [
        Moments(origin + mean, second - jnp.outer(mean, mean))
        for origin, mean, second in zip(first, means[::2], means[1::2], strict=True)
    ]
    return found[0], found[1]


def _ridged(*covariances: jax.Array) -> list[jax.Array]:
    """With a least variance in every direction; the identity where there is none at all."""
    level = sum(jnp.trace(one) for one in covariances) / (2 * len(covariances[0]))
    least = jnp.where(level > 0, _RIDGE * level, 1)
    return [one + least * jnp.eye(len(one), dtype=one.dtype) for one in covariances]


def _power(matrix: jax.Array, power: float) -> jax.Array:
    """Of a positive definite matrix, symmetric again."""
    values, vectors = jnp.linalg.eigh((matrix + matrix.T) / 2)
    least = jnp.finfo(matrix.dtype).eps * values.max()
    raised: jax.Array = (vectors * jnp.maximum(values, least) ** power) @ vectors.T
    return raised
