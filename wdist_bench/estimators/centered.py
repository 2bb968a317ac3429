"""The distance of two samples less that of two parts of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimators import register
from wdist_bench.estimators.corrected import Corrected, Correction
from wdist_bench.estimators.potential import require_w2
from wdist_bench.solvers.debiased.centred import centred
from wdist_bench.solvers.debiased.influence import Rows
from wdist_bench.validation import check_integer, check_name

VARIANTS = ("V", "U_x", "U_y", "L")


@register
@dataclass(frozen=True, kw_only=True)
class Centered(Corrected):
    """Papp and Sherlock's U, V and L for W_2^2, squared Euclidean cost.

    - U_x = W_2^2(mu'_n, nu_n) - W_2^2(mu'_n, mu_n), of samples mu' and mu of one population that
      are independent of each other; U_y likewise. E U = 0 at mu = nu, at every n and m.
    - V is the larger of U_x and U_y: the one whose centre scatters less. The plug-in of a law that
      is wider than its centre has more noise than the centre has with itself, so V tends to be too
      large there, as an upper bound should be.
    - L = sign(l) l^2, l = W_2(mu'_n, nu_n) - W_2(mu'_n, mu_n) at the centre of V, tends to be too
      small: for a translation by v it sees |v|^2 less twice |v| times the noise.

    Independent samples are disjoint parts of the rows (`solvers.debiased.centred`), so the plug-ins
    are of half of the rows where both sides have as many. `value` is W_2; neither is a bound of a
    sample. `stderr` is that of the potentials of both terms; it takes four rows of each side.

    Attributes:
        variant: "V", "U_x", "U_y" or "L".
        splits: random splits of the rows that the terms are averaged over.

    Source: Papp and Sherlock 2022, Centered plug-in estimation of Wasserstein distances (arXiv
    2203.11627), which takes two samples of each law; parts of one sample, unequal numbers of rows
    and means over splits are ours.
    """

    name: ClassVar[str] = "centered"
    version: ClassVar[int] = 1
    every_cost: ClassVar[bool] = True
    least_rows: ClassVar[int] = 4  # parts of one row have no spread, so no standard error

    variant: str = "V"
    splits: int = 2

    def __post_init__(self) -> None:
        check_name(self.variant, VARIANTS, "variant")
        check_integer(self.splits, "splits", 1)

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError unless the cost is the squared Euclidean distance."""
        reason = "the cost that its theory is for"
        require_w2(self, cost, reason, "exact, or extrapolated for populations")

    def correct(self, rows: Rows, generator: np.random.Generator) -> Correction:
        """U, V or L, in units of W_2^2."""
        at_x, at_y = centred(rows, self.splits, generator)
        wider = max(at_x, at_y, key=lambda one: one.difference.value)
        centre = {"U_x": at_x, "U_y": at_y}.get(self.variant, wider)
        found = centre.square if self.variant == "L" else centre.difference
        diagnostics = {
            "across": centre.across.value,
            "within": centre.within.value,
            "U_x": at_x.difference.value,
            "U_y": at_y.difference.value,
            "L": wider.square.value,
        }
        return Correction(found, diagnostics=diagnostics)
