"""What the rows of a pair say of the distance of their populations, whatever any estimator says.

These are guards: an answer outside them is not printed. They hold as far as means have their normal
limit, each at 97.5 %.

- Below: E f(x) - E f(y) <= W_1 <= W_p for every 1-Lipschitz f. Three are made of one half of the
  rows (the potential of the linear programme, the projection on the difference of the means, the
  distance to the common mean) and averaged over the other half, less z standard errors; z is for
  three at once.
- Above: E W_p^p(samples) >= W_p^p (joint convexity), so the exact value of the samples plus z
  standard deviations. Its variance is at most tr S_x / n + tr S_y / m for p = 1 (Efron and Stein);
  for p = 2 it is that of the potentials' means, var phi / n + var psi / m for W_2^2, which is its
  limit where the potentials are unique. Because the distance is a sum of positive parts, the
  limit is taken of its logarithm.

Both see rows, not what rows miss: where few rows carry the distance, there may be others of which
no row is in the samples, and `carried_by` says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.recommend.resemblance import evenness, merged
from wdist_bench.results.statistics import Interval
from wdist_bench.solvers.exact import solve_exact

_MOST_ROWS = 1000  # a side; a random part of more
_Z_ABOVE = 1.96
_Z_BELOW = 2.39  # 2.5 % for the largest of three


@dataclass(frozen=True)
class Limits:
    """For W_p of the populations.

    Attributes:
        lower: below it with 2.5 %.
        upper: above it with 2.5 %; inf where there is none.
        value: exact W_p of the rows that were seen.
        sd: its standard deviation by the potentials.
        carried_by: how many rows of the scarcer side carry the cost of the optimal plan,
            (sum t)^2 / sum t^2 for the costs t of its rows; NaN where the samples coincide.
        rows: the most rows of a side that were seen.
    """

    lower: float
    upper: float
    value: float
    sd: float
    carried_by: float
    rows: int

    @property
    def interval(self) -> Interval:
        """(lower, upper) limits of W_p between the populations, each at 97.5 %."""
        return self.lower, self.upper


NO_LIMITS = Limits(0.0, math.inf, math.nan, math.nan, math.nan, 0)


def population_limits(x: np.ndarray, y: np.ndarray, cost: Cost, seed: int) -> Limits:
    """From independent rows x of (n, d) and y of (m, d)."""
    generator = np.random.default_rng([seed, 98])
    x, y = (rows[generator.permutation(len(rows))[:_MOST_ROWS]] for rows in (x, y))
    (points, a), (images, b) = merged(x), merged(y)
    matrix = cost.matrix(points, images)
    solution = solve_exact(matrix, a, b)
    if not solution.converged:
        return NO_LIMITS
    value = cost.root(solution.cost)
    moved = solution.plan * matrix
    carried = min(evenness(moved.sum(1), a) * len(x), evenness(moved.sum(0), b) * len(y))
    variance = _variance(solution.phi, a, len(x)) + _variance(solution.psi, b, len(y))
    sd = above = math.sqrt(variance) / (cost.p * value ** (cost.p - 1)) if value > 0 else 0.0
    if cost.p == 1:
        above = math.sqrt(sum(float(rows.var(0, ddof=1).sum()) / len(rows) for rows in (x, y)))
    # samples that coincide show nothing of what is rare
    upper = value * math.exp(min(_Z_ABOVE * above / value, 50.0)) if value > 0 else math.inf
    carried = carried if value > 0 else math.nan
    rows = max(len(x), len(y))
    return Limits(min(_lower(x, y), upper), upper, value, sd, carried, rows)


def _variance(potential: np.ndarray, weights: np.ndarray, rows: int) -> float:
    """Of the mean of a potential over that many rows."""
    center = float(weights @ potential)
    return float(weights @ (potential - center) ** 2) / max(rows - 1, 1)


def _lower(x: np.ndarray, y: np.ndarray) -> float:
    """The largest of three means of 1-Lipschitz functions, less their doubt; at least 0."""
    n, m = len(x) // 2, len(y) // 2
    if min(n, m) < 2:
        return 0.0
    (x, u), (y, v) = (x[:n], x[n:]), (y[:m], y[m:])
    center, gap = np.concatenate([x, y]).mean(0), x.mean(0) - y.mean(0)
    direction = gap / (float(np.linalg.norm(gap)) or 1.0)
    cost = Cost(1)
    (points, a), (images, b) = merged(x), merged(y)
    solution = solve_exact(cost.matrix(points, images), a, b)
    sides = [(points @ direction for points in (u, v))]
    lengths = [[np.linalg.norm(p - center, axis=1) for p in side] for side in ((x, y), (u, v))]
    sign = 1.0 if lengths[0][0].mean() >= lengths[0][1].mean() else -1.0
    sides.append(sign * of for of in lengths[1])
    if solution.converged:
        sides.append((cost.matrix(side, images) - solution.psi).min(1) for side in (u, v))
    found = [0.0]
    for first, second in sides:
        doubt = math.sqrt(first.var(ddof=1) / len(u) + second.var(ddof=1) / len(v))
        found.append(float(first.mean() - second.mean()) - _Z_BELOW * doubt)
    return max(found)
