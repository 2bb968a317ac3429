"""The interface of a task: a pair of measures and what is known about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import jax
import numpy as np

from wdist_bench.costs import Cost, as_cost
from wdist_bench.interface import Plugin
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import jit_by_class, pytree
from wdist_bench.tasks.origin import at_origin
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_p


class Task(Plugin):
    """A named pair (mu, nu). Implementations are frozen dataclasses of plain parameters.

    Attributes:
        version: raised whenever the same parameters would give other samples or another truth.
        reference: formula or source of the truth, one line.
        of_rows: whether its sampler may be `tasks.rows.Rows`.
    """

    required: ClassVar[tuple[str, ...]] = ("reference",)

    version: ClassVar[int] = 1
    of_rows: ClassVar[bool] = False
    reference: ClassVar[str]

    @property
    def dataset(self) -> str:
        """The data set behind the task, empty where there is none."""
        return ""

    @property
    def data_digest(self) -> str:
        """A digest of the data behind the task that its parameters do not tell; mostly empty."""
        return ""

    def sampler(self) -> Sampler:
        """Where samples come from, as a pytree that travels into compiled programs.

        A task that holds no data may leave this out and write `draw(key, n)`, as in `Sampler`: the
        sampler then has the task as its configuration, and programs are compiled for each.
        """
        return _OfTask(self)

    def truth(self, p: float | Cost = 1, norm: str = "l2") -> Truth | None:
        """W_p(mu, nu) (the p-th root) for a ground cost, or None where it is not known.

        Args:
            p: exponent of the cost d(x, y)^p, a real number >= 1; or a Cost, which says all.
            norm: name of a registered cost, left out beside a Cost.

        Raises:
            ValueError: p or norm is none, norm contradicts the Cost, or that is made for another
                number of coordinates.
        """
        cost = p if isinstance(p, Cost) else Cost(p, norm)
        if norm not in ("l2", cost.norm):  # the default says nothing
            as_cost(cost, norm=norm)
        if cost.circumference or (cost.is_norm and not cost.minkowski):
            cost.check_points(np.eye(1, self.dim), "the points")
        return self.truth_for(cost)

    def truth_for(self, cost: Cost) -> Truth | None:
        """What `truth` answers, for a cost that is checked already; a task has one of the two."""
        return None

    @classmethod
    def check_class(cls) -> None:
        """A task can be drawn from and says what its truth is, be it None."""
        if cls.sampler is Task.sampler and not hasattr(cls, "draw"):
            raise TypeError(
                f"{cls.name}: expected a method `draw` or `sampler`, which its interface leaves "
                "open, got none; write either"
            )
        if cls.truth_for is Task.truth_for and cls.truth is Task.truth:
            raise TypeError(
                f"{cls.name}: expected a method `truth_for`, which its interface leaves open, got "
                "none; write it"
            )

    @property
    def origin(self) -> np.ndarray | None:
        """What the sampler's draws are relative to, shape (dim,) float64: a point of the measure is
        a drawn one plus this. None, or zeros, where the populations lie near zero; elsewhere
        float32 would have no digits for them, and everything is evaluated relative to it.
        """
        return None

    @property
    def dim(self) -> int:
        """Dimension of the points, the length of a row.

        Raises:
            TypeError: the task is a plug-in's, and its sampler lacks what programs need.
        """
        return checked_sampler(self.sampler()).dim

    def sample(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        """n points of mu and n of nu, each of shape (n, dim), in the task's own coordinates: in
        float64 where these are too far from zero for float32 (`origin`).
        """
        check_integer(n, "n", 1)
        sampler = self.sampler()
        check_limit(self, sampler, n)
        with jax.enable_x64(sampler.x64):
            drawn = _draw(sampler, key, n)
        return drawn if self.origin is None else at_origin(drawn, self.origin)

    def pairs(self, key: jax.Array, n: int, p: float = 1) -> tuple[jax.Array, jax.Array] | None:
        """n pairs (x_i, y_i) drawn from a coupling that is optimal for the cost ||x - y||^p in
        the l2 norm, so that mean ||x_i - y_i||^p estimates W_p^p; None where none is known.
        """
        return self.pairs_for(key, check_integer(n, "n", 1), check_p(p))

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """What `pairs` answers, for an n and a p that are checked already."""
        return None

    def potential(self, points: jax.Array, p: float = 1) -> jax.Array | None:
        """The optimal Kantorovich potential phi of mu at points (n, dim), shape (n,), up to a
        constant, l2 norm; for p = 1 the optimal 1-Lipschitz critic, with
        W_1 = E_mu[phi] - E_nu[phi]. None where none is known.
        """
        return self.potential_for(points, check_p(p))

    def potential_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """What `potential` answers, for a p that is checked already."""
        return None

    def potential_gradient(self, points: jax.Array, p: float = 1) -> jax.Array | None:
        """Gradient of `potential` at points (n, dim), shape (n, dim); None where none is known."""
        return self.potential_gradient_for(points, check_p(p))

    def potential_gradient_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """What `potential_gradient` answers, for a p that is checked already."""
        return None

    def map(self, points: Any, p: float = 1) -> np.ndarray | None:
        """The optimal map T of mu to nu for the cost ||x - y||^p in the l2 norm, at points (n, dim)
        of mu, shape (n, dim), in the task's own coordinates, float64; None where none is known.
        """
        return self.map_for(np.asarray(points, np.float64), check_p(p))

    def map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """What `map` answers, for points in float64 and a p that are checked already."""
        return None

    def inverse_map(self, points: Any, p: float = 1) -> np.ndarray | None:
        """The optimal map of nu to mu at points (n, dim) of nu, the inverse of `map`; None where
        none is known.
        """
        return self.inverse_map_for(np.asarray(points, np.float64), check_p(p))

    def inverse_map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """What `inverse_map` answers, for points in float64 and a p that are checked already."""
        return None


class SizedSampler(Sampler):
    """One whose arrays do not tell the dimension of its points: a static field `size` does."""

    size: int

    @property
    def dim(self) -> int:
        """Dimension of the points, the length of a row."""
        return self.size


@pytree
@dataclass(frozen=True)
class _OfTask(Sampler):
    """The draws of a task that holds no data: nothing is traced."""

    task: Any = field(metadata={"static": True})

    @property
    def dim(self) -> int:
        return _width(self.task)

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        x, y = self.task.draw(key, n)
        return x, y


@lru_cache(maxsize=1024)
def _width(task: Any) -> int:
    """Length of a row of what a task draws."""
    return _dim_of(type(task).__name__, task.draw)


def checked_sampler(sampler: Sampler) -> Sampler:
    """The sampler; raises TypeError, in a sentence, where a plug-in's is no pytree or draws arrays
    of other shapes. Otherwise JAX would say so, or nobody.
    """
    kind = type(sampler)
    if kind.__module__.startswith("wdist_bench."):
        return sampler
    if not isinstance(sampler, Sampler) or jax.tree_util.all_leaves([sampler]):
        raise TypeError(
            f"{kind.__name__}: expected a wb.Sampler that is a pytree dataclass from `sampler`, "
            "since compiled programs take it, got another class; derive it, and put "
            "@wb.pytree and @dataclass(frozen=True) on it"
        )
    with jax.enable_x64(sampler.x64):
        drawn = _dim_of(kind.__name__, sampler.draw)
    if drawn != sampler.dim:
        raise TypeError(
            f"{kind.__name__}: expected `draw` to give points of its `dim`, {sampler.dim}, got "
            f"{drawn}; correct one of them"
        )
    return sampler


def _dim_of(name: str, draw: Callable[..., Any]) -> int:
    """Length of a row of both arrays that are drawn; TypeError where they are none of that kind."""
    drawn = jax.eval_shape(lambda key: draw(key, 1), jax.random.key(0))
    shapes = [points.shape for points in jax.tree.leaves(drawn)]
    if len(shapes) != 2 or len({*shapes}) > 1 or len(shapes[0]) != 2 or shapes[0][0] != 1:
        raise TypeError(
            f"{name}: expected `draw` to give two arrays of shape (n, dim), got shapes {shapes} "
            "for n = 1; on a line dim is 1, as in points.reshape(n, 1)"
        )
    return int(shapes[0][1])


def check_limit(task: Task, sampler: Sampler, n: int) -> None:
    """A finite data set cannot give two disjoint batches of more than half its points."""
    if sampler.limit is not None and n > sampler.limit:
        raise ValueError(
            f"n: expected at most {sampler.limit} points from task {task.name!r} {task.dataset}, "
            f"got {n}; its data are finite and the two batches of a draw are disjoint"
        )


def known_truth(task: Task, cost: Cost) -> Truth | None:
    """`task.truth` at a cost, where a task may answer for p and the name of a norm alone."""
    if type(task).truth is Task.truth:
        return task.truth(cost)
    return task.truth(cost.p, cost.norm) if cost.minkowski else None


@jit_by_class("n")
def _draw(sampler: Sampler, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
    return sampler.draw(key, n)
