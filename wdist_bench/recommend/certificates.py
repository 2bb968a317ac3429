"""What is certain of the distance of the user's very rows, by whoever can see the most of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wdist_bench import estimators
from wdist_bench.costs import Cost
from wdist_bench.recommend.caller import MOST_COSTS, Caller
from wdist_bench.results.statistics import Interval
from wdist_bench.solvers.gaussian import bures_cost, mean_shift

_MOST_COSTS = 2**28  # 2 GiB of costs
_PART = 1000  # rows of a side where all are too many
_LEAST = 0.5  # seconds for the certificate on a part of the rows, whatever is left


@dataclass(frozen=True)
class Certificate:
    """An interval that holds W_p of the rows.

    Attributes:
        interval: its ends; inf where there is no upper one.
        by: "exact", "bracket" or "moments".
        n: rows of x that it is about.
        m: rows of y.
    """

    interval: Interval
    by: str
    n: int
    m: int


def certificate(
    x: np.ndarray, y: np.ndarray, cost: Cost, seed: int, call: Caller, seconds: float
) -> Certificate:
    """By linear programming, on all rows where the time allows it, else by `bracket`, else on 1,000
    rows of each side; from the moments where all of them fail.

    Args:
        x: (n, d) rows.
        y: (m, d) rows.
        cost: ground cost.
        seed: of the rows that are taken where all are too many.
        call: calls the solvers.
        seconds: that are left.
    """
    generator = np.random.default_rng([seed, 97])
    some_x, some_y = (rows[generator.permutation(len(rows))[:_PART]] for rows in (x, y))
    part = "exact", some_x, some_y, max(seconds / 2, _LEAST)
    tries = [part]
    if len(x) * len(y) <= MOST_COSTS:
        tries = [("exact", x, y, max(seconds, _LEAST))]
    elif len(x) * len(y) <= _MOST_COSTS:
        tries = [("bracket", x, y, seconds / 2), part]
    for name, u, v, limit in tries:
        found, _ = call(u, v, estimators.get(name), cost.p, seed, limit)
        if found.lower is not None and found.upper is not None and found.lower <= found.upper:
            low = max(found.lower, min(moment_bound(u, v, cost), found.upper))
            return Certificate((low, found.upper), name, len(u), len(v))
    return Certificate((moment_bound(x, y, cost), math.inf), "moments", len(x), len(y))


def moment_bound(x: np.ndarray, y: np.ndarray, cost: Cost) -> float:
    """A lower bound on W_p of the rows: |m_x - m_y|, for p = 2 Gelbrich's, less rounding."""
    gap = float(np.linalg.norm(mean_shift(x, y, None, None)))
    found = gap if cost.p == 1 else math.sqrt(max(bures_cost(x, y, None, None), 0.0))
    return max(0.0, found * (1 - 1e-9))
