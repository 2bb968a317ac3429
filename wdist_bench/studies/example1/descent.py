"""Noise added and annealed: theta descends what a discriminator of noisy segments gives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from wdist_bench import networks
from wdist_bench.costs import Cost
from wdist_bench.estimators.potential import dual_value
from wdist_bench.experiment import register
from wdist_bench.problem import Samples
from wdist_bench.protocol.parallel import map_runs, run_keys
from wdist_bench.results.journal import pack
from wdist_bench.studies.example1.discriminator import JensenShannonDiscriminator, log_dual
from wdist_bench.studies.example1.segments import Example1, finished, noisy_segments
from wdist_bench.validation import check_integer, check_name, check_number, check_seed

DISCRIMINATORS = ("optimal", "network")
_COST = Cost()
_SHOWN = 100


@register
@dataclass(frozen=True, kw_only=True)
class Example1Descent(Example1):
    """Gradient descent of theta on E log(1 - D(g(z) + e)), the noise annealed along the way.

    Noise levels fall geometrically from `noise_start` to `noise_end`. "optimal": D is the optimal
    discriminator of the noisy laws at the current theta and noise. "network": D is trained
    `warm_up` steps before the first step of theta and `discriminator_steps` before each one, on
    real and generated points with the same noise; noise 0 is then allowed.

    Records, per run: `path` of theta at `path_steps` (the first is the start), and `final`.

    Attributes:
        discriminator: "optimal" or "network".
        start: first theta.
        noise_start: standard deviation per coordinate at the first step.
        noise_end: at the last step.
        steps: steps of theta.
        learning_rate: of theta, plain gradient descent.
        warm_up: training steps of the network before.
        discriminator_steps: and before each step of theta.
        hidden: widths of the network's hidden layers.
        n: points of each law in a minibatch.
        runs: independent runs.
        seed: of all runs.

    Source: Arjovsky, Bottou 2017 (arXiv 1701.04862), section 3 and Corollary 3.2.
    """

    name: ClassVar[str] = "example1_descent"
    version: ClassVar[int] = 1

    discriminator: str = "optimal"
    start: float = 2.0
    noise_start: float = 1.0
    noise_end: float = 0.05
    steps: int = 3000
    learning_rate: float = 0.005
    warm_up: int = 1000
    discriminator_steps: int = 5
    hidden: tuple[int, ...] = (64, 64)
    n: int = 64
    runs: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        check_name(self.discriminator, DISCRIMINATORS, "discriminator")
        check_number(self.start, "start")
        exact = self.discriminator == "optimal"
        for option in ("noise_start", "noise_end"):
            check_number(getattr(self, option), option, minimum=0, above=0.0 if exact else None)
        if (self.noise_start == 0) != (self.noise_end == 0):
            raise ValueError(
                f"noise_end: expected 0 exactly where noise_start is, got {self.noise_start} and "
                f"{self.noise_end}; noise falls geometrically, so end at a small number"
            )
        for option, minimum in (("steps", 2), ("n", 1), ("runs", 2), ("discriminator_steps", 1)):
            check_integer(getattr(self, option), option, minimum)
        check_integer(self.warm_up, "warm_up", 0)
        check_seed(self.seed)
        check_number(self.learning_rate, "learning_rate", above=0)
        _ = self.trainer

    @property
    def trainer(self) -> JensenShannonDiscriminator:
        """The estimator whose trainer and options the critic of the descent has."""
        return JensenShannonDiscriminator(hidden=self.hidden, batch_size=self.n)

    def levels(self) -> np.ndarray:
        """(steps,) standard deviation of the noise at each step."""
        if self.noise_start == 0:
            return np.zeros(self.steps)
        return np.geomspace(self.noise_start, self.noise_end, self.steps)

    def run(self) -> dict[str, Any]:
        """All descents, compiled and run as one program."""
        descend = _with_optimal if self.discriminator == "optimal" else _with_network
        levels = jnp.asarray(self.levels(), jnp.float32)
        timed = map_runs(partial(descend, self), run_keys(self.seed, self.runs), levels)
        path = np.asarray(timed.result, np.float64)
        shown = np.unique(np.linspace(0, self.steps, min(self.steps, _SHOWN) + 1).astype(int))
        failed = int((~np.isfinite(path).all(axis=1)).sum())
        return finished(failed, self.runs, timed) | {
            "path_steps": shown.tolist(),
            "levels": pack(np.append(self.levels(), self.noise_end)[shown]),
            "path": pack(path[:, shown]),
            "final": pack(path[:, -1]),
        }


def _generator_gradient(
    logit: Callable[[jax.Array], jax.Array],
    key: jax.Array,
    theta: jax.Array,
    level: jax.Array,
    n: int,
) -> jax.Array:
    """d/dtheta of a minibatch mean of log(1 - D(g(z) + e)), D = sigmoid(logit) frozen."""

    def loss(moved: jax.Array) -> jax.Array:
        _, generated = noisy_segments(moved, level).draw(key, n)
        return jax.nn.log_sigmoid(-logit(generated)).mean()

    return jax.grad(loss)(theta)


def _with_optimal(experiment: Example1Descent, key: jax.Array, levels: jax.Array) -> jax.Array:
    """(steps + 1,) path of theta under the optimal discriminator; traced."""

    def step(theta: jax.Array, now: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        index, level = now

        def logit(points: jax.Array) -> jax.Array:
            # log N(x_1; 0, s^2) - log N(x_1; theta, s^2): the heights have one law
            return (theta / level) * (theta / 2 - points[:, 0]) / level

        step_key = jax.random.fold_in(key, index)
        gradient = _generator_gradient(logit, step_key, theta, level, experiment.n)
        theta = theta - experiment.learning_rate * gradient
        return theta, theta

    return _path(experiment, step, jnp.asarray(experiment.start, jnp.float32), levels)


def _path(
    experiment: Example1Descent, step: Callable[..., Any], carry: Any, levels: jax.Array
) -> jax.Array:
    numbers = jnp.arange(experiment.steps, dtype=jnp.int32)
    _, path = jax.lax.scan(step, carry, (numbers, levels))
    return jnp.concatenate([jnp.full(1, experiment.start, jnp.float32), path])


def _with_network(experiment: Example1Descent, key: jax.Array, levels: jax.Array) -> jax.Array:
    """(steps + 1,) path of theta under a discriminator that trains along; traced."""
    initial, warm, train, generate = jax.random.split(key, 4)
    network = networks.build("mlp", 2, experiment.hidden, initial)
    graph, params = nnx.split(network)
    optimizer = experiment.trainer.update_rule()

    def learn(
        state: tuple[Any, Any], step_key: jax.Array, theta: jax.Array, level: jax.Array
    ) -> tuple[Any, Any]:
        params, memory = state
        samples = Samples(*noisy_segments(theta, level).draw(step_key, experiment.n))

        def loss(params: Any) -> jax.Array:
            return -dual_value(*log_dual(nnx.merge(graph, params), samples, _COST), samples)

        updates, memory = optimizer.update(jax.grad(loss)(params), memory, params)
        return optax.apply_updates(params, updates), memory

    def several(
        state: tuple[Any, Any], root: jax.Array, count: int, theta: jax.Array, level: jax.Array
    ) -> tuple[Any, Any]:
        def one(state: tuple[Any, Any], index: jax.Array) -> tuple[tuple[Any, Any], None]:
            return learn(state, jax.random.fold_in(root, index), theta, level), None

        return jax.lax.scan(one, state, jnp.arange(count, dtype=jnp.int32))[0]

    def step(carry: tuple[Any, jax.Array], now: tuple[jax.Array, jax.Array]) -> Any:
        (state, theta), (index, level) = carry, now
        root = jax.random.fold_in(train, index)
        state = several(state, root, experiment.discriminator_steps, theta, level)
        logit = nnx.merge(graph, state[0])
        step_key = jax.random.fold_in(generate, index)
        gradient = _generator_gradient(logit, step_key, theta, level, experiment.n)
        theta = theta - experiment.learning_rate * gradient
        return (state, theta), theta

    start = jnp.asarray(experiment.start, jnp.float32)
    state = several((params, optimizer.init(params)), warm, experiment.warm_up, start, levels[0])
    return _path(experiment, step, (state, start), levels)
