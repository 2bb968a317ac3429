"""The cheapest transport along given pairs of points, in whole numbers, with its potentials."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

# OR-Tools multiplies costs by the number of points, and adds a few of these products.
_LARGEST = 2.0**60
# Of these so many bits are given up, a few at a time, where the solver's numbers overflow.
_BITS, _STEP = 40, 8
# Above the length of every way.
_FAR = 2**62


class Flow(NamedTuple):
    """An optimal flow along arcs.

    Attributes:
        mass: (arcs,) whole numbers.
        phi: (n,) potentials of the rows, phi_i + psi_j <= c on all arcs and = where mass flows, up
            to the rounding of costs.
        psi: (m,) potentials of the columns.
    """

    mass: Int[np.ndarray, " arcs"]
    phi: Float[np.ndarray, " n"]
    psi: Float[np.ndarray, " m"]


def cheapest_flow(
    rows: Int[np.ndarray, " arcs"],
    columns: Int[np.ndarray, " arcs"],
    costs: Float[np.ndarray, " arcs"],
    supply: Int[np.ndarray, " n"],
    demand: Int[np.ndarray, " m"],
) -> Flow:
    """min over f >= 0 of sum_k f_k costs_k with row sums `supply` and column sums `demand`.

    Costs (of either sign) become whole numbers, the largest about 2^60 over the number of points,
    or less where sums of them leave 64 bits.
    The potentials are shortest paths in the graph of what the flow leaves open, by Howard's
    policy iteration: the solver has none to show.

    Raises:
        ImportError: OR-Tools is not installed.
        RuntimeError: no flow along these arcs meets supply and demand.

    Source: Goldberg 1997, cost scaling, as shipped in OR-Tools; Howard 1960.
    """
    try:
        from ortools.graph.python import min_cost_flow
    except ImportError as error:
        raise ImportError(
            "expected OR-Tools, which solves transport along sparse arcs, got no such package; "
            "install it with: pip install 'wdist-bench[large]'"
        ) from error
    n, m = len(supply), len(demand)
    largest = float(np.abs(costs).max())
    power = int(np.frexp(_LARGEST / (n + m + 1))[1] - np.frexp(largest)[1]) - 1
    for fewer in range(0, _BITS, _STEP):
        whole = np.rint(np.ldexp(costs, power - fewer)).astype(np.int64)
        solver = min_cost_flow.SimpleMinCostFlow()
        arcs = solver.add_arcs_with_capacity_and_unit_cost(
            rows.astype(np.int32),
            (columns + n).astype(np.int32),
            np.minimum(supply[rows], demand[columns]),
            whole,
        )
        solver.set_nodes_supplies(np.arange(n + m, dtype=np.int32), np.r_[supply, -demand])
        status = solver.solve()
        if status != solver.BAD_COST_RANGE:  # its potentials are sums of many costs
            break
    if status != solver.OPTIMAL:
        raise RuntimeError(f"expected an optimal flow, got {status.name} from OR-Tools")
    mass = solver.flows(arcs)
    potentials = _potentials(rows, columns, whole, mass, n, m)
    return Flow(mass, *(np.ldexp(part.astype(float), fewer - power) for part in potentials))


def _potentials(
    rows: np.ndarray, columns: np.ndarray, costs: np.ndarray, mass: np.ndarray, n: int, m: int
) -> tuple[np.ndarray, np.ndarray]:
    """The least phi >= 0, with psi = min over arcs of c - phi, that is tight where mass flows.

    -phi and psi are the shortest ways from a root with a way of length 0 to every row, along arcs
    and back where mass flows. All points take their best last step, and the lengths of all ways
    follow by doubling: tens of rounds where shortest ways have thousands of steps.
    """
    root = n + m
    used = np.flatnonzero(mass)
    forth = _Steps.of(rows, n + columns, costs)
    back = _Steps.of(n + columns[used], rows[used], -costs[used])
    tree = _Tree(
        np.full(root + 1, root), np.zeros(root + 1, np.int64), np.zeros(root + 1, np.int64)
    )
    tree.length[n:root] = _FAR
    for _ in range(n + m + 1):  # no shortest way has more steps
        shorter = [tree.shorten(steps) for steps in (forth, back)]
        if not any(shorter):
            return -tree.length[:n], tree.length[n:root]
        tree.follow(root)
    raise RuntimeError("expected an optimal flow, got one that a cycle makes cheaper")


class _Steps(NamedTuple):
    """Steps between points, those that end in one point together.

    Attributes:
        starts: (k,) where each begins.
        lengths: (k,) of each.
        first: (ends,) the first of those that end in a point.
        size: (ends,) how many do.
        ends: (ends,) these points.
    """

    starts: np.ndarray
    lengths: np.ndarray
    first: np.ndarray
    size: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, starts: np.ndarray, ends: np.ndarray, lengths: np.ndarray) -> _Steps:
        order = np.argsort(ends, kind="stable")
        first = np.flatnonzero(np.diff(ends[order], prepend=-1))
        size = np.diff(first, append=len(order))
        return cls(starts[order], lengths[order], first, size, ends[order][first])


class _Tree(NamedTuple):
    """A way from the root to every point: the point before it, that step, and the whole length."""

    before: np.ndarray
    step: np.ndarray
    length: np.ndarray

    def shorten(self, steps: _Steps) -> bool:
        """Every point takes the last step that makes its way shortest; whether any is shorter."""
        ways = self.length[steps.starts] + steps.lengths
        best = np.minimum.reduceat(ways, steps.first)
        better = np.flatnonzero(best < self.length[steps.ends])
        count = steps.size[better]
        of_better = np.repeat(steps.first[better] - np.cumsum(count) + count, count)
        arcs = of_better + np.arange(len(of_better))
        wins = ways[arcs] == np.repeat(best[better], count)
        ends, arcs = np.repeat(steps.ends[better], count)[wins], arcs[wins]
        self.before[ends], self.step[ends] = steps.starts[arcs], steps.lengths[arcs]
        self.length[ends] = ways[arcs]
        return len(better) > 0

    def follow(self, root: int) -> None:
        """The lengths of all ways as they are now, each double as far back at a time."""
        self.length[:] = self.step
        before = self.before
        while (before != root).any():
            self.length[:] += self.length[before]
            before = before[before]
