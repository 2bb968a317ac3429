"""The generators of the study by name: a start, a training and a way to draw rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from wdist_bench.studies.generators.training import critics, losses
from wdist_bench.studies.generators.training.adversarial import adversarial
from wdist_bench.studies.generators.training.diffusion import Diffusion
from wdist_bench.studies.generators.training.gan_training import order_of
from wdist_bench.studies.generators.training.generator import Source
from wdist_bench.studies.generators.training.loop import Keys, Process, loop
from wdist_bench.validation import check_name

DIFFUSIONS = {"ddpm": "ancestral", "ddim": "ddim"}
CONDITIONAL = "conditional"
GAMES = (
    "saturating", "non_saturating", "sn_gan", "weight_clipping", "gradient_penalty",
    "self_attention", CONDITIONAL, "c_transform", "soft_c_transform", "funnel",
)  # fmt: skip

RATES = {
    "saturating": 10.0, "non_saturating": 3.0, "sn_gan": 10.0, "weight_clipping": 10.0,
    "gradient_penalty": 30.0, "self_attention": 30.0, CONDITIONAL: 10.0, "c_transform": 10.0,
    "soft_c_transform": 10.0, "funnel": 3.0, "ddpm": 1.0, "ddim": 1.0,
}  # fmt: skip
"""Factors on the papers' learning rates: of three each, a factor 3 apart, the least mean fault on
the mixture (3,000 steps) and the digits (1,500) with seed 100, which serves nothing else."""


def names() -> list[str]:
    """Every generator that is trained."""
    return [*GAMES, *DIFFUSIONS]


class Model(Protocol):
    """What has parameters and draws rows from them."""

    def start(self, key: jax.Array) -> Any:
        """Untrained parameters."""

    def generate(self, params: Any, key: jax.Array, n: int) -> jax.Array:
        """(n, d) rows."""


@dataclass(frozen=True)
class Sizes:
    """What all generators have in common.

    Attributes:
        steps: of the generator.
        critic_steps: before each of them; a generator without a critic makes as many more.
        batch_size: rows of each kind in a minibatch.
        latent: dimension of the noise of a game's generator.
        hidden: widths of the hidden layers, of both sides of a game.
        batch_norm: whether a game's generator normalises its hidden layers.
        rate: factor on those of `RATES`.
        stops: steps after which the parameters are kept.
    """

    steps: int
    critic_steps: int
    batch_size: int
    latent: int
    hidden: tuple[int, ...]
    batch_norm: bool
    rate: float
    stops: tuple[int, ...]


@dataclass(frozen=True)
class Space:
    """Where the rows lie.

    Attributes:
        dim: of the rows, without labels.
        shape: of a picture; () where rows are none.
        reach: no coordinate is beyond it.
        shares: of the classes, () where rows have no labels.
    """

    dim: int
    shape: tuple[int, ...]
    reach: float
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Method:
    """A generator with its training.

    Attributes:
        model: draws rows.
        begin: (untrained parameters, keys, training rows) -> the training.
        label_weight: what stands behind rows for their label; 0 where they carry none.
    """

    model: Model
    begin: Callable[[Any, Keys, jax.Array], Process]
    label_weight: float = 0.0


def build(name: str, space: Space, sizes: Sizes) -> Method:
    """The generator of that name for rows of that space.

    Raises:
        ValueError: a conditional generator of rows without labels.
    """
    check_name(name, names(), "generator")
    if name == CONDITIONAL and not space.shares:
        raise ValueError(
            "generator: expected rows with labels for conditional, got none; take a labelled set"
        )
    sizes = replace(sizes, rate=sizes.rate * RATES[name])
    if name in DIFFUSIONS:
        model = Diffusion(space.dim, sizes.hidden, space.reach, DIFFUSIONS[name], sizes.rate)
        updates = sizes.critic_steps + 1
        return Method(model, lambda params, keys, rows: model.begin(
            params, keys, updates, sizes.batch_size))  # fmt: skip
    shares = space.shares if name == CONDITIONAL else ()
    source = Source(sizes.latent, sizes.hidden, space.dim, sizes.batch_norm, space.reach, shares)
    loss = _loss(name, space, sizes)
    begin = lambda params, keys, rows: adversarial(  # noqa: E731
        loss, source.generate, params, keys, rows, sizes.critic_steps, sizes.batch_size
    )
    return Method(source, begin, source.weight if shares else 0.0)


def _loss(name: str, space: Space, sizes: Sizes) -> losses.Loss:
    if name == "sn_gan":
        return critics.sn_gan(sizes.hidden, sizes.rate)
    if name == "self_attention":
        return critics.self_attention(space.shape, sizes.hidden, sizes.rate)
    wgan_gp = name == CONDITIONAL
    return losses.build("gradient_penalty" if wgan_gp else name, sizes.hidden, sizes.rate)


class Trained(NamedTuple):
    """What the training of one run returns.

    Attributes:
        history: (steps,) the reported loss, mean over the minibatches of a step.
        norms: (steps,) length of the gradient that the generator was given.
        cosines: (steps,) its cosine with the one before; 0 at the first step.
        parameters: of the generator, untrained and after each stop, (1 + stops, ...) each.
    """

    history: Any
    norms: Any
    cosines: Any
    parameters: Any


def train(method: Method, sizes: Sizes, key: jax.Array, rows: jax.Array) -> Trained:
    """Train on half of the rows (count, d), float32. Pure and traceable."""
    keys = Keys.of(key)
    training = rows[order_of(key, len(rows))[: len(rows) // 2]]
    begun = method.begin(method.model.start(keys.generator), keys, training)

    def draw(key: jax.Array) -> jax.Array:
        return training[jax.random.randint(key, (sizes.batch_size,), 0, len(training), jnp.int32)]

    def step(carry: Any, key: jax.Array) -> tuple[Any, Any]:
        state, before = carry
        state, value, gradient = begun.step(state, key, draw)
        length, cosine = compared(gradient, before)
        return (state, gradient), (value, length, cosine)

    untrained = begun.parameters(begun.state)
    nothing = jax.tree.map(jnp.zeros_like, untrained)
    _, (history, norms, cosines), kept = loop(
        step, lambda carry: begun.parameters(carry[0]), (begun.state, nothing), keys.steps,
        sizes.stops,
    )  # fmt: skip
    along = jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), untrained, kept)
    return Trained(history, norms, cosines, along)


def compared(gradient: Any, before: Any) -> tuple[jax.Array, jax.Array]:
    """Length of a gradient, and its cosine with another; 0 where either is 0."""
    length, other = jnp.sqrt(_inner(gradient, gradient)), jnp.sqrt(_inner(before, before))
    both = length * other
    return length, jnp.where(both > 0, _inner(gradient, before) / jnp.where(both > 0, both, 1), 0.0)


def _inner(a: Any, b: Any) -> jax.Array:
    return jax.tree.reduce(jnp.add, jax.tree.map(lambda u, v: (u * v).sum(), a, b))


def draw_rows(model: Model, n: int, key: jax.Array, parameters: Any) -> jax.Array:
    """(runs, k, n, d) rows of parameters (runs, k, ...), from the same noise in all of a run."""

    def of_run(pair: Any) -> jax.Array:
        key, along = pair
        return jax.lax.map(partial(model.generate, key=key, n=n), along)

    count = len(jax.tree.leaves(parameters)[0])
    return jax.lax.map(of_run, (jax.random.split(key, count), parameters))
