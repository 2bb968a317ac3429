"""Entropic estimates: the cost of the Sinkhorn plan, and the Sinkhorn divergence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from wdist_bench.costs import L2, Cost
from wdist_bench.estimate import (
    DirectEstimator,
    Estimate,
    Potentials,
    out_of_memory_is_a_status,
)
from wdist_bench.estimators import register
from wdist_bench.problem import Samples
from wdist_bench.solvers.certificate import at_all_points, certify
from wdist_bench.solvers.machine.memory import INSTEAD_FOR_GIVEN, require_matrix
from wdist_bench.solvers.maps import EntropicInverse, EntropicMap
from wdist_bench.solvers.sinkhorn import Entropic, sinkhorn
from wdist_bench.validation import check_integer, check_name, check_number

# Measured at 3,000 points: costs, their copies on the device and Sinkhorn's.
_BYTES_A_PAIR = 51


@dataclass(frozen=True, kw_only=True)
class _Entropic(DirectEstimator):
    """Options of Sinkhorn's iteration.

    Attributes:
        epsilon: temperature of the entropy.
        epsilon_unit: "mean_cost": epsilon is a share of the mean of c(x_i, y_j) under independent
            weights; "cost": it is in units of cost itself (distance^p).
        threshold: l1 error of the marginals to reach.
        max_iterations: iterations allowed; when they run out the status is "not_converged" and
            the value NaN.
    """

    every_cost: ClassVar[bool] = True

    epsilon: float = 0.05
    epsilon_unit: str = "mean_cost"
    threshold: float = 1e-3
    max_iterations: int = 10_000

    def __post_init__(self) -> None:
        check_number(self.epsilon, "epsilon", above=0)
        check_name(self.epsilon_unit, ("mean_cost", "cost"), "epsilon_unit")
        check_number(self.threshold, "threshold", above=0)
        check_integer(self.max_iterations, "max_iterations", 10)

    def temperature(self, matrix: np.ndarray, samples: Samples) -> float:
        """Epsilon in units of cost; positive also where all costs vanish."""
        if self.epsilon_unit == "cost":
            return self.epsilon
        rows = matrix.mean(0) if samples.a is None else samples.a @ matrix
        mean = float(rows.mean() if samples.b is None else rows @ samples.b)
        return self.epsilon * mean or 1.0

    def solve(
        self, matrix: np.ndarray, a: np.ndarray | None, b: np.ndarray | None, epsilon: float
    ) -> Entropic:
        """One Sinkhorn run on costs of unit scale, returned in the user's units."""
        scale = float(matrix.max()) or 1.0
        run = sinkhorn(matrix / scale, a, b, epsilon / scale, self.threshold, self.max_iterations)
        return run._replace(cost=run.cost * scale, g=run.g * scale)

    def failure(self, epsilon: float, iterations: int) -> str:
        """The sentence that a run which did not reach its threshold is answered with."""
        return (
            f"Sinkhorn did not reach a marginal error of {self.threshold:g} in {iterations} "
            f"iterations at epsilon {epsilon:.3g}; raise max_iterations, threshold or epsilon"
        )


