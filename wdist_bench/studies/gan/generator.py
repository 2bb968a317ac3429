"""The generator of the small GANs: a fully connected network from noise to images."""

from __future__ import annotations

from itertools import pairwise

import jax
import jax.numpy as jnp
from flax import nnx

# Keeps the variance of a constant unit away from 0.
_EPSILON = 1e-5


class Generator(nnx.Module):
    """g(z) = tanh(W_L s(... s(W_1 z + b_1)) + b_L), s relu; pixels in (-1, 1), float32.

    With `batch_norm` every hidden layer is normalised over the batch, then scaled and shifted by
    learned numbers, before relu. It always uses the statistics of the batch at hand, also when
    samples are drawn for evaluation. Weights start from the LeCun normal law, biases at 0.

    Attributes:
        layers: the linear layers.
        scales: learned scale of every hidden layer; empty without batch normalisation.
        shifts: learned shift of every hidden layer; empty without batch normalisation.
    """

    def __init__(
        self, latent: int, hidden: tuple[int, ...], dim: int, batch_norm: bool, rngs: nnx.Rngs
    ) -> None:
        self.layers = nnx.List(
            [
                nnx.Linear(a, b, dtype=jnp.float32, param_dtype=jnp.float32, rngs=rngs)
                for a, b in pairwise((latent, *hidden, dim))
            ]
        )
        normalised = hidden if batch_norm else ()
        self.scales = nnx.List([nnx.Param(jnp.ones(h, jnp.float32)) for h in normalised])
        self.shifts = nnx.List([nnx.Param(jnp.zeros(h, jnp.float32)) for h in normalised])

    def __call__(self, noise: jax.Array) -> jax.Array:
        """Images (n, dim) from noise (n, latent)."""
        z = noise
        for index, layer in enumerate(self.layers[:-1]):
            z = layer(z)
            if self.scales:
                z = (z - z.mean(0)) / jnp.sqrt(z.var(0) + _EPSILON)
                z = z * self.scales[index][...] + self.shifts[index][...]
            z = jax.nn.relu(z)
        return jnp.tanh(self.layers[-1](z))
