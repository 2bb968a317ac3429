"""A generator against a critic: some critic steps, then one of the generator, for any loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from wdist_bench.problem import Samples
from wdist_bench.studies.generators.training.loop import Draw, Keys, Process, Step
from wdist_bench.studies.generators.training.losses import Loss

Generate = Callable[[Any, jax.Array, int], jax.Array]
"""(parameters, key, n) -> (n, d) generated rows."""


class Learner(NamedTuple):
    """Parameters with the state of their update rule."""

    params: Any
    rule: Any


class Players(NamedTuple):
    """Both sides of the game."""

    critic: Learner
    generator: Learner


def adversarial(
    loss: Loss,
    generate: Generate,
    parameters: Any,
    keys: Keys,
    rows: jax.Array,
    critic_steps: int,
    batch_size: int,
) -> Process:
    """The game of one loss, begun.

    Args:
        loss: what the critic ascends and the generator descends.
        generate: rows of the generator.
        parameters: of the untrained generator.
        keys: of the run.
        rows: (m, d) training rows, from which critics take their scale.
        critic_steps: critic steps before each step of the generator.
        batch_size: rows of each kind in a minibatch.
    """
    critic, apply = loss.start(keys.critic, rows)
    start = Players(
        Learner(critic, loss.critic_optimizer.init(critic)),
        Learner(parameters, loss.generator_optimizer.init(parameters)),
    )

    def critic_loss(params: Any, samples: Samples, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        def f(points: jax.Array) -> jax.Array:
            return apply(params, points)

        return -loss.objective(f, samples, key), loss.value(f, samples)

    def generator_loss(params: Any, critic: Any, key: jax.Array, draw: Draw) -> jax.Array:
        noise_key, data_key = jax.random.split(key)
        samples = Samples(draw(data_key), generate(params, noise_key, batch_size))
        return loss.generator(lambda points: apply(critic, points), samples)

    def critic_step(
        critic: Learner, params: Any, key: jax.Array, draw: Draw
    ) -> tuple[Learner, jax.Array]:
        noise_key, data_key, penalty_key = jax.random.split(key, 3)
        fake = generate(params, noise_key, batch_size)
        gradient, value = jax.grad(critic_loss, has_aux=True)(
            critic.params, Samples(draw(data_key), fake), penalty_key
        )
        updates, rule = loss.critic_optimizer.update(gradient, critic.rule, critic.params)
        moved = optax.apply_updates(critic.params, updates)
        return Learner(moved if loss.project is None else loss.project(moved), rule), value

    def step(state: Players, key: jax.Array, draw: Draw) -> Step:
        inner = jax.random.split(key, critic_steps + 1)
        params = state.generator.params
        critic, values = jax.lax.scan(
            lambda critic, key: critic_step(critic, params, key, draw), state.critic, inner[1:]
        )
        gradient = jax.grad(generator_loss)(params, critic.params, inner[0], draw)
        updates, rule = loss.generator_optimizer.update(gradient, state.generator.rule, params)
        generator = Learner(optax.apply_updates(params, updates), rule)
        return Step(Players(critic, generator), values.mean(), gradient)

    def value(state: Players, samples: Samples) -> jax.Array:
        return loss.value(lambda points: apply(state.critic.params, points), samples)

    return Process(start, step, lambda state: state.generator.params, value)
