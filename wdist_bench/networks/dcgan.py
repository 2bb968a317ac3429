"""The convolutional network of DCGAN's discriminator, for flattened square images."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from wdist_bench.networks.initial import initializers
from wdist_bench.networks.product import product

_CHANNELS = 64  # of the first layer; doubled with each halving of the image
_KERNEL = 4
_SMALLEST = 4  # side at which halving ends


class DCGAN(nnx.Module):
    """f(image): 4 x 4 convolutions of stride 2 with 64, 128, ... channels, then one dense layer.

    Each halves the image, until its side is at most 4; LeakyReLU(0.2) between. Without batch
    normalisation: a potential has a value at a point, whatever the rest of the batch. Kernels start
    from N(0, 0.02^2) and biases at 0. Points are flattened images, channels last; the side and the
    1 or 3 channels follow from the dimension.

    Source: Radford, Metz, Chintala 2016 (arXiv 1511.06434), the discriminator.
    """

    def __init__(self, dim: int, rngs: nnx.Rngs, initial: str = "standard") -> None:
        self.shape = image_shape(dim)
        side, _, channels = self.shape
        normal = nnx.initializers.normal(0.02)
        layers: list[nnx.Conv] = []
        width = _CHANNELS
        while side > _SMALLEST or not layers:
            start = initializers(initial, channels * _KERNEL**2, normal)
            layers.append(
                nnx.Conv(
                    channels,
                    width,
                    (_KERNEL, _KERNEL),
                    strides=2,
                    padding="SAME",
                    dtype=jnp.float32,
                    param_dtype=jnp.float32,
                    rngs=rngs,
                    **start,
                )
            )
            channels, width, side = width, 2 * width, -(-side // 2)
        self.layers = nnx.List(layers)
        entries = side**2 * channels
        start = initializers(initial, entries, normal)
        self.last = nnx.Linear(
            entries, 1, dtype=jnp.float32, param_dtype=jnp.float32, rngs=rngs, **start
        )

    def __call__(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        """Values of shape (n,) at points of shape (n, dim)."""
        x = x.reshape(-1, *self.shape)
        for layer in self.layers:
            assert layer.bias is not None  # for the type checker
            x = jax.nn.leaky_relu(halving_convolution(x, layer.kernel[...], layer.bias[...]), 0.2)
        return self.last(x.reshape(x.shape[0], -1))[:, 0]


def halving_convolution(
    x: Float[Array, "n h w c"], kernel: Float[Array, "4 4 c k"], bias: Float[Array, " k"]
) -> Float[Array, "n half_h half_w k"]:
    """The 4 x 4 convolution of stride 2 with padding SAME, as one matrix product.

    The image is cut into cells of 2 x 2 pixels; each window is 2 x 2 neighbouring cells. XLA on CPU
    has no fast kernels for the derivatives of strided convolutions: a step on 128 images of
    32 x 32 x 3 took 7.6 s through them and takes 0.10 s so, one with the gradient penalty 14.7 and
    0.18 s (one core).

    Args:
        x: (n, h, w, c) images.
        kernel: (4, 4, c, k).
        bias: (k,).

    Returns:
        (n, ceil(h / 2), ceil(w / 2), k).
    """
    n, height, width, channels = x.shape
    rows, columns = -(-height // 2), -(-width // 2)
    after = (2 * rows + 1 - height, 2 * columns + 1 - width)
    x = jnp.pad(x, ((0, 0), (1, after[0]), (1, after[1]), (0, 0)))
    cells = x.reshape(n, rows + 1, 2, columns + 1, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    cells = cells.reshape(n, rows + 1, columns + 1, 4 * channels)
    corners = [cells[:, i : rows + i, j : columns + j] for i in (0, 1) for j in (0, 1)]
    windows = jnp.concatenate(corners, axis=-1).reshape(n * rows * columns, 16 * channels)
    # Rows and columns of the kernel: which cell, and which pixel in it.
    by_cell = kernel.reshape(2, 2, 2, 2, channels, -1).transpose(0, 2, 1, 3, 4, 5)
    values = product(windows, by_cell.reshape(16 * channels, -1)) + bias
    return values.reshape(n, rows, columns, -1)


def image_shape(dim: int) -> tuple[int, int, int]:
    """(side, side, channels) of a flattened square image; at most one of 1 and 3 channels fits."""
    for channels in (1, 3):
        side = math.isqrt(dim // channels)
        if channels * side**2 == dim and side > 1:
            return side, side, channels
    raise ValueError(
        f"critic: expected flattened square images with 1 or 3 channels for dcgan, got points of "
        f"dimension {dim}; use critic mlp"
    )
