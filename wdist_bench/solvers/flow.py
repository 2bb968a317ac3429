"""The cheapest transport along given pairs of points, in whole numbers, with its potentials."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

# OR-Tools multiplies costs by the number of points, and adds a few of these products.
_LARGEST = 2.0**60


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

    Costs (of either sign) become whole numbers, the largest about 2^60 over the number of points.
    The potentials are shortest paths in the graph of what the flow leaves open, by Bellman's
    recursion over all arcs at once: the solver has none to show.

    Raises:
        ImportError: OR-Tools is not installed.
        RuntimeError: no flow along these arcs meets supply and demand.

    Source: Goldberg 1997, cost scaling, as shipped in OR-Tools; Bellman 1958.
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
    whole = np.rint(np.ldexp(costs, power)).astype(np.int64)
    solver = min_cost_flow.SimpleMinCostFlow()
    arcs = solver.add_arcs_with_capacity_and_unit_cost(
        rows.astype(np.int32),
        (columns + n).astype(np.int32),
        np.minimum(supply[rows], demand[columns]),
        whole,
    )
    solver.set_nodes_supplies(np.arange(n + m, dtype=np.int32), np.concatenate([supply, -demand]))
    status = solver.solve()
    if status != solver.OPTIMAL:
        raise RuntimeError(f"expected an optimal flow, got {status.name} from OR-Tools")
    mass = solver.flows(arcs)
    phi, psi = _potentials(rows, columns, whole, mass, n, m)
    return Flow(mass, np.ldexp(phi.astype(float), -power), np.ldexp(psi.astype(float), -power))


def _potentials(
    rows: np.ndarray, columns: np.ndarray, costs: np.ndarray, mass: np.ndarray, n: int, m: int
) -> tuple[np.ndarray, np.ndarray]:
    """The least phi >= 0, with psi = min over arcs of c - phi, that is tight where mass flows."""
    into = np.argsort(columns, kind="stable")
    first = np.flatnonzero(np.diff(columns[into], prepend=-1))
    used = np.flatnonzero(mass)
    used = used[np.argsort(rows[used], kind="stable")]
    start = np.flatnonzero(np.diff(rows[used], prepend=-1))
    came, went = rows[into], columns[into][first]
    open_costs, tight_costs, tight = costs[into], costs[used], columns[used]
    sources = rows[used][start]
    phi, psi = np.zeros(n, np.int64), np.zeros(m, np.int64)
    for _ in range(n + m + 1):  # no shortest path has more arcs
        psi[went] = np.minimum.reduceat(open_costs - phi[came], first)
        wanted = np.maximum.reduceat(tight_costs - psi[tight], start)
        if (wanted <= phi[sources]).all():
            return phi, psi
        phi[sources] = np.maximum(phi[sources], wanted)
    raise RuntimeError("expected an optimal flow, got one that a cycle makes cheaper")
