"""What estimates that take the bias of two samples off have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import jax
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimate, Estimator, Fitted, out_of_memory
from wdist_bench.problem import Problem, Samples
from wdist_bench.solvers.debiased.influence import NoOptimumError, Rows, Statistic


@dataclass(frozen=True, eq=False)
class Correction:
    """What a method makes of the rows.

    Attributes:
        cost: its estimate of W_p^p, which may be negative, with its linear part.
        noise: standard deviation of that estimate beyond the linear part.
        steps: iterations taken.
        message: what is to be said beside the number.
        diagnostics: named numbers.
    """

    cost: Statistic
    noise: float = 0.0
    steps: int = 0
    message: str = ""
    diagnostics: dict[str, float] = field(default_factory=dict)


class Corrected(Estimator):
    """An estimate of the populations' distance from the rows alone, with a standard error.

    `value` is W_p, 0 where the estimate of W_p^p is negative (`signed_cost` of the diagnostics).
    `stderr` is the root of W_p^p + one standard error, less the value: where the distance is next
    to 0, how large it may be. No interval is given, since what is left of the bias is not known.
    Means over batches (`wb.evaluate`, suites) are of these values: of two equal laws they are above
    0, where those of `signed_cost` are about 0.
    """

    target: ClassVar[str] = "population"
    bound: ClassVar[str] = "none"
    least_rows: ClassVar[int] = 2
    """Of a side: fewer tell nothing of the bias, or of the standard error."""

    def fit(self, key: jax.Array, problem: Problem) -> Fitted:
        """Remember the key of what is random."""
        self.check_cost(problem.cost)
        return FittedCorrected(self, key)

    @abstractmethod
    def correct(self, rows: Rows, generator: np.random.Generator) -> Correction:
        """The estimate of W_p^p; raises NoOptimumError where a part of it has no number."""


@dataclass(frozen=True)
class FittedCorrected(Fitted):
    """What `fit` leaves: the method, and the key that its random parts are drawn from."""

    estimator: Corrected
    key: jax.Array

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The corrected estimate.

        Raises:
            ValueError: fewer rows of a side than the method needs.
        """
        samples.check_scale(cost)
        rows = Rows.of(samples, cost)
        if min(len(rows.x), len(rows.y)) < self.estimator.least_rows:
            raise ValueError(
                f"{self.estimator.name}: expected {self.estimator.least_rows} rows of each side at "
                f"least, got {len(rows.x)} and {len(rows.y)}; the bias and its error are learnt "
                "from parts of the rows: draw more, or use exact"
            )
        seed = np.asarray(jax.random.key_data(self.key)).tolist()
        try:
            found = self.estimator.correct(rows, np.random.default_rng(seed))
        except NoOptimumError as error:
            return Estimate.failed("not_converged", str(error), target="population", bound="none")
        except (MemoryError, jax.errors.JaxRuntimeError) as error:
            return out_of_memory(error, self.estimator)
        return answer(found, cost)


def answer(found: Correction, cost: Cost) -> Estimate:
    """A correction in units of W_p."""
    total = max(found.cost.value, 0.0)
    error = math.hypot(found.cost.stderr, found.noise)
    value = cost.root(total)
    return Estimate(
        value,
        total,
        target="population",
        bound="none",
        stderr=cost.root(total + error) - value,
        steps=found.steps,
        message=found.message,
        diagnostics={"signed_cost": found.cost.value, "signed_cost_stderr": error}
        | found.diagnostics,
    )
