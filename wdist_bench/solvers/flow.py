"""The cheapest transport along given pairs of points, with its potentials."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from wdist_bench.solvers.exact import on_grid, usual_pivots

# What is never to be used costs the solver the largest cost and 1, times the points: so costs are
# made positive, and so large that 1 is little.
_LARGEST = 2.0**20
_OPTIMAL, _STOPPED = 1, 3  # of POT's: solved, and out of pivots


class Flow(NamedTuple):
    """An optimal flow along arcs.

    Attributes:
        mass: (arcs,) whole numbers.
        phi: (n,) potentials of the rows, phi_i + psi_j <= c on all arcs and = where mass flows, up
            to rounding of n times the largest cost.
        psi: (m,) potentials of the columns.
    """

    mass: Float[np.ndarray, " arcs"]
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

    Masses are whole numbers from 1 on, below 2^53 in all, so sums of them are exact. Costs may be
    of either sign.

    Raises:
        RuntimeError: no flow along these arcs meets supply and demand.

    Source: network simplex, Bonneel et al. 2011, on sparse arcs, as shipped in POT.
    """
    from ot.lp.emd_wrap import emd_c_sparse

    low = float(costs.min())
    power = int(np.frexp(_LARGEST)[1] - np.frexp(float(costs.max()) - low or 1.0)[1])
    masses = supply.astype(float), demand.astype(float)
    arcs = rows.astype(np.uint64), columns.astype(np.uint64)
    scaled, points = np.ldexp(costs - low, power), len(supply) + len(demand)
    found = emd_c_sparse(*masses, *arcs, scaled, usual_pivots(points))
    if found[-1] == _STOPPED:
        found = emd_c_sparse(*masses, *arcs, on_grid(scaled, points), np.iinfo(np.int64).max)
    starts, ends, sent, _, phi, psi, status = found
    if status != _OPTIMAL:
        raise RuntimeError(
            "expected arcs along which supply meets demand, got none such (status "
            f"{status} of POT's simplex)"
        )
    m = len(demand)
    order = np.argsort(rows * m + columns)
    place = np.searchsorted(rows * m + columns, starts.astype(int) * m + ends.astype(int),
                            sorter=order)  # fmt: skip
    mass = np.zeros(len(rows))
    mass[order[place]] = sent
    return Flow(mass, np.ldexp(phi, -power) + low, np.ldexp(psi, -power))
