"""One GAN as one compiled program: training, images along it and at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from wdist_bench.problem import Samples
from wdist_bench.studies.generators.training.adversarial import adversarial
from wdist_bench.studies.generators.training.generator import Generator
from wdist_bench.studies.generators.training.loop import Keys, loop
from wdist_bench.studies.generators.training.losses import Loss


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
    keys = Keys.of(key)
    count, dim = pixels.shape
    order = order_of(key, count)
    pool = order[: count // 2]
    network = Generator(plan.latent, plan.hidden, dim, plan.batch_norm, nnx.Rngs(keys.generator))
    graph, untrained = nnx.split(network)

    def generate(params: Any, key: jax.Array, n: int) -> jax.Array:
        return nnx.merge(graph, params)(jax.random.normal(key, (n, plan.latent), jnp.float32))

    def draw(key: jax.Array) -> jax.Array:
        rows = jax.random.randint(key, (plan.batch_size,), 0, len(pool), jnp.int32)
        return scaled(pixels[pool[rows]], plan.maximum)

    training = scaled(pixels[pool], plan.maximum)
    game = adversarial(
        loss, generate, untrained, keys, training, plan.critic_steps, plan.batch_size
    )

    def step(state: Any, key: jax.Array) -> tuple[Any, jax.Array]:
        state, value, _ = game.step(state, key, draw)
        return state, value

    def look(state: Any) -> jax.Array:
        return generate(game.parameters(state), keys.evaluation, plan.watched)

    first = look(game.state)
    state, history, later = loop(step, look, game.state, keys.steps, plan.snapshots)
    last = jax.random.fold_in(keys.evaluation, 1)
    images = generate(game.parameters(state), last, plan.n)
    batches, size = held_out_batches(count, plan.n, plan.batch_size)

    def value(index: jax.Array) -> jax.Array:
        rows = index * size + jnp.arange(size, dtype=jnp.int32)
        x = scaled(pixels[order[count // 2 + rows]], plan.maximum)
        return loss_value(state, Samples(x, images[rows]))

    loss_value = cast(Any, game.value)
    values = jax.lax.map(value, jnp.arange(batches, dtype=jnp.int32))
    return Trained(history, jnp.concatenate([first[None], later]), images, values)
