"""Entropic optimal transport by truncated Newton steps on the semi-dual, in tiles of rows.

At temperature eps the semi-dual of weights (a, b) and costs c is, over g of shape (m,),

    F(g) = sum_i a_i f_i + sum_j b_j g_j,
    f_i = eps log a_i - eps log sum_j exp((g_j - c_ij) / eps),

with the plan P_ij = exp((f_i + g_j - c_ij) / eps), whose rows sum to a by construction. With q the
column sums of P, the gradient is b - q and minus the Hessian is (diag q - P^T diag(1/a) P) / eps.
Sinkhorn's iteration needs thousands of sweeps at a small eps, since the slow directions are nearly
in the null space of that matrix; conjugate gradients cost one product with P a step instead.

Everything is pure, in the dtype of the inputs, and works under jit and vmap. Weights may be zero.

Source: Brauer, Clason, Lorenz, Wirth 2017 (arXiv 1710.06635, Newton for entropic transport);
Kemertas, Jepson, Farahmand 2025 (arXiv 2504.02067, truncated Newton with annealing).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from wdist_bench.costs import Cost

# Halvings before a Newton step is given up, and the share of its predicted ascent it must give.
_HALVINGS = 20
_ASCENT = 1e-4
# What rounding can do to a value of the semi-dual, in units of it and of the largest cost.
_NOISE = 8
# Conjugate gradients stop at this share of the residual they start from, or after so many products.
_FORCING = 0.3
_PRODUCTS = 200
# Rows of so little mass change the Hessian by no more than that, and float32 has no inverse of the
# smallest.
_NEXT_TO_NOTHING = 1e-30


class Tiles(NamedTuple):
    """A transport problem cut into tiles of rows; costs are divided by `scale`.

    Attributes:
        x: (tiles, rows, d) points of mu, padded.
        a: (tiles, rows) weights, 0 at the padding.
        y: (m, d) points of nu.
        b: (m,) weights.
        scale: largest cost.
        costs: (tiles, rows, m) costs over scale where they are held, None where computed anew.
    """

    x: Float[Array, "tiles rows d"]
    a: Float[Array, "tiles rows"]
    y: Float[Array, "m d"]
    b: Float[Array, " m"]
    scale: Float[Array, ""]
    costs: Float[Array, "tiles rows m"] | None


def cut(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    a: Float[Array, " n"],
    b: Float[Array, " m"],
    cost: Cost,
    tile_entries: int,
    held_entries: int,
) -> Tiles:
    """Cut the n rows into tiles of at most `tile_entries` costs each, held up to `held_entries`."""
    n, m = x.shape[0], y.shape[0]
    rows = min(n, max(1, tile_entries // m))
    count = -(-n // rows)
    pad = count * rows - n
    if pad:
        x = jnp.concatenate([x, jnp.broadcast_to(x[:1], (pad, x.shape[1]))])
        a = jnp.concatenate([a, jnp.zeros(pad, a.dtype)])
    x, a = x.reshape(count, rows, -1), a.reshape(count, rows)
    bare = Tiles(x, a, y, b, jnp.ones((), x.dtype), None)
    if count == 1 or n * m <= held_entries:
        _, costs = fold(bare, cost, (), (), lambda carry, costs: (carry, costs))
        scale = _positive(costs.max())
        return bare._replace(scale=scale, costs=costs / scale)
    scale = _positive(fold(bare, cost, (), jnp.zeros((), x.dtype), _largest)[0])
    return bare._replace(scale=scale)


def uncut(costs: Float[Array, "n m"], a: Float[Array, " n"], b: Float[Array, " m"]) -> Tiles:
    """One tile of costs that are given; it has no points."""
    scale = _positive(costs.max())
    nothing = jnp.zeros((1, costs.shape[0], 0), costs.dtype)
    return Tiles(nothing, a[None], nothing[0, : costs.shape[1]], b, scale, (costs / scale)[None])


def _positive(value: jax.Array) -> jax.Array:
    return jnp.where(value > 0, value, 1)


def _largest(carry: jax.Array, costs: jax.Array) -> tuple[jax.Array, None]:
    return jnp.maximum(carry, costs.max()), None


def fold(
    tiles: Tiles,
    cost: Cost,
    rows: tuple[jax.Array, ...],
    start: Any,
    step: Callable[..., tuple[Any, Any]],
) -> tuple[Any, Any]:
    """Scan the tiles: step(carry, costs (r, m), *rows (r,)) -> (carry, per-row result)."""

    def body(carry: Any, item: tuple[Any, ...]) -> tuple[Any, Any]:
        costs, points, parts = item
        if costs is None:
            costs = cost.pairwise(points, tiles.y) / tiles.scale
        return step(carry, costs, *parts)

    items = tiles.costs, tiles.x, rows
    if len(tiles.x) == 1:
        carry, out = body(start, jax.tree.map(lambda leaf: leaf[0], items))
        return carry, jax.tree.map(lambda leaf: leaf[None], out)
    return jax.lax.scan(body, start, items)


def row_potentials(
    tiles: Tiles, cost: Cost, g: Float[Array, " m"], eps: Float[Array, ""]
) -> tuple[Float[Array, "tiles rows"], Float[Array, " m"]]:
    """f, (tiles, rows), which gives every row its weight, and the column sums q, (m,)."""

    def step(q: jax.Array, costs: jax.Array, a: jax.Array) -> tuple[jax.Array, jax.Array]:
        share, mass, top = rows_of_plan(costs, g, a, eps)
        return q + share @ mass, eps * (jnp.log(a) - jnp.log(mass.sum(1)) - top)

    q, f = fold(tiles, cost, (tiles.a,), jnp.zeros_like(g), step)
    return f, q


def rows_of_plan(
    costs: jax.Array, g: jax.Array, a: jax.Array, eps: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The plan diag(share) mass, whose rows sum to a, and each row's largest exponent `top`.

    The rows do so within a unit of rounding for each entry, however low eps is; those of
    exp((f_i + g_j - c_ij) / eps) within a unit of f / eps.
    """
    exponent = (g[None, :] - costs) / eps
    top = exponent.max(1, keepdims=True)
    mass = jnp.exp(exponent - top)
    return a / mass.sum(1), mass, top[:, 0]


