"""The funnel critic: a certified lower bound on W1 of the population."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax

from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimator
from wdist_bench.estimators import register
from wdist_bench.estimators.potential import (
    FittedPotential,
    difference_dual,
    dual_value,
    require_l2_or_l1,
    require_w1,
)
from wdist_bench.networks.funnel import Envelope, Funnel, Planes, Ridge
from wdist_bench.problem import Problem, Samples
from wdist_bench.pytrees import pytree
from wdist_bench.validation import check_integer, check_number

# Centres start at samples pulled towards the mean by min(1, _REACH / effective dimension). In high
# dimension data lie on a shell, far from every sample and from every useful centre.
_REACH = 16.0


@register
@dataclass(frozen=True, kw_only=True)
class FunnelEstimator(Estimator):
    """max of mean f(x) - mean f(y) over f = +-min_k g_k, which is 1-Lipschitz by construction.

    `value` is in units of W1. For every f it is a lower bound: of W1 of two samples when evaluated
    on them, and in expectation of W1 of the population when evaluated on fresh samples, so that
    the lower end of the interval is a certified lower limit at its confidence.

    Six critics learn from the same minibatches: g_k(x) = ||x - a_k|| + b_k (cones, `centers` of
    them), g_k(x) = <u_k, x> + b_k with ||u_k|| <= 1 (cones seen from infinity, `planes` of them),
    and the smaller of a funnel and a mirrored one (`planes` cones each), all with both signs.
    The one with the largest mean over `held_out` further minibatches, which no gradient has seen
    and no evaluation will, is kept.

    The minimum is softened by a temperature that falls geometrically to a thousandth; what is
    evaluated is the hard minimum. Training runs in coordinates of unit variance, so the options
    below have no units. Memory is that of about 8 `centers` x dim numbers.

    Attributes:
        steps: training steps, one fresh minibatch each.
        batch_size: points of each measure in a minibatch; fewer where the data hold fewer.
        centers: number of cones.
        planes: number of planes, and of cones on each side of a ridge.
        learning_rate: first Adam step size; it falls to 0 along a cosine.
        temperature: first temperature, in standard deviations of the distances between samples.
        held_out: minibatches that choose among the critics.

    Source: the family is the MinFunnel of Korotin, Kolesov, Burnaev 2022 (arXiv 2206.07767),
    annealing as in Rose 1998 (Proc. IEEE 86). Planes, ridges, mirror images and the
    choice among them are ours.
    """

    name: ClassVar[str] = "funnel"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "population"
    bound: ClassVar[str] = "lower"
    every_cost: ClassVar[bool] = True
    traced: ClassVar[bool] = True

    steps: int = 4000
    batch_size: int = 1024
    centers: int = 512
    planes: int = 64
    learning_rate: float = 0.01
    temperature: float = 0.2
    held_out: int = 50

    standardize = True

    def __post_init__(self) -> None:
        for option in ("steps", "batch_size", "centers", "planes", "held_out"):
            check_integer(getattr(self, option), option, 1)
        check_number(self.learning_rate, "learning_rate", above=0)
        check_number(self.temperature, "temperature", above=0)

    def check_cost(self, cost: Cost) -> None:
        """p = 1 only: the c-transform of a funnel at p = 2 is -inf far from its centres."""
        require_w1(self, cost)
        require_l2_or_l1(self, cost)

    def fit(self, key: jax.Array, problem: Problem) -> FittedFunnel:
        """Train on `steps` minibatches of the problem."""
        self.check_cost(problem.cost)
        # The centre and the unit are numbers of the host in float64, which a program would round.
        fitted = _train(self, key, replace(problem, center=None, unit=None))
        return replace(fitted, center=problem.center, unit=problem.unit)


@pytree
@dataclass(frozen=True)
class FittedFunnel(FittedPotential):
    """Trained critics and the choice among them.

    Attributes:
        critics: the envelopes, in standardised coordinates.
        chosen: index of the one that is reported.
        held_out: mean dual value of each on the held-out minibatches.
        history: (steps,) dual value of the chosen one on each step's minibatch before its update.
        frame: what standardised the coordinates.
        center: (d,) origin of the training coordinates.
        unit: what they are divided by.
        estimator: the configuration.
        p: exponent of the cost, 1.
    """

    critics: tuple[Any, ...]
    chosen: jax.Array
    held_out: jax.Array
    history: jax.Array
    frame: Frame
    center: Any
    unit: Any
    estimator: FunnelEstimator = field(metadata={"static": True})
    p: float = field(metadata={"static": True})

    def critic(self, points: jax.Array) -> jax.Array:
        """f at points (n, d) given in the training coordinates, in their dtype."""
        return self.frame.scale * jax.lax.switch(
            self.chosen, [lambda x, f=f: f(x) for f in self.critics], self.frame.enter(points)
        )

    def potentials(self, samples: Samples, cost: Cost) -> tuple[jax.Array, jax.Array]:
        """phi = f at x and psi = -f at y, in the dtype of the samples (training coordinates)."""
        return difference_dual(self.critic, samples, cost)


class Frame(NamedTuple):
    """Standardised coordinates: (x - origin) / scale."""

    origin: jax.Array
    scale: jax.Array

    def enter(self, points: jax.Array) -> jax.Array:
        """Points (n, d) of the training coordinates in this frame, in their dtype."""
        return (points - self.origin.astype(points.dtype)) / self.scale.astype(points.dtype)

    def samples(self, samples: Samples) -> Samples:
        """Both point sets in this frame."""
        return Samples(self.enter(samples.x), self.enter(samples.y))

    @classmethod
    def of(cls, samples: Samples) -> Frame:
        """Mean of both point sets and their root mean variance per coordinate."""
        origin = (samples.x.mean(0) + samples.y.mean(0)) / 2
        variance = (((samples.x - origin) ** 2).mean() + ((samples.y - origin) ** 2).mean()) / 2
        return cls(origin, jnp.where(variance > 0, jnp.sqrt(variance), 1))


@partial(jax.jit, static_argnums=0)
def _train(estimator: FunnelEstimator, key: jax.Array, problem: Problem) -> FittedFunnel:
    """One compiled program: start, anneal on `steps` minibatches, choose on further ones."""
    first = _first_samples(estimator, problem)
    frame = Frame.of(first)
    critics, spreads = _start(estimator, key, frame.samples(first), problem.cost.norm)
    optimizer = optax.adam(
        optax.cosine_decay_schedule(estimator.learning_rate, estimator.steps), b2=0.99
    )

    def minibatch(index: jax.Array) -> Samples:
        return frame.samples(problem.minibatch(index, problem.at_most(estimator.batch_size)))

    def loss(
        critics: tuple[Envelope, ...], samples: Samples, cooling: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        values = jnp.stack(
            [
                _value(partial(f.soft, temperature=cooling * spread), samples, problem.cost)
                for f, spread in zip(critics, spreads, strict=True)
            ]
        )
        return -values.sum(), values

    def step(carry: tuple[Any, Any], step: jax.Array) -> tuple[tuple[Any, Any], jax.Array]:
        critics, state = carry
        cooling = estimator.temperature * 0.001 ** (step.astype(jnp.float32) / estimator.steps)
        gradient, values = jax.grad(loss, has_aux=True)(critics, minibatch(step), cooling)
        updates, state = optimizer.update(gradient, state, critics)
        return (optax.apply_updates(critics, updates), state), values

    steps = jnp.arange(estimator.steps, dtype=jnp.int32)
    (critics, _), history = jax.lax.scan(step, (critics, optimizer.init(critics)), steps)

    def held_out(index: jax.Array) -> jax.Array:
        samples = minibatch(index)
        return jnp.stack([_value(f, samples, problem.cost) for f in critics])

    further = estimator.steps + jnp.arange(estimator.held_out, dtype=jnp.int32)
    values = frame.scale * jax.lax.map(held_out, further).mean(0)
    chosen = jnp.argmax(values).astype(jnp.int32)
    history = frame.scale * history[:, chosen]
    return FittedFunnel(
        critics, chosen, values, history, frame, None, None, estimator, problem.cost.p
    )


def _value(critic: Any, samples: Samples, cost: Cost) -> jax.Array:
    return dual_value(*difference_dual(critic, samples, cost), samples)


def _first_samples(estimator: FunnelEstimator, problem: Problem) -> Samples:
    """At least `centers` points of each measure, from minibatches that serve nothing else."""
    size = problem.at_most(estimator.batch_size)
    count = -(-max(estimator.centers, 2) // size)
    indices = estimator.steps + estimator.held_out + jnp.arange(count, dtype=jnp.int32)
    drawn = jax.lax.map(lambda i: problem.minibatch(i, size), indices)
    return Samples(drawn.x.reshape(-1, problem.dim), drawn.y.reshape(-1, problem.dim))


def _start(
    estimator: FunnelEstimator, key: jax.Array, first: Samples, norm: str
) -> tuple[tuple[Envelope, ...], tuple[jax.Array, ...]]:
    """The critics before training, and the spread of the values of each one's pieces."""
    k, dim = estimator.centers, first.x.shape[1]
    distances = Cost(1, norm).pairwise(first.x[:k], first.y[:k])
    spread = distances.std(1).mean()
    spread = jnp.where(spread > 0, spread, 1)
    # Half the squared ratio of mean to deviation is the dimension, for distances of Gaussians.
    dimension = (distances.mean() / spread) ** 2 / 2
    reach = jnp.minimum(1, _REACH / dimension)
    centers = reach * jnp.concatenate([first.x[: (k + 1) // 2], first.y[: k // 2]])
    side, zeros = estimator.planes, partial(jnp.zeros, dtype=jnp.float32)
    normals = jax.random.normal(key, (side, dim), jnp.float32)
    normals /= Cost(1, norm).dual_norm(normals)[:, None]
    width = (first.x @ normals.T).std(1).mean()
    width = jnp.where(width > 0, width, 1)
    # The two sides of a ridge start level with each other.
    few = centers[jnp.arange(2 * side, dtype=jnp.int32) % k]
    level = jnp.full(side, -Cost(1, norm).pairwise(first.x[:k], few).mean(), jnp.float32)
    up = Funnel(few[:side], level, 1, norm)
    down = Funnel(few[side:], level, -1, norm)
    critics: list[Envelope] = []
    for sign in (1, -1):
        critics += [
            Funnel(centers, zeros(k), sign, norm),
            Planes(normals, zeros(side), sign, norm),
            Ridge(up, down, sign),
        ]
    return tuple(critics), (spread, width, spread) * 2
