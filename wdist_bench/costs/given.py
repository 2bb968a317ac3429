"""Costs that a caller brings along: a pairwise function, or a matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Array, Float, Int, Real

from wdist_bench.costs.base import Cost
from wdist_bench.inputs.containers import refuse_masked
from wdist_bench.inputs.traced import refuse_traced


def check_matrix(values: Any, shape: tuple[int, ...], what: str) -> Float[np.ndarray, "n m"]:
    """Costs in float64: finite numbers >= 0, one for each pair."""
    refuse_masked(values, what, "fill them with a cost far above the others, as in costs.filled(c)")
    try:
        costs = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        refuse_traced(values, what)
        costs = np.empty(0)
    if costs.shape != shape:
        raise ValueError(
            f"{what}: expected an array of {shape[0]} x {shape[1]} costs, one for each pair of "
            f"points (rows are x, columns y), got shape {np.shape(values)}; a function of two "
            "points becomes one with lambda x, y: scipy.spatial.distance.cdist(x, y, function)"
        )
    low, high = costs.min(), costs.max()  # NaN shows in both
    if not (np.isfinite(low) and np.isfinite(high)) or low < 0:
        got = "a negative one" if low < 0 else "NaN or inf"
        raise ValueError(
            f"{what}: expected finite costs >= 0, got {got}; replace what is missing, and leave "
            "out pairs that may not be joined by a cost far above the others"
        )
    return costs


class OfHost(Cost):
    """Costs of a caller's, which are known of all pairs at once and on the host alone."""

    symmetric: ClassVar[bool] = False
    traceable: ClassVar[bool] = False

    def matched(
        self, x: Real[Array | np.ndarray, "*#n d"], y: Real[Array | np.ndarray, "*#n d"]
    ) -> Any:
        """Costs of matched points, from those of all pairs."""
        return np.diagonal(self.matrix(x, y)).copy()

    def distance(self, x: Any, y: Any, xp: Any) -> Any:
        """Not of points apart from all others, so not on a device either."""
        raise TypeError(
            f"distance: expected a cost of JAX, got a {self.name}; costs of a function or a matrix "
            "are known on the host alone"
        )


@dataclass(frozen=True)
class Pairwise(OfHost):
    """The costs of a function of points x of shape (n, d) and y of shape (m, d): (n, m) numbers.

    They are costs, not distances: W_p^p is their mean under the best plan, and p says which root
    `value` is.

    Attributes:
        function: function(x, y), given float64 arrays, returns the (n, m) costs.
        p: the root to take of W_p^p, a real number >= 1.
        swapped: whether the arguments come the other way round.
    """

    name: ClassVar[str] = "function"

    function: Callable[[Any, Any], Any]
    p: float = 1
    swapped: bool = False

    def matrix(
        self, x: Real[Array | np.ndarray, "n d"], y: Real[Array | np.ndarray, "m d"]
    ) -> Float[np.ndarray, "n m"]:
        """The costs of all pairs, checked."""
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        if self.swapped:
            return replace(self, swapped=False).matrix(y, x).T
        found = check_matrix(self.function(x, y), (len(x), len(y)), "cost function")
        return np.array(found)  # its own array may be used again

    @property
    def transposed(self) -> Cost:
        """The function with its arguments swapped."""
        return replace(self, swapped=not self.swapped)


@dataclass(frozen=True, eq=False)
class Matrix(OfHost):
    """The costs c_ij themselves. Points are their numbers: i for x_i, -1 - j for y_j.

    Attributes:
        costs: (n, m) finite costs >= 0.
        p: the root to take of W_p^p, a real number >= 1.
    """

    name: ClassVar[str] = "matrix"

    costs: Any
    p: float = 1

    def settle(self) -> None:
        """One cost for each pair."""
        shape = np.shape(self.costs)
        if len(shape) != 2 or 0 in shape:
            raise ValueError(
                f"cost matrix: expected shape (n, m) with n, m >= 1, got {shape}; give one cost "
                "for each pair of points, rows are x and columns y"
            )
        object.__setattr__(self, "costs", check_matrix(self.costs, shape, "cost matrix"))

    @property
    def rows(self) -> Float[np.ndarray, "n 1"]:
        """The points x."""
        return np.arange(len(self.costs), dtype=np.float64)[:, None]

    @property
    def columns(self) -> Float[np.ndarray, "m 1"]:
        """The points y."""
        return -1.0 - np.arange(self.costs.shape[1], dtype=np.float64)[:, None]

    def matrix(
        self, x: Real[Array | np.ndarray, "n d"], y: Real[Array | np.ndarray, "m d"]
    ) -> Float[np.ndarray, "n m"]:
        """The costs of these pairs, of a row and a column each."""
        i, j = map(_numbers, (x, y))
        if ((i < 0).any() and (j < 0).any()) or ((i >= 0).any() and (j >= 0).any()):
            raise ValueError(
                "cost matrix: expected a row and a column, got two of a kind; it has no costs "
                "within x or within y, pass a function of points"
            )
        if i.size and i[0] < 0:
            return self.costs[np.ix_(j, -1 - i)].T
        return self.costs[np.ix_(i, -1 - j)]


def _numbers(points: Real[Array | np.ndarray, "k d"]) -> Int[np.ndarray, " k"]:
    """Those of rows and columns; ValueError where a point is neither."""
    given = np.asarray(points)[:, 0]
    whole = given.astype(np.int64)
    if (whole != given).any():
        raise ValueError(
            f"cost matrix: expected a row and a column, got {given[whole != given][0]:g}, which is "
            "the number of none; it has no costs of other points, pass a function of points"
        )
    return whole


def as_cost(cost: Any, p: Any = None, norm: Any = None) -> Cost:
    """The Cost that a caller means: as it is, by name, a pairwise function or a matrix.

    Args:
        cost: None for the registered cost `norm` at exponent p.
        p: None for 1, or for that of the Cost.
        norm: None for "l2".

    Raises:
        ValueError: p or norm contradict the Cost.
    """
    if cost is None:
        return Cost(1 if p is None else p, "l2" if norm is None else norm)
    if isinstance(cost, type) or (isinstance(cost, str) and norm is not None and norm != cost):
        raise ValueError(
            f"cost: expected a cost, got {cost!r:.60} beside norm {norm!r}; make one, as in "
            "wb.Cost(p, name), and leave norm out"
        )
    if isinstance(cost, str):
        return Cost(1 if p is None else p, cost)
    if not isinstance(cost, Cost):
        made: Cost = (Pairwise if callable(cost) else Matrix)(cost, 1 if p is None else p)
        if norm is not None:
            _refuse("norm", norm, "a function or a matrix", "no norm")
        return made
    if p is not None and p != cost.p:
        _refuse("p", p, repr(cost), f"p = {cost.p:g}")
    if norm is not None and norm != cost.norm:
        _refuse("norm", norm, repr(cost), cost.norm)
    return cost


def _refuse(name: str, given: Any, cost: str, has: str) -> None:
    raise ValueError(
        f"{name}: expected none beside a cost, which fixes it, got {given!r} beside {cost:.80} "
        f"({has}); leave {name} out"
    )
