"""The distance along the direction in which two samples are furthest apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import jax
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimate, Estimator, Fitted
from wdist_bench.estimators import register
from wdist_bench.problem import Problem, Samples
from wdist_bench.solvers.debiased.influence import Rows
from wdist_bench.solvers.one_dimensional import line_potentials
from wdist_bench.solvers.projections.max_sliced import ascend
from wdist_bench.solvers.projections.span import in_their_span
from wdist_bench.solvers.proofs.rounding import below
from wdist_bench.solvers.sliced import directions, sliced_costs_and_rounding
from wdist_bench.validation import check_integer

_NOT_W = (
    "the max-sliced distance, that along one direction: at most W_p, and equal to it where one law "
    "is the other moved along a line"
)


@register
@dataclass(frozen=True, kw_only=True)
class MaxSliced(Estimator):
    """max over unit vectors theta of W_p(theta . x, theta . y), by ascent.

    Its target is **not** W_p but at most that, since projections are 1-Lipschitz, and it is W_p
    for a translation. Ascent starts from the difference of the means, from the directions in which
    the variances differ most, one to either side, and from random ones; it may end at a local
    maximum, so `value` is a lower bound on the max-sliced distance of the batch too. `stderr` is
    the sampling error by the potentials along the direction found, as if it had been given.

    Attributes:
        starts: random directions beside the three.
        max_iterations: most steps of ascent from each.

    Source: Deshpande et al. 2019, Max-sliced Wasserstein distance (arXiv 1904.05877).
    """

    name: ClassVar[str] = "max_sliced"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "lower"
    every_cost: ClassVar[bool] = True

    starts: int = 10
    max_iterations: int = 50

    def __post_init__(self) -> None:
        check_integer(self.starts, "starts", 1)
        check_integer(self.max_iterations, "max_iterations", 1)

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError unless the norm is l2: directions come from its unit sphere."""
        if cost.norm != "l2":
            raise ValueError(
                f"max_sliced: expected norm l2, got {cost.norm}; its directions are those of the "
                "Euclidean sphere, use exact or sinkhorn"
            )

    def fit(self, key: jax.Array, problem: Problem) -> Fitted:
        """Remember the key of the random starts."""
        self.check_cost(problem.cost)
        return FittedMaxSliced(key, self)


@dataclass(frozen=True)
class FittedMaxSliced(Fitted):
    """What `fit` leaves: the key of the random starts, and the options."""

    key: jax.Array
    options: MaxSliced

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The distance along the best direction found, with its sampling error."""
        samples.check_scale(cost)
        rows, power = Rows.of(samples, cost).near_one()
        origin = rows.a @ rows.x
        x, y, basis = in_their_span(rows.x - origin, rows.y - origin)
        random = directions(self.key, self.options.starts, samples.x.shape[1])
        if basis is not None:
            random = basis.T @ random
            random /= np.linalg.norm(random, axis=0)
        starts = np.array([*_of_moments(x, y, rows), *random.T])
        along, _ = ascend(x, y, rows.a, rows.b, cost.p, starts, self.options.max_iterations)
        theta = along if basis is None else basis @ along
        costs, rounding = sliced_costs_and_rounding(
            samples.x, samples.y, samples.a, samples.b, cost.p, theta[:, None]
        )
        total = below(float(costs[0]), float(rounding[0]))
        value = cost.root(total)
        phi, psi = line_potentials(x @ along, y @ along, rows.a, rows.b, cost.p)
        error = 2.0 ** (power * cost.p) * rows.linear(0.0, phi, psi).stderr
        return Estimate(
            value, total, target="batch", bound="lower", stderr=cost.root(total + error) - value,
            lower=value, message=_NOT_W,
        )  # fmt: skip


def _of_moments(x: np.ndarray, y: np.ndarray, rows: Rows) -> list[np.ndarray]:
    """Unit vectors: the difference of the means, and where variances differ most to either side."""
    gap = rows.a @ x - rows.b @ y
    length = math.sqrt(float(gap @ gap))
    _, vectors = np.linalg.eigh(_second(x, rows.a) - _second(y, rows.b))
    first = [gap / length] if length > 0 else []
    return [*first, vectors[:, 0], vectors[:, -1]]


def _second(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    centred = points - weights @ points
    return np.asarray(centred.T @ (weights[:, None] * centred))
