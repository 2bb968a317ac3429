"""Norms of layers: kept near one while training, exact for the certificate.

All functions take the parameters of a fully connected network, layer by layer from input to
output: matrices are kernels of shape (fan-in, fan-out), vectors are biases.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from wdist_bench.costs import Cost

_HIGHEST = jax.lax.Precision.HIGHEST
# Power iterations that find the leading singular vectors of a fresh network.
_WARM_UP = 20
# Squarings of W^T W for its norm: above the largest singular value by n^(2^-19), 1e-5 for n = 128.
_SQUARINGS = 18
# Relative room for the rounding of float32 norms and products.
_ROUNDING = 1e-5
# Bjorck iterations that make a random matrix orthonormal: its small singular values grow by 1.5.
_FROM_SCRATCH = 40


def lipschitz_bound(params: Any, cost: Cost) -> Float[Array, ""]:
    """A Lipschitz constant of the network in the ground norm: the product of its layers' norms.

    Layers count with their largest singular value (`spectral_bound`). For the norm l1 the first
    layer counts with its norm from l1 to l2, max_k |W_1[k, :]|_2, which is never larger. Valid
    where the activation is 1-Lipschitz in l2, as relu and GroupSort are.
    """
    first, *rest = kernels(params)
    l1 = cost.norm == "l1"
    bound = jnp.sqrt((first**2).sum(1)).max() if l1 else spectral_bound(first)
    for kernel in rest:
        bound = bound * spectral_bound(kernel)
    return bound


def spectral_bound(kernel: Float[Array, "fan_in fan_out"]) -> Float[Array, ""]:
    """The largest singular value from above, by repeated squaring of the Gram matrix G = W^T W.

    |G^(2^k)|_F^(1 / 2^(k+1)) is never below it, unlike power iteration, and with k = 18 within
    1e-5. Only matrix products: an SVD inside a program that runs on several threads was seen to
    take a second each, a hundred times this.

    Source: Delattre, Barthelemy, Araujo, Allauzen 2023 (arXiv 2305.16173), Gram iteration.
    """
    wide = kernel.shape[0] < kernel.shape[1]
    tall = kernel.T if wide else kernel
    scale = _nonzero(jnp.abs(kernel).max())  # logarithms near 0 keep their digits
    gram = jnp.matmul(tall.T / scale, tall / scale, precision=_HIGHEST)

    def square(step: jax.Array, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        power, log_norm = carry
        power = jnp.matmul(power, power, precision=_HIGHEST)
        size = _nonzero(jnp.linalg.norm(power))
        share = 0.5 ** (step + 1).astype(kernel.dtype)
        return power / size, log_norm + share * jnp.log(size)

    size = _nonzero(jnp.linalg.norm(gram))
    start = (gram / size, jnp.log(size))
    _, log_norm = jax.lax.fori_loop(jnp.int32(0), jnp.int32(_SQUARINGS), square, start)
    return jnp.where((kernel == 0).all(), 0, scale * jnp.exp(log_norm / 2))


def orthonormal(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
    """A random kernel with orthonormal rows or columns, from a Gaussian one by Bjorck."""
    kernel = jax.random.normal(key, shape, dtype)
    kernel, times = kernel / spectral_bound(kernel), jnp.int32(_FROM_SCRATCH)
    return jax.lax.fori_loop(jnp.int32(0), times, lambda _, one: bjorck(one, 1), kernel)


def certify(params: Any, cost: Cost) -> Any:
    """The network divided by its exact product of layer norms: 1-Lipschitz for sure.

    The last layer takes the division by that product, and by 1 + 1e-5 against rounding.
    """
    bound = lipschitz_bound(params, cost)
    scale = jnp.where(bound == 0, 1, bound * (1 + _ROUNDING))
    leaves, structure = jax.tree.flatten(params)
    *before, bias, kernel = leaves
    return jax.tree.unflatten(structure, [*before, bias / scale, kernel / scale])


def kernels(params: Any) -> list[Float[Array, "_ _"]]:
    """The weight matrices from input to output, each of shape (fan-in, fan-out)."""
    return [leaf for leaf in jax.tree.leaves(params) if leaf.ndim == 2]


def bjorck(params: Any, iterations: int) -> Any:
    """Every kernel moved towards the nearest one with orthonormal rows or columns.

    W <- W (3/2 I - 1/2 W^T W), which doubles the correct digits and converges where the singular
    values are below sqrt(3). Biases stay.

    Source: Bjorck, Bowie 1971; first order form in Anil, Lucas, Grosse 2019 (arXiv 1811.05381).
    """

    def one(kernel: jax.Array) -> jax.Array:
        if kernel.ndim != 2:
            return kernel
        wide = kernel.shape[0] < kernel.shape[1]
        tall = kernel.T if wide else kernel
        for _ in range(iterations):
            gram = jnp.matmul(tall.T, tall, precision=_HIGHEST)
            tall = 1.5 * tall - 0.5 * jnp.matmul(tall, gram, precision=_HIGHEST)
        return tall.T if wide else tall

    return jax.tree.map(one, params)


def spectral_projection(iterations: int) -> optax.GradientTransformation:
    """Divides every kernel by its largest singular value after each step, by power iteration.

    Comes last in an `optax.chain`. Its state is one right singular vector a kernel, carried from
    step to step, so that few iterations suffice; what they miss is left to `certify`.

    Source: Miyato, Kataoka, Koyama, Yoshida 2018 (arXiv 1802.05957), Algorithm 1. There the
    division is part of the network and is differentiated; here it is a projection.
    """

    def init(params: Any) -> list[jax.Array]:
        start = [jnp.ones(w.shape[1], w.dtype) for w in kernels(params)]
        return _improved(kernels(params), start, _WARM_UP)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, list[jax.Array]]:
        moved = optax.apply_updates(params, updates)
        state = _improved(kernels(moved), state, iterations)
        vectors = iter(state)

        def projected(leaf: jax.Array, old: jax.Array) -> jax.Array:
            if leaf.ndim != 2:
                return leaf - old
            return leaf / _nonzero(jnp.linalg.norm(_apply(leaf, next(vectors)))) - old

        return jax.tree.map(projected, moved, params), state

    return optax.GradientTransformation(init, update)


def _improved(
    matrices: list[jax.Array], vectors: list[jax.Array], iterations: int
) -> list[jax.Array]:
    """Power iteration on W^T W, from and to one vector a matrix."""

    def one(kernel: jax.Array, vector: jax.Array) -> jax.Array:
        def again(_: Any, vector: jax.Array) -> jax.Array:
            vector = _apply(kernel.T, _apply(kernel, vector))
            return vector / _nonzero(jnp.linalg.norm(vector))

        return jax.lax.fori_loop(jnp.int32(0), jnp.int32(iterations), again, vector)

    return [one(kernel, vector) for kernel, vector in zip(matrices, vectors, strict=True)]


def _apply(kernel: jax.Array, vector: jax.Array) -> jax.Array:
    return jnp.matmul(kernel, vector, precision=_HIGHEST)


def _nonzero(norm: jax.Array) -> jax.Array:
    return jnp.where(norm == 0, 1, norm)
