"""Small problems that rules ask an estimator about: costs and samples that it takes.

A ValueError of one line is a refusal. Who refuses twelve points of the plane is asked about other
samples, until some are taken; in one rule alone it matters that none are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import wraps
from itertools import chain
from typing import Any

import numpy as np

from wdist_bench.calls import estimate
from wdist_bench.conformance.findings import COSTS, require
from wdist_bench.costs import Cosine, Cost, LInf, Mahalanobis, Sphere, Torus
from wdist_bench.estimate import Estimator
from wdist_bench.estimators.given import check_cost

_OTHERS = ("linf", "torus", "mahalanobis")  # costs that are looked at beside COSTS
_DIMS = (2, 1, 3, 4, 64, 784, 1024, 3072)  # of samples: the first that is taken, then others
_MOST_DIM = 4096  # up to which any is tried where these are refused
_ELSEWHERE = (5, 3, 1, 3072)  # a second dimension, the first that is taken
_ROWS = (12, 64)
_WIDEST = 512  # columns up to which matrices of distances are made


@dataclass(frozen=True)
class Kind:
    """Of two samples of equal size.

    Attributes:
        dim: of the points; in space they are unit vectors, which every cost takes.
        rows: how many points.
        positive: whether all numbers lie in [0, 1].
    """

    dim: int
    rows: int = _ROWS[0]
    positive: bool = False

    @property
    def fewer(self) -> int:
        """Of y, where the two are not as many."""
        return 3 * self.rows // 4

    def __str__(self) -> str:
        """In words."""
        return f"{self.rows} points{' in [0, 1]' * self.positive} of dimension {self.dim}"

    def problem(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Two samples, (rows, dim) each."""
        rng = np.random.default_rng(seed)
        if self.positive:
            x, y = rng.uniform(size=(2, self.rows, self.dim))
            y = y * rng.uniform(0.5, 1)
        else:
            x, y = rng.normal(size=(2, self.rows, self.dim))
            y = y * rng.uniform(0.5, 2) + rng.normal(size=self.dim)
        if self.dim == 3:
            x, y = (points / np.linalg.norm(points, axis=1, keepdims=True) for points in (x, y))
        return x, y

    def weights(self, seed: int) -> dict[str, Any]:
        """Uneven ones of both samples; every rule takes two, so that all share one program."""
        a, b = np.random.default_rng([seed, 1]).dirichlet(np.ones(self.rows), size=2)
        return {"a": a, "b": b}


def costs(estimator: Estimator, dim: int) -> Iterator[Cost]:
    """The costs of points of that dimension that the estimator takes: l2 and l1, or where it
    refuses both, others.
    """
    plain = [Cost(p, norm) for p, norm in COSTS + ((3, "l2"),) * estimator.every_cost]
    taken = list(_taken(estimator, plain))
    if not taken and estimator.every_cost:
        odd = (Cosine(1), Sphere(1), Cosine(2), Sphere(2))
        taken = [*other_costs(estimator, dim), *_taken(estimator, odd)]
    yield from taken


def other_costs(estimator: Estimator, dim: int) -> list[Cost]:
    """Those of who takes every cost: distances below and above the Euclidean one."""
    made = {
        "linf": lambda: LInf(1),
        "torus": lambda: Torus(1.5, 1.5),
        "mahalanobis": lambda: Mahalanobis(np.eye(dim) + 1, 1.5),
    }
    names = [name for name in _OTHERS if name != "mahalanobis" or dim <= _WIDEST]
    return list(_taken(estimator, [made[name]() for name in names * estimator.every_cost]))


def _taken(estimator: Estimator, asked: Iterable[Cost]) -> Iterator[Cost]:
    for cost in asked:
        with suppress(ValueError):
            check_cost(estimator, cost)
            yield cost


def takes(estimator: Estimator, dim: int) -> bool:
    """Whether it refuses no points of that dimension before it sees them."""
    try:
        estimator.check_dim(dim)
    except ValueError:
        return False
    return True


def kinds(estimator: Estimator) -> Iterator[Kind]:
    """Those that its `check_dim` leaves, the plane's first; more points, then positive ones."""
    dims = [dim for dim in _DIMS if takes(estimator, dim)]
    if not dims:
        dims = [next((dim for dim in range(1, _MOST_DIM) if takes(estimator, dim)), _DIMS[0])]
    for dim in dims:
        for positive in (False, True):
            yield from (Kind(dim, rows, positive) for rows in _ROWS)


def _answered(estimator: Estimator) -> Kind | None:
    """The first kind of samples that it takes."""
    for kind in kinds(estimator):
        cost = next(costs(estimator, kind.dim), Cost(1))
        try:
            estimate(*kind.problem(2), estimator, cost=cost)
        except ValueError as refusal:
            if _is_refusal(refusal):
                continue
            raise
        return kind
    return None


def _is_refusal(error: ValueError) -> bool:
    return len(str(error).splitlines()) == 1


def of_samples(
    rule: Callable[[Estimator, Kind], str | None], *, says: bool = False
) -> Callable[[Any], str | None]:
    """The rule, asked about samples that the estimator takes: nothing else is asked of who takes
    those of the plane.

    Args:
        rule: of an estimator and a kind of samples.
        says: whether it notes that these are others, and is broken where all are refused.
    """

    @wraps(rule)
    def test(estimator: Any) -> str | None:
        first = next(kinds(estimator))
        try:
            return rule(estimator, first)
        except ValueError as error:
            kind = _answered(estimator) if _is_refusal(error) else first
            if kind == first:  # which it takes elsewhere
                raise
            refusal = str(error)
        if kind is None:
            require(not says, f"refuses all samples that it is asked about, {first}: {refusal}")
            return None
        note = f"asked about {kind}, since it refuses {first}: {refusal}" * says
        return "\n".join(filter(None, [note, rule(estimator, kind)]))

    return test


def in_another_dimension(
    estimator: Estimator, kind: Kind, held: Callable[[Kind, Cost], Any]
) -> None:
    """`held` at every cost in a second dimension, the first in which it refuses not all of them."""
    for dim in _ELSEWHERE:
        if dim == kind.dim or not takes(estimator, dim):
            continue
        answered = False
        for cost in chain(costs(estimator, dim), other_costs(estimator, dim)):
            with suppress(ValueError):
                held(replace(kind, dim=dim), cost)
                answered = True
        if answered:
            return
