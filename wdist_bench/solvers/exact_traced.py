"""The exact distance of a batch inside compiled programs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wdist_bench.costs import Cost
from wdist_bench.problem import Samples
from wdist_bench.solvers.exact import solve_exact


def exact_cost(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    a: Float[Array, " n"] | None = None,
    b: Float[Array, " m"] | None = None,
    cost: Cost = Cost(),  # noqa: B008  (frozen)
) -> Float[Array, ""]:
    """W_p^p of a batch as a scalar in the dtype of x, for use inside jit and vmap.

    The simplex runs on the host in float64, one problem after another under vmap. The result is
    NaN where the input is not finite, the weights are no probabilities, or optimality was not
    proved: nothing can be raised inside a compiled program. It has no derivative.

    Args:
        x: (n, d) points of mu.
        y: (m, d) points of nu.
        a: (n,) weights summing to one, None for equal weights.
        b: (m,) weights summing to one, None for equal weights.
        cost: ground cost.

    Raises:
        ValueError: shapes that do not fit, which are known when the program is traced.
    """
    _check_shapes(x, y, a, b)
    dtype = jnp.result_type(x.dtype, jnp.float32)

    def on_host(x: object, y: object, a: object, b: object) -> np.ndarray:
        try:
            samples = Samples.checked(x, y, a, b)
            solution = solve_exact(cost.matrix(samples.x, samples.y), samples.a, samples.b)
        except ValueError:  # bad numbers in the arrays: the one way to say so from here
            return np.asarray(np.nan, dtype)
        return np.asarray(solution.cost if solution.converged else np.nan, dtype)

    return jax.pure_callback(
        on_host, jax.ShapeDtypeStruct((), dtype), x, y, a, b, vmap_method="sequential"
    )


def _check_shapes(x: jax.Array, y: jax.Array, a: jax.Array | None, b: jax.Array | None) -> None:
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
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"x and y: expected equal dimensions, got {x.shape[1]} and {y.shape[1]}; both must "
            "hold points of the same space, one a row"
        )