@register
@dataclass(frozen=True, kw_only=True)
class Sinkhorn(_Entropic):
    """The transport cost <P, c> of the entropic plan, rounded to feasibility.

    P minimises <P, c> + eps KL(P | a b^T); its entropy is not part of the value. The rounded plan
    is a coupling, so `value` (W_p) is an upper bound on the batch value, above it by at most
    eps log min(n, m) in cost up to the rounded mass. `lower` comes from the c-transformed
    potential: [lower, upper] is certified. Memory is O(n m). For p = 2 in l2 `map` is the entropic
    map (`solvers.maps.EntropicMap`).

    Source: Cuturi 2013 (arXiv 1306.0895), as shipped in OTT-JAX (arXiv 2201.12324); rounding,
    Altschuler, Weed, Rigollet 2017 (arXiv 1705.09634).
    """

    name: ClassVar[str] = "sinkhorn"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "upper"

    @out_of_memory_is_a_status
    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The upper bound, with the certified interval."""
        samples.check_scale(cost)
        kept = samples.with_mass()
        advice = "" if cost.traceable else INSTEAD_FOR_GIVEN
        require_matrix(len(kept.x), len(kept.y), kept.x.shape[1], _BYTES_A_PAIR, advice)
        matrix = cost.matrix(kept.x, kept.y)
        epsilon = self.temperature(matrix, kept)
        run = self.solve(matrix, kept.a, kept.b, epsilon)
        bounds = certify(kept, cost, run.g, epsilon)
        shared: dict[str, Any] = {
            "target": "batch",
            "bound": "upper",
            "steps": run.iterations,
            "diagnostics": {
                "epsilon": epsilon, "entropic_cost": run.cost, "rounded": bounds.error,
            },
        }  # fmt: skip
        if not run.converged:
            return Estimate.failed("not_converged", self.failure(epsilon, run.iterations), **shared)
        maps: dict[str, Any] = {}
        if cost == L2(2):
            maps["map"] = EntropicMap(kept.y, run.g, epsilon)
            maps["inverse_map"] = EntropicInverse(kept.x, kept.y, kept.a, run.g, epsilon)
        upper = cost.root(bounds.upper)
        return Estimate(
            upper,
            bounds.upper,
            lower=cost.root(bounds.lower),
            upper=upper,
            potentials=Potentials(*at_all_points(bounds.phi, bounds.psi, samples, cost)),
            **maps,
            **shared,
        )


@register
@dataclass(frozen=True, kw_only=True)
class SinkhornDivergence(_Entropic):
    """S_eps = OT_eps(x, y) - OT_eps(x, x) / 2 - OT_eps(y, y) / 2, the debiased entropic cost.

    OT_eps = min <P, c> + eps KL(P | a b^T), all three at one epsilon. S_eps is in units of cost;
    `value` is its p-th root. It vanishes for equal measures and tends to W_p^p as epsilon falls,
    but is a bound of neither side. Where exp(-c / eps) is no positive definite kernel (l2 at p > 2,
    l1 at p > 1, other distances) it can be negative: the status is "not_converged" then.

    Source: Feydy, Sejourne, Vialard, Amari, Trouve, Peyre 2019 (arXiv 1810.08278), equation 3.
    """

    name: ClassVar[str] = "sinkhorn_divergence"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "none"

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError where costs within x and within y are not known, or have no symmetry."""
        if not cost.symmetric:
            raise ValueError(
                f"sinkhorn_divergence: expected a distance of points, got a {cost.norm} of costs, "
                "which need not be symmetric and 0 for equal points; use sinkhorn, exact or bracket"
            )

    @out_of_memory_is_a_status
    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The divergence, from three Sinkhorn runs."""
        samples.check_scale(cost)
        if samples.coincide(cost):
            return Estimate.zero(samples, bound="none")
        kept = samples.with_mass()
        x, y, a, b = kept.x, kept.y, kept.a, kept.b
        require_matrix(max(len(x), len(y)), max(len(x), len(y)), x.shape[1], _BYTES_A_PAIR)
        matrix = cost.matrix(x, y)
        epsilon = self.temperature(matrix, kept)
        runs = (
            self.solve(matrix, a, b, epsilon),
            self.solve(cost.matrix(x, x), a, a, epsilon),
            self.solve(cost.matrix(y, y), b, b, epsilon),
        )
        diagnostics = {"epsilon": epsilon}
        shared: dict[str, Any] = {
            "target": "batch",
            "bound": "none",
            "steps": sum(run.iterations for run in runs),
            "diagnostics": diagnostics,
        }
        if not all(run.converged for run in runs):
            worst = max(run.iterations for run in runs)
            return Estimate.failed("not_converged", self.failure(epsilon, worst), **shared)
        cross, left, right = (run.cost for run in runs)
        total = cross - (left + right) / 2
        # Otherwise not negative in exact arithmetic with full convergence.
        if total < 0 and cost.p > cost.negative_type:
            return Estimate.failed(
                "not_converged",
                f"the divergence is {total:.3g}, below 0, which it can be for the cost {cost.norm} "
                f"at p = {cost.p:g}; lower epsilon, or use sinkhorn or exact",
                **shared,
            )
        total = max(total, 0.0)
        diagnostics |= {"cross": cross, "left": left, "right": right}
        return Estimate(cost.root(total), total, **shared)
