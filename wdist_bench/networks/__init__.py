"""Critic networks (flax NNX): (n, d) points to (n,) values, built by name."""

from __future__ import annotations

import jax
from flax import nnx

from wdist_bench.networks.mlp import ACTIVATIONS, MLP
from wdist_bench.validation import check_name

NAMES = ("mlp",)


def build(
    name: str, dim: int, hidden: tuple[int, ...], key: jax.Array, activation: str = "relu"
) -> nnx.Module:
    """A freshly initialised critic on points of dimension `dim`."""
    check_name(name, NAMES, "critic")
    return MLP(dim, hidden, nnx.Rngs(key), activation)


__all__ = ["ACTIVATIONS", "MLP", "NAMES", "build"]
