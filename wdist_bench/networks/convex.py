"""Potentials for p = 2 that are convex by construction, and networks that map points to points."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wdist_bench.pytrees import pytree

# Standard deviation of the vectors in the squares: their share of the curvature of a unit.
_SQUARES = 0.3


def bend(t: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """0 for t < 0, t^2 / 2 up to 1, t - 1/2 beyond: convex, never falling, smooth once.

    The integral of a ramp. It costs no exponential, and its second derivative ends, as those of
    potentials whose maps are nearly piecewise constant do.
    """
    ramp = jnp.clip(t, 0, 1)
    return ramp * (t - ramp / 2)


@pytree
@dataclass(frozen=True)
class Convex:
    """phi(x) = beta |x|^2 / 2 + (1 - beta) sum_i s_i x_i^2 / 2 + <l, x> + d mean_j f_j h_L,j(x).

    The layers are h_0 = bend(q_0) and h_k = bend(V_k h_k-1 / n_k-1 + q_k), n_k-1 the width before,
    with q_k,j(x) = <w_kj, x> / sqrt(d) + <v_kj, x>^2 / d + b_kj. Where V, f and s are not negative
    each is convex, so phi is beta-strongly convex; `constrained` takes max(., 0) of them, so it is
    whatever the numbers are, and `project` brings them there, where they can learn again. Weights
    are of size 1 whatever the widths, so that one learning rate serves all.

    It starts at f = 0, s = 1, l = 0: phi = |x|^2 / 2, whose gradient is the identity.

    Attributes:
        lines: (d, n_k) w of each layer.
        squares: (d, n_k) v of each layer.
        biases: (n_k,) b of each layer.
        inner: (n_k-1, n_k) V of each layer but the first.
        outer: (n_L,) f.
        stretch: (d,) s.
        tilt: (d,) l.
        strength: beta.
        constrained: whether V, f and s are held at or above 0.

    Source: Amos, Xu, Kolter 2017 (arXiv 1609.07152); squares in the layers, of rank one, as in
    DenseICNN of Korotin et al. 2019 (arXiv 1909.13082). The activation, the scales and the start
    are ours.
    """

    lines: tuple[jax.Array, ...]
    squares: tuple[jax.Array, ...]
    biases: tuple[jax.Array, ...]
    inner: tuple[jax.Array, ...]
    outer: jax.Array
    stretch: jax.Array
    tilt: jax.Array
    strength: float = field(default=0.0, metadata={"static": True})
    constrained: bool = field(default=True, metadata={"static": True})

    @classmethod
    def start(
        cls,
        key: jax.Array,
        dim: int,
        hidden: tuple[int, ...],
        strength: float,
        constrained: bool = True,
    ) -> Convex:
        """At the identity, the layers drawn at random, float32."""
        keys = iter(jax.random.split(key, 4 * len(hidden)))

        def normal(*shape: int) -> jax.Array:
            return jax.random.normal(next(keys), shape, jnp.float32)

        return cls(
            tuple(normal(dim, width) for width in hidden),
            tuple(_SQUARES * normal(dim, width) for width in hidden),
            tuple(normal(width) for width in hidden),
            # Few of them large: units that see the mean of all others would be alike.
            tuple(normal(*widths) ** 4 / 3 for widths in pairwise(hidden)),
            jnp.zeros(hidden[-1], jnp.float32),
            jnp.ones(dim, jnp.float32),
            jnp.zeros(dim, jnp.float32),
            strength,
            constrained,
        )

    def __call__(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        """phi at points (n, d), shape (n,), in their dtype."""
        dim = x.shape[1]
        cast = jax.tree.map(lambda weights: weights.astype(x.dtype), self)
        held = cast.project()
        units = None
        for k, (w, v, b) in enumerate(zip(held.lines, held.squares, held.biases, strict=True)):
            q = x @ w / dim**0.5 + (x @ v) ** 2 / dim + b
            if units is not None:
                q = units @ held.inner[k - 1] / units.shape[1] + q
            units = bend(q)
        assert units is not None
        curved = self.strength + (1 - self.strength) * held.stretch
        quadratic = (x * x) @ curved / 2 + x @ held.tilt
        return quadratic + dim * (units @ held.outer) / units.shape[1]

    def project(self) -> Convex:
        """V, f and s no smaller than 0; itself where it is not constrained."""
        if not self.constrained:
            return self

        def up(weights: jax.Array) -> jax.Array:
            return jnp.maximum(weights, 0)

        return Convex(
            self.lines, self.squares, self.biases, tuple(map(up, self.inner)), up(self.outer),
            up(self.stretch), self.tilt, self.strength, True,
        )  # fmt: skip

    def gradient(self, x: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """grad phi at points (n, d), shape (n, d)."""
        values, pull = jax.vjp(self, x)
        return pull(jnp.ones_like(values))[0]


@pytree
@dataclass(frozen=True)
class Gradient:
    """u(y) = grad psi(y), a map that is the gradient of a potential.

    Attributes:
        potential: psi.
    """

    potential: Convex

    def __call__(self, points: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """Images of points (n, d), shape (n, d), in their dtype."""
        return self.potential.gradient(points)

    def project(self) -> Gradient:
        """That of the projected potential."""
        return Gradient(self.potential.project())


@pytree
@dataclass(frozen=True)
class Mover:
    """u(y) = y + W_2 s(W_1 s(W_0 y + b_0) + b_1) + b_2, s(t) = t sigmoid(t); starts at u(y) = y.

    Matrices of size 1 are divided by the root of the number of their rows.

    Attributes:
        weights: (d, h), (h, h) and (h, d) matrices W.
        biases: (h,), (h,) and (d,) vectors b.
    """

    weights: tuple[jax.Array, ...]
    biases: tuple[jax.Array, ...]

    @classmethod
    def start(cls, key: jax.Array, dim: int, width: int) -> Mover:
        """The last matrix and its bias are 0, all others drawn at random, float32."""
        keys = jax.random.split(key, 3)
        normal = jax.random.normal
        return cls(
            (
                normal(keys[0], (dim, width), jnp.float32),
                normal(keys[1], (width, width), jnp.float32),
                jnp.zeros((width, dim), jnp.float32),
            ),
            (
                normal(keys[2], (width,), jnp.float32) / 2,
                jnp.zeros(width, jnp.float32),
                jnp.zeros(dim, jnp.float32),
            ),
        )

    def __call__(self, points: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """Images of points (n, d), shape (n, d), in float32."""
        moved = points = points.astype(jnp.float32)
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            moved = jax.nn.silu(moved @ weights / weights.shape[0] ** 0.5 + bias)
        last = self.weights[-1]
        return points + moved @ last / last.shape[0] ** 0.5 + self.biases[-1]

    def project(self) -> Mover:
        """Itself: nothing about it is constrained."""
        return self
