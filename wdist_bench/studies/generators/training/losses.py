"""GAN losses as data: what the critic ascends, what the generator descends.

Every critic of `wdist_bench.estimators` is a loss: the critic ascends its objective minus its
penalty and is projected as when it estimates, and the generator descends the very dual value that
the estimator reports. Two standard GANs and a jointly trained funnel are added. Values are larger
where the critic thinks that the two laws are farther apart; mu is the data, nu the generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from wdist_bench import estimators, networks
from wdist_bench.costs import Cost
from wdist_bench.estimators.critic import CriticEstimator
from wdist_bench.estimators.funnel import Frame
from wdist_bench.estimators.optimizers import build_optimizer
from wdist_bench.estimators.potential import Critic, difference_dual, dual_value
from wdist_bench.networks.funnel import Funnel
from wdist_bench.problem import Samples
from wdist_bench.validation import check_name

STANDARD = ("saturating", "non_saturating")
COST = Cost(p=1)
# Cones of the funnel critic; its softness in standard deviations per coordinate.
_CONES = 64
_TEMPERATURE = 0.1


@dataclass(frozen=True)
class Loss:
    """The pluggable parts of one GAN.

    Attributes:
        start: (key, images (m, d)) -> (params, apply); apply(params, points) is the critic.
        value: (critic, samples) -> what is reported: W1 in units of the data, or, for the
            standard GANs, the Jensen-Shannon divergence in nats.
        objective: (critic, samples, key) -> what the critic ascends.
        generator: (critic, samples) -> what the generator descends.
        critic_optimizer: update rule of the critic.
        generator_optimizer: update rule of the generator.
        project: params -> params after every critic step; None for none.
    """

    start: Callable[[jax.Array, jax.Array], tuple[Any, Callable[[Any, jax.Array], jax.Array]]]
    value: Callable[[Critic, Samples], jax.Array]
    objective: Callable[[Critic, Samples, jax.Array], jax.Array]
    generator: Callable[[Critic, Samples], jax.Array]
    critic_optimizer: optax.GradientTransformation
    generator_optimizer: optax.GradientTransformation
    project: Callable[[Any], Any] | None = None


def names() -> list[str]:
    """The standard GANs, the funnel and every neural critic among the estimators."""
    return [*STANDARD, "funnel", *_critics()]


def build(name: str, hidden: tuple[int, ...], rate: float = 1.0) -> Loss:
    """The loss of a name, with critics of the given hidden widths.

    Args:
        name: one of `names()`.
        hidden: widths of the critic's hidden layers; the funnel has none.
        rate: factor on the papers' learning rates, of critic and generator alike.
    """
    check_name(name, names(), "loss")
    if name in STANDARD:
        return _standard(name == "saturating", hidden, rate)
    if name == "funnel":
        return _funnel(rate)
    return _from_estimator(name, hidden, rate)


def _critics() -> list[str]:
    def neural(name: str) -> bool:
        factory = estimators.factory(name)
        return isinstance(factory, type) and issubclass(factory, CriticEstimator)

    return [name for name in estimators.names() if neural(name)]


def _from_estimator(name: str, hidden: tuple[int, ...], rate: float) -> Loss:
    """An estimator's parts; the generator descends its dual value, with its update rule."""
    default = cast(CriticEstimator, estimators.get(name))
    faster = rate * default.learning_rate
    estimator = cast(CriticEstimator, estimators.get(name, hidden=hidden, learning_rate=faster))
    estimator.check_cost(COST)
    parts = estimator.parts()

    def start(key: jax.Array, images: jax.Array) -> tuple[Any, Any]:
        return network(estimator.critic, images.shape[1], hidden, key, estimator.activation)

    def value(critic: Critic, samples: Samples) -> jax.Array:
        return dual_value(*parts.dual(critic, samples, COST), samples)

    def objective(critic: Critic, samples: Samples, key: jax.Array) -> jax.Array:
        own = parts.objective
        goal = value(critic, samples) if own is None else own(critic, samples, COST)
        return goal if parts.penalty is None else goal - parts.penalty(critic, samples, COST, key)

    rule = estimator.update_rule()
    return Loss(start, value, objective, value, parts.optimizer, rule, parts.project)


