"""Critic networks: shapes, initial laws, and the convolution checked by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import wdist_bench as wb
from wdist_bench import networks
from wdist_bench.networks.dcgan import halving_convolution, image_shape


@pytest.mark.parametrize(
    ("dim", "shape"),
    [(64, (8, 8, 1)), (784, (28, 28, 1)), (3072, (32, 32, 3)), (12288, (64, 64, 3))],
)
def test_the_image_follows_from_the_dimension(dim, shape):
    assert image_shape(dim) == shape


@pytest.mark.parametrize("dim", [2, 128, 1, 3])
def test_points_that_are_no_square_images_are_refused(dim):
    with pytest.raises(ValueError, match=f"dimension {dim}; use critic mlp"):
        networks.build("dcgan", dim, (), jax.random.key(0))


def test_dcgan_is_its_formula():
    """8 x 8 grey images: one convolution to 4 x 4 x 64, then a dense layer; NumPy loops."""
    network = networks.build("dcgan", 64, (), jax.random.key(1), initial="torch")
    image = np.random.default_rng(0).uniform(-1, 1, (8, 8))
    padded = np.pad(image, 1)
    layer = network.layers[0]
    kernel, bias = np.asarray(layer.kernel[...])[:, :, 0], np.asarray(layer.bias[...])
    hidden = np.empty((4, 4, 64))
    for i in range(4):
        for j in range(4):
            window = padded[2 * i : 2 * i + 4, 2 * j : 2 * j + 4]
            hidden[i, j] = np.tensordot(window, kernel, 2) + bias
    hidden = np.where(hidden > 0, hidden, 0.2 * hidden).ravel()
    expected = hidden @ np.asarray(network.last.kernel[...])[:, 0] + float(
        network.last.bias[...][0]
    )
    found = network(jnp.asarray(image.reshape(1, 64), jnp.float32))
    assert found.shape == (1,)
    assert float(found[0]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.usefixtures("float32_products")
@pytest.mark.parametrize(
    ("height", "width"), [pytest.param(8, 8, marks=pytest.mark.slow), (7, 7), (5, 8)]
)
def test_the_convolution_and_its_derivatives_are_those_of_lax(height, width):
    """Values, gradients, and gradients of the slopes of a penalty; sides even and odd."""
    key_x, key_kernel, key_weights = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(key_x, (3, height, width, 2))
    kernel = jax.random.normal(key_kernel, (4, 4, 2, 5))
    bias = jnp.arange(5.0)

    def by_lax(x, kernel, bias):
        layout = ("NHWC", "HWIO", "NHWC")
        return (
            jax.lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=layout) + bias
        )

    expected = by_lax(x, kernel, bias)
    found = halving_convolution(x, kernel, bias)
    assert found.shape == expected.shape
    assert np.allclose(found, expected, atol=1e-4)
    weights = jax.random.normal(key_weights, expected.shape)

    def value(convolution):
        return lambda *operands: (weights * jnp.tanh(convolution(*operands))).sum()

    def slope(convolution):
        return lambda *operands: (jax.grad(value(convolution))(*operands) ** 2).sum()

    for function in (value, slope):
        arguments = (x, kernel, bias)
        ours = jax.grad(function(halving_convolution), argnums=(0, 1, 2))(*arguments)
        theirs = jax.grad(function(by_lax), argnums=(0, 1, 2))(*arguments)
        for one, other in zip(ours, theirs, strict=True):
            assert np.allclose(one, other, rtol=1e-4, atol=1e-4 * float(jnp.abs(other).max()))


def test_channels_double_while_the_side_halves_to_four():
    """64 x 64 colour: 4 layers, 2.76 million weights, as in the paper's discriminator."""
    network = networks.build("dcgan", 12288, (), jax.random.key(0))
    assert [layer.kernel[...].shape for layer in network.layers] == [
        (4, 4, 3, 64), (4, 4, 64, 128), (4, 4, 128, 256), (4, 4, 256, 512)
    ]  # fmt: skip
    assert network.last.kernel[...].shape == (4 * 4 * 512, 1)


def test_the_initial_law_of_pytorch():
    """Uniform with bound 1 / sqrt(fan-in), biases too: sd bound / sqrt(3)."""
    network = networks.build("mlp", 16, (4096,), jax.random.key(0), initial="torch")
    for leaf in (network.layers[0].kernel, network.layers[0].bias):
        values = np.asarray(leaf[...])
        assert np.abs(values).max() <= 0.25
        assert values.std() == pytest.approx(0.25 / 3**0.5, rel=0.04)
        assert abs(values.mean()) < 0.25 / 3**0.5 * 5 / values.size**0.5


def test_a_dcgan_critic_trains():
    """Images against their negatives: the dual value rises well above the untrained one."""
    key = jax.random.key(0)
    x = 0.5 + 0.1 * jax.random.normal(key, (200, 64))
    critic = {"critic": "dcgan", "batch_size": 32, "learning_rate": 1e-3}
    answer = wb.estimate(x, -x, "gradient_penalty", steps=60, **critic)
    assert answer.status == "ok"
    assert answer.value > 0.5 * wb.estimate(x, -x).value > 20 * abs(answer.history[0])


@pytest.mark.parametrize("name", ["spectral_norm", "group_sort"])
def test_certified_critics_refuse_convolutions(name):
    with pytest.raises(ValueError, match=f"critic of {name}: expected one of mlp"):
        wb.estimators.get(name, critic="dcgan")


def test_leaves_are_float32():
    for name in networks.NAMES:
        with jax.enable_x64(True):
            network = networks.build(name, 64, (8,), jax.random.key(0), initial="torch")
        assert {leaf.dtype for leaf in jax.tree.leaves(nnx.state(network))} == {jnp.float32.dtype}
