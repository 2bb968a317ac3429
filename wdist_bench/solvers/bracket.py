"""A certified interval for the batch value of W_p^p, by annealed truncated Newton steps.

At a falling temperature eps, entropic potentials give both ends:

    lower: the c-transform g' of the row potential f and the c-transform f' of g' are admissible,
           so sum a f' + sum b g' <= W_p^p,
    upper: the plan is rounded to the marginals (a, b), and any feasible plan costs >= W_p^p.

Rounding (Altschuler, Weed, Rigollet 2017, arXiv 1705.09634, Algorithm 2): columns with too much
mass are scaled down, and the missing mass is excess by the product of what rows and columns lack.
The plan is never stored where it does not fit in one tile.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, ScalarLike

from wdist_bench.costs import L2, Cost
from wdist_bench.solvers.matrix_free import semidual
from wdist_bench.solvers.matrix_free.semidual import State, Tiles

# Costs of a tile: on processors so few that they stay in the cache.
_TILE = {"cpu": 2**20}
_TILE_ON_ACCELERATORS = 2**24
HELD_ENTRIES = 2**28
"""Costs held at once, 2 GiB; with more, every sweep computes them again."""
# Annealing: first temperature (of the largest cost), smallest factor from one level to the next.
_FIRST = 0.25
_FACTOR = 0.3
# Marginal error allowed on the way, and as a share of the gap once that is known.
_LOOSE = 1e-2
_SHARE = 0.3
# Temperatures below this many units of rounding mean nothing.
_SMALLEST = 1e3
_HELD = L2()  # stands where costs are held and none is computed


class _Ends(NamedTuple):
    """Lower, upper, potentials, and the mean of c - phi - psi over the mass that rounding moves:
    times that mass, it is the share of the gap that comes from rounding.
    """

    lower: jax.Array
    upper: jax.Array
    phi: jax.Array
    psi: jax.Array
    excess: jax.Array


class Bracket(NamedTuple):
    """A certified interval, as arrays (it passes through jit and vmap).

    Attributes:
        lower: value of admissible potentials, <= W_p^p.
        upper: cost of a feasible plan, >= W_p^p.
        phi: (n,) admissible potential of the rows.
        psi: (m,) admissible potential of the columns.
        converged: whether the gap reached its tolerance.
        g: (m,) entropic column potential at the last temperature, -inf without mass.
        epsilon: the last temperature, in units of cost.
        newton: Newton steps taken.
        products: products with the plan taken inside them.
    """

    lower: Float[Array, ""]
    upper: Float[Array, ""]
    phi: Float[Array, " n"]
    psi: Float[Array, " m"]
    converged: Bool[Array, ""]
    g: Float[Array, " m"]
    epsilon: Float[Array, ""]
    newton: Int[Array, ""]
    products: Int[Array, ""]


class _Level(NamedTuple):
    state: State
    eps: jax.Array
    tolerance: jax.Array
    ends: _Ends
    done: jax.Array


@partial(jax.jit, static_argnames=("cost", "tile_entries", "held_entries"))
def bracket(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    a: Float[Array, " n"],
    b: Float[Array, " m"],
    cost: Cost,
    rtol: ScalarLike = 1e-3,
    max_steps: ScalarLike = 2000,
    tile_entries: int | None = None,
    held_entries: int = HELD_ENTRIES,
) -> Bracket:
    """Lower <= W_p^p <= upper with upper - lower <= rtol upper, or converged = False.

    The interval is that of `cost.pairwise` in the dtype of the inputs: use float64 (inside
    `jax.enable_x64(True)`). In more than 16 dimensions that has only half of its digits for
    distances (p = 1) far below the largest. Memory is linear in n + m beyond
    `held_entries` pairs, 24 bytes each.

    Args:
        x: (n, d) points of mu; centre them first.
        y: (m, d) points of nu.
        a: (n,) weights summing to one; zeros are fine.
        b: (m,) weights summing to one.
        cost: ground cost.
        rtol: gap to reach, relative to `upper`. A gap within rounding of the largest cost is
            reached too.
        max_steps: Newton steps allowed.
        tile_entries: costs of a tile; by default 2^20 on processors, 2^24 on accelerators.
        held_entries: costs held at once, as many of the plan in half of their memory.
    """
    if tile_entries is None:
        tile_entries = _TILE.get(jax.default_backend(), _TILE_ON_ACCELERATORS)
    tiles = semidual.cut(x, y, a, b, cost, tile_entries, held_entries)
    found = _narrowed(tiles, cost, x.shape[1], rtol, max_steps)
    return found._replace(phi=found.phi[: x.shape[0]])


@jax.jit
def bracket_of_costs(
    costs: Float[Array, "n m"],
    a: Float[Array, " n"],
    b: Float[Array, " m"],
    rtol: ScalarLike = 1e-3,
    max_steps: ScalarLike = 2000,
) -> Bracket:
    """`bracket` of costs that are given as a matrix, all of which is held."""
    return _narrowed(semidual.uncut(costs, a, b), _HELD, 1, rtol, max_steps)


def _narrowed(
    tiles: Tiles, cost: Cost, dim: int, rtol: ScalarLike, max_steps: ScalarLike
) -> Bracket:
    """The interval, from tiles of costs of points in `dim` coordinates."""
    a, b, dtype = tiles.a, tiles.b, tiles.b.dtype
    resolution = rounding(dim, dtype)
    smallest = _SMALLEST * jnp.finfo(dtype).eps
    limit = jnp.asarray(max_steps, jnp.int32)

    def step(level: _Level) -> _Level:
        state = semidual.ascend(tiles, cost, level.state, level.eps, level.tolerance, limit)
        ends = _certificate(tiles, cost, state, level.eps)
        gap, wanted = ends.upper - ends.lower, rtol * ends.upper
        done = ~(gap > wanted + resolution)  # NaN also ends the loop
        done |= (state.newton >= limit) | (level.eps <= smallest)
        # The gap is about proportional to eps: the last level need not overshoot.
        factor = jnp.clip(0.7 * wanted / jnp.maximum(gap, resolution), _FACTOR, 0.9)
        share = _SHARE * jnp.maximum(gap, wanted) / jnp.maximum(ends.excess, resolution)
        return _Level(
            state,
            jnp.where(done, level.eps, level.eps * factor),
            jnp.clip(share, 100 * resolution, _LOOSE),
            ends,
            done,
        )

    eps, loose = jnp.asarray(_FIRST, dtype), jnp.asarray(_LOOSE, dtype)
    state = semidual.start(tiles, cost, eps)
    ends = jax.tree.map(jnp.zeros_like, _Ends(eps, eps, a, b, eps))
    first = _Level(state, eps, loose, ends, jnp.zeros((), bool))
    last = jax.lax.while_loop(lambda level: ~level.done, step, first)
    ends, scale = last.ends, tiles.scale
    return Bracket(
        ends.lower * scale,
        ends.upper * scale,
        ends.phi.reshape(-1) * scale,
        ends.psi * scale,
        ends.upper - ends.lower <= rtol * ends.upper + resolution,
        last.state.g * scale,
        last.eps * scale,
        last.state.newton,
        last.state.products,
    )


def rounding(dim: int, dtype: jnp.dtype) -> float:
    """Rounding of sums of `dim` terms, relative to the largest cost."""
    return 8 * float(jnp.finfo(dtype).eps) * max(dim, 16)


def _certificate(tiles: Tiles, cost: Cost, state: State, eps: jax.Array) -> _Ends:
    """Both ends from the potentials in `state`, over scale."""

    def columns(psi: jax.Array, costs: jax.Array, f: jax.Array) -> tuple[jax.Array, None]:
        return jnp.minimum(psi, (costs - f[:, None]).min(0)), None

    psi, _ = semidual.fold(tiles, cost, (state.f,), jnp.full_like(tiles.b, jnp.inf), columns)
    shrink = jnp.where(state.q > tiles.b, tiles.b / jnp.where(state.q > 0, state.q, 1), 1)
    lacking = tiles.b - shrink * state.q

    def rows(carry: jax.Array, costs: jax.Array, a: jax.Array) -> tuple[Any, Any]:
        share, mass, _ = semidual.rows_of_plan(costs, state.g, a, eps)
        plan = share[:, None] * mass * shrink[None, :]
        short = jnp.maximum(a - plan.sum(1), 0)
        phi = (costs - psi[None, :]).min(1)
        paid = (plan * costs).sum(), short @ (costs @ lacking), short.sum(), short @ phi
        return carry + jnp.stack(paid), phi

    (paid, moved, mass, due), phi = semidual.fold(
        tiles, cost, (tiles.a,), jnp.zeros(4, psi.dtype), rows
    )
    # What rows and columns lack has the same mass, and is paired by its product over that mass.
    safe = jnp.where(mass > 0, mass, 1)
    excess = (moved / safe - due - lacking @ psi) / safe
    lower = semidual.value(tiles, phi, psi)
    return _Ends(lower, paid + moved / safe, phi, psi, jnp.where(mass > 0, excess, 1))
