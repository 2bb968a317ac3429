"""The ground cost that a caller gave, as an exponent, a `Cost` or the name of a norm."""

from __future__ import annotations

from wdist_bench.costs import Cost


def given_cost(p: int | None, cost: Cost | str | None) -> Cost:
    """The cost; raises ValueError where p is not that of the cost that was given."""
    if isinstance(cost, Cost):
        if p is not None and p != cost.p:
            raise ValueError(
                f"p: expected {cost.p}, the exponent of the cost that was given, got {p!r}; "
                "leave p out"
            )
        return cost
    if cost is not None and not isinstance(cost, str):
        raise TypeError(
            f"cost: expected a wb.Cost or the name of a norm, got {type(cost).__name__}; "
            "write cost=wb.Cost(1, 'l1'), say"
        )
    return Cost(1 if p is None else p, "l2" if cost is None else cost)
