"""The distance of two laws after both are blurred by one Gaussian."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.costs.l2 import power_of_two
from wdist_bench.estimators import register
from wdist_bench.estimators.corrected import Corrected, Correction
from wdist_bench.solvers.debiased.influence import Part, Rows, Statistic
from wdist_bench.validation import check_integer, check_name, check_number


@register
@dataclass(frozen=True, kw_only=True)
class Smoothed(Corrected):
    """W_p(mu * N(0, s^2 I), nu * N(0, s^2 I)), the Gaussian-smoothed distance.

    Its target is **not** W_p but at most that, and at least W_p less 2 s (E ||Z||^p)^(1/p), Z
    standard normal: blurring contracts. In return its plug-in is off by 1 / sqrt(n) in every
    dimension, though with a constant that grows exponentially in it. Every row is replaced by
    `copies` of itself with noise of their own, and the linear programme solved on these, which
    leaves the number too large by what finitely many copies differ. `value` is a bound of neither
    side; `stderr` is that of the potentials, a row with its copies being one term.

    Attributes:
        sigma: standard deviation s of the noise in every coordinate.
        sigma_unit: "spread": a share of the root mean square deviation of a coordinate of all rows
            from their mean; "distance": in units of distance itself.
        copies: noisy points for each row.

    Source: Goldfeld, Greenewald, Niles-Weed, Polyanskiy 2020, Convergence of smoothed empirical
    measures with applications to entropy estimation (arXiv 1905.13576); for every p Nietert,
    Goldfeld, Kato 2021 (arXiv 2101.04039).
    """

    name: ClassVar[str] = "smoothed"
    version: ClassVar[int] = 1
    every_cost: ClassVar[bool] = True

    sigma: float = 0.5
    sigma_unit: str = "spread"
    copies: int = 4

    def __post_init__(self) -> None:
        check_number(self.sigma, "sigma", above=0)
        check_name(self.sigma_unit, ("spread", "distance"), "sigma_unit")
        check_integer(self.copies, "copies", 1)

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError unless the cost is a power of a norm: noise is added to coordinates."""
        if not cost.is_norm:
            raise ValueError(
                f"smoothed: expected a norm, got {cost.norm}, whose points no Gaussian noise can "
                "be added to; use exact, bracket or sinkhorn"
            )

    def correct(self, rows: Rows, generator: np.random.Generator) -> Correction:
        """W_p^p of the noisy copies."""
        sigma = self._sigma(rows)
        _check_held(sigma, rows)
        x, y = (
            np.repeat(points, self.copies, axis=0)
            + sigma * generator.normal(size=(len(points) * self.copies, points.shape[1]))
            for points in (rows.x, rows.y)
        )
        a, b = (np.repeat(mass / self.copies, self.copies) for mass in (rows.a, rows.b))
        noisy = Rows(x, y, a, b, rows.cost)
        found = noisy.distance(Part(True, np.arange(len(x))), Part(False, np.arange(len(y))))
        linear = (part.reshape(-1, self.copies).sum(1) for part in (found.of_x, found.of_y))
        return Correction(
            Statistic(found.value, *linear),
            message=(
                f"the distance after both laws are blurred by Gaussian noise of {sigma:.3g} in "
                "every coordinate, at most W_p"
            ),
            diagnostics={"sigma": sigma},
        )

    def _sigma(self, rows: Rows) -> float:
        if self.sigma_unit == "distance":
            return self.sigma
        center = (rows.a @ rows.x + rows.b @ rows.y) / 2
        off = rows.x - center, rows.y - center
        power = power_of_two(*off)
        x, y = (np.ldexp(points, -power) for points in off)
        squares = rows.a @ x**2 + rows.b @ y**2
        return self.sigma * math.ldexp(math.sqrt(float(squares.mean()) / 2), power)


def _check_held(sigma: float, rows: Rows) -> None:
    """Raise ValueError where float64 does not hold the costs of points as far apart as the noise
    moves them, about 8 sigma in a coordinate.
    """
    p = rows.cost.p
    with np.errstate(over="ignore"):
        held = bool(np.isfinite((np.float64(8) * sigma * rows.x.shape[1]) ** p))
    if not held:
        raise ValueError(
            f"sigma: expected noise whose d^{p:g} float64 holds, got a standard deviation of "
            f"{sigma:.3g} in every coordinate; lower it"
        )
