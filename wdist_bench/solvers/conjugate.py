"""phi*(y) = max_u <u, y> - phi(u) of a convex function, many y at once, and what is above it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Function = Callable[[jax.Array], jax.Array]
"""A convex function, from points (n, d) to values (n,)."""

_MEMORY = 5  # pairs of steps and changes of the gradient that a row remembers
_DECREASE = 1e-4  # share of what the slope promises that a step has to bring (Armijo)
_SHORTER = 0.4  # of the last step, where it did not
# Changes of a value that are its rounding in float32: a step is not refused for them.
_ROUNDING = 1e-6


class _State(NamedTuple):
    """Of the descent of phi(u) - <u, y>, each row on its own: u, value, gradient, length of the
    next step; steps s and changes g of the gradient that are remembered, with 1 / <s, g>.
    """

    points: jax.Array
    values: jax.Array
    slopes: jax.Array
    length: jax.Array
    moves: jax.Array
    changes: jax.Array
    inverses: jax.Array


def maximizers(
    phi: Function,
    targets: Float[Array, "m d"],
    start: Float[Array, "m d"],
    steps: int,
    tolerance: float = 0.0,
) -> Float[Array, "m d"]:
    """u near argmax_u <u, y> - phi(u) for each row y of the targets, by L-BFGS from `start`.

    Each step asks phi and its gradient once, for all rows. A row whose step brings too little stays
    and takes a shorter one next, so phi(u) - <u, y> rises by no more than rounding.

    Args:
        phi: strictly convex and smooth.
        targets: (m, d) y.
        start: (m, d) first u.
        steps: the most that are taken.
        tolerance: it ends where the mean of |y - grad phi(u)|^2 is at or below this.
    """

    def descend(carry: tuple[jax.Array, _State]) -> tuple[jax.Array, _State]:
        count, state = carry
        return count + 1, _step(phi, targets, state)

    def open_(carry: tuple[jax.Array, _State]) -> jax.Array:
        count, state = carry
        return (count < steps) & ((state.slopes**2).sum(1).mean() > tolerance)

    first = jnp.zeros((), jnp.int32), _begun(phi, targets, start)
    return jax.lax.while_loop(open_, descend, first)[1].points


def above(
    phi: Function, targets: Float[Array, "m d"], points: Float[Array, "m d"], strength: float
) -> tuple[Float[Array, " m"], Float[Array, " m"]]:
    """Upper bounds of phi*(y), and how far they can be above it, both (m,).

    phi*(y) <= <u, y> - phi(u) + |y - grad phi(u)|^2 / (2 beta) for any u, since the concave
    function <., y> - phi is beta-strongly so. The last term is the slack: <u, y> - phi(u) itself is
    a lower bound.

    Args:
        phi: beta-strongly convex.
        targets: (m, d) y.
        points: (m, d) u.
        strength: beta > 0.
    """
    values, slopes = _objective(phi, targets, points)
    slack = (slopes**2).sum(1) / (2 * strength)
    return slack - values, slack


def _objective(phi: Function, targets: jax.Array, points: jax.Array) -> tuple[jax.Array, jax.Array]:
    """phi(u) - <u, y> and its gradient."""
    values, pull = jax.vjp(phi, points)
    return values - (points * targets).sum(1), pull(jnp.ones_like(values))[0] - targets


def _begun(phi: Function, targets: jax.Array, start: jax.Array) -> _State:
    values, slopes = _objective(phi, targets, start)
    rows = start.shape[0]
    none = jnp.zeros((_MEMORY, *start.shape), start.dtype)
    return _State(
        start, values, slopes, jnp.ones(rows, start.dtype), none, none,
        jnp.zeros((_MEMORY, rows), start.dtype),
    )  # fmt: skip


def _step(phi: Function, targets: jax.Array, state: _State) -> _State:
    """One trial of every row; those that descend enough take it and remember it."""
    direction = _direction(state)
    points = state.points + state.length[:, None] * direction
    values, slopes = _objective(phi, targets, points)
    promised = _DECREASE * state.length * (direction * state.slopes).sum(1)
    taken = values <= state.values + promised + _ROUNDING * jnp.abs(state.values)
    move, change = points - state.points, slopes - state.slopes
    product = (move * change).sum(1)
    kept = taken & (product > 0)
    inverse = jnp.where(kept, 1 / jnp.where(kept, product, 1), 0)

    def chosen(new: jax.Array, old: jax.Array) -> jax.Array:
        return jnp.where(taken.reshape(-1, *(1,) * (new.ndim - 1)), new, old)

    def pushed(old: jax.Array, new: jax.Array) -> jax.Array:
        rows = kept.reshape(1, -1, *(1,) * (new.ndim - 1))
        return jnp.where(rows, jnp.concatenate([old[1:], new[None]]), old)

    return _State(
        chosen(points, state.points),
        chosen(values, state.values),
        chosen(slopes, state.slopes),
        jnp.where(taken, 1, _SHORTER * state.length),
        pushed(state.moves, move),
        pushed(state.changes, change),
        pushed(state.inverses, inverse),
    )


def _direction(state: _State) -> jax.Array:
    """-H grad with the inverse Hessian H that the memory tells, by the two loops of L-BFGS.

    Source: Nocedal and Wright 2006, Numerical Optimization, Algorithm 7.4.
    """
    memory = state.moves, state.changes, state.inverses

    def back(q: jax.Array, pair: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        move, change, inverse = pair
        alpha = inverse * (move * q).sum(1)
        return q - alpha[:, None] * change, alpha

    def forth(q: jax.Array, pair: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
        move, change, inverse, alpha = pair
        beta = inverse * (change * q).sum(1)
        return q + (alpha - beta)[:, None] * move, None

    q, alphas = jax.lax.scan(back, state.slopes, memory, reverse=True)
    size = (state.changes[-1] ** 2).sum(1)
    scale = (state.moves[-1] * state.changes[-1]).sum(1) / jnp.where(size > 0, size, 1)
    q = jnp.where(size > 0, scale, 1)[:, None] * q
    return -jax.lax.scan(forth, q, (*memory, alphas))[0]
