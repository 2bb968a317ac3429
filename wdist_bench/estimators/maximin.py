"""Unrestricted potentials against a network that maps: the maximin solvers of the W2 benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax

from wdist_bench.estimators import register
from wdist_bench.estimators.brenier import BrenierEstimator, Parts
from wdist_bench.estimators.presets import W2_BENCHMARK
from wdist_bench.networks.convex import Convex, Gradient
from wdist_bench.problem import Samples
from wdist_bench.validation import check_flag


@register
@dataclass(frozen=True, kw_only=True)
class Maximin(BrenierEstimator):
    """min over phi of E phi(x) + max over maps S of E <S(y), y> - phi(S(y)).

    phi has the layers of an input-convex network without its constraints, and S is the gradient of
    another. S ascends for `inner_steps` fresh minibatches before each step of phi. `value` is the
    root of E|x|^2 + E|y|^2 - 2 times this, W_2; it is no bound: S need not reach the maximum, and
    phi need not be convex. `map` is grad phi and `inverse_map` S, or with `reverse` the other way
    round.

    Attributes:
        inner_steps: minibatches of the map for each of the potential.
        reverse: whether the potential is that of nu, so that S carries mu to nu.

    Source: Korotin et al. 2021 (arXiv 2106.01954), the solvers MM and MM:R. Preset "w2_benchmark"
    has the settings of the authors' notebooks, with two differences: weights are scaled by their
    fan-in, so its step size means another one, and the start is the identity itself, where theirs
    is trained to be near it.
    """

    name: ClassVar[str] = "maximin"
    version: ClassVar[int] = 2
    bound: ClassVar[str] = "none"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"w2_benchmark": W2_BENCHMARK}

    learning_rate: float = 0.04
    beta1: float = 0.5
    inner_steps: int = 5
    reverse: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flag(self.reverse, "reverse")

    def parts(self, dim: int) -> Parts:
        """E phi(x) - E phi(S(y)) for phi, and the maximum for S alone."""
        start = partial(self.start_network, constrained=False)
        return Parts(start, lambda key, dim: Gradient(start(key, dim)), _loss, inner=_inner)


def _loss(phi: Convex, mover: Gradient, samples: Samples, images: jax.Array) -> jax.Array:
    return phi(samples.x).mean() - phi(images).mean()


def _inner(phi: Convex, mover: Gradient, samples: Samples) -> jax.Array:
    images = mover(samples.y)
    return (phi(images) - (images * samples.y).sum(1)).mean()
