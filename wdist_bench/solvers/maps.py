"""Maps of all points that the solution of a batch gives, for p = 2 in the l2 norm.

Each is a function of points (k, d) to points (k, d) in float64. What takes long is computed at the
first call, and nothing before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from wdist_bench.costs import L2
from wdist_bench.costs.l2 import power_of_two
from wdist_bench.inputs.distinct import distinct
from wdist_bench.solvers.projections.span import in_their_span
from wdist_bench.solvers.proofs.rounding import SHARE, UNIT
from wdist_bench.validation import check_asked

# Numbers held at once.
_TILE_ENTRIES = 2**22
# A search tree finds nearest points faster than products of matrices do up to this dimension.
_TREE_DIMENSION = 12
# Of the largest eigenvalue of a covariance: below this share a direction has no spread.
_FLAT = 1e-12
# Coordinates up to 2^k, whose fourth powers float64 holds.
_PRODUCTS_HOLD = 200

Rows = Float[np.ndarray, "n d"]
Columns = Float[np.ndarray, "m d"]
Points = Float[np.ndarray, "k d"]


@dataclass(frozen=True, eq=False)
class PlanMap:
    """T at a row the barycentric projection of the plan, elsewhere grad max_j <x, y_j> - h_j.

    The first is sum_j P_ij y_j / sum_j P_ij over all rows equal to x_i. The second goes on with the
    optimal potential psi of y, h = (|y|^2 - psi) / 2: it is the y_j with the least
    |x - y_j|^2 - psi_j, the gradient of a convex function as optimal maps are. Keeping the image or
    the move of the nearest row (one nearest neighbour, Manole et al. 2021, arXiv 2107.12364) is
    worse in many dimensions: from 1,024 rows of the published W2 pairs of dimension 2, 8, 32, 128
    it left 1.6, 26, 91 and 133 % of the variance (moves; images 1.7, 35, 107, 141), this one 1.5,
    15, 44 and 53 %. Points of y without mass are no images.

    Attributes:
        x: (n, d) rows.
        y: (m, d) columns.
        psi: (m,) potential of y, in units of |x - y|^2.
        plan: (n, m) scipy.sparse array.

    Source: barycentric projection, Deb, Ghosal, Sen 2021 (arXiv 2107.01718); maps of a discrete
    potential, Peyre and Cuturi 2019 (arXiv 1803.00567), section 5.2.
    """

    x: Rows
    y: Columns
    psi: Float[np.ndarray, " m"]
    plan: Any

    def __call__(self, points: Any) -> Points:
        """T at points (k, d)."""
        points = check_asked(points, self.x.shape[1])
        rows, means = self._barycentres
        at = np.array([rows.get(point.tobytes(), -1) for point in points + 0.0], np.int64)
        if (at >= 0).all():
            return means[at]
        images = self._beyond(points)
        images[at >= 0] = means[at[at >= 0]]
        return images

    def _beyond(self, points: Points) -> Points:
        """The image of points that are no rows."""
        held = _mass(self.plan, 0) > 0
        y = self.y[held]
        return y[_least(y, points, self.psi[held])]

    @cached_property
    def _barycentres(self) -> tuple[dict[bytes, int], Rows]:
        """Numbers of the rows by their content, and the images of these."""
        places, means = barycentres(self.x, self.y, self.plan)
        return {place.tobytes(): i for i, place in enumerate(places + 0.0)}, means


def barycentres(x: Rows, y: Columns, plan: Any) -> tuple[np.ndarray, np.ndarray]:
    """Rows that have mass, each once and in order, and where the plan carries each on average."""
    mass = _mass(plan, 1)
    kept = mass > 0
    places, of_row, _ = distinct(x[kept])
    center = y[_mass(plan, 0) > 0].mean(0)  # products of numbers far from zero would lose digits
    total = np.zeros_like(places)
    np.add.at(total, of_row, (plan @ (y - center))[kept])
    weight = np.bincount(of_row, mass[kept], minlength=len(places))
    means = center + total / weight[:, None]
    arcs, place_of = plan.tocoo(), np.full(len(x), len(places))  # that is of no mass
    place_of[kept] = of_row
    of_arc = place_of[arcs.row]
    many = np.bincount(of_arc, minlength=len(places) + 1)[:-1]
    off = UNIT * many * np.linalg.norm(means - center, axis=1)
    unsure = off > SHARE * (np.linalg.norm(means, axis=1) + np.linalg.norm(places, axis=1))
    if unsure.any():
        here = np.append(unsure, False)[of_arc]
        parts = arcs.data[here], of_arc[here], arcs.col[here]
        means[unsure] = _beside_a_far_row(y, *parts, weight)[unsure]
    return places, means


def _beside_a_far_row(
    y: Columns, mass: np.ndarray, place: np.ndarray, column: np.ndarray, weight: np.ndarray
) -> Rows:
    """Means of the columns that each place sends mass to, by their differences from one of them:
    beside a row far off the centre of all leaves them no digits.
    """
    main = np.zeros(len(weight), np.int64)
    order = np.argsort(mass, kind="stable")
    main[place[order]] = column[order]  # that of the most mass comes last
    moved = np.zeros((len(weight), y.shape[1]))
    for tile in _tiles(len(mass), y.shape[1]):
        gap = y[column[tile]] - y[main[place[tile]]]
        np.add.at(moved, place[tile], mass[tile, None] * gap)
    return y[main] + moved / weight[:, None]


def _mass(plan: Any, axis: int) -> np.ndarray:
    """Of the columns of a plan, axis 0, or of its rows, axis 1."""
    return np.asarray(plan.sum(axis=axis)).ravel()


@dataclass(frozen=True, eq=False)
class EntropicMap:
    """T(x) = sum_j w_j y_j with w_j in proportion to exp((g_j - |x - y_j|^2) / eps).

    The conditional mean of the entropic plan given x, whose potential g goes on to the whole space.
    In the fixed points x_i it is the barycentric projection of that plan.

    Attributes:
        y: (m, d) points that are averaged.
        g: (m,) their potential: the plan is exp((f_i + g_j - c_ij) / eps).
        eps: temperature, in units of |x - y|^2.

    Source: Pooladian and Niles-Weed 2021 (arXiv 2109.12004), equation 4.
    """

    y: Columns
    g: Float[np.ndarray, " m"]
    eps: float

    def __call__(self, points: Any) -> Points:
        """T at points (k, d)."""
        points = check_asked(points, self.y.shape[1])
        center = self.y.mean(0)
        y = self.y - center
        score = self.g - (y**2).sum(1)  # |x|^2 is the same for all j
        images = np.empty_like(points)
        for rows in _tiles(len(points), len(y)):
            weights = (2 * (points[rows] - center) @ y.T + score) / self.eps
            weights -= weights.max(1, keepdims=True)
            np.exp(weights, out=weights)
            images[rows] = center + weights @ y / weights.sum(1, keepdims=True)
        return images


@dataclass(frozen=True, eq=False)
class EntropicInverse:
    """The entropic map of the same plan from y to x.

    Attributes:
        x: (n, d) points that are averaged.
        y: (m, d) points of the other side.
        a: (n,) weights of x summing to one, None for equal weights.
        g: (m,) potential of y.
        eps: temperature.
    """

    x: Rows
    y: Columns
    a: Float[np.ndarray, " n"] | None
    g: Float[np.ndarray, " m"]
    eps: float

    def __call__(self, points: Any) -> Points:
        """The map at points (k, d)."""
        return self._map(points)

    @cached_property
    def _map(self) -> EntropicMap:
        """With f_i = eps log a_i - eps log sum_j exp((g_j - c_ij) / eps), which gives row i its
        weight.
        """
        center = self.y.mean(0)
        x, y = self.x - center, self.y - center
        score = self.g - (y**2).sum(1)
        f = np.log(np.full(len(x), 1 / len(x)) if self.a is None else self.a) * self.eps
        f += (x**2).sum(1)
        for rows in _tiles(len(x), len(y)):
            exponent = (2 * x[rows] @ y.T + score) / self.eps
            top = exponent.max(1)
            f[rows] -= self.eps * (top + np.log(np.exp(exponent - top[:, None]).sum(1)))
        return EntropicMap(self.x, f, self.eps)


@dataclass(frozen=True, eq=False)
class LinearMap:
    """T(x) = m_y + A (x - m_x), the optimal map between Gaussians with the moments of two samples.

    A = S^-1/2 (S^1/2 R S^1/2)^1/2 S^-1/2 for the covariances S of x and R of y. Where S has no
    spread, so has the image. Of few points in many columns A is that of their span.

    Attributes:
        x: (n, d) points.
        y: (m, d) points.
        a: (n,) weights summing to one, None for equal weights.
        b: (m,) weights summing to one, None for equal weights.

    Source: Dowson and Landau, J. Multivariate Analysis 12, 1982.
    """

    x: Rows
    y: Columns
    a: Float[np.ndarray, " n"] | None = None
    b: Float[np.ndarray, " m"] | None = None

    def __call__(self, points: Any) -> Points:
        """T at points (k, d)."""
        points = check_asked(points, self.x.shape[1])
        mean_x, mean_y, matrix, basis = self._moments
        moved = points - mean_x
        if basis is None:
            return mean_y + moved @ matrix
        return mean_y + moved @ basis @ matrix @ basis.T

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
        """m_x, m_y and A, which is symmetric: in the basis of the last, where that is not None."""
        start_x, start_y = self.x[0], self.y[0]
        x, y, basis = in_their_span(self.x - start_x, self.y - start_y)
        mean_x, cov_x, unit_x = _moments(x, self.a)
        mean_y, cov_y, unit_y = _moments(y, self.b)
        values, vectors = np.linalg.eigh(cov_x)
        spread = values > _FLAT * values[-1]
        values, vectors = values[spread], vectors[:, spread]
        root, inverse = ((vectors * values**power) @ vectors.T for power in (0.5, -0.5))
        inner = np.linalg.eigh(root @ cov_y @ root)
        middle = (inner[1] * np.sqrt(np.maximum(inner[0], 0))) @ inner[1].T
        if basis is not None:
            mean_x, mean_y = basis @ mean_x, basis @ mean_y
        matrix = np.ldexp(inverse @ middle @ inverse, unit_y - unit_x)
        return start_x + mean_x, start_y + mean_y, matrix, basis


@dataclass(frozen=True, eq=False)
class LineMap:
    """The increasing map of a plan on a line: linear between barycentres, moves constant beyond.

    Attributes:
        x: (n, 1) rows.
        y: (m, 1) columns.
        plan: (n, m) scipy.sparse array, monotone.
    """

    x: Rows
    y: Columns
    plan: Any

    def __call__(self, points: Any) -> Points:
        """T at points (k, 1)."""
        points = check_asked(points, self.x.shape[1])
        rows, images = barycentres(self.x, self.y, self.plan)
        return points + np.interp(points[:, 0], rows[:, 0], (images - rows)[:, 0])[:, None]


@dataclass(frozen=True, eq=False)
class NearestMap:
    """T(x) = the nearest y: the plan that leaves the weights of y free.

    Attributes:
        y: (m, d) points.
    """

    y: Columns

    def __call__(self, points: Any) -> Points:
        """T at points (k, d)."""
        points = check_asked(points, self.y.shape[1])
        return self.y[nearest(self.y, points)]


@dataclass(frozen=True)
class Identity:
    """T(x) = x."""

    def __call__(self, points: Any) -> Points:
        """The points (k, d) as they are."""
        return check_asked(points)


@dataclass(frozen=True, eq=False)
class ConstantMap:
    """T(x) = m for every x.

    Attributes:
        place: (d,) m.
    """

    place: Float[np.ndarray, " d"]

    @classmethod
    def onto(cls, points: Rows, weights: np.ndarray | None) -> ConstantMap:
        """Onto the mean of points (n, d)."""
        return cls(np.average(points, axis=0, weights=weights))

    def __call__(self, points: Any) -> Points:
        """m for each of the points (k, d)."""
        return np.tile(self.place, (len(check_asked(points, len(self.place))), 1))


def nearest(rows: Rows, points: Points) -> np.ndarray:
    """The number of the row that is nearest to each of the points (k, d), in l2; shape (k,)."""
    if rows.shape[1] <= _TREE_DIMENSION:
        from scipy.spatial import cKDTree

        return np.asarray(cKDTree(rows, balanced_tree=False).query(points)[1])
    return _least(rows, points, np.zeros(len(rows)))


def _least(rows: Rows, points: Points, psi: Float[np.ndarray, " n"]) -> np.ndarray:
    """argmin_j |x - row_j|^2 - psi_j for each point x, shape (k,)."""
    center = rows.mean(0)
    inside, asked = rows - center, points - center
    squares = (inside**2).sum(1)
    found = _highest(asked, inside, (squares - psi) / 2)
    # Beside a row far off products round more than near rows differ by.
    off = UNIT * rows.shape[1] * (np.einsum("kd,kd->k", asked, asked) + squares[found])
    squared, own = L2(2).matched(points, rows[found]), psi[found]
    sure = (off <= SHARE * (squared + np.abs(own))) | (squared - own == -psi.max())
    unsure = np.flatnonzero(~sure)
    for tile in _tiles(len(unsure), len(rows)):
        costs = L2(2).matrix(points[unsure[tile]], rows)
        found[unsure[tile]] = (costs - psi).argmin(1)
    return found


def _highest(
    points: Points, slopes: Float[np.ndarray, "m d"], heights: Float[np.ndarray, " m"]
) -> np.ndarray:
    """argmax_j <x, slope_j> - height_j for each point x, shape (k,)."""
    found = np.empty(len(points), np.int64)
    for tile in _tiles(len(points), len(slopes)):
        found[tile] = (points[tile] @ slopes.T - heights).argmax(1)
    return found


def _tiles(count: int, width: int) -> Iterator[slice]:
    step = max(1, _TILE_ENTRIES // width)
    for first in range(0, count, step):
        yield slice(first, first + step)


def _moments(
    points: Rows, weights: np.ndarray | None
) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, "d d"], int]:
    """Mean, maximum-likelihood covariance over 4^k, and k: 0 unless points are so near each other,
    or so far apart, that float64 would not hold products of covariances.
    """
    center = points[0]
    inside = points - center
    unit = power_of_two(inside, within=_PRODUCTS_HOLD)
    inside = np.ldexp(inside, -unit)
    share = np.full(len(points), 1 / len(points)) if weights is None else weights
    mean = share @ inside
    inside = inside - mean
    return center + np.ldexp(mean, unit), (inside * share[:, None]).T @ inside, unit
