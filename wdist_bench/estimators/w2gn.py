"""Two convex potentials that are inverse to each other by a penalty, without a minimax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax

from wdist_bench.estimators import register
from wdist_bench.estimators.brenier import BrenierEstimator, Parts
from wdist_bench.estimators.presets import W2_BENCHMARK
from wdist_bench.networks.convex import Convex, Gradient
from wdist_bench.problem import Samples
from wdist_bench.validation import check_number


@register
@dataclass(frozen=True, kw_only=True)
class W2gn(BrenierEstimator):
    """min over convex phi and psi of E phi(x) + E [<u, y> - phi(u)] + lambda E|grad phi(u) - y|^2
    / 2, u = grad psi(y).

    The last term, a cycle, keeps grad psi the inverse of grad phi, so nothing is maximised. At
    lambda = 1 / beta it is the slack of a beta-strongly convex phi, and the sum an upper bound of
    E phi + E phi*; below that it is not, so no bound is claimed. `value` is the root of E|x|^2 +
    E|y|^2 - 2 times the sum without the cycle, W_2. `map` is grad phi and `inverse_map` grad psi.

    Attributes:
        cycle: lambda over the dimension, in coordinates of unit variance.

    Source: Korotin et al. 2019, Wasserstein-2 Generative Networks (arXiv 1909.13082), equation 10.
    Preset "w2_benchmark" has the settings of the W2 benchmark (arXiv 2106.01954), lambda = dim,
    with the differences that `maximin` names.
    """

    name: ClassVar[str] = "w2gn"
    version: ClassVar[int] = 1
    bound: ClassVar[str] = "none"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "w2_benchmark": W2_BENCHMARK | {"steps": 250_000, "inner_steps": 0, "cycle": 1.0},
    }

    learning_rate: float = 0.01
    inner_steps: int = 0
    cycle: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.cycle, "cycle", above=0)

    def parts(self, dim: int) -> Parts:
        """One loss for both."""

        def loss(phi: Convex, mover: Gradient, samples: Samples, images: jax.Array) -> jax.Array:
            moved = mover(samples.y)
            missed = ((phi.gradient(moved) - samples.y) ** 2).sum(1).mean()
            dual = phi(samples.x).mean() + ((moved * samples.y).sum(1) - phi(moved)).mean()
            return dual + self.cycle * dim * missed / 2

        return Parts(
            lambda key, dim: self.convex(key, dim),
            lambda key, dim: Gradient(self.convex(key, dim)),
            loss,
        )

    def convex(self, key: jax.Array, dim: int) -> Convex:
        """A strongly convex network of these widths."""
        return Convex.start(key, dim, self.widths(dim), self.strong_convexity)
