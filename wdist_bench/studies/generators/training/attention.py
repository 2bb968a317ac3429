"""A critic that looks at patches of an image, with one layer of self-attention."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from flax import nnx

from wdist_bench.studies.generators.training.generator import linear

_SIDE = 4
"""Patches along either side of an image."""
_WIDTH = 16
"""Numbers that a patch is embedded in."""


def patch_shape(shape: tuple[int, ...], dim: int) -> tuple[int, int]:
    """Patches of a row and numbers in each: 4 x 4 of an image, each coordinate of other rows.

    Raises:
        ValueError: an image whose sides are not divisible by 4.
    """
    if not shape:
        return dim, 1
    if any(side % _SIDE for side in shape[:2]):
        raise ValueError(
            f"self_attention: expected images whose sides are divisible by {_SIDE}, got {shape}; "
            "crop or pad them"
        )
    return _SIDE**2, math.prod(shape) // _SIDE**2


def patches(rows: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """(n, dim) rows as (n, patches, numbers) of `patch_shape`."""
    count, size = patch_shape(shape, rows.shape[1])
    if not shape:
        return rows[:, :, None]
    height, width = shape[0] // _SIDE, shape[1] // _SIDE
    parts = rows.reshape(len(rows), _SIDE, height, _SIDE, width, -1)
    return parts.transpose(0, 1, 3, 2, 4, 5).reshape(len(rows), count, size)


class AttentionCritic(nnx.Module):
    """f(x) = w relu(W flat(h + V softmax(Q K^T / sqrt(width)))), h_i = E patch_i + position_i.

    Q, K and V are linear in h; one head. The attended patches are added to the patches, laid side
    by side, and read by one hidden layer. float32.

    Source: the layer is that of Zhang, Goodfellow, Metaxas, Odena 2018 (arXiv 1805.08318), which
    attends over the maps of a convolution; here over linear patches as in Dosovitskiy et al. 2020
    (arXiv 2010.11929).
    """

    def __init__(
        self, shape: tuple[int, ...], dim: int, hidden: tuple[int, ...], rngs: nnx.Rngs
    ) -> None:
        count, size = patch_shape(shape, dim)
        self.shape = shape
        self.embed = linear(size, _WIDTH, rngs)
        start = nnx.initializers.normal(0.02)
        self.positions = nnx.Param(start(rngs.params(), (count, _WIDTH), jnp.float32))
        self.query, self.key, self.value = (linear(_WIDTH, _WIDTH, rngs) for _ in range(3))
        self.inner = linear(count * _WIDTH, hidden[-1], rngs)
        self.outer = linear(hidden[-1], 1, rngs)

    def __call__(self, rows: jax.Array) -> jax.Array:
        """Values (n,) at rows (n, dim)."""
        h = self.embed(patches(rows, self.shape)) + self.positions[...]
        scores = self.query(h) @ self.key(h).transpose(0, 2, 1) / math.sqrt(_WIDTH)
        h = h + jax.nn.softmax(scores, axis=-1) @ self.value(h)
        return self.outer(jax.nn.relu(self.inner(h.reshape(len(rows), -1))))[:, 0]
