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
    """phi by min over convex phi of E phi(x) - E phi(u), u = grad psi(y), both by the penalty of a
    cycle lambda E|grad phi(u) - y|^2 / 2.

    The cycle keeps grad psi the inverse of grad phi, so nothing is maximised; psi descends it
    alone. (In <u, y> - phi(u), which is at most phi*(y), psi could take u to where phi bends less
    than 1 / lambda, and the sum has no minimum.) `value` is the root of E|x|^2 + E|y|^2 - 2 E[
    phi(x) + <u, y> - phi(u)], W_2; it is no bound, since u need not be the maximiser. `map` is
    grad phi and `inverse_map` grad psi.

    Attributes:
        cycle: lambda, in coordinates of unit variance.

    Source: Korotin et al. 2019, Wasserstein-2 Generative Networks (arXiv 1909.13082), equation 10.
    Preset "w2_benchmark" has the settings of the W2 benchmark's solver W2 (arXiv 2106.01954), whose
    weight, the dimension, is that of a mean over coordinates: lambda = 2. It differs as `maximin`
    says, and in that its cycle starts at y alone, theirs at x too.
    """

    name: ClassVar[str] = "w2gn"
    version: ClassVar[int] = 2
    bound: ClassVar[str] = "none"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "w2_benchmark": W2_BENCHMARK | {"steps": 250_000, "inner_steps": 0, "cycle": 2.0},
    }

    learning_rate: float = 0.04
    inner_steps: int = 0
    cycle: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.cycle, "cycle", above=0)

    def parts(self, dim: int) -> Parts:
        """E phi(x) - E phi(u) for phi, and the cycle for both."""

        def loss(phi: Convex, mover: Gradient, samples: Samples, images: jax.Array) -> jax.Array:
            missed = ((phi.gradient(mover(samples.y)) - samples.y) ** 2).sum(1).mean()
            return phi(samples.x).mean() - phi(images).mean() + self.cycle * missed / 2

        start = self.start_network
        return Parts(start, lambda key, dim: Gradient(start(key, dim)), loss)
