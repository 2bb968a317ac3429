"""Distances inside compiled programs, with derivatives in the points and in the weights.

Where a cost is an optimum, its derivative is that of the objective at the optimal plan or
potentials, which are held fixed (the envelope theorem): c(x_i, y_j) weighted by the plan for the
points, the potentials for the weights. Where the optimum is not unique, as for ties and equal
points, that is one of the subgradients.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wdist_bench.costs import L2, Cost
from wdist_bench.problem import Samples
from wdist_bench.solvers.exact import MAX_ITERATIONS, solve_exact
from wdist_bench.solvers.machine.memory import EXACT_BYTES, require_matrix
from wdist_bench.solvers.massless import all_pairs, gathered
from wdist_bench.solvers.sinkhorn import entropic_potentials, softmin, symmetric_potential
from wdist_bench.validation import check_same_dimension

# How far above the smallest normal number a sum is, of which powers may be lost below that.
_DIGITS = 2.0**10


class Plan(NamedTuple):
    """A sparse optimal plan and its potentials, arrays of the host or of the device.

    Attributes:
        rows: (n + m - 1,) points of x; a vertex of the transport polytope has no more pairs.
        columns: (n + m - 1,) points of y.
        mass: (n + m - 1,) what goes from one to the other, 0 where there are fewer pairs.
        phi: (n,) potential at x.
        psi: (m,) potential at y.
    """

    rows: Any
    columns: Any
    mass: Any
    phi: Any
    psi: Any


def exact_cost(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    a: Float[Array, " n"] | None = None,
    b: Float[Array, " m"] | None = None,
    cost: Cost = L2(),  # noqa: B008  (frozen)
    max_iterations: int = MAX_ITERATIONS,
) -> Float[Array, ""]:
    """W_p^p of a batch as a scalar in the dtype of x, for use inside jit, vmap and grad.

    The simplex runs on the host in float64, one problem after another under vmap. The result is
    NaN where the input is not finite, the weights are no probabilities, or optimality was not
    proved: nothing can be raised inside a compiled program.

    Args:
        x: (n, d) points of mu.
        y: (m, d) points of nu.
        a: (n,) weights summing to one, None for equal weights.
        b: (m,) weights summing to one, None for equal weights.
        cost: ground cost.
        max_iterations: pivots allowed.

    Raises:
        ValueError: shapes that do not fit, which are known when the program is traced.
    """
    check_shapes(x, y, a, b)
    plan = _fixed(_plan(_fixed(Samples(x, y, a, b)), cost, max_iterations))
    total = _paid(plan.mass, x[plan.rows], y[plan.columns], cost)
    return total + _change(plan.phi, a) + _change(plan.psi, b)


def _plan(samples: Samples, cost: Cost, max_iterations: int) -> Plan:
    """Solved on the host; its mass is NaN where that failed."""
    dtype = jnp.result_type(samples.x.dtype, jnp.float32)
    n, m = len(samples.x), len(samples.y)
    pairs = n + m - 1
    index, number = jax.ShapeDtypeStruct((pairs,), jnp.int32), jax.ShapeDtypeStruct((pairs,), dtype)
    shapes = Plan(
        index, index, number, jax.ShapeDtypeStruct((n,), dtype), jax.ShapeDtypeStruct((m,), dtype)
    )

    def on_host(given: Samples) -> Plan:
        rows, columns, mass = np.zeros((3, pairs))
        phi, psi = np.zeros(n), np.zeros(m)
        try:
            kept = Samples.checked(given.x, given.y, given.a, given.b)
            require_matrix(n, m, kept.x.shape[1], EXACT_BYTES)
            solved = solve_exact(cost.matrix(kept.x, kept.y), kept.a, kept.b, max_iterations)
            used = np.nonzero(solved.plan)
            if not solved.converged or len(used[0]) > pairs:
                raise ValueError("no optimal vertex")
            rows[: len(used[0])], columns[: len(used[0])] = used
            mass[: len(used[0])] = solved.plan[used]
            phi, psi = solved.phi, solved.psi
        except ValueError:  # bad numbers in the arrays: the one way to say so from here
            mass = np.full(pairs, np.nan)
        found = Plan(rows, columns, mass, phi, psi)
        with np.errstate(over="ignore"):  # inf, and the total no number
            return jax.tree.map(lambda part, shape: part.astype(shape.dtype), found, shapes)

    return jax.pure_callback(on_host, shapes, samples, vmap_method="sequential")


def line_cost(
    x: Float[Array, " n"],
    y: Float[Array, " m"],
    a: Float[Array, " n"] | None,
    b: Float[Array, " m"] | None,
    cost: Cost,
) -> Float[Array, ""]:
    """W_p^p on the line, int |F^-1(t) - G^-1(t)|^p dt, by sorting."""
    if a is None and b is None and len(x) == len(y):
        return _paid(None, jnp.sort(x)[:, None], jnp.sort(y)[:, None], cost)
    near = gathered(x[:, None], a)[:, 0], gathered(y[:, None], b)[:, 0]
    mass, left, right = _pieces(*near, a, b)
    total = _paid(_fixed(mass), left, right, cost)
    if a is None and b is None:
        return total
    # Derivatives in the weights are of the points where they lie.
    mass, *there = _pieces(_fixed(x), _fixed(y), a, b)
    change = mass @ jnp.nan_to_num(cost.between(*there))
    return total + (change - _fixed(change))


def _pieces(x: Array, y: Array, a: Array | None, b: Array | None) -> tuple[Array, Array, Array]:
    """Lengths of the pieces on which both quantile functions are constant, and their points."""
    x, ends_x = _quantiles(x, a)
    y, ends_y = _quantiles(y, b)
    ends = jnp.concatenate([ends_x, ends_y])
    order = jnp.argsort(jax.lax.stop_gradient(ends))
    ends, of_x = ends[order], order < len(x)
    starts = jnp.concatenate([jnp.zeros(1, ends.dtype), ends[:-1]])
    # How many levels of either side lie before. Where some are equal, as those of points without
    # mass, pieces of no length still walk up one point at a time, so that derivatives in the
    # weights are admissible potentials (`one_dimensional.line_potentials`).
    i = jnp.minimum(jnp.cumsum(of_x) - of_x, len(x) - 1)
    j = jnp.minimum(jnp.cumsum(~of_x) - ~of_x, len(y) - 1)
    return ends - starts, x[i][:, None], y[j][:, None]


def _paid(mass: Array | None, x: Array, y: Array, cost: Cost) -> Array:
    """Sum of costs of matched points, each with its mass, or their mean; NaN where the dtype holds
    distances d and not their powers d^p.
    """
    costs = cost.between(gathered(x, mass), gathered(y, mass))
    total = costs.mean() if mass is None else mass @ costs
    if cost.p == 1:
        return total
    apart = _fixed(cost.to(1).between(x, y))
    apart = apart if mass is None else jnp.where(_fixed(mass) > 0, apart, 0)
    lost = (total < _DIGITS * jnp.finfo(total.dtype).tiny) & (apart.max() > 0)
    return jnp.where(lost, jnp.nan, total)


def _quantiles(points: Array, weights: Array | None) -> tuple[Array, Array]:
    """Sorted points and their cumulative weights."""
    order = jnp.argsort(points)
    if weights is None:
        ends = jnp.arange(1, len(points) + 1, dtype=points.dtype) / len(points)
    else:
        ends = jnp.cumsum(weights[order])
    return points[order], ends


def sliced_cost(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    a: Float[Array, " n"] | None,
    b: Float[Array, " m"] | None,
    cost: Cost,
    theta: Float[np.ndarray, "d k"],
) -> Float[Array, ""]:
    """SW_p^p: the mean over the columns of theta of W_p^p of the projections."""

    def along(direction: Array) -> Array:
        with jax.default_matmul_precision("highest"):
            return line_cost(x @ direction, y @ direction, a, b, cost)

    return jax.lax.map(along, jnp.asarray(theta.T, x.dtype)).mean()


def sinkhorn_divergence_cost(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    a: Float[Array, " n"] | None,
    b: Float[Array, " m"] | None,
    cost: Cost,
    share: float,
    epsilon: float | None,
    threshold: float,
    max_iterations: int,
) -> Float[Array, ""]:
    """S_eps = OT_eps(x, y) - OT_eps(x, x) / 2 - OT_eps(y, y) / 2; NaN where Sinkhorn stopped early.

    Args:
        x: (n, d) points of mu.
        y: (m, d) points of nu.
        a: (n,) weights.
        b: (m,) weights.
        cost: ground cost.
        share: epsilon over the mean cost, which depends on the points and is differentiated too.
        epsilon: in units of cost, in place of that.
        threshold: l1 error of the marginals to reach.
        max_iterations: iterations allowed.
    """
    weighted = a is not None or b is not None
    a = jnp.full(len(x), 1 / len(x), x.dtype) if a is None else a
    b = jnp.full(len(y), 1 / len(y), y.dtype) if b is None else b

    def pairwise(x: Array, y: Array, a: Array, b: Array) -> Array:
        return all_pairs(x, y, a, b, cost) if weighted else cost.pairwise(x, y)

    matrix = pairwise(x, y, a, b)
    with jax.default_matmul_precision("highest"):
        mean = a @ matrix @ b
    temperature = jnp.where(mean > 0, share * mean, 1) if epsilon is None else jnp.asarray(epsilon)

    options = threshold, max_iterations, weighted
    cross = _cross_cost(matrix, a, b, temperature, *options)
    left = _self_cost(pairwise(x, x, a, a), a, temperature, *options)
    right = _self_cost(pairwise(y, y, b, b), b, temperature, *options)
    return cross - (left + right) / 2


def entropic_cost(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    cost: Cost,
    epsilon: Float[Array, ""],
    threshold: float,
    max_iterations: int,
) -> Float[Array, ""]:
    """OT_eps = min over couplings P of <P, c> + eps KL(P | a b^T), equal weights; NaN where
    Sinkhorn stopped early. Differentiated in x and y, not in epsilon.

    Args:
        x: (n, d) points of mu.
        y: (m, d) points of nu.
        cost: ground cost.
        epsilon: temperature, in units of cost.
        threshold: l1 error of the marginals to reach.
        max_iterations: iterations allowed.
    """
    a, b = (jnp.full(len(points), 1 / len(points), points.dtype) for points in (x, y))
    return _cross_cost(cost.pairwise(x, y), a, b, _fixed(epsilon), threshold, max_iterations, False)


def _cross_cost(
    matrix: Array, a: Array, b: Array, epsilon: Array, threshold: float, iterations: int,
    weighted: bool,
) -> Array:  # fmt: skip
    """OT_eps of two measures; `weighted`: there may be points without mass."""
    unit, scale = _unit_scale(matrix)
    unit, a_fixed, b_fixed, temperature = _fixed((unit, a, b, epsilon / scale))
    f, g, converged = _fixed(
        entropic_potentials(unit, a_fixed, b_fixed, temperature, threshold, iterations)
    )
    if weighted:
        f, g = (
            jnp.where(a_fixed > 0, f, softmin(unit - g, b_fixed, temperature)),
            jnp.where(b_fixed > 0, g, softmin(unit.T - f, a_fixed, temperature)),
        )
    return _dual(matrix, a, b, scale * f, scale * g, epsilon, converged, weighted)


def _self_cost(
    matrix: Array, a: Array, epsilon: Array, threshold: float, iterations: int, weighted: bool
) -> Array:
    """OT_eps of a measure with itself."""
    unit, scale = _unit_scale(matrix)
    unit, a_fixed, temperature = _fixed((unit, a, epsilon / scale))
    f, converged = _fixed(symmetric_potential(unit, a_fixed, temperature, threshold, iterations))
    if weighted:
        f = jnp.where(a_fixed > 0, f, softmin(unit - f, a_fixed, temperature))
    return _dual(matrix, a, a, scale * f, scale * f, epsilon, converged, weighted)


def _unit_scale(matrix: Array) -> tuple[Array, Array]:
    """Costs of at most 1, and their unit, which is no subject of derivatives."""
    largest = _fixed(matrix.max())
    scale = jnp.where(largest > 0, largest, 1)
    return matrix / scale, scale


def _dual(
    matrix: Array, a: Array, b: Array, f: Array, g: Array, epsilon: Array, converged: Array,
    weighted: bool,
) -> Array:  # fmt: skip
    """<f, a> + <g, b> - eps (<a b^T, exp((f + g - c) / eps)> - 1) at fixed f and g.

    Its maximum over f and g is OT_eps, so its derivatives there are those of OT_eps.
    """
    exponent = (f[:, None] + g[None, :] - matrix) / epsilon
    if weighted:  # between points without mass nothing keeps it from overflowing
        exponent = jnp.where((a > 0)[:, None] | (b > 0)[None, :], exponent, 0)
    plan = a[:, None] * b[None, :] * jnp.exp(exponent)
    return jnp.where(converged, f @ a + g @ b - epsilon * (plan.sum() - 1), jnp.nan)


def _fixed(arrays: Any) -> Any:
    """The same numbers without a derivative."""
    return jax.tree.map(jax.lax.stop_gradient, arrays)


def _change(potential: Array, weights: Array | None) -> Array | float:
    """0, with the potential as its derivative in the weights."""
    if weights is None:
        return 0.0
    return jnp.nan_to_num(potential) @ (weights - jax.lax.stop_gradient(weights))


def check_shapes(x: Array, y: Array, a: Array | None, b: Array | None) -> None:
    """Raise ValueError unless x is (n, d), y (m, d), and weights have one entry a point."""
    for name, points, weights, of_it in (("x", x, a, "a"), ("y", y, b, "b")):
        if points.ndim != 2 or 0 in points.shape:
            raise ValueError(
                f"{name}: expected shape (n, d), one point a row, got shape {points.shape}; "
                "reshape it"
            )
        if weights is not None and weights.shape != points.shape[:1]:
            raise ValueError(
                f"{of_it}: expected one weight per point, shape {points.shape[:1]}, got shape "
                f"{weights.shape}; pass None for equal weights"
            )
    check_same_dimension(x, y)