def _standard(saturating: bool, hidden: tuple[int, ...], rate: float) -> Loss:
    """D = sigmoid(f) ascends V = mean log D(x) + mean log(1 - D(y)); log 2 + V / 2 is reported.

    The generator descends mean log(1 - D(y)) (saturating) or -mean log D(y). At the optimal D the
    reported number is the Jensen-Shannon divergence in nats, at most log 2.

    Source: Goodfellow et al. 2014 (arXiv 1406.2661), Algorithm 1 and section 3; Adam at 2e-4 with
    betas (0.5, 0.999) as in Radford, Metz, Chintala 2015 (arXiv 1511.06434).
    """

    def start(key: jax.Array, images: jax.Array) -> tuple[Any, Any]:
        return network("mlp", images.shape[1], hidden, key)

    def value(critic: Critic, samples: Samples) -> jax.Array:
        real, generated = jnp.split(critic(jnp.concatenate([samples.x, samples.y])), 2)
        gain = -jax.nn.softplus(-real).mean() - jax.nn.softplus(generated).mean()
        return jnp.log(2.0).astype(gain.dtype) + gain / 2

    def generator(critic: Critic, samples: Samples) -> jax.Array:
        logits = critic(samples.y)
        if saturating:
            return -jax.nn.softplus(logits).mean()
        return jax.nn.softplus(-logits).mean()

    rule = build_optimizer("adam", rate * 2e-4, 0.5, 0.999)
    # The critic ascends V itself, not V / 2.
    return Loss(start, value, lambda f, s, _: 2 * value(f, s), generator, rule, rule)


def _funnel(rate: float) -> Loss:
    """f(x) = -min_k (|x - a_k| + b_k), a funnel turned over: highest at its centres, the data.

    Trained with the generator. The minimum is softened at a fixed temperature, which keeps f
    1-Lipschitz, so the value is a lower bound on the W1 of each batch. Centres start at data
    images, offsets at 0: the first value is how much farther generated images are from them than
    real ones. Coordinates are standardised by the data alone. Adam at the estimator's 1e-2 for the
    cones; for the generator at 1e-4 with betas (0, 0.9), as with the gradient penalty.

    Source: the family is that of `wdist_bench.estimators.funnel`, which anneals the temperature
    and tries both orientations; here the target moves, so the temperature stays.
    """

    def start(key: jax.Array, images: jax.Array) -> tuple[Any, Any]:
        frame = Frame.of(Samples(images, images))
        chosen = jax.random.randint(key, (_CONES,), 0, images.shape[0], jnp.int32)
        offsets = jnp.zeros(_CONES, jnp.float32)

        def apply(params: Funnel, points: jax.Array) -> jax.Array:
            return frame.scale * params.soft(frame.enter(points), jnp.float32(_TEMPERATURE))

        return Funnel(frame.enter(images[chosen]), offsets, -1), apply

    def value(critic: Critic, samples: Samples) -> jax.Array:
        return dual_value(*difference_dual(critic, samples, COST), samples)

    cones = build_optimizer("adam", rate * 1e-2, 0.9, 0.99)
    rule = build_optimizer("adam", rate * 1e-4, 0.0, 0.9)
    return Loss(start, value, lambda f, s, _: value(f, s), value, cones, rule)


def network(
    name: str, dim: int, hidden: tuple[int, ...], key: jax.Array, activation: str = "relu"
) -> tuple[Any, Callable[[Any, jax.Array], jax.Array]]:
    """A critic of that name for points of dimension `dim`: parameters, and what applies them."""
    graph, params = nnx.split(networks.build(name, dim, hidden, key, activation))
    return params, lambda params, points: nnx.merge(graph, params)(points)
