"""The interface of ground costs c(x, y) = d(x, y)^p, and their registry."""

from __future__ import annotations

import inspect
from abc import ABCMeta, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Real

from wdist_bench.costs.powers import power, power_in_place, roots
from wdist_bench.inputs.elsewhere import cost_hint
from wdist_bench.interface import Plugin
from wdist_bench.registry import Registry
from wdist_bench.validation import check_name, check_p

# Coordinates of differences held at once.
_BLOCK_ENTRIES = 2**22


class _Named(ABCMeta):
    """Makes Cost(p, norm) the cost that is registered under the name `norm`."""

    def __call__(cls, *args: Any, **parameters: Any) -> Any:
        if cls is Cost:
            return _registered(*args, **parameters)
        return super().__call__(*args, **parameters)

    @property
    def __signature__(cls) -> inspect.Signature:
        """That of the constructor, which `inspect` would not look at behind `__call__`."""
        own = inspect.signature(cls.__init__)  # type: ignore[misc]
        return own.replace(parameters=list(own.parameters.values())[1:])


class Cost(Plugin, metaclass=_Named):
    """Ground cost c(x, y) = d(x, y)^p. `Cost(p, norm)` is the one registered as `norm`.

    An implementation is a frozen dataclass with a field `p`, a `name` and the method `distance`;
    all else follows from that. What is faster another way may be overridden.

    Attributes:
        p: exponent, a real number >= 1.
        norm: the registered name.
        is_norm: whether d(x, y) = ||x - y|| for a norm: points may be moved and scaled then, a
            projection has a meaning, and so has the gradient of a potential (`dual_norm`).
        moves: whether all points may be moved together, d(x + v, y + v) = d(x, y), so that those
            far from zero keep their digits; of norms and periodic boxes, unless a class says so.
        by_boxes: whether the norm grows with the size of each coordinate, so that the distance of
            two boxes is the norm of the gap between them.
        minkowski: the power of coordinates that the norm sums (inf: their maximum), 0 where it is
            none of these.
        negative_type: the largest p for which exp(-d^p / eps) is a positive definite kernel, so
            that no Sinkhorn divergence is negative; 0 where there is none.
        symmetric: whether c(x, y) = c(y, x).
        traceable: whether it runs inside a compiled program of JAX.
    """

    is_norm: ClassVar[bool] = False
    by_boxes: ClassVar[bool] = False
    minkowski: ClassVar[float] = 0.0
    negative_type: ClassVar[float] = 0.0
    symmetric: ClassVar[bool] = True
    traceable: ClassVar[bool] = True

    p: float

    def __init__(self, p: float = 1, norm: str = "l2") -> None:
        """Cost(p, norm); implementations are dataclasses, with fields of their own."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", check_p(self.p))
        self.settle()

    def settle(self) -> None:
        """Check the parameters beside p, and bring them to the form that is kept."""

    @property
    def norm(self) -> str:
        """The registered name."""
        return self.name

    def check_points(self, points: Float[np.ndarray, "n d"], name: str) -> None:
        """Raise ValueError where d has no meaning for these points; `name` says whose they are."""

    def or_nan(self, points: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """NaN in place of rows that `check_points` refuses, for programs, which cannot raise."""
        return points

    @abstractmethod
    def distance(self, x: Any, y: Any, xp: Any) -> Any:
        """d(x, y) over the last axis of x and y, which broadcast; xp is numpy or jax.numpy."""

    def between(self, x: Float[Array, "*n d"], y: Float[Array, "*n d"]) -> Float[Array, "*n"]:
        """Cost of matched points: c(x_i, y_i), shape (n,), for x and y of shape (n, d)."""
        costs: jax.Array = power(self.distance(x, y, jnp), self.p)
        return costs

    def pairwise(self, x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
        """Cost matrix c(x_i, y_j), shape (n, m), on device, in the dtype of the inputs."""
        return self.between(x[:, None, :], y[None, :, :])

    def by_coordinates(
        self, x: Float[Array, "d *#k"], y: Float[Array, "d *#k"]
    ) -> Float[Array, "*k"]:
        """c(x, y) for points whose coordinates are the first axis; the others broadcast."""
        return self.between(jnp.moveaxis(x, 0, -1), jnp.moveaxis(y, 0, -1))

    def matched(
        self, x: Real[Array | np.ndarray, "*#n d"], y: Real[Array | np.ndarray, "*#n d"]
    ) -> Any:
        """`between` in float64 on the host, over the last axis; x and y may broadcast.

        An array, or a number of NumPy's for one point each.
        """
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        return power(self.distance(x, y, np), self.p)

    def matrix(
        self, x: Real[Array | np.ndarray, "n d"], y: Real[Array | np.ndarray, "m d"]
    ) -> Float[np.ndarray, "n m"]:
        """Cost matrix c(x_i, y_j), shape (n, m), float64 on the host."""
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        self.check_points(x, "x")
        self.check_points(y, "y")
        found = np.empty((len(x), len(y)))
        step = max(1, _BLOCK_ENTRIES // max(1, y.size))
        for first in range(0, len(x), step):
            rows = slice(first, first + step)
            found[rows] = self.distance(x[rows, None, :], y[None, :, :], np)
        return power_in_place(found, self.p)

    @property
    def moves(self) -> bool:
        """Whether all points may be moved together: d(x + v, y + v) = d(x, y)."""
        return self.is_norm or self.circumference > 0

    @property
    def base(self) -> Cost:
        """The cost that this one increases with and that is cheapest to compute: d itself."""
        return self.to(1)

    def from_base(self, base: Float[Array, "*k"]) -> Float[Array, "*k"]:
        """This cost from `base`, which it increases with."""
        costs: jax.Array = power(base, self.p)
        return costs

    def to(self, p: float) -> Cost:
        """The cost of the same distance with another exponent."""
        if p == self.p:
            return self
        changed: Cost = replace(self, p=p)  # type: ignore[type-var]
        return changed

    @property
    def transposed(self) -> Cost:
        """The cost c'(y, x) = c(x, y), which is this one where it is symmetric."""
        return self if self.symmetric else Transposed(self, self.p)

    def rounding(self, dim: int) -> float:
        """What rounding in float64 can change of any distance, however small, in `dim` columns; 0
        where it changes no more than a share.
        """
        return 0.0

    def root(self, cost: float) -> float:
        """W_p from E[c] = W_p^p. For p > 1 a negative cost (a vacuous lower bound) gives 0."""
        return float(roots(np.asarray(cost, np.float64), self.p))

    def roots(self, costs: Float[np.ndarray, "*k"]) -> Float[np.ndarray, "*k"]:
        """`root` of each entry."""
        return roots(costs, self.p)

    def origin(self, middle: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
        """What critics subtract from points about `middle`, which must change no distance."""
        return middle if self.moves else np.zeros_like(middle)

    def scaled(self, factor: float) -> Cost | None:
        """The cost of `factor` times the distance, of a norm that has a unit of its own; None of
        others, whose vectors of unit size are of about that length.
        """
        return None

    def dual_norm(self, gradient: Float[Array, "*n d"]) -> Float[Array, "*n"]:
        """Norm of gradients dual to the ground norm, over the last axis: sup <g, v> over
        ||v|| <= 1. Where `is_norm` alone.
        """
        if not self.is_norm:
            raise TypeError(
                f"{self.name}: expected a norm, got another distance; it has no dual norm"
            )
        raise TypeError(
            f"{self.name}: expected a method `dual_norm`, since `is_norm` is True, got none; write "
            "it: sup <g, v> over ||v|| <= 1, over the last axis of gradients g"
        )

    def length(self, vector: Float[np.ndarray, " d"]) -> float:
        """||v||, float64 on the host. Where `is_norm` alone."""
        return float(self.to(1).matched(vector, np.zeros_like(vector)))

    def lengths_of_axes(self, dim: int) -> Float[np.ndarray, " {dim}"]:
        """||e_k|| of the unit vectors, (dim,), one at a time, since dim may be large."""
        lengths, axis, own = np.ones(dim), np.zeros(dim), self.to(1)
        if not self.minkowski:
            for k in range(dim):
                axis[k] = 1
                lengths[k] = own.length(axis)
                axis[k] = 0
        return lengths

    def on_line(self, points: Float[np.ndarray, "n 1"]) -> Float[np.ndarray, "n 1"]:
        """Positions t of numbers with d(x, y) = |t(x) - t(y)|, or the shorter arc between them
        where `circumference` is not 0. For norms, and where that is not 0.
        """
        return points * self.length(np.ones(1))

    @property
    def circumference(self) -> float:
        """Length of the circle that `on_line` walks along; 0 for a line."""
        return 0.0


@dataclass(frozen=True)
class Transposed(Cost):
    """c'(y, x) = c(x, y) for a cost that is not symmetric and says no more than its distance.

    Attributes:
        of: the cost c.
        p: its exponent.
    """

    name: ClassVar[str] = "transposed"
    symmetric: ClassVar[bool] = False

    of: Any
    p: float = 1

    def check_points(self, points: Float[np.ndarray, "n d"], name: str) -> None:
        """As the cost itself."""
        self.of.check_points(points, name)

    def or_nan(self, points: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """As the cost itself."""
        nan_for_others: jax.Array = self.of.or_nan(points)
        return nan_for_others

    def distance(self, x: Any, y: Any, xp: Any) -> Any:
        """d(y, x) over the last axis."""
        return self.of.distance(y, x, xp)

    def matrix(
        self, x: Real[Array | np.ndarray, "n d"], y: Real[Array | np.ndarray, "m d"]
    ) -> Float[np.ndarray, "n m"]:
        """The costs of the pairs the other way round."""
        costs: np.ndarray = self.of.matrix(y, x).T
        return costs

    def to(self, p: float) -> Cost:
        """The same of the cost with another exponent."""
        return Transposed(self.of.to(p), p)

    @property
    def transposed(self) -> Cost:
        """The cost itself."""
        cost: Cost = self.of
        return cost


def _registered(p: Any = 1, norm: Any = "l2") -> Cost:
    p = check_p(p)
    return registry.get(check_name(norm, registry.names(), "norm", lambda: cost_hint(norm)), p=p)


registry: Registry[Cost] = Registry(Cost, "cost", "wdist_bench.costs", home="wdist_bench.costs")
names = registry.names
get = registry.get
factory = registry.factory
register = registry.register
