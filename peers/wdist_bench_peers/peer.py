"""What all peers share: one call of another library, in units of W_p, with the claim it makes."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from importlib.util import find_spec
from typing import ClassVar, NamedTuple

import numpy as np

import wdist_bench as wb

ALL_COSTS = (("l2", 1), ("l2", 2), ("l1", 1), ("l1", 2))
L2 = (("l2", 1), ("l2", 2))
SQUARED = (("l2", 2),)


class RefusedError(Exception):
    """These samples are not what the solver is made for."""


class NotConvergedError(Exception):
    """The solver stopped before it had an answer."""


class Found(NamedTuple):
    """What a solver gives.

    Attributes:
        cost: W_p^p.
        steps: iterations, 0 where it does not say.
        diagnostics: what else it says.
    """

    cost: float
    steps: int = 0
    diagnostics: dict[str, float] = {}


class Peer(wb.DirectEstimator):
    """A solver of another library, called as its authors ship it.

    Implementations are frozen dataclasses whose options have that library's names and defaults, and
    a method `solve`. An option without a default there says where ours is from.

    Attributes:
        module: what is imported.
        package: what pip installs.
        costs: (norm, p) that the solver has a meaning for.
        stops: parts of warnings which say that the solver has not converged: then there is no
            number. Empty where the library itself returns one without a word.
    """

    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    module: ClassVar[str]
    package: ClassVar[str]
    costs: ClassVar[tuple[tuple[str, float], ...]] = ALL_COSTS
    stops: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """W_p^p of samples whose points all have mass; weights are arrays."""

    def check_cost(self, cost: wb.Cost) -> None:
        """Raise ValueError where the library is not installed or has no meaning for the cost."""
        if (cost.norm, cost.p) not in self.costs:
            meant = ", ".join(f"{norm} at p = {p:g}" for norm, p in self.costs)
            raise ValueError(
                f"{self.name}: expected {meant}, got {cost.norm} at p = {cost.p:g}; use exact"
            )
        if find_spec(self.module) is None:
            raise ValueError(
                f"{self.name}: expected {self.package} to be installed, got no module "
                f"{self.module}; call: pip install {self.package}"
            )

    def estimate(self, samples: wb.Samples, cost: wb.Cost) -> wb.Estimate:
        """One call, with NaN and a sentence where the library warns, refuses or gives no number."""
        kept = samples.with_mass()
        full = wb.Samples(kept.x, kept.y, *(_masses(kept, side) for side in ("x", "y")))
        try:
            found, note = self._answer(full, cost)
        except NotConvergedError as doubt:
            return self._failed("not_converged", str(doubt))
        except RefusedError as refusal:
            return self._failed("refused", str(refusal))
        except MemoryError as error:
            return self._failed("out_of_memory", str(error) or "memory ran out")
        if not math.isfinite(found.cost) or found.cost < 0:
            return self._failed(
                "not_converged", f"{self.package} gave {found.cost:.3g} as transport cost"
            )
        value = cost.root(found.cost)
        return wb.Estimate(
            value, found.cost, target="batch", bound=self.bound, steps=found.steps,
            lower=value if self.bound == "lower" else None,
            upper=value if self.bound == "upper" else None,
            diagnostics=found.diagnostics,
            message=note,
        )  # fmt: skip

    def _answer(self, samples: wb.Samples, cost: wb.Cost) -> tuple[Found, str]:
        """`solve`, and what the library warned of; what `stops` names is an exception."""
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found = self.solve(samples, cost)
        notes = [" ".join(str(warning.message).split()) for warning in said]
        for note in notes:
            if any(part in note for part in self.stops):
                raise NotConvergedError(note)
        return found, notes[0] if notes else ""

    def _failed(self, status: str, message: str) -> wb.Estimate:
        return wb.Estimate.failed(status, message, target="batch", bound=self.bound)


def costs_of(samples: wb.Samples, cost: wb.Cost) -> np.ndarray:
    """(n, m) ground costs, which most solvers take: computed once, in float64."""
    return np.ascontiguousarray(cost.matrix(samples.x, samples.y))


def require_assignment(name: str, samples: wb.Samples) -> None:
    """Refuse what is no assignment: other numbers of points, or weights that are not equal."""
    n, m = len(samples.x), len(samples.y)
    equal = all(np.ptp(weights) <= 1e-12 / n for weights in (samples.a, samples.b))
    if n != m or not equal:
        raise RefusedError(
            f"{name}: expected as many points on both sides with equal weights, since it solves "
            f"an assignment, got {n} and {m}{'' if equal else ' with other weights'}"
        )


def mean_cost(samples: wb.Samples, cost: wb.Cost) -> float:
    """sum_ij a_i b_j c(x_i, y_j), the unit of temperatures; refuses points that are all one."""
    mean = float(samples.a @ cost.matrix(samples.x, samples.y) @ samples.b)
    if mean == 0:
        raise RefusedError("all points are one and the same: no temperature has a meaning")
    return mean


def matched(samples: wb.Samples, columns: np.ndarray, cost: wb.Cost) -> float:
    """W_p^p of the assignment of x_i to y_columns[i], in float64."""
    return float(cost.matched(samples.x, samples.y[columns]).mean())


def _masses(samples: wb.Samples, side: str) -> np.ndarray:
    points = getattr(samples, side)
    weights = samples.a if side == "x" else samples.b
    return np.full(len(points), 1 / len(points)) if weights is None else np.asarray(weights)
