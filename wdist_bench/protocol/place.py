"""Where a task is drawn from for a ground cost: near its origin, or in its own coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks.base import Task


def sampler_for(task: Task, cost: Cost) -> Sampler:
    """The sampler of a task for a cost. Its draws are relative to `Task.origin` where the cost lets
    points be moved; an angle or a caller's function has another value there, so for those the
    origin is added back.
    """
    sampler, origin = task.sampler(), task.origin
    if cost.moves or origin is None or not np.any(origin):
        return sampler
    return InPlace(sampler, np.asarray(origin, np.float64))


@pytree
@dataclass(frozen=True)
class InPlace(Sampler):
    """Draws of a sampler plus the origin that they are relative to, in float64."""

    x64: ClassVar[bool] = True

    sampler: Sampler
    origin: Any

    @property
    def dim(self) -> int:
        """Dimension of the points, the length of a row."""
        return self.sampler.dim

    @property
    def limit(self) -> int | None:
        """The most points that one draw can give of each measure."""
        return self.sampler.limit

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        """n points of mu and n of nu in the coordinates of the task."""
        x, y = self.sampler.draw(key, n)
        return x.astype(jnp.float64) + self.origin, y.astype(jnp.float64) + self.origin
