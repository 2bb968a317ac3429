"""A point estimate of the populations' distance: the rows' distance less what rows add to it."""

from __future__ import annotations

import math

from wdist_bench.costs import Cost
from wdist_bench.population.upper import Above


def point(high: Above, cost: Cost) -> float:
    """sqrt(max(W^2 - (W / A)^2 D_x D_y, 0)) in units of W_p, no bound of anything.

    Where the rows are of few points (`Halves.tied`), at least (W^p - (A^p - W^p) / (s^(-1/2) - 1))
    to the power 1 / p, s the share of the rows in a half: on a finite support what rows add to W^p
    falls like n^(-1/2) or faster, so that it is no more than that part of what halves add to it.

    W is the distance of all rows, A that of halves of x and y, and D_x and D_y those of the halves
    of one population, less the part that the pair's own potential sees in them: weights that
    differ by chance move W up as often as down and are no bias. (W / A)^2 brings what halves add
    to all rows.

    Far points are apart by hypot(w, e) where w is the way between the populations and e what
    scatters around it, hence squares, for p = 1 too; exact for the mean of W_2^2 of a law and its
    translation. Fixed on normal laws (moved, scaled, in one direction, on a plane, two clusters
    with changed weights, a share moved far), rings and four points, in dimension 2, 10 and 50 with
    400 rows, and the part of few points on laws on 8 to 500 of them in dimension 2 to 30; none of
    them is in the coverage suite.

    Source: the idea of subtracting within-sample distances, Papp and Sherlock 2022 (arXiv
    2203.11627); the squares for p = 1, the product and the subtracted part are ours.
    """
    halves = high.halves
    rows, across = cost.root(high.cost), cost.root(halves.across)
    if across == 0:
        return rows
    added = cost.root(halves.within_x) * cost.root(halves.within_y) * min(rows / across, 1.0) ** 2
    value = math.sqrt(max(rows**2 - added, 0.0))
    if not halves.tied:
        return value
    growth = max(halves.across - high.cost, 0.0) / (halves.share**-0.5 - 1)
    return max(value, cost.root(max(high.cost - growth, 0.0)))
