"""Fully connected critic."""

from __future__ import annotations

from itertools import pairwise

import jax
from flax import nnx


class MLP(nnx.Module):
    """f(x) = W_L relu(... relu(W_1 x + b_1)) + b_L, scalar output.

    Weights start from the LeCun normal law (variance 1 / fan-in), biases at 0.
    """

    def __init__(self, dim: int, hidden: tuple[int, ...], rngs: nnx.Rngs) -> None:
        sizes = (dim, *hidden, 1)
        self.layers = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in pairwise(sizes)])

    def __call__(self, x: jax.Array) -> jax.Array:
        """Values of shape (n,) at points of shape (n, dim)."""
        for layer in self.layers[:-1]:
            x = jax.nn.relu(layer(x))
        return self.layers[-1](x)[:, 0]
