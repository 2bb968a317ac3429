"""Independent draws from two finite sets of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.problem import Resampler, Sampler, Samples
from wdist_bench.pytrees import pytree

# Where 2^-24 of the farthest point is 1e-5 of how far most points are.
_FAR, _MOST = 128.0, 0.9


@pytree
@dataclass(frozen=True)
class Rows(Sampler):
    """Rows of x and, independently, rows of y, with replacement and by weight, in float64: data
    far from the origin keep the digits that their distances live in.
    """

    x64: ClassVar[bool] = True

    resampler: Resampler

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray, a: Any = None, b: Any = None) -> Rows:
        """From host arrays: points (n, d) and (m, d), weights summing to one or None."""
        with jax.enable_x64(True):
            host = Samples(x, y, a, b)
            return cls(Resampler(jax.tree.map(lambda v: jnp.asarray(v, jnp.float64), host)))

    @property
    def dim(self) -> int:
        """Dimension of the points, the length of a row."""
        return self.resampler.dim

    @property
    def on_two_scales(self) -> bool:
        """Whether float32 loses the distances of most points to a few that are far from zero: the
        farthest is more than 128 times as far as nine tenths are. No common origin helps those.
        """
        held = self.resampler.samples
        sides = np.asarray(held.x), np.asarray(held.y)
        sizes = np.concatenate([np.maximum(side.max(1), -side.min(1)) for side in sides])
        return bool(sizes.max() > _FAR * np.quantile(sizes, _MOST))

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        """n rows of x and n rows of y."""
        return self.resampler.draw(key, n)
