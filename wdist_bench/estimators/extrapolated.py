"""The distance of two samples, extrapolated to samples without end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimators import register
from wdist_bench.estimators.corrected import Corrected, Correction
from wdist_bench.solvers.debiased.extrapolation import limit, nested
from wdist_bench.solvers.debiased.influence import Rows
from wdist_bench.validation import check_integer, check_number

_STEEPEST = 40  # of exponents: 2^(2 alpha levels) is held by float64


@register
@dataclass(frozen=True, kw_only=True)
class Extrapolated(Corrected):
    """V of W_p(n)^2 = V + c n^-alpha, fitted to n = all rows, their halves, quarters and so on.

    In dimension d > 2 the plug-in of two laws next to each other is off by n^(-1/d) in W_p, and of
    two apart by n^(-2/d), and by 1 / n on the line: in squares the exponent is
    min(1, 2 / d) in both cases, and larger where the laws live on fewer dimensions. So alpha is
    fitted between that and 1, c >= 0. `value` is sqrt(V), or 0 where V is negative; what is fitted
    is a law for large n, and nothing is guaranteed at yours.

    `stderr` is that of the potentials at all sizes and of what parts differ by beyond them, small
    parts' differences counting for large ones' too: where the bias is large it is too large, 2.7
    times for 400 rows of two Gaussians in dimension 10.

    Attributes:
        levels: how often the rows are halved; fewer where there are too few of them.
        exponent: alpha, 40 at most; 0 to fit it.

    Source: Richardson's extrapolation; rates, Fournier and Guillin 2015 (arXiv 1312.2128) and for
    laws that are apart Chizat, Roussillon, Leger, Vialard, Peyre 2020 (arXiv 2006.08172). That
    squares are fitted at every p is ours.
    """

    name: ClassVar[str] = "extrapolated"
    version: ClassVar[int] = 1
    every_cost: ClassVar[bool] = True

    levels: int = 3
    exponent: float = 0.0

    def __post_init__(self) -> None:
        check_integer(self.levels, "levels", 1, 10)
        check_number(self.exponent, "exponent", minimum=0)
        if self.exponent > _STEEPEST:
            raise ValueError(
                f"exponent: expected at most {_STEEPEST}, got {self.exponent:g}; theory has 1 at "
                "most, and 0 fits it"
            )

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError unless the cost is a power of a norm, whose rates in n are known."""
        if not cost.is_norm:
            raise ValueError(
                f"extrapolated: expected a norm, got {cost.norm}, whose rate in the number of rows "
                "is not known; use exact, bracket or sinkhorn"
            )

    def correct(self, rows: Rows, generator: np.random.Generator) -> Correction:
        """The fitted limit, in units of W_p^p."""
        levels = min(self.levels, int(math.log2(min(len(rows.x), len(rows.y)))))
        slowest, fastest = min(1.0, 2 / rows.x.shape[1]), 1.0
        if self.exponent:
            slowest = fastest = self.exponent
        near_one, power = rows.near_one()
        found = limit(nested(near_one, levels, generator), slowest, fastest)
        p = rows.cost.p
        unit = 2.0 ** (power * p)
        square = max(found.square.value, 0.0)
        # At 0 the power p / 2 has no slope: what the square may be is brought to W_p^p whole.
        error = math.hypot(found.square.stderr, found.noise)
        cost = square ** (p / 2)
        room = (square + error) ** (p / 2) - cost
        share = room / error if error > 0 else 0.0
        signed = math.copysign(abs(found.square.value) ** (p / 2), found.square.value)
        with np.errstate(over="ignore", under="ignore"):  # of squares, where W_p^p itself is held
            excess = float(np.ldexp(found.excess, 2 * power))
        return Correction(
            unit * found.square.mapped(signed, share),
            noise=unit * share * found.noise,
            diagnostics={"exponent": found.exponent, "excess": excess},
        )
