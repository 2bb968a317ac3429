"""The one GAN loop: some critic steps, one generator step, all of it one compiled program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from wdist_bench.problem import Samples
from wdist_bench.studies.gan.generator import Generator
from wdist_bench.studies.gan.losses import Loss


@dataclass(frozen=True)
class Plan:
    """The sizes of one GAN.

    Attributes:
        steps: generator steps.
        critic_steps: critic steps before each of them.
        batch_size: images of each kind in a minibatch.
        latent: dimension of the standard normal noise.
        hidden: widths of the generator's hidden layers.
        batch_norm: whether the generator normalises its hidden layers.
        maximum: pixel value of full intensity; images are scaled from [0, maximum] to [-1, 1].
        snapshots: generator steps, increasing, after which `watched` images are drawn.
        watched: images drawn at each snapshot, from the same noise every time.
        n: images drawn at the end.
    """

    steps: int
    critic_steps: int
    batch_size: int
    latent: int
    hidden: tuple[int, ...]
    batch_norm: bool
    maximum: int
    snapshots: tuple[int, ...]
    watched: int
    n: int


class Trained(NamedTuple):
    """What one run returns.

    Attributes:
        history: (steps,) the loss's value per generator step, mean over its critic steps.
        watched: (1 + snapshots, watched, dim) images along training, the untrained ones first.
        images: (n, dim) images of the trained generator, pixels in (-1, 1).
        values: (batches,) value of the trained critic on batches of held-out images against
            `images`, batch by batch in order; see `held_out_batches`.
    """

    history: Any
    watched: Any
    images: Any
    values: Any


class Keys(NamedTuple):
    """The independent streams of one run. The data do not depend on the loss."""

    critic: jax.Array
    generator: jax.Array
    steps: jax.Array
    evaluation: jax.Array


def order_of(key: jax.Array, count: int) -> jax.Array:
    """(count,) permutation of a run's images: the first half trains, the rest is held out."""
    return jax.random.permutation(jax.random.fold_in(key, 0), count)


def scaled(pixels: Any, maximum: int) -> Any:
    """Pixels 0 .. maximum as float32 in [-1, 1]."""
    return pixels.astype(np.float32) * np.float32(2 / maximum) - np.float32(1)


def geometric_snapshots(steps: int, count: int = 12) -> tuple[int, ...]:
    """About `count` generator steps from steps / 32 to `steps`, each about 1.4 times the last."""
    points = np.geomspace(max(1, steps / 32), steps, count).round().astype(int)
    return tuple(int(point) for point in np.unique(points))


def held_out_batches(count: int, n: int, batch_size: int) -> tuple[int, int]:
    """How many batches of which size the last values are taken on: (batches, size)."""
    size = min(batch_size, n, count - count // 2)
    return n // size, size


def train(plan: Plan, loss: Loss, key: jax.Array, pixels: jax.Array) -> Trained:
    """Train one GAN on half of the images (count, dim), uint8. Pure and traceable."""
    keys = Keys(*(jax.random.fold_in(key, 1 + i) for i in range(len(Keys._fields))))
    count, dim = pixels.shape
    order = order_of(key, count)
    pool = order[: count // 2]
    critic_params, apply = loss.start(keys.critic, scaled(pixels[pool], plan.maximum))
    network = Generator(plan.latent, plan.hidden, dim, plan.batch_norm, nnx.Rngs(keys.generator))
    graph, generator_params = nnx.split(network)

    def generate(params: Any, key: jax.Array, n: int) -> jax.Array:
        return nnx.merge(graph, params)(jax.random.normal(key, (n, plan.latent), jnp.float32))

    def real(key: jax.Array) -> jax.Array:
        rows = jax.random.randint(key, (plan.batch_size,), 0, len(pool), jnp.int32)
        return scaled(pixels[pool[rows]], plan.maximum)

    def critic_loss(params: Any, samples: Samples, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        def critic(points: jax.Array) -> jax.Array:
            return apply(params, points)

        return -loss.objective(critic, samples, key), loss.value(critic, samples)

    def generator_loss(params: Any, critic: Any, key: jax.Array) -> jax.Array:
        noise_key, data_key = jax.random.split(key)
        samples = Samples(real(data_key), generate(params, noise_key, plan.batch_size))
        return loss.generator(lambda points: apply(critic, points), samples)

    def step(index: jax.Array, state: Any) -> Any:
        (critic, critic_state), (params, state_), history = state
        step_key = jax.random.fold_in(keys.steps, index)

        def critic_step(carry: Any, key: jax.Array) -> tuple[Any, jax.Array]:
            critic, critic_state = carry
            noise_key, data_key, penalty_key = jax.random.split(key, 3)
            fake = generate(params, noise_key, plan.batch_size)
            gradient, value = jax.grad(critic_loss, has_aux=True)(
                critic, Samples(real(data_key), fake), penalty_key
            )
            updates, critic_state = loss.critic_optimizer.update(gradient, critic_state, critic)
            critic = optax.apply_updates(critic, updates)
            if loss.project is not None:
                critic = loss.project(critic)
            return (critic, critic_state), value

        inner = jax.random.split(step_key, plan.critic_steps + 1)
        (critic, critic_state), values = jax.lax.scan(
            critic_step, (critic, critic_state), inner[1:]
        )
        gradient = jax.grad(generator_loss)(params, critic, inner[0])
        updates, state_ = loss.generator_optimizer.update(gradient, state_, params)
        params = optax.apply_updates(params, updates)
        return (critic, critic_state), (params, state_), history.at[index].set(values.mean())

    def look(params: Any) -> jax.Array:
        return generate(params, keys.evaluation, plan.watched)

    def advance(state: Any, bounds: jax.Array) -> tuple[Any, jax.Array]:
        state = jax.lax.fori_loop(bounds[0], bounds[1], step, state)
        return state, look(state[1][0])

    state = (
        (critic_params, loss.critic_optimizer.init(critic_params)),
        (generator_params, loss.generator_optimizer.init(generator_params)),
        jnp.zeros(plan.steps, jnp.float32),
    )
    stops = jnp.asarray(plan.snapshots, jnp.int32)
    starts = jnp.concatenate([jnp.zeros(1, jnp.int32), stops[:-1]])
    first = look(generator_params)
    ((critic, _), (params, _), history), later = jax.lax.scan(
        advance, state, jnp.stack([starts, stops], axis=1)
    )
    images = generate(params, jax.random.fold_in(keys.evaluation, 1), plan.n)
    batches, size = held_out_batches(count, plan.n, plan.batch_size)

    def value(index: jax.Array) -> jax.Array:
        rows = index * size + jnp.arange(size, dtype=jnp.int32)
        x = scaled(pixels[order[count // 2 + rows]], plan.maximum)
        return loss.value(lambda points: apply(critic, points), Samples(x, images[rows]))

    values = jax.lax.map(value, jnp.arange(batches, dtype=jnp.int32))
    return Trained(history, jnp.concatenate([first[None], later]), images, values)
