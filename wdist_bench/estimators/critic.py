"""The one critic trainer. A method is data: a network, a dual, a penalty, a projection.

Training ascends dual - penalty on fresh minibatches, then projects the weights:

    params <- project(params + optimizer(grad(penalty - objective)))

What is reported never contains the penalty.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from wdist_bench import networks
from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimate, Estimator, Potentials, TracedFitted
from wdist_bench.problem import Problem, Samples
from wdist_bench.validation import check_integer, check_name

Critic = Callable[[jax.Array], jax.Array]
"""A function from points (n, d) to values (n,)."""


@dataclass(frozen=True)
class Parts:
    """What makes one critic method.

    Attributes:
        optimizer: the optax update rule.
        dual: (critic, samples, cost) -> (phi, psi) at the samples; the reported value is
            sum a_i phi_i + sum b_j psi_j.
        penalty: (critic, samples, cost, key) -> scalar added to the loss; None for none.
        project: params -> params after every step; None for none.
    """

    optimizer: optax.GradientTransformation
    dual: Callable[[Critic, Samples, Cost], tuple[jax.Array, jax.Array]]
    penalty: Callable[[Critic, Samples, Cost, jax.Array], jax.Array] | None = None
    project: Callable[[Any], Any] | None = None


@dataclass(frozen=True, kw_only=True)
class CriticEstimator(Estimator):
    """Interface of all neural critics: options as fields, `parts()` as the method.

    Attributes:
        steps: training steps, one fresh minibatch each.
        batch_size: points of each measure in a minibatch.
        critic: network, "mlp".
        hidden: widths of the hidden layers.
    """

    traced: ClassVar[bool] = True

    steps: int = 500
    batch_size: int = 64
    critic: str = "mlp"
    hidden: tuple[int, ...] = (128, 128)

    def __post_init__(self) -> None:
        check_integer(self.steps, "steps", 1)
        check_integer(self.batch_size, "batch_size", 1)
        check_name(self.critic, networks.NAMES, "critic")
        if not isinstance(self.hidden, tuple):
            raise TypeError(
                f"hidden: expected a tuple of layer widths, got {self.hidden!r}; write (128, 128)"
            )
        for width in self.hidden:
            check_integer(width, "hidden", 1)

    @abstractmethod
    def parts(self) -> Parts:
        """The parts that the trainer plugs together."""

    def fit(self, key: jax.Array, problem: Problem) -> FittedCritic:
        """Train on `steps` minibatches of the problem."""
        self.check_cost(problem.cost)
        return _train(self, key, problem)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FittedCritic(TracedFitted):
    """A trained critic.

    Attributes:
        params: network weights.
        history: (steps,) dual value W_p^p on each step's minibatch before its update.
        center: (d,) origin of the training coordinates.
        estimator: the configuration.
        graph: structure of the network.
    """

    params: Any
    history: jax.Array
    center: Any
    estimator: CriticEstimator = field(metadata={"static": True})
    graph: Any = field(metadata={"static": True})

    def critic(self, points: jax.Array) -> jax.Array:
        """F at points (n, d) given in the training coordinates (float32)."""
        return nnx.merge(self.graph, self.params)(points)

    def potential(self, points: Any) -> np.ndarray:
        """F at points (n, d) given in the user's coordinates."""
        shifted = jnp.asarray(np.asarray(points, np.float64) - self.center, jnp.float32)
        return np.asarray(self.critic(shifted), np.float64)

    def potentials(self, samples: Samples, cost: Cost) -> tuple[jax.Array, jax.Array]:
        """Phi at x and psi at y, in the dtype of the samples (training coordinates)."""

        def cast(points: jax.Array) -> jax.Array:
            return self.critic(points.astype(jnp.float32)).astype(points.dtype)

        return self.estimator.parts().dual(cast, samples, cost)

    def batch_cost(self, samples: Samples, cost: Cost) -> jax.Array:
        """The dual value on the samples, an estimate of W_p^p."""
        return dual_value(*self.potentials(samples, cost), samples)

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The dual value on the samples, costs in float64."""
        estimator = self.estimator
        history = np.asarray(self.history, np.float64)
        shared: dict[str, Any] = {
            "target": "batch",
            "bound": batch_bound(estimator),
            "steps": estimator.steps,
            "history": np.sqrt(np.maximum(history, 0)) if cost.p == 2 else history,
        }
        with jax.enable_x64(True):
            centred = samples.shifted(np.asarray(self.center), np.float64)
            phi, psi = _potentials(self, centred, cost)
            value = float(dual_value(phi, psi, centred))
        if not np.isfinite(value):
            return Estimate.failed("diverged", divergence_message(history), **shared)
        root = cost.root(value)
        return Estimate(
            root,
            value,
            lower=root if shared["bound"] == "lower" else None,
            potentials=Potentials(np.asarray(phi), np.asarray(psi)),
            **shared,
        )


def batch_bound(estimator: Estimator) -> str:
    """What the number means on a batch: only batch duals keep their claim there."""
    return estimator.bound if estimator.target == "batch" else "none"


def divergence_message(history: np.ndarray) -> str:
    """When training went wrong and what to do."""
    bad = np.flatnonzero(~np.isfinite(history))
    when = f"at step {bad[0]}" if bad.size else "on the evaluation samples"
    return f"the critic returned NaN or inf {when}; lower the learning rate or rescale the data"


def dual_value(phi: jax.Array, psi: jax.Array, samples: Samples) -> jax.Array:
    """sum_i a_i phi_i + sum_j b_j psi_j."""
    return _mean(phi, samples.a) + _mean(psi, samples.b)


def _mean(values: jax.Array, weights: jax.Array | None) -> jax.Array:
    if weights is None:
        return values.mean()
    # A point without mass may carry an infinite potential.
    return jnp.where(weights > 0, values * weights, 0).sum()


_potentials = jax.jit(FittedCritic.potentials, static_argnames="cost")


@partial(jax.jit, static_argnums=0)
def _train(estimator: CriticEstimator, key: jax.Array, problem: Problem) -> FittedCritic:
    """One compiled program: `steps` minibatches, drawn and descended inside a scan."""
    parts = estimator.parts()
    init_key, penalty_key = jax.random.split(key)
    network = networks.build(estimator.critic, problem.dim, estimator.hidden, init_key)
    graph, params = nnx.split(network)

    def loss(params: Any, samples: Samples, step: jax.Array) -> tuple[jax.Array, jax.Array]:
        critic = nnx.merge(graph, params)
        value = dual_value(*parts.dual(critic, samples, problem.cost), samples)
        if parts.penalty is None:
            return -value, value
        step_key = jax.random.fold_in(penalty_key, step)
        return parts.penalty(critic, samples, problem.cost, step_key) - value, value

    def step(carry: tuple[Any, Any], step: jax.Array) -> tuple[tuple[Any, Any], jax.Array]:
        params, state = carry
        samples = problem.minibatch(step, estimator.batch_size)
        gradient, value = jax.grad(loss, has_aux=True)(params, samples, step)
        updates, state = parts.optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
        if parts.project is not None:
            params = parts.project(params)
        return (params, state), value

    steps = jnp.arange(estimator.steps, dtype=jnp.int32)
    (params, _), history = jax.lax.scan(step, (params, parts.optimizer.init(params)), steps)
    return FittedCritic(params, history, problem.center, estimator, graph)


def difference_dual(critic: Critic, samples: Samples, cost: Cost) -> tuple[jax.Array, jax.Array]:
    """Phi = f and psi = -f: the W1 dual, admissible where f is 1-Lipschitz.

    x and y go through the network in one forward pass.
    """
    values = critic(jnp.concatenate([samples.x, samples.y]))
    n = samples.x.shape[0]
    return values[:n], -values[n:]


def require_w1(estimator: Estimator, cost: Cost) -> None:
    """Refuse p = 2 where the method rests on phi^c = -phi, which holds for p = 1 alone."""
    if cost.p != 1:
        raise ValueError(
            f"{estimator.name}: expected p = 1, got p = {cost.p}; its dual f(x) - f(y) holds for "
            "W1 only, use c_transform, nearest_neighbor or exact for p = 2"
        )
