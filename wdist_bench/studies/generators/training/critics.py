"""Two losses beyond the estimators': SN-GAN, and WGAN-GP with a critic that attends to patches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from wdist_bench.estimators.optimizers import build_optimizer
from wdist_bench.estimators.potential import Critic
from wdist_bench.networks.lipschitz import spectral_projection
from wdist_bench.problem import Samples
from wdist_bench.studies.generators.training.attention import AttentionCritic
from wdist_bench.studies.generators.training.losses import Loss, build, network


def sn_gan(hidden: tuple[int, ...], rate: float = 1.0) -> Loss:
    """The hinge loss under spectral normalisation: every layer's largest singular value is 1.

    The critic ascends mean min(0, f(x) - 1) + mean min(0, -f(y) - 1), the generator descends
    -mean f(y). Reported is mean f(x) - mean f(y): f is 1-Lipschitz but for what one power iteration
    a step misses, so it is near a lower bound on W1.

    Source: Miyato, Kataoka, Koyama, Yoshida 2018 (arXiv 1802.05957), Adam at 2e-4 with betas
    (0, 0.9). They differentiate through the division; here it is a projection after each step.
    """

    def start(key: jax.Array, rows: jax.Array) -> tuple[Any, Any]:
        return network("mlp", rows.shape[1], hidden, key)

    def objective(critic: Critic, samples: Samples, key: jax.Array) -> jax.Array:
        real, generated = _both(critic, samples)
        return jnp.minimum(0, real - 1).mean() + jnp.minimum(0, -generated - 1).mean()

    def value(critic: Critic, samples: Samples) -> jax.Array:
        real, generated = _both(critic, samples)
        return real.mean() - generated.mean()

    rule = build_optimizer("adam", rate * 2e-4, 0.0, 0.9)
    projected = optax.chain(rule, spectral_projection(1))
    return Loss(start, value, objective, lambda f, s: -f(s.y).mean(), projected, rule)


def self_attention(shape: tuple[int, ...], hidden: tuple[int, ...], rate: float = 1.0) -> Loss:
    """The loss of WGAN-GP; only its critic is another, `AttentionCritic`."""

    def start(key: jax.Array, rows: jax.Array) -> tuple[Any, Any]:
        critic = AttentionCritic(shape, rows.shape[1], hidden, nnx.Rngs(key))
        graph, params = nnx.split(critic)
        return params, lambda params, points: nnx.merge(graph, params)(points)

    return replace(build("gradient_penalty", hidden, rate), start=start)


def _both(critic: Critic, samples: Samples) -> tuple[jax.Array, jax.Array]:
    real, generated = jnp.split(critic(jnp.concatenate([samples.x, samples.y])), 2)
    return real, generated
