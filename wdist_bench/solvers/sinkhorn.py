"""Entropic optimal transport between two weighted samples, by OTT-JAX."""

from __future__ import annotations

import warnings
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from wdist_bench.solvers.machine.forks import check_not_forked


class Entropic(NamedTuple):
    """A Sinkhorn run.

    Attributes:
        cost: OT_eps = min over couplings P of <P, c> + eps KL(P | a b^T), from the potentials.
        g: (m,) column potential: the plan is exp((f_i + g_j - c_ij) / eps), -inf without mass.
        converged: whether the marginal error reached the threshold.
        iterations: iterations taken.
    """

    cost: float
    g: Float[np.ndarray, " m"]
    converged: bool
    iterations: int


def sinkhorn(
    matrix: Float[np.ndarray, "n m"],
    a: Float[np.ndarray, " n"] | None,
    b: Float[np.ndarray, " m"] | None,
    epsilon: float,
    threshold: float,
    max_iterations: int,
) -> Entropic:
    """Sinkhorn's iteration in the log domain, in float64.

    Args:
        matrix: (n, m) finite costs.
        a: (n,) weights summing to one, None for equal weights.
        b: (m,) weights summing to one, None for equal weights.
        epsilon: temperature, in units of cost.
        threshold: l1 error of the marginals to reach.
        max_iterations: iterations allowed; the error is looked at every ten.

    Source: Cuturi 2013 (arXiv 1306.0895), as shipped in OTT-JAX.
    """
    check_not_forked()
    n, m = matrix.shape
    a = np.full(n, 1 / n) if a is None else a
    b = np.full(m, 1 / m) if b is None else b
    _ott()  # not first inside the trace, where its constants would become tracers
    with jax.enable_x64(True):
        value, g, converged, iterations = _solve(
            jnp.asarray(matrix, jnp.float64),
            jnp.asarray(a, jnp.float64),
            jnp.asarray(b, jnp.float64),
            jnp.asarray(epsilon, jnp.float64),
            float(threshold),
            max_iterations,
        )
        return Entropic(float(value), np.asarray(g), bool(converged), int(iterations))


