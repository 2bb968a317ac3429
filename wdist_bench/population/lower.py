"""The lower end: admissible functions averaged over rows that neither fitted nor chose them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.population.critics import CRITICS
from wdist_bench.population.limits import MeanLimits, Side, student_quantile
from wdist_bench.population.quadratic import QUADRATICS, Projected, Quadratic
from wdist_bench.population.split import parted
from wdist_bench.problem import Samples

# Share of the rows that fit and choose. Between a third and a half the ends of simple laws differ
# by a few per cent at 1,000 rows; at 100 rows those kept back matter more.
_FITTING = 0.4
# Scores that are equal but for rounding, as of a linear critic by two names: the first one counts.
_TIED = 1e-9
LEAST_FITTED = 5
"""Rows of a side from which on either half of the fitting rows has one."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A pair of functions with E u(x) + E v(y) <= W_q^q, and what that says of W_p^p.

    Attributes:
        name: of the family.
        power: the exponent q, 1 or p.
        fit: makes u and v of rows.
    """

    name: str
    power: int
    fit: Callable[[Samples], Pair]


@dataclass(frozen=True, eq=False)
class Pair:
    """u at points of mu and v at points of nu."""

    u: Callable[[np.ndarray], np.ndarray]
    v: Callable[[np.ndarray], np.ndarray]

    def at(self, rows: Samples) -> tuple[Side, Side]:
        """Values at rows, with their weights."""
        return Side(self.u(rows.x), rows.a), Side(self.v(rows.y), rows.b)


@dataclass(frozen=True, eq=False)
class Below:
    """A lower end.

    Attributes:
        name: of the family that was chosen.
        power: the exponent that it speaks of: W_1 <= W_2, so at p = 2 it may be 1.
        limits: of E u(x) + E v(y), from the rows that were kept back.
        everywhere: the same of all rows; no limit, since they fitted the functions.
        kept: the rows that were kept back.
    """

    name: str
    power: int
    limits: MeanLimits
    everywhere: MeanLimits
    kept: Samples

    def end(self, error: float, cost: Cost) -> float:
        """The limit in units of W_p, at least 0."""
        found = max(self.limits.lower(error), 0.0)
        return found if self.power == 1 else cost.root(found)

    def value(self, cost: Cost) -> float:
        """The mean over the rows kept back, in units of W_p."""
        found = max(self.limits.mean, 0.0)
        return found if self.power == 1 else cost.root(found)


def below(
    rows: Samples,
    cost: Cost,
    error: float,
    generator: np.random.Generator,
    lipschitz_only: bool = False,
) -> Below:
    """Two fifths of the rows fit and choose, the others are averaged over, once.

    Each candidate is fitted to one half of the fitting rows and scored on the other by the limit
    that it would have on as many rows as are kept back; the best is fitted again to all of them.
    The rows kept back see one function that does not depend on them, so their limit is that of a
    mean.

    Args:
        rows: of both populations, with explicit weights.
        cost: ground cost.
        error: what the limit may miss by, for the score.
        generator: of the splits.
        lipschitz_only: no quadratics, whose values on a bounded support have no simple bound.
    """
    fitting, kept = parted(rows, _FITTING, generator)
    first, second = parted(fitting, 0.5, generator)
    candidates = _candidates(cost, lipschitz_only)
    scores = np.array(
        [_score(c.fit(first), second, kept, c.power, cost, error) for c in candidates]
    )
    best = float(scores.max())
    chosen = candidates[int(np.argmax(scores >= best - _TIED * abs(best)))]
    pair = chosen.fit(fitting)
    x, y = pair.at(kept)
    fitted_x, fitted_y = pair.at(fitting)
    span = max(
        float(np.ptp(np.concatenate([one.values, other.values, across])))
        for one, other, across in (
            (x, fitted_x, pair.u(rows.y)),
            (y, fitted_y, pair.v(rows.x)),
        )
    )
    return Below(
        chosen.name,
        chosen.power,
        MeanLimits.of(x, y, span),
        MeanLimits.of(*pair.at(rows), span),
        kept,
    )


def _candidates(cost: Cost, lipschitz_only: bool) -> list[Candidate]:
    distance = Cost(1, cost.norm)
    found = [
        Candidate(name, 1, lambda rows, fit=fit: _lipschitz(fit(rows, distance)))  # type: ignore[misc]
        for name, fit in CRITICS.items()
    ]
    if (
        cost.p == 2 and not lipschitz_only
    ):  # the l1 distance is at least the l2 one, whatever the norm
        found += [
            Candidate(name, 2, lambda rows, fit=fit: _quadratic(fit(rows)))  # type: ignore[misc]
            for name, fit in QUADRATICS.items()
        ]
    return found


def _lipschitz(critic: Callable[[np.ndarray], np.ndarray]) -> Pair:
    return Pair(critic, lambda points: -critic(points))


def _quadratic(quadratic: Quadratic | Projected) -> Pair:
    return Pair(quadratic.at_x, quadratic.at_y)


def _score(pair: Pair, rows: Samples, kept: Samples, power: int, cost: Cost, error: float) -> float:
    """The limit in cost units that these rows promise on as many rows as are kept back."""
    x, y = pair.at(rows)
    counts = (1 / float(kept.a @ kept.a), 1 / float(kept.b @ kept.b))
    variance = sum(
        side.variance * side.rows / count for side, count in zip((x, y), counts, strict=True)
    )
    doubt = student_quantile(error, min(counts) - 1) * float(np.sqrt(variance))
    score = x.mean + y.mean - doubt
    return score if power == cost.p else np.sign(score) * score**cost.p
