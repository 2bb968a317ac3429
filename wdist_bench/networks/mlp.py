"""The fully connected network, with relu or GroupSort between its layers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from wdist_bench.networks.initial import initializers
from wdist_bench.networks.lipschitz import orthonormal
from wdist_bench.validation import check_name


def group_sort(x: Float[Array, "*n h"]) -> Float[Array, "*n h"]:
    """GroupSort(2): unit i and unit i + h/2 of the last axis (length h) in ascending order.

    A permutation of its input, so 1-Lipschitz and gradient-norm preserving. Grouping neighbours,
    as in the paper, is the same up to the order of the units.

    Source: Anil, Lucas, Grosse 2019 (arXiv 1811.05381), section 4.1.
    """
    first, second = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([jnp.minimum(first, second), jnp.maximum(first, second)], axis=-1)


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": jax.nn.relu,
    "group_sort": group_sort,
}


class MLP(nnx.Module):
    """f(x) = W_L s(... s(W_1 x + b_1)) + b_L, scalar output, s "relu" or "group_sort".

    With relu, weights start from the LeCun normal law (variance 1 / fan-in); with group_sort,
    which needs even widths, they start orthonormal. Biases start at 0. With initial "torch" all of
    it starts from U(-1, 1) / sqrt(fan-in), the law of PyTorch. All of it is float32.
    """

    def __init__(
        self,
        dim: int,
        hidden: tuple[int, ...],
        rngs: nnx.Rngs,
        activation: str = "relu",
        initial: str = "standard",
    ) -> None:
        check_name(activation, ACTIVATIONS, "activation")
        if activation == "group_sort" and any(width % 2 for width in hidden):
            raise ValueError(
                f"hidden: expected even widths with activation group_sort, got {hidden}; "
                "it sorts units in pairs"
            )
        self.activation = activation
        sorts = activation == "group_sort"
        start = orthonormal if sorts else nnx.initializers.lecun_normal()
        self.layers = nnx.List(
            [
                nnx.Linear(
                    a,
                    b,
                    dtype=jnp.float32,
                    param_dtype=jnp.float32,
                    rngs=rngs,
                    **initializers(initial, a, start),
                )
                for a, b in pairwise((dim, *hidden, 1))
            ]
        )

    def __call__(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        """Values of shape (n,) at points of shape (n, dim)."""
        activate = ACTIVATIONS[self.activation]
        for layer in self.layers[:-1]:
            x = activate(layer(x))
        return self.layers[-1](x)[:, 0]
