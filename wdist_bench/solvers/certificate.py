"""Bounds that potentials and an entropic plan prove, in float64 on the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from wdist_bench.costs import L2, Cost, Mahalanobis
from wdist_bench.costs.l2 import DIRECT_DIMENSION
from wdist_bench.costs.powers import rise
from wdist_bench.problem import Samples
from wdist_bench.solvers.matrix_free.pruned_c_transform import nearest_costs, pruned_c_transform
from wdist_bench.solvers.proofs.rounding import LEAST, SHARE, UNIT, above, below, dual_value

# Costs held at once.
_TILE_ENTRIES = 2**20  # costs that stay in a processor's cache with what is computed from them
_HELD_ENTRIES = 2**24  # costs that are kept from the first pass for the second
# Weights below it have no digits to part: their mass is paired by its product.
_NO_PLAN = 1e-290
# Rounding of the sum of a row or a column of the plan, relative to it.
_SUMS = 16 * UNIT
# Times the rounding of a distance up to which one cannot be told from 0.
_NOTHING = 4


class Certificate(NamedTuple):
    """A certified interval for W_p^p of a batch, within 1e-9 of itself.

    Attributes:
        lower: value of the admissible pair (phi, psi), 0 where that is negative; less what
            rounding can have added, where that is more than 1e-9 of it.
        upper: cost of the plan rounded to the marginals; with what rounding of these can have
            saved, likewise.
        phi: (n,) admissible potential of the rows.
        psi: (m,) admissible potential of the columns.
        error: mass that rounding moved.
    """

    lower: float
    upper: float
    phi: Float[np.ndarray, " n"]
    psi: Float[np.ndarray, " m"]
    error: float


def certify(samples: Samples, cost: Cost, g: Float[np.ndarray, " m"], eps: float) -> Certificate:
    """Both ends that a column potential g of shape (m,) gives at temperature eps.

    With f the row potential that gives every row its weight, lower is the value of the
    c-transforms f^c and f^cc, and upper the cost of the plan exp((f_i + g_j - c_ij) / eps) rounded
    to the marginals. Every g gives valid bounds; good ones come from an entropic solver. Costs
    come from `Cost.matrix`, tile by tile, so equal points are at distance exactly 0.

    Source: rounding, Altschuler, Weed, Rigollet 2017 (arXiv 1705.09634), Algorithm 2; potentials
    rounded by c-transforms, Peyre and Cuturi 2019 (arXiv 1803.00567), section 3.2.
    """
    n, m = len(samples.x), len(samples.y)
    a = np.full(n, 1 / n) if samples.a is None else samples.a
    b = np.full(m, 1 / m) if samples.b is None else samples.b
    given_a, given_b = a, b
    a, b = (np.where(weights < _NO_PLAN, 0.0, weights) for weights in (a, b))
    without_plan = (a < given_a).any() or (b < given_b).any()
    tiles = list(_tiles(samples, cost)) if n * m <= _HELD_ENTRIES else None
    g = np.where(b > 0, g, -np.inf)
    f, q, psi = np.full(n, -np.inf), np.zeros(m), np.full(m, np.inf)
    for rows, costs in tiles or _tiles(samples, cost):
        plan, f[rows] = _plan(costs, g, a[rows], eps)
        q += plan.sum(0)
        np.minimum(psi, (costs - f[rows, None]).min(0), out=psi)
    shrink = np.divide(b, q, out=np.ones(m), where=q > b)
    lacking = b - shrink * q
    phi, short = np.empty(n), np.empty(n)
    leaving, arriving = np.empty(n), np.zeros(m)
    paid = moved = mean = apart = 0.0
    for rows, costs in tiles or _tiles(samples, cost):
        plan = _plan(costs, g, a[rows], eps)[0] * shrink
        leaving[rows] = plan.sum(1)
        arriving += plan.sum(0)
        mean += float(a[rows] @ (costs @ b))
        short[rows] = np.maximum(a[rows] - leaving[rows], 0)
        paid += float(np.vdot(plan, costs))
        moved += float(short[rows] @ (costs @ lacking))
        if without_plan:
            apart += float((given_a - a)[rows] @ (costs @ given_b))
            apart += float(given_a[rows] @ (costs @ (given_b - b)))
        phi[rows] = (costs - psi[None, :]).min(1)
    error = float(short.sum())
    upper = paid + (moved / error if error > 0 else 0.0)
    # All of the plan shrunk by four times the share that rounding of its marginals missed, and what
    # then is lacking, up to five times it, paired by its product.
    added = float(lacking.sum()) / error if error > 0 else 0.0
    off_x = np.abs(a - leaving - short * added)[a > 0] / a[a > 0]
    off_y = np.abs(b - arriving - (lacking if error > 0 else 0.0))[b > 0] / b[b > 0]
    share = float(max(off_x.max(), off_y.max())) + _SUMS
    upper = above(upper, 25 / 3 * share * mean) + apart
    lower = below(float(given_a @ phi + given_b @ psi), dual_value(phi, psi, given_a, given_b)[1])
    if (hidden := distances_off(samples, cost, upper)) > 0:
        lower, upper = below(lower, hidden), upper + hidden
    # Rounding can put the two ends of an interval of width zero in the wrong order.
    return Certificate(min(max(lower, 0.0), upper), upper, phi, psi, error)


def dual_of_host(
    total: float,
    phi: Float[np.ndarray, " n"],
    psi: Float[np.ndarray, " m"],
    samples: Samples,
    cost: Cost,
    center: Float[np.ndarray, "*d"],
) -> float:
    """The dual value `total` of a pair that is admissible on a device at points relative to
    `center`, less what rounding can have added where that is more than 1e-9 of it.

    All points carry mass. Beside the sum, rounding moves the points there by a share of their
    distance to the centre. Squared distances in many dimensions, and Mahalanobis distances, come
    from products, which leave those of close points half of their digits: there it is what psi is
    above phi^c.
    """
    x, y = samples.x, samples.y
    a, b = (
        np.full(len(points), 1 / len(points)) if weights is None else np.asarray(weights)
        for points, weights in ((x, samples.a), (y, samples.b))
    )
    exact, hidden = dual_value(phi, psi, a, b)
    hidden += max(total - exact, 0.0)
    gram = isinstance(cost, L2) and x.shape[1] > DIRECT_DIMENSION
    if gram or isinstance(cost, Mahalanobis):
        hidden += float(b @ np.maximum(psi - pruned_c_transform(phi, x, y, cost), 0))
    elif cost.is_norm:
        off = sum(
            UNIT * cost.root(float(weights @ cost.matched(points, center)))
            for points, weights in ((x, a), (y, b))
        )
        hidden += float(rise(np.asarray(max(total, 0.0)), off, cost.p))
    else:
        hidden += blurred(samples, cost, max(total, 0.0))
    return max(total - hidden, min(total, 0.0)) if hidden > SHARE * abs(total) else total


def distances_off(samples: Samples, cost: Cost, total: float) -> float:
    """What a W_p^p of `total` may be off by since float64 does not hold distances or their powers;
    0 where that is within 1e-9 of it.
    """
    return underflow(samples, cost, total) + blurred(samples, cost, total)


def blurred(samples: Samples, cost: Cost, total: float) -> float:
    """The part of that which `Cost.rounding` says."""
    off = float(rise(np.asarray(total), cost.rounding(samples.x.shape[1]), cost.p))
    return off if off > SHARE * total else 0.0


def at_zero(samples: Samples, cost: Cost, upper: float) -> bool:
    """Whether a W_p^p of at most `upper` is 0 as far as `Cost.rounding` tells, which is an answer:
    for the angles of vectors that differ in their lengths alone, say.
    """
    return cost.root(upper) <= _NOTHING * cost.rounding(samples.x.shape[1])


def underflow(samples: Samples, cost: Cost, total: float) -> float:
    """What a W_p^p of `total` may lack since powers d^p of points apart left float64's range; 0
    where none did, and of costs that are no powers.
    """
    if cost.p == 1 or not cost.traceable or SHARE * total >= LEAST:
        return 0.0
    distance = cost.to(1)
    for rows, costs in _tiles(samples, cost):
        for x, of_x in zip(samples.x[rows], costs, strict=True):
            near = samples.y[of_x < LEAST]
            if (distance.matched(x, near) > 0).any():
                return LEAST
    return 0.0


def underflow_message(p: int | float) -> str:
    """What an answer says whose distances were lost so."""
    return (
        f"distances d are so small that d^{p:g} is below float64's numbers; use a smaller p, or "
        "[lower, upper], which is what is proved"
    )


def at_all_points(
    phi: Float[np.ndarray, " kept_n"],
    psi: Float[np.ndarray, " kept_m"],
    samples: Samples,
    cost: Cost,
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " m"]]:
    """An admissible pair at all points, from one (phi, psi) at those of `samples.with_mass()`."""
    kept = samples.with_mass()
    if samples.a is not None:
        phi = _filled(phi, samples.x, samples.a > 0, psi, kept.y, cost.transposed)
    if samples.b is not None:
        psi = _filled(psi, samples.y, samples.b > 0, phi, samples.x, cost)
    return phi, psi


def _filled(
    known: np.ndarray,
    points: np.ndarray,
    here: np.ndarray,
    other: np.ndarray,
    other_points: np.ndarray,
    cost: Cost,
) -> np.ndarray:
    """`known` where it is known, and elsewhere the c-transform of the other potential."""
    if here.all():
        return known
    values = np.empty(len(points))
    values[here] = known
    values[~here] = pruned_c_transform(other, other_points, points[~here], cost)
    return values


def nearest_cost(samples: Samples, cost: Cost, sides: str) -> float:
    """sum_j b_j min_i c(x_i, y_j) over the x with mass, a lower bound on W_p^p of the batch.

    With sides "both" the larger of that and of sum_i a_i min_j c(x_i, y_j). It is
    `c_transform.nearest_neighbor_cost` on the host, where equal points are at distance exactly 0.
    """
    s = samples.with_mass()
    to_y = nearest_costs(s.x, s.y, cost)
    one = float(to_y.mean() if s.b is None else s.b @ to_y)
    if sides == "one":
        return one
    to_x = nearest_costs(s.y, s.x, cost.transposed)
    return max(one, float(to_x.mean() if s.a is None else s.a @ to_x))


def _tiles(samples: Samples, cost: Cost) -> Iterator[tuple[slice, np.ndarray]]:
    step = max(1, _TILE_ENTRIES // len(samples.y))
    for first in range(0, len(samples.x), step):
        rows = slice(first, first + step)
        yield rows, cost.matrix(samples.x[rows], samples.y)


def _plan(
    costs: np.ndarray, g: np.ndarray, a: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the plan with weights a, and their potential."""
    plan = g[None, :] - costs
    plan /= eps
    top = plan.max(1)
    plan -= top[:, None]
    np.exp(plan, out=plan)
    total = plan.sum(1)
    plan *= (a / total)[:, None]
    with np.errstate(divide="ignore"):
        return plan, eps * (np.log(a) - np.log(total) - top)