def sinkhorn_step(
    tiles: Tiles, cost: Cost, f: Float[Array, "tiles rows"], eps: Float[Array, ""]
) -> tuple[Float[Array, " m"], Float[Array, "tiles rows"], Float[Array, " m"]]:
    """Potential g that gives every column its weight under f, then f and q of that g."""

    def step(
        carry: tuple[Any, ...], costs: jax.Array, f: jax.Array
    ) -> tuple[tuple[Any, ...], None]:
        top, total = carry
        exponent = (f[:, None] - costs) / eps
        higher = jnp.maximum(top, exponent.max(0))
        mass = jnp.exp(exponent - higher[None, :]).sum(0)
        return (higher, total * jnp.exp(top - higher) + mass), None

    # Finite, so that a tile without mass gives 0 and not the NaN of inf - inf.
    lowest = jnp.full_like(tiles.b, jnp.finfo(tiles.b.dtype).min)
    (top, total), _ = fold(tiles, cost, (f,), (lowest, jnp.zeros_like(tiles.b)), step)
    g = eps * (jnp.log(tiles.b) - jnp.log(total) - top)
    return g, *row_potentials(tiles, cost, g, eps)


def value(tiles: Tiles, f: Float[Array, "tiles rows"], g: Float[Array, " m"]) -> Float[Array, ""]:
    """sum_i a_i f_i + sum_j b_j g_j; points without mass may carry -inf."""
    return weighted(f, tiles.a) + weighted(g, tiles.b)


def weighted(values: Float[Array, "*k"], weights: Float[Array, "*k"]) -> Float[Array, ""]:
    """The sum of weights times values over the points with mass."""
    return jnp.where(weights > 0, values * weights, 0).sum()


class State(NamedTuple):
    """Where the ascent stands.

    Attributes:
        g: (m,) column potential, -inf without mass.
        f: (tiles, rows) its row potential.
        q: (m,) column sums of the plan.
        newton: Newton steps so far.
        products: products with the plan so far.
    """

    g: Float[Array, " m"]
    f: Float[Array, "tiles rows"]
    q: Float[Array, " m"]
    newton: Int[Array, ""]
    products: Int[Array, ""]


def start(tiles: Tiles, cost: Cost, eps: Float[Array, ""]) -> State:
    """The state of the column potential g = 0 at temperature eps, before the first step."""
    g = jnp.where(tiles.b > 0, jnp.zeros_like(tiles.b), -jnp.inf)
    zero = jnp.zeros((), jnp.int32)
    f, q = row_potentials(tiles, cost, g, eps)
    return State(g, f, q, zero, zero)


def ascend(
    tiles: Tiles,
    cost: Cost,
    state: State,
    eps: Float[Array, ""],
    tolerance: Float[Array, ""],
    limit: Int[Array, ""],
) -> State:
    """Newton steps at fixed eps until sum_j |q_j - b_j| <= tolerance, at most until step `limit`.

    A Sinkhorn step comes first: after a change of eps some columns hold next to no mass, where the
    semi-dual is flat and Newton's step says nothing.
    """
    f, _ = row_potentials(tiles, cost, state.g, eps)
    g, f, q = sinkhorn_step(tiles, cost, f, eps)
    state = state._replace(g=g, f=f, q=q)

    def unfinished(s: State) -> jax.Array:
        return (jnp.abs(s.q - tiles.b).sum() > tolerance) & (s.newton < limit)

    return jax.lax.while_loop(unfinished, lambda s: _newton(tiles, cost, s, eps), state)


