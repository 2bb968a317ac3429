"""Uniform directions, uniform points of the unit ball, and lengths in any unit."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

# Between the inverse of this and it, float32 holds squares and sums of them.
_SQUARES_HOLD = 2.0**40


def directions(key: jax.Array, n: int, dim: int) -> jax.Array:
    """n points uniform on the unit sphere, shape (n, dim); +-1 for dim = 1."""
    noise = jax.random.normal(key, (n, dim), jnp.float32)
    # Once in ten million draws a float32 normal is 0 exactly, which has no direction on the line.
    noise = jnp.where(noise == 0, jnp.float32(1e-9), noise)
    return noise / jnp.linalg.norm(noise, axis=1, keepdims=True)


def lengths(points: Any) -> jax.Array:
    """Euclidean norms of points (n, dim), shape (n, 1), also where float32 holds no squares."""
    points = jnp.asarray(points)
    largest = jnp.abs(points).max(axis=1, keepdims=True)
    held = (largest >= 1 / _SQUARES_HOLD) & (largest <= _SQUARES_HOLD)
    unit = jnp.where(held | (largest == 0), 1, largest)
    return unit * jnp.linalg.norm(points / unit, axis=1, keepdims=True)


def ball_points(key: jax.Array, n: int, dim: int) -> jax.Array:
    """n points uniform in the unit ball, shape (n, dim)."""
    key_direction, key_radius = jax.random.split(key)
    radius = jax.random.uniform(key_radius, (n, 1), jnp.float32) ** (1 / dim)
    return radius * directions(key_direction, n, dim)