@cache
def _ott() -> tuple[Any, Any, Any]:
    """The modules of OTT-JAX; one of its dependencies warns that it is deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from ott.geometry import geometry
        from ott.problems.linear import linear_problem
        from ott.solvers.linear import sinkhorn as solver
    return geometry, linear_problem, solver


@partial(jax.jit, static_argnames=("threshold", "max_iterations"))
def _solve(
    matrix: jax.Array,
    a: jax.Array,
    b: jax.Array,
    epsilon: jax.Array,
    threshold: float,
    max_iterations: int,
) -> tuple[jax.Array, jax.Array, jax.Array, Any]:
    out = _iterate(matrix, a, b, epsilon, threshold, max_iterations)
    f, g = out.potentials
    # The potentials of a plan relative to the product of the marginals are f - eps log a.
    value = _expectation(f, a, epsilon) + _expectation(g, b, epsilon)
    return value, jnp.where(b > 0, g, -jnp.inf), jnp.asarray(out.converged), out.n_iters


def _iterate(
    matrix: jax.Array,
    a: jax.Array,
    b: jax.Array,
    epsilon: jax.Array,
    threshold: float,
    max_iterations: int,
) -> Any:
    geometry, linear_problem, solver = _ott()
    problem = linear_problem.LinearProblem(
        geometry.Geometry(cost_matrix=matrix, epsilon=epsilon), a, b
    )
    return solver.Sinkhorn(threshold=threshold, max_iterations=max_iterations)(problem)


def entropic_potentials(
    matrix: Float[Array, "n m"],
    a: Float[Array, " n"],
    b: Float[Array, " m"],
    epsilon: Float[Array, ""],
    threshold: float,
    max_iterations: int,
) -> tuple[Float[Array, " n"], Float[Array, " m"], Bool[Array, ""]]:
    """f and g such that the plan is a_i b_j exp((f_i + g_j - c_ij) / eps), and whether converged.

    For use inside compiled programs, in the dtype of the costs; 0 at points without mass.
    """
    with jax.ensure_compile_time_eval():
        _ott()
    out = _iterate(matrix, a, b, epsilon, threshold, max_iterations)
    f, g = (
        jnp.where(weights > 0, potential - epsilon * jnp.log(jnp.where(weights > 0, weights, 1)), 0)
        for potential, weights in zip(out.potentials, (a, b), strict=True)
    )
    return f, g, jnp.asarray(out.converged)


def softmin(
    matrix: Float[Array, "n m"], b: Float[Array, " m"], epsilon: Float[Array, ""]
) -> Float[Array, " n"]:
    """-eps log sum_j b_j exp(-matrix_ij / eps), over the points with mass.

    Of c - g it is the potential f, at points without mass what it would be with a little.
    """
    log_b = jnp.where(b > 0, jnp.log(jnp.where(b > 0, b, 1)), -jnp.inf)
    return -epsilon * jax.nn.logsumexp(log_b - matrix / epsilon, axis=1)


def symmetric_potential(
    matrix: Float[Array, "n n"],
    a: Float[Array, " n"],
    epsilon: Float[Array, ""],
    threshold: float,
    max_iterations: int,
) -> tuple[Float[Array, " n"], Bool[Array, ""]]:
    """f such that a_i a_j exp((f_i + f_j - c_ij) / eps) has marginals a, and whether converged.

    Averaged updates f <- (f + T f) / 2, which take tens of steps where alternating ones, on costs
    of a measure with itself, can take tens of thousands. In the dtype of the costs.

    Source: Feydy, Sejourne, Vialard, Amari, Trouve, Peyre 2019 (arXiv 1810.08278), section 3.1.
    """
    log_a = jnp.where(a > 0, jnp.log(jnp.where(a > 0, a, 1)), -jnp.inf)

    def update(f: jax.Array) -> jax.Array:
        return -epsilon * jax.nn.logsumexp(log_a + (f - matrix) / epsilon, axis=1)

    def error(f: jax.Array, updated: jax.Array) -> jax.Array:
        return a @ jnp.abs(jnp.expm1((f - updated) / epsilon))

    def step(state: tuple[jax.Array, jax.Array, jax.Array]) -> Any:
        f, updated, count = state
        f = (f + updated) / 2
        return f, update(f), count + 1

    def going(state: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        f, updated, count = state
        return (error(f, updated) > threshold) & (count < max_iterations)

    start = jnp.zeros_like(a)
    f, updated, _ = jax.lax.while_loop(going, step, (start, update(start), jnp.zeros((), int)))
    return f, error(f, updated) <= threshold


def _expectation(potential: jax.Array, weights: jax.Array, epsilon: jax.Array) -> jax.Array:
    safe = jnp.where(weights > 0, weights, 1)
    return jnp.where(weights > 0, weights * (potential - epsilon * jnp.log(safe)), 0).sum()


def divergences(
    matrix: Float[np.ndarray, "k k"],
    a: Float[np.ndarray, " n"],
    b: Float[np.ndarray, " m"],
    orders: Int[np.ndarray, "b k"],
    epsilon: float,
    threshold: float,
    max_iterations: int,
) -> Float[np.ndarray, " b"]:
    """OT_eps(x, y) - OT_eps(x, x) / 2 - OT_eps(y, y) / 2 of many partings of the same points.

    Args:
        matrix: (k, k) costs between the points.
        a: (n,) positive weights of the places of x, summing to one.
        b: (m,) positive weights of the places of y, n + m = k.
        orders: (b, k) permutations of the points: the first n are x, the others y.
        epsilon: temperature, in units of cost.
        threshold: l1 error of the marginals to reach.
        max_iterations: iterations allowed, each run.

    Returns:
        (b,) divergences, NaN where a run did not converge.
    """
    check_not_forked()
    _ott()
    scale = float(matrix.max()) or 1.0
    with jax.enable_x64(True):
        found = _divergences(
            jnp.asarray(matrix / scale, jnp.float64),
            jnp.asarray(a, jnp.float64),
            jnp.asarray(b, jnp.float64),
            jnp.asarray(orders),
            jnp.asarray(epsilon / scale, jnp.float64),
            float(threshold),
            max_iterations,
        )
        return scale * np.asarray(found)


@partial(jax.jit, static_argnames=("threshold", "max_iterations"))
def _divergences(
    matrix: jax.Array,
    a: jax.Array,
    b: jax.Array,
    orders: jax.Array,
    epsilon: jax.Array,
    threshold: float,
    max_iterations: int,
) -> jax.Array:
    def between(
        first: jax.Array, second: jax.Array, masses: jax.Array, others: jax.Array
    ) -> jax.Array:
        costs = matrix[first][:, second]
        value, _, converged, _ = _solve(costs, masses, others, epsilon, threshold, max_iterations)
        return jnp.where(converged, value, jnp.nan)

    def divergence(order: jax.Array) -> jax.Array:
        x, y = order[: len(a)], order[len(a) :]
        return between(x, y, a, b) - (between(x, x, a, a) + between(y, y, b, b)) / 2

    return jax.lax.map(divergence, orders)


class Divergence(NamedTuple):
    """OT_eps(x, y) - OT_eps(x, x) / 2 - OT_eps(y, y) / 2 as the means of two functions.

    Attributes:
        f: (n,) f_xy - f_xx at x.
        g: (m,) g_xy - g_yy at y; the divergence is sum_i a_i f_i + sum_j b_j g_j.
        converged: whether all three runs reached the threshold.
    """

    f: Float[np.ndarray, " n"]
    g: Float[np.ndarray, " m"]
    converged: bool


def divergence_potentials(
    matrices: tuple[Float[np.ndarray, "n m"], Float[np.ndarray, "n n"], Float[np.ndarray, "m m"]],
    a: Float[np.ndarray, " n"],
    b: Float[np.ndarray, " m"],
    epsilon: float,
    threshold: float,
    max_iterations: int,
) -> Divergence:
    """The potentials of a Sinkhorn divergence, whose first variation they are.

    Args:
        matrices: costs between x and y, within x and within y.
        a: (n,) positive weights.
        b: (m,) positive weights.
        epsilon: temperature, in units of cost.
        threshold: l1 error of the marginals to reach.
        max_iterations: iterations allowed, each run.

    Source: Feydy, Sejourne, Vialard, Amari, Trouve, Peyre 2019 (arXiv 1810.08278), section 3.
    """
    check_not_forked()
    _ott()
    scale = float(matrices[0].max()) or 1.0
    with jax.enable_x64(True):
        f, g, converged = _divergence_potentials(
            tuple(jnp.asarray(matrix / scale, jnp.float64) for matrix in matrices),
            jnp.asarray(a, jnp.float64),
            jnp.asarray(b, jnp.float64),
            jnp.asarray(epsilon / scale, jnp.float64),
            float(threshold),
            max_iterations,
        )
        return Divergence(scale * np.asarray(f), scale * np.asarray(g), bool(converged))


@partial(jax.jit, static_argnames=("threshold", "max_iterations"))
def _divergence_potentials(
    matrices: tuple[jax.Array, ...],
    a: jax.Array,
    b: jax.Array,
    epsilon: jax.Array,
    threshold: float,
    max_iterations: int,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    options = epsilon, threshold, max_iterations
    f, g, across = entropic_potentials(matrices[0], a, b, *options)
    left, within_x = symmetric_potential(matrices[1], a, *options)
    right, within_y = symmetric_potential(matrices[2], b, *options)
    return f - left, g - right, across & within_x & within_y