def _newton(tiles: Tiles, cost: Cost, state: State, eps: jax.Array) -> State:
    """One damped Newton step with a halving line search; where that fails, a Sinkhorn step.

    A step is long enough where it gives its share of the predicted ascent. Close to the maximum
    that is less than the rounding of the value; there the slope decides, which is known to more
    digits: it may not have turned to more than its opposite (Hager, Zhang 2005, SIAM J. Optim. 16,
    the approximate Wolfe condition).
    """
    residual = tiles.b - state.q
    error = jnp.abs(residual).sum()
    product = _hessian(tiles, cost, state, eps, damping=jnp.clip(0.1 * error, 1e-12, 1e-2))
    diagonal = jnp.where(state.q > 0, state.q, 1)
    direction, products = _conjugate_gradients(product, eps * residual, diagonal)
    now, slope = value(tiles, state.f, state.g), residual @ direction
    size = value(tiles, jnp.abs(state.f), jnp.abs(state.g))
    noise = _NOISE * jnp.finfo(now.dtype).eps * (1 + size)

    def unfinished(s: tuple[Any, ...]) -> jax.Array:
        return ~s[0] & (s[1] < _HALVINGS)

    def halve(s: tuple[Any, ...]) -> tuple[Any, ...]:
        length = 0.5 ** s[1].astype(direction.dtype)
        g = state.g + length * direction
        f, q = row_potentials(tiles, cost, g, eps)
        gain, turned = value(tiles, f, g) - now, (tiles.b - q) @ direction
        level = (gain >= -noise) & (turned >= (2 * _ASCENT - 1) * slope)
        enough = (gain >= _ASCENT * length * slope) | level
        return enough & (slope > 0), s[1] + 1, g, f, q

    zero = jnp.zeros((), jnp.int32)
    searched = (jnp.zeros((), bool), zero, state.g, state.f, state.q)
    found, _, *moved = jax.lax.while_loop(unfinished, halve, searched)
    g, f, q = jax.lax.cond(
        found, lambda: tuple(moved), lambda: sinkhorn_step(tiles, cost, state.f, eps)
    )
    return State(g, f, q, state.newton + 1, state.products + products)


def _hessian(
    tiles: Tiles, cost: Cost, state: State, eps: jax.Array, damping: jax.Array
) -> Callable[[jax.Array], jax.Array]:
    """V -> (1 + damping) diag(q) v - P^T diag(1/a) P v."""
    counts = tiles.a > _NEXT_TO_NOTHING
    inverse = jnp.where(counts, 1 / jnp.where(counts, tiles.a, 1), 0)

    def plan(costs: jax.Array, f: jax.Array) -> jax.Array:
        return jnp.exp((f[:, None] + state.g[None, :] - costs) / eps)

    # Directions need no more digits than float32 has, and these products wait for memory.
    inverse = inverse.astype(jnp.float32)

    def kept(_: tuple[()], costs: jax.Array, f: jax.Array) -> tuple[tuple[()], jax.Array]:
        return (), plan(costs, f).astype(jnp.float32)

    if tiles.costs is not None:
        _, whole = fold(tiles, cost, (state.f,), (), kept)

        def smooth(v: jax.Array) -> jax.Array:
            def step(total: jax.Array, item: tuple[jax.Array, jax.Array]) -> tuple[Any, None]:
                part, w = item
                return total + ((part @ narrow) * w) @ part, None

            narrow = v.astype(jnp.float32)
            if len(whole) == 1:
                return step(jnp.zeros_like(narrow), (whole[0], inverse[0]))[0].astype(v.dtype)
            return jax.lax.scan(step, jnp.zeros_like(narrow), (whole, inverse))[0].astype(v.dtype)
    else:

        def smooth(v: jax.Array) -> jax.Array:
            def step(
                total: jax.Array, costs: jax.Array, f: jax.Array, w: jax.Array
            ) -> tuple[Any, None]:
                part = plan(costs, f)
                return total + ((part @ v) * w) @ part, None

            return fold(tiles, cost, (state.f, inverse), jnp.zeros_like(v), step)[0]

    return lambda v: (1 + damping) * state.q * v - smooth(v)


def _conjugate_gradients(
    product: Callable[[jax.Array], jax.Array],
    right: jax.Array,
    diagonal: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Solve product(v) = right roughly, preconditioned by the diagonal; also count the products."""
    z = right / diagonal
    first = right @ z

    def unfinished(s: tuple[Any, ...]) -> jax.Array:
        return (s[4] < _PRODUCTS) & (s[3] > _FORCING**2 * first)

    def step(s: tuple[Any, ...]) -> tuple[Any, ...]:
        v, r, p, rz, count = s
        image = product(p)
        curvature = p @ image
        # Rounding can leave a direction without curvature: then the step found so far is kept.
        flat = curvature <= 0
        length = jnp.where(flat, 0, rz / jnp.where(flat, 1, curvature))
        r = r - length * image
        z = r / diagonal
        following = jnp.where(flat, 0, r @ z)
        return v + length * p, r, z + following / rz * p, following, count + 1

    zero = jnp.zeros_like(right)
    v, _, _, _, count = jax.lax.while_loop(
        unfinished, step, (zero, right, z, first, jnp.zeros((), jnp.int32))
    )
    return v, count
