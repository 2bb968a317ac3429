"""The laws that the weights and biases of a layer are drawn from before training."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

INITIAL_LAWS = ("standard", "torch")
"""The network's own law, or that of PyTorch's layers: all of U(-1, 1) / sqrt(fan-in)."""


def initializers(law: str, fan_in: int, standard: Any) -> dict[str, Any]:
    """The `kernel_init` and `bias_init` of one layer; `standard` is the network's kernel law."""
    if law == "standard":
        return {"kernel_init": standard, "bias_init": nnx.initializers.zeros_init()}

    def uniform(key: jax.Array, shape: Any, dtype: Any = jnp.float32, **_: Any) -> jax.Array:
        bound = jnp.asarray(fan_in**-0.5, dtype)
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return {"kernel_init": uniform, "bias_init": uniform}
