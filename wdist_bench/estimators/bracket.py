"""A certified interval around the distance of two samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import DirectEstimator, Estimate, Potentials
from wdist_bench.estimators import register
from wdist_bench.problem import Samples
from wdist_bench.solvers.bracket import bracket, rounding
from wdist_bench.solvers.certificate import at_all_points, certify
from wdist_bench.validation import check_integer, check_number


@register
@dataclass(frozen=True)
class Bracket(DirectEstimator):
    """[lower, upper] contains W_p of the batch: admissible potentials below, a feasible plan above.

    `value` is the upper end, so its claim is certified too. Inside, for p = 2 as well, the two
    ends are those of W_p^p and the gap is relative to the upper one; outside they are p-th roots.
    The ends are computed in float64 from `Cost.matrix` and hold up to its rounding. Memory is
    linear in n + m beyond tiles of 2^24 costs, any weights are allowed, and everything but the
    final certificate is one compiled program (`solvers.bracket.bracket`, which also runs under
    jit and vmap).

    Attributes:
        rtol: relative gap to reach, or else a gap of the rounding of the largest cost. Otherwise
            the status is "not_converged" and the value NaN, with `lower` and `upper` still
            certified.
        max_steps: Newton steps allowed.
    """

    name: ClassVar[str] = "bracket"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "upper"

    rtol: float = 1e-3
    max_steps: int = 2000

    def __post_init__(self) -> None:
        check_number(self.rtol, "rtol", above=0)
        check_integer(self.max_steps, "max_steps", 1)

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The certified interval."""
        kept = samples.with_mass()
        x, y = np.asarray(kept.x, np.float64), np.asarray(kept.y, np.float64)
        # Unit scale, so that tolerances mean the same for points of any size.
        center = x.mean(0)
        size = max(np.abs(x - center).max(), np.abs(y - center).max()) or 1.0
        unit = Samples((x - center) / size, (y - center) / size, kept.a, kept.b)
        with jax.enable_x64(True):
            found = bracket(
                jnp.asarray(unit.x, jnp.float64),
                jnp.asarray(unit.y, jnp.float64),
                _weights(kept.a, len(x)),
                _weights(kept.b, len(y)),
                cost,
                self.rtol,
                self.max_steps,
            )
            found = jax.tree.map(np.asarray, found)
        bounds = certify(unit, cost, found.g, float(found.epsilon))
        back = float(size) ** cost.p
        lower, upper = cost.root(bounds.lower * back), cost.root(bounds.upper * back)
        potentials = at_all_points(bounds.phi * back, bounds.psi * back, samples, cost)
        shared: dict[str, Any] = {
            "target": "batch",
            "bound": "upper",
            "lower": lower,
            "upper": upper,
            "steps": int(found.newton),
            "potentials": Potentials(*potentials),
            "diagnostics": {
                "gap": (bounds.upper - bounds.lower) * back,
                "epsilon": float(found.epsilon) * back,
                "products": float(found.products),
                "rounded": bounds.error,
            },
        }
        gap = bounds.upper - bounds.lower
        if not gap <= self.rtol * bounds.upper + _rounding(cost, x.shape[1]):
            share = gap / bounds.upper
            return Estimate.failed(
                "not_converged",
                f"the relative gap is {share:.3g} after {found.newton} steps, wanted "
                f"{self.rtol:g}; raise max_steps or rtol, or remove outliers so far off that their "
                "costs leave the others no digits",
                **shared,
            )
        return Estimate(upper, bounds.upper * back, **shared)


def _rounding(cost: Cost, dim: int) -> float:
    """Rounding of the largest cost that points of the box [-1, 1]^dim can have."""
    diameter = 2 * (dim**0.5 if cost.norm == "l2" else dim)
    return rounding(dim, jnp.dtype("float64")) * diameter**cost.p


def _weights(weights: np.ndarray | None, count: int) -> jax.Array:
    if weights is None:
        return jnp.full(count, 1 / count, jnp.float64)
    return jnp.asarray(weights, jnp.float64)
