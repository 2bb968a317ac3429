"""Critic networks (flax NNX): (n, d) points to (n,) values, built by name."""

from __future__ import annotations

import jax
from flax import nnx

from wdist_bench.networks.dcgan import DCGAN, image_shape
from wdist_bench.networks.initial import INITIAL_LAWS
from wdist_bench.networks.mlp import ACTIVATIONS, MLP
from wdist_bench.validation import check_name

NAMES = ("mlp", "dcgan")


def build(
    name: str,
    dim: int,
    hidden: tuple[int, ...],
    key: jax.Array,
    activation: str = "relu",
    initial: str = "standard",
) -> nnx.Module:
    """A freshly initialised critic on points of dimension `dim`.

    `hidden` and `activation` are those of the MLP; DCGAN has its own.
    """
    check_name(name, NAMES, "critic")
    check_name(initial, INITIAL_LAWS, "initial")
    if name == "dcgan":
        return DCGAN(dim, nnx.Rngs(key), initial)
    return MLP(dim, hidden, nnx.Rngs(key), activation, initial)


def check_dim(name: str, dim: int) -> None:
    """Raise where a critic takes no points of that dimension."""
    if name == "dcgan":
        image_shape(dim)


__all__ = ["ACTIVATIONS", "DCGAN", "INITIAL_LAWS", "MLP", "NAMES", "build", "check_dim"]
