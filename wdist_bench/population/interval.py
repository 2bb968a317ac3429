"""`population_interval`: an interval for the distance of two populations."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wdist_bench.costs import Cost, as_cost
from wdist_bench.estimate import Estimate, Estimator
from wdist_bench.inputs.elsewhere import explained
from wdist_bench.population.lower import LEAST_FITTED, Below, below
from wdist_bench.population.point import point
from wdist_bench.population.split import near_one, ties
from wdist_bench.population.stream import stream_interval
from wdist_bench.population.support import check_support, mcdiarmid, mcdiarmid_upper
from wdist_bench.population.upper import Above, above, left_out
from wdist_bench.population.words import describe, refusal_before
from wdist_bench.problem import Samples
from wdist_bench.tasks import Task
from wdist_bench.tasks.given import check_task
from wdist_bench.validation import (
    check_name,
    check_number,
    check_one_or_two,
    check_samples,
    check_seed,
)

SIDES = ("both", "lower", "upper")
_CRITIC_STREAM, _HALVES_STREAM = 1, 2
_CRITIC, _BATCH, _EVAL_BATCHES = "funnel", 1024, 20  # of a task, where the caller names none


@explained
def population_interval(
    x: Any,
    y: Any = None,
    p: int | None = None,
    level: float = 0.95,
    a: Any = None,
    b: Any = None,
    side: str = "both",
    seed: int = 0,
    cost: Cost | str | None = None,
    support: float | None = None,
    *,
    critic: str | Estimator | None = None,
    n: int | None = None,
    eval_batches: int | None = None,
) -> Estimate:
    """[lower, upper] that holds W_p(mu, nu) of the populations with a stated confidence.

    From rows: x are independent draws of mu, y independent draws of nu.

    - Below: a function that is admissible on the whole space (for p = 1 one that is 1-Lipschitz,
      for p = 2 also a quadratic and its conjugate) is chosen and fitted on two fifths of the rows
      and averaged over the others: E f(x) - E f(y) <= W_1. The limit is that of a mean.
    - Above: the exact distance of all rows. It is at least the mean of the populations' optimal
      potentials over the rows, whose expectation is W_p^p, and the limit is that of this mean; its
      variance is that of the rows' own potentials. In high dimension the rows are much further
      apart than their populations, and the end is as much too high.
    - Both are Student's limits, moved outwards for skewness, and never closer than a mass that no
      row shows could move them; each has half of the error probability.

    From a task or its name: the limits of means of fresh draws, see `population.stream`.

    It refuses (status "refused") where it cannot tell: rows that x and y share, and without
    `support` fewer than 20 rows of a side, rows that are all equal, potentials with infinite
    variance, for all one sees. Where only one end fails, the other is given.

    Args:
        x: (n, d) independent rows of mu, or a task, or the name of one.
        y: (m, d) independent rows of nu; none beside a task.
        p: exponent of the cost, 1 (default) or 2.
        level: confidence that the interval holds W_p.
        a: (n,) weights of the rows of x, summing to one, fixed before the rows were drawn. Weights
            that depend on the rows (counts, importance weights) make no independent terms, and the
            level does not hold for them.
        b: (m,) weights of the rows of y, likewise.
        side: "both", or "lower" and "upper" for one end with all of the error probability; the
            other end is then inf, or 0. Of more than 2^28 pairs in more than 8 columns "lower"
            looks at no distance of the rows, and `value` is what the function reads.
        seed: of the splits.
        cost: a `Cost`, or the name of its norm; l2 by default.
        support: an upper bound on the distance of any two points of both populations. Both ends
            then are McDiarmid's, which hold for every law within it and at every n, one row
            included, and the upper one is `support` at most.
        critic: of a task alone: an estimator with target "population" and bound "lower", "funnel"
            by default, which is one at p = 1. At p = 2 in l2 pass critic="icnn"; without it the
            lower end is 0 there.
        n: of a task alone: points of an exact batch, 1024 by default; more narrows the upper end.
        eval_batches: of a task alone: number of exact batches, 20 by default.

    Returns:
        An Estimate with target "population" and bound "none", in units of W_p: `lower`, `upper`
        and `interval`; `value`, a point estimate between them with no guarantee (`point`);
        `level`; `message`, what the ends rest on. `diagnostics`: `critic_mean` (what the critic
        reads on the rows kept back), `batch` (the exact distance of the rows), `tail_index`,
        `ties` (share of rows that repeat another one), `skewness`.

    Raises:
        ValueError, TypeError: bad input; the message states what was expected and the fix.
    """
    level = check_level(level)
    check_name(side, SIDES, "side")
    check_seed(seed)
    ground = given_cost(p, cost)
    if y is None and not isinstance(x, (str, Task)):
        raise TypeError(
            "y: expected the rows of the other population beside those of x, got none; call "
            "wb.population_interval(x, y), or give a task or its name alone"
        )
    if isinstance(x, (str, Task)):
        _check_no_rows(y=y, a=a, b=b, support=support)
        return stream_interval(
            check_task(x), ground, level, side, seed,
            critic=_CRITIC if critic is None else critic,
            n=_BATCH if n is None else n,
            eval_batches=_EVAL_BATCHES if eval_batches is None else eval_batches,
        )  # fmt: skip
    _check_no_task_options(critic=critic, n=n, eval_batches=eval_batches)
    checked = check_samples(x, y, a, b)
    samples = Samples(checked.x, checked.y, checked.a, checked.b)
    samples.check_scale(ground)
    rows = samples.weighted()
    reach = None if support is None else check_support(support, rows, ground)
    question = _Answer(rows, ground, level, side, seed, reach)
    try:
        answer = question.estimate()
    except MemoryError as error:
        answer = question.refused(str(error), status="out_of_memory")
    if not checked.remark:
        return answer
    return replace(answer, message=f"{answer.message}; {checked.remark}")


def given_cost(p: Any, cost: Any) -> Cost:
    """The cost that a caller means; raises ValueError unless it is l2 or l1 at p = 1 or 2.

    What the ends rest on, Lipschitz functions and quadratics, is known for these.
    """
    ground = as_cost(cost, p)
    check_name(ground.norm, ("l2", "l1"), "norm of population_interval")
    check_one_or_two(ground.p, "population_interval")
    return ground


def check_level(level: Any) -> float:
    """A confidence between 0.5 and 1, both excluded."""
    level = check_number(level, "level", above=0)
    if not 0.5 < level < 1:
        raise ValueError(
            f"level: expected a confidence between 0.5 and 1, got {level:g}; write 0.95 for 95 %"
        )
    return level


def _check_no_rows(**given: Any) -> None:
    """Rows, weights and a support belong to samples."""
    for name, value in given.items():
        if value is not None:
            raise TypeError(
                f"{name}: expected none beside a task, got {type(value).__name__}; pass the rows "
                "of both populations as arrays, or p by name, as in p=2"
            )


def _check_no_task_options(**given: Any) -> None:
    """How often to draw, and what is trained on it, belong to a task."""
    for name, value in given.items():
        if value is not None:
            raise TypeError(
                f"{name}: expected none beside rows, got {value!r}; it is for a task, as in "
                f"wb.population_interval('gaussian_shift', {name}={value!r}); leave it out"
            )


@dataclass(frozen=True, eq=False)
class _Answer:
    """One question about rows.

    Attributes:
        rows: of both populations, with explicit weights, as they came.
        cost: ground cost.
        level: confidence of the interval.
        side: "both", "lower" or "upper".
        seed: of the splits.
        reach: bound on all distances, or None.
    """

    rows: Samples
    cost: Cost
    level: float
    side: str
    seed: int
    reach: float | None

    def estimate(self) -> Estimate:
        """Both ends and the point between them."""
        if problem := refusal_before(self.rows, self.reach is not None):
            return self.refused(problem)
        rows, power = near_one(self.rows)
        low = None if self.side == "upper" else self._below(rows)
        over = left_out(rows, self.cost) if self.side == "lower" and low is not None else None
        high = over or above(rows, self.cost, self._generator(_HALVES_STREAM))
        diagnostics = self._diagnostics(low, high, power)
        lower = 0.0 if low is None else self._lower(low, power)
        if (failure := high.failure) and (self.side != "lower" or low is None):
            return self.refused(failure.message, diagnostics, failure.status, lower=lower)
        upper = math.inf
        if self.side != "lower":
            if self.reach is None and (problem := high.problem(self.cost)):
                return self.refused(problem, diagnostics, lower=lower)
            upper = self._upper(high, low, power)
        if not lower <= upper:
            return self.refused(
                f"the lower end {lower:.6g} is not below the upper end {upper:.6g}, so one of the "
                "limits failed; the rows may not be independent", diagnostics,
            )  # fmt: skip
        value = min(max(self._value(low, high, power), lower), upper)
        return Estimate(
            value,
            value**self.cost.p,
            target="population",
            bound="none",
            lower=lower,
            upper=upper,
            interval=(lower, upper),
            level=self.level,
            message=describe(low, high, self.reach, self.side),
            diagnostics=diagnostics,
        )

    def _value(self, low: Below | None, high: Above, power: int) -> float:
        """The point, and what the function below reads where the distance of the rows failed."""
        if low is not None and high.failure:
            return _times(low.value(self.cost), power)
        return _times(point(high, self.cost), power)

    @property
    def _error(self) -> float:
        """What each end may miss by."""
        return (1 - self.level) / (2 if self.side == "both" else 1)

    def _generator(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream])

    def _below(self, rows: Samples) -> Below | None:
        """None where there are too few rows, as a bounded support alone allows."""
        if min(len(rows.x), len(rows.y)) < LEAST_FITTED:
            return None
        return below(
            rows, self.cost, self._error, self._generator(_CRITIC_STREAM),
            lipschitz_only=self.reach is not None,
        )  # fmt: skip

    def _lower(self, low: Below, power: int) -> float:
        if self.reach is None:
            return _times(low.end(self._error, self.cost), power)
        found = _times(low.limits.mean, power) - mcdiarmid(low.kept, self.reach, self._error)
        return max(found, 0.0)

    def _upper(self, high: Above, low: Below | None, power: int) -> float:
        if self.reach is not None:
            return mcdiarmid_upper(high.cost, self.rows, self.reach, self._error, self.cost, power)
        return _times(high.end(self._error, low, self.cost), power)

    def _diagnostics(self, low: Below | None, high: Above, power: int) -> dict[str, float]:
        found = {
            "batch": _times(self.cost.root(high.cost), power),
            "tail_index": high.index,
            "skewness": high.limits.skewness,
            "ties": ties(self.rows),
        }
        if low is None:
            return found
        return found | {"critic_mean": _times(low.value(self.cost), power)}

    def refused(
        self, message: str, diagnostics: dict[str, float] | None = None, status: str = "refused",
        **ends: float,
    ) -> Estimate:  # fmt: skip
        """No interval, and why."""
        return Estimate.failed(
            status,
            message,
            target="population",
            bound="none",
            level=self.level,
            diagnostics=diagnostics or {},
            **ends,
        )


def _times(value: float, power: int) -> float:
    """value 2^power, inf where that is beyond float64."""
    with np.errstate(over="ignore"):
        return float(np.ldexp(value, power))
