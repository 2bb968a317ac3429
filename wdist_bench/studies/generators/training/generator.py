"""The generator of the small GANs: a fully connected network from noise to rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

# Keeps the variance of a constant unit away from 0.
_EPSILON = 1e-5


def linear(wide: int, narrow: int, rngs: nnx.Rngs) -> nnx.Linear:
    """A layer in float32."""
    return nnx.Linear(wide, narrow, dtype=jnp.float32, param_dtype=jnp.float32, rngs=rngs)


def layers(widths: tuple[int, ...], rngs: nnx.Rngs) -> nnx.List[nnx.Linear]:
    """Layers in float32 from each width to the next."""
    return nnx.List([linear(a, b, rngs) for a, b in pairwise(widths)])


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
        self.layers = layers((latent, *hidden, dim), rngs)
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


@dataclass(frozen=True)
class Source:
    """Rows of a `Generator`, with labels where it is conditional.

    A conditional one draws a label by `shares`, gives it to the network beside the noise, and
    returns it behind the row as zeros and one `weight`: generated rows and real ones with their
    labels are two laws on one space, and any critic of such rows is given the label too.

    Attributes:
        latent: dimension of the standard normal noise.
        hidden: widths of the hidden layers.
        dim: of the rows, without labels.
        batch_norm: whether the hidden layers are normalised.
        reach: rows are in (-reach, reach).
        shares: of the classes; () for no labels.

    Source: labels as inputs of both networks, Mirza and Osindero 2014 (arXiv 1411.1784).
    """

    latent: int
    hidden: tuple[int, ...]
    dim: int
    batch_norm: bool = False
    reach: float = 1.0
    shares: tuple[float, ...] = ()

    def _network(self, rngs: nnx.Rngs) -> Generator:
        inputs = self.latent + len(self.shares)
        return Generator(inputs, self.hidden, self.dim, self.batch_norm, rngs)

    @property
    def weight(self) -> float:
        """Of a label: sqrt(dim) / 2, at least 1; beside many pixels a critic overlooks a 1."""
        return max(1.0, math.sqrt(self.dim) / 2)

    def start(self, key: jax.Array) -> Any:
        """Untrained parameters."""
        return nnx.split(self._network(nnx.Rngs(key)))[1]

    def generate(self, params: Any, key: jax.Array, n: int) -> jax.Array:
        """(n, dim + classes) rows from noise."""
        noise_key, label_key = jax.random.split(key)
        noise = jax.random.normal(noise_key, (n, self.latent), jnp.float32)
        if not self.shares:
            return self.rows(params, noise)
        logits = jnp.log(jnp.asarray(self.shares, jnp.float32))
        labels = jax.random.categorical(label_key, logits, shape=(n,))
        given = jax.nn.one_hot(labels, len(self.shares), dtype=jnp.float32)
        rows = self.rows(params, jnp.concatenate([noise, given], 1))
        return jnp.concatenate([rows, self.weight * given], 1)

    def rows(self, params: Any, inputs: jax.Array) -> jax.Array:
        """(n, dim) rows of noise, with the label behind it where there are labels."""
        graph = nnx.split(nnx.eval_shape(lambda: self._network(nnx.Rngs(0))))[0]
        return self.reach * nnx.merge(graph, params)(inputs)
