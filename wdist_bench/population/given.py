"""The ground cost of an interval for populations."""

from __future__ import annotations

from typing import Any

from wdist_bench.costs import Cost, as_cost
from wdist_bench.validation import check_name, check_one_or_two


def given_cost(p: Any, cost: Any) -> Cost:
    """The cost that a caller means; raises ValueError unless it is l2 or l1 at p = 1 or 2.

    What the ends rest on, Lipschitz functions and quadratics, is known for these.
    """
    ground = as_cost(cost, p)
    check_name(ground.norm, ("l2", "l1"), "norm of population_interval")
    check_one_or_two(ground.p, "population_interval")
    return ground
