"""`distance`: W_p as a number of JAX, inside jit, vmap and grad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wdist_bench.costs import Cost, as_cost
from wdist_bench.estimate import DirectEstimator, Estimator, TracedFitted
from wdist_bench.estimators.exact import Exact
from wdist_bench.estimators.given import check_cost, check_estimator
from wdist_bench.estimators.nearest_neighbor import NearestNeighbor
from wdist_bench.estimators.one_dimensional import OneDimensional
from wdist_bench.estimators.sinkhorn import SinkhornDivergence
from wdist_bench.estimators.sliced import Sliced
from wdist_bench.inputs.device import arrays_of_device
from wdist_bench.inputs.elsewhere import explained
from wdist_bench.problem import Samples
from wdist_bench.solvers.differentiable import (
    check_shapes,
    exact_cost,
    line_cost,
    sinkhorn_divergence_cost,
    sliced_cost,
)
from wdist_bench.solvers.machine.forks import check_not_forked
from wdist_bench.solvers.massless import gathered
from wdist_bench.solvers.sliced import directions

# Marginals to reach where the method is given by name: derivatives are as good as potentials are.
_THRESHOLDS = {"float64": 1e-11, "float32": 1e-5}


@explained
def distance(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    a: Float[Array, " n"] | None = None,
    b: Float[Array, " m"] | None = None,
    p: float | None = None,
    method: str | Estimator = "exact",
    cost: Cost | str | None = None,
) -> Float[Array, ""]:
    """W_p between two weighted samples, with derivatives in x, y, a and b.

    The value is that of `wb.estimate` in the finer dtype of x and y, float32 at least, as a scalar
    array.
    Derivatives are those of the optimum (of `sliced` at its fixed directions): exact where plan and
    potentials are unique, one of the subgradients elsewhere; where the distance is 0, those in the
    points are 0, and for p > 1 all. Those in the weights hold along changes that keep their sum.
    Once, in reverse and in forward mode; of `nearest_neighbor` with many pairs in reverse mode.

    Args:
        x: (n, d) points of mu: of JAX, or read from the host as `wb.estimate` does, columns
            matched by name and weights by label.
        y: (m, d) points of nu.
        a: (n,) weights summing to one, None for equal weights.
        b: (m,) weights summing to one, None for equal weights.
        p: exponent of the cost, a real number >= 1; None for 1, or for that of `cost`.
        method: "exact" (on the host, the simplex of `wb.estimate`), "one_dimensional", "sliced",
            "nearest_neighbor", "sinkhorn_divergence", or such an estimator with options.
        cost: the ground cost in place of the Euclidean one, or its name; it fixes p.

    Returns:
        NaN where points are not finite or none that the cost takes, weights are no probabilities
        ("exact"), a divergence is below 0, or a solver did not converge: a compiled program cannot
        raise. NaN or inf where points are so far apart, or distances so small, that their dtype
        does not hold d^p.

    Raises:
        RuntimeError: in a process forked after JAX had run, where it would hang.
        ValueError, TypeError: shapes that do not fit, no numbers, a method that has no derivative,
            a cost that it does not take, p beside a cost of another p.
    """
    check_not_forked()
    estimator = check_estimator(method, {})
    ground = _ground(cost, p)
    x, y, a, b = arrays_of_device(x, y, a, b, may_move=ground.moves)
    check_shapes(x, y, a, b)
    check_cost(estimator, ground, x.shape[1])
    _check_columns(ground, x.shape[1])
    x, y = ground.or_nan(x), ground.or_nan(y)
    finite = jnp.isfinite(x).all() & jnp.isfinite(y).all()
    samples, power = Samples(x, y, a, b), jnp.zeros((), jnp.int32)
    if _scales(estimator, ground):
        power = _power(samples, ground, isinstance(estimator, SinkhornDivergence))
        most = jnp.finfo(x.dtype).max
        x, y = (jnp.clip(_scaled(points, -power), -most, most) for points in (x, y))
        samples = Samples(x, y, a, b)
    total = _cost_of(estimator, ground, isinstance(method, str))(samples)
    return _scaled(_root(jnp.where(finite, total, jnp.nan), ground.p), power)


def _scaled(values: jax.Array, power: jax.Array) -> jax.Array:
    """Values times 2^power, in two factors that are held. `jnp.ldexp` has another slope at 0."""
    one, half = jnp.ones((), values.dtype), power // 2
    return values * jnp.ldexp(one, half) * jnp.ldexp(one, power - half)


def _ground(cost: Any, p: float | None) -> Cost:
    ground = as_cost(cost, p, None)
    if not ground.traceable:
        raise ValueError(
            f"cost: expected one that runs inside a compiled program, got a {ground.name}; "
            "call wb.estimate"
        )
    return ground


def _check_columns(cost: Cost, dim: int) -> None:
    """Raise ValueError where points of so many coordinates have no distance, whatever they are."""
    try:
        cost.check_points(np.eye(1, dim), "x and y")
    except ValueError:  # perhaps of this point alone
        cost.check_points(np.full((1, dim), 1 / dim), "x and y")


def _scales(estimator: Estimator, cost: Cost) -> bool:
    """Whether s times the points give s times the value."""
    if isinstance(estimator, SinkhornDivergence):
        return cost.is_norm and estimator.epsilon_unit == "mean_cost"
    return cost.is_norm and isinstance(estimator, (Exact, OneDimensional, Sliced, NearestNeighbor))


def _power(samples: Samples, cost: Cost, of_all: bool) -> jax.Array:
    """k where points are so close, 2^k, that their dtype may lose squares of d^2 or d^p; else 0.

    Likewise where they are so far apart, for a method `of_all` pairs; beside a few that are so far
    apart, squares of the others could be lost to methods that look at near ones alone.
    """
    s = jax.lax.stop_gradient(samples)
    first = s.x[0 if s.a is None else jnp.argmax(s.a > 0)]
    unit = _unit(cost, len(first), first.dtype)
    size = jnp.maximum(_largest((s.x - first) * unit, s.a), _largest((s.y - first) * unit, s.b))
    least = 2.0 ** (jnp.finfo(size.dtype).minexp / (4 * max(cost.p, 2)))
    lost = (size < least) | (of_all & (size > 1 / least) & jnp.isfinite(size))
    return jnp.where((size > 0) & lost, jnp.frexp(size)[1], 0)


def _unit(cost: Cost, dim: int, dtype: Any) -> Any:
    """Lengths of the axes in the norm of the cost."""
    return 1 if cost.minkowski else jnp.asarray(cost.lengths_of_axes(dim), dtype)


def _largest(gaps: jax.Array, weights: jax.Array | None) -> jax.Array:
    """The largest coordinate of rows with mass."""
    sizes = jnp.abs(gaps).max(1)
    return sizes.max() if weights is None else jnp.where(weights > 0, sizes, 0).max()


def _root(total: jax.Array, p: float) -> jax.Array:
    """W_p from W_p^p; its derivative is 0 at 0."""
    if p == 1:
        return total
    positive = total > 0
    root = jnp.where(positive, total, 1.0) ** (1 / p)
    return jnp.where(positive, root, jnp.where(jnp.isnan(total), total, 0.0))


def _cost_of(estimator: Estimator, cost: Cost, by_name: bool) -> Callable[[Samples], jax.Array]:
    """W_p^p by this estimator, as a function that can be traced and differentiated."""
    if isinstance(estimator, Exact):
        return lambda s: exact_cost(s.x, s.y, s.a, s.b, cost, estimator.max_iterations)
    if isinstance(estimator, OneDimensional) and not cost.circumference:
        return lambda s: line_cost(s.x[:, 0], s.y[:, 0], s.a, s.b, cost)
    if isinstance(estimator, Sliced):
        return lambda s: _sliced(estimator, s, cost)
    if isinstance(estimator, SinkhornDivergence):
        return lambda s: _sinkhorn(estimator, by_name, s, cost)
    if isinstance(estimator, DirectEstimator) and estimator.traced:
        return lambda s: cast(TracedFitted, estimator).batch_cost(s, cost)
    raise ValueError(
        f"method: expected exact, one_dimensional, sliced, nearest_neighbor or "
        f"sinkhorn_divergence, got {estimator.name} with cost {cost.norm}, which works outside jit "
        f"only; call wb.estimate(x, y, {estimator.name!r})"
    )


def _sliced(estimator: Sliced, samples: Samples, cost: Cost) -> jax.Array:
    """Along the directions of `wb.estimate` with seed 0."""
    with jax.ensure_compile_time_eval():
        key = jax.random.split(jax.random.key(0))[1]
        theta = directions(key, estimator.n_projections, samples.x.shape[1])
    return sliced_cost(samples.x, samples.y, samples.a, samples.b, cost, theta)


def _sinkhorn(
    estimator: SinkhornDivergence, by_name: bool, samples: Samples, cost: Cost
) -> jax.Array:
    dtype = samples.x.dtype
    threshold = _THRESHOLDS[dtype.name] if by_name else estimator.threshold
    a, b = (None if mass is None else mass.astype(dtype) for mass in (samples.a, samples.b))
    total = sinkhorn_divergence_cost(
        samples.x, samples.y, a, b, cost, estimator.epsilon,
        None if estimator.epsilon_unit == "mean_cost" else estimator.epsilon, threshold,
        estimator.max_iterations,
    )  # fmt: skip
    positive = jnp.where(total < 0, 0.0, total)
    if cost.p <= cost.negative_type:  # not below 0 in exact arithmetic
        return positive
    near = gathered(samples.x, a), gathered(samples.y, b)
    inexact = threshold * jax.lax.stop_gradient(cost.pairwise(*near)).max()
    return jnp.where(total < -inexact, jnp.nan, positive)
