"""Denoising diffusion: noise is added step by step, and a network learns to take it off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from wdist_bench.estimators.optimizers import build_optimizer
from wdist_bench.studies.generators.training.generator import layers
from wdist_bench.studies.generators.training.loop import Draw, Keys, Process, Step

LEVELS = 100
"""T, steps of the noise."""
SHORT = 20
"""Of them that the deterministic sampler takes."""
_FREQUENCIES = 16
_CLEAREST = 5.0
"""Cap on the weight of a nearly clean row: signal to noise there is in the hundreds."""
_MEMORY = 0.995
"""Of the average over the parameters of the last steps, which is what generates."""


def kept_share() -> np.ndarray:
    """(T,) products abar_t of 1 - beta_s, s <= t: x_t has variance abar_t Var x_0 + 1 - abar_t.

    beta grows linearly from 0.1 / T to 20 / T, which are the 1e-4 and 0.02 of 1,000 steps.

    Source: Ho, Jain, Abbeel 2020 (arXiv 2006.11239), equation 4 and section 4.
    """
    return np.cumprod(1 - np.linspace(0.1, 20.0, LEVELS) / LEVELS)


class Denoiser(nnx.Module):
    """x_0 as a network thinks it was, from x_t and t: silu layers on [x_t, sines of t].

    Attributes:
        layers: linear, from (dim + 32) over the hidden widths to dim.
    """

    def __init__(self, dim: int, hidden: tuple[int, ...], rngs: nnx.Rngs) -> None:
        self.layers = layers((dim + 2 * _FREQUENCIES, *hidden, dim), rngs)

    def __call__(self, rows: jax.Array, level: jax.Array) -> jax.Array:
        """(n, dim) guesses from noisy rows (n, dim) at levels (n,), whole numbers from 0."""
        time = (level + 1).astype(jnp.float32)[:, None] / LEVELS
        angles = jnp.pi * time * 2.0 ** jnp.linspace(-1, 6, _FREQUENCIES, dtype=jnp.float32)
        z = jnp.concatenate([rows, jnp.sin(angles), jnp.cos(angles)], axis=1)
        for layer in self.layers[:-1]:
            z = jax.nn.silu(layer(z))
        return self.layers[-1](z)


class State(NamedTuple):
    """Parameters, their average over the last steps, and the state of the update rule."""

    params: Any
    average: Any
    rule: Any


@dataclass(frozen=True)
class Diffusion:
    """A denoiser of rows and its samplers.

    Attributes:
        dim: of the rows.
        hidden: widths of the denoiser's layers.
        reach: guesses of x_0 are clipped to [-reach, reach].
        sampler: "ancestral", all T steps with fresh noise, or "ddim", 20 of them and none.
        rate: factor on Adam's 1e-3.
    """

    dim: int
    hidden: tuple[int, ...]
    reach: float = 1.0
    sampler: str = "ancestral"
    rate: float = 1.0

    def start(self, key: jax.Array) -> Any:
        """Untrained parameters."""
        return nnx.split(Denoiser(self.dim, self.hidden, nnx.Rngs(key)))[1]

    def guess(self, params: Any, rows: jax.Array, level: jax.Array) -> jax.Array:
        """x_0 from rows (n, dim) at levels (n,)."""
        shapes = nnx.eval_shape(lambda: Denoiser(self.dim, self.hidden, nnx.Rngs(0)))
        return nnx.merge(nnx.split(shapes)[0], params)(rows, level)

    def loss(self, params: Any, rows: jax.Array, key: jax.Array) -> jax.Array:
        """mean min(SNR_t, 5) |x_0 - guess(x_t, t)|^2 / dim over t uniform, SNR = abar / (1 - abar).

        At weight SNR it is the mean square of the noise's error, the loss of the paper; the cap is
        that of Hang et al. 2023 (arXiv 2303.09556). The network guesses x_0 rather than the noise,
        since noise of the rows' dimension does not pass through layers that are narrower.
        """
        level_key, noise_key = jax.random.split(key)
        level = jax.random.randint(level_key, (len(rows),), 0, LEVELS, jnp.int32)
        kept = _abar()[level][:, None]
        noisy = jnp.sqrt(kept) * rows + jnp.sqrt(1 - kept) * jax.random.normal(
            noise_key, rows.shape, jnp.float32
        )
        weight = jnp.minimum(kept / (1 - kept), _CLEAREST)
        return (weight * (self.guess(params, noisy, level) - rows) ** 2).mean()

    def begin(self, parameters: Any, keys: Keys, updates: int, batch_size: int) -> Process:
        """The training: `updates` minibatches a step, as many as a game's players take together."""
        rule = build_optimizer("adam", self.rate * 1e-3, 0.9, 0.999)

        def update(state: State, key: jax.Array, draw: Draw) -> tuple[State, tuple[Any, Any]]:
            data_key, loss_key = jax.random.split(key)
            value, gradient = jax.value_and_grad(self.loss)(state.params, draw(data_key), loss_key)
            updates, moved = rule.update(gradient, state.rule, state.params)
            params = optax.apply_updates(state.params, updates)
            average = jax.tree.map(
                lambda old, new: _MEMORY * old + (1 - _MEMORY) * new, state.average, params
            )
            return State(params, average, moved), (value, gradient)

        def step(state: State, key: jax.Array, draw: Draw) -> Step:
            state, (values, gradients) = jax.lax.scan(
                lambda state, key: update(state, key, draw), state, jax.random.split(key, updates)
            )
            return Step(state, values.mean(), jax.tree.map(lambda g: g[-1], gradients))

        begun = State(parameters, parameters, rule.init(parameters))
        return Process(begun, step, lambda state: state.average, None)

    def generate(self, params: Any, key: jax.Array, n: int) -> jax.Array:
        """(n, dim) rows from noise.

        Ancestral: x_(t-1) ~ N(posterior mean of x_t and the guess, its variance), equations 6 and 7
        of Ho et al. ddim: x_s = sqrt(abar_s) guess + sqrt(1 - abar_s) noise, the noise that the
        guess implies, equation 12 with sigma 0 of Song, Meng, Ermon 2020 (arXiv 2010.02502).
        """
        start_key, noise_key = jax.random.split(key)
        rows = jax.random.normal(start_key, (n, self.dim), jnp.float32)
        deterministic = self.sampler == "ddim"
        count = SHORT if deterministic else LEVELS
        levels = np.linspace(LEVELS - 1, 0, count).round().astype(np.int32)
        following = np.append(levels[1:], -1).astype(np.int32)

        def one(rows: jax.Array, at: Any) -> tuple[jax.Array, None]:
            level, next_level, key = at
            kept = _abar()[level]
            left = jnp.where(next_level < 0, 1.0, _abar()[jnp.maximum(next_level, 0)])
            left = left.astype(jnp.float32)
            guess = self.guess(params, rows, jnp.full(n, level, jnp.int32))
            guess = jnp.clip(guess, -self.reach, self.reach)
            if deterministic:
                noise = (rows - jnp.sqrt(kept) * guess) / jnp.sqrt(1 - kept)
                return jnp.sqrt(left) * guess + jnp.sqrt(1 - left) * noise, None
            mean, variance = posterior(rows, guess, kept, left)
            fresh = jax.random.normal(key, rows.shape, jnp.float32)
            return mean + jnp.sqrt(variance) * fresh, None

        steps = jnp.asarray(levels), jnp.asarray(following), jax.random.split(noise_key, count)
        return jax.lax.scan(one, rows, steps)[0]


def posterior(rows: Any, guess: Any, kept: Any, left: Any) -> tuple[Any, Any]:
    """Mean and variance of x_(t-1) given x_t = rows and x_0 = guess.

    Args:
        rows: x_t.
        guess: x_0.
        kept: abar_t.
        left: abar_(t-1), 1 for x_0 itself.

    Source: Ho, Jain, Abbeel 2020 (arXiv 2006.11239), equation 7.
    """
    alpha = kept / left
    beta = 1 - alpha
    mean = jnp.sqrt(left) * beta / (1 - kept) * guess
    mean = mean + jnp.sqrt(alpha) * (1 - left) / (1 - kept) * rows
    return mean, beta * (1 - left) / (1 - kept)


def _abar() -> jax.Array:
    return jnp.asarray(kept_share(), jnp.float32)
