"""The one critic trainer. A method is data: a network, a dual, a penalty, a projection.

Training ascends objective - penalty on fresh minibatches, then projects the weights:

    params <- project(params + optimizer(grad(penalty - objective)))

and ends with certify(params) where a method has it. The objective is the dual value unless a
method says otherwise. What is reported never contains the penalty. Networks, penalties and
optimisers are float32, also inside `jax.enable_x64(True)`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from wdist_bench import metrics, networks
from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimate, Estimator, Potentials, TracedFitted
from wdist_bench.estimators.optimizers import build_optimizer, check_optimizer
from wdist_bench.problem import Problem, Samples
from wdist_bench.validation import check_integer, check_name

# Its multiples modulo 1 are evenly spread, whatever their number.
_GOLDEN = (5**0.5 - 1) / 2

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
        objective: (critic, samples, cost) -> scalar to ascend; None for the dual value.
        certify: (params, cost) -> params, once after training; None for none.
        correction: dual value -> corrected value, both in units of W^p; None for none.
        corrected: whether the corrected value is the one that is reported.
    """

    optimizer: optax.GradientTransformation
    dual: Callable[[Critic, Samples, Cost], tuple[jax.Array, jax.Array]]
    penalty: Callable[[Critic, Samples, Cost, jax.Array], jax.Array] | None = None
    project: Callable[[Any], Any] | None = None
    objective: Callable[[Critic, Samples, Cost], jax.Array] | None = None
    certify: Callable[[Any, Cost], Any] | None = None
    correction: Callable[[Any], Any] | None = None
    corrected: bool = False


@dataclass(frozen=True, kw_only=True)
class CriticEstimator(Estimator):
    """Interface of all neural critics: options as fields, `parts()` as the method.

    Attributes:
        steps: training steps, one fresh minibatch each.
        batch_size: points of each measure in a minibatch.
        critic: network, "mlp", or "dcgan" on flattened square images.
        hidden: widths of the hidden layers; "auto" for two of max(2 dim, 128).
        activation: "relu" or "group_sort".
        initial: "standard", or "torch" for the initial law of PyTorch's layers.
        optimizer: "adam" or "rmsprop".
        learning_rate: its step size.
        beta1: decay of Adam's first moment.
        beta2: decay of the second moment, of Adam and of RMSprop.
        presets: named settings of papers, `estimators.get(name, preset=...)`.
    """

    traced: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    steps: int = 500
    batch_size: int = 64
    critic: str = "mlp"
    hidden: tuple[int, ...] | str = (128, 128)
    activation: str = "relu"
    initial: str = "standard"
    optimizer: str = "adam"
    learning_rate: float = 1e-4
    beta1: float = 0.0
    beta2: float = 0.9

    def __post_init__(self) -> None:
        check_integer(self.steps, "steps", 1)
        check_integer(self.batch_size, "batch_size", 1)
        check_name(self.critic, networks.NAMES, "critic")
        check_name(self.activation, networks.ACTIVATIONS, "activation")
        check_name(self.initial, networks.INITIAL_LAWS, "initial")
        check_optimizer(self.optimizer, self.learning_rate, self.beta1, self.beta2)
        if self.hidden == "auto":
            return
        if not isinstance(self.hidden, tuple):
            raise TypeError(
                f'hidden: expected a tuple of layer widths or "auto", got {self.hidden!r}; '
                "write (128, 128)"
            )
        for width in self.hidden:
            check_integer(width, "hidden", 1)
            if self.activation == "group_sort" and width % 2:
                raise ValueError(
                    f"hidden: expected even widths with activation group_sort, got {self.hidden}; "
                    "it sorts units in pairs"
                )

    @abstractmethod
    def parts(self) -> Parts:
        """The parts that the trainer plugs together."""

    def check_dim(self, dim: int) -> None:
        """Flattened square images only, where the critic is DCGAN's."""
        networks.check_dim(self.critic, dim)

    def widths(self, dim: int) -> tuple[int, ...]:
        """Widths of the hidden layers on points of dimension `dim`."""
        if isinstance(self.hidden, str):
            return (max(2 * dim, 128),) * 2
        return self.hidden

    def update_rule(self) -> optax.GradientTransformation:
        """The optimizer that the options name."""
        return build_optimizer(self.optimizer, self.learning_rate, self.beta1, self.beta2)

    def corrected(self, cost: Any) -> Any:
        """The number to report for a dual value, in units of W^p; mostly that value itself."""
        parts = self.parts()
        return parts.correction(cost) if parts.correction and parts.corrected else cost

    def fit(self, key: jax.Array, problem: Problem) -> FittedCritic:
        """Train on `steps` minibatches of the problem.

        Raises:
            ValueError: a draw from the data has fewer points than a minibatch, or a wrong cost.
        """
        self.check_cost(problem.cost)
        limit = problem.sampler.limit
        if limit is not None and self.batch_size > limit:
            raise ValueError(
                f"batch_size: expected at most {limit}, the points of each measure that one draw "
                f"from these data gives, got {self.batch_size}; lower it"
            )
        return _train(self, key, problem)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FittedCritic(TracedFitted):
    """A trained critic.

    Attributes:
        params: network weights.
        history: (steps,) estimate of W_p^p on each step's minibatch before its update.
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
        """f at points (n, d) given in the training coordinates (float32)."""
        with jax.default_matmul_precision("highest"):
            return nnx.merge(self.graph, self.params)(points)

    def potential(self, points: Any) -> np.ndarray:
        """f at points (n, d) given in the user's coordinates."""
        return np.asarray(self.critic(self._centred(points)), np.float64)

    def gradient(self, points: Any) -> np.ndarray:
        """grad f, shape (n, d), at points (n, d) given in the user's coordinates."""
        return np.asarray(_gradients(self, self._centred(points)), np.float64)

    def _centred(self, points: Any) -> jax.Array:
        return jnp.asarray(np.asarray(points, np.float64) - np.asarray(self.center), jnp.float32)

    def potentials(self, samples: Samples, cost: Cost) -> tuple[jax.Array, jax.Array]:
        """phi at x and psi at y, in the dtype of the samples (training coordinates)."""

        def cast(points: jax.Array) -> jax.Array:
            return self.critic(points.astype(jnp.float32)).astype(points.dtype)

        return self.estimator.parts().dual(cast, samples, cost)

    def batch_cost(self, samples: Samples, cost: Cost) -> jax.Array:
        """The estimate of W_p^p on the samples: their dual value, corrected where asked for."""
        return self.estimator.corrected(dual_value(*self.potentials(samples, cost), samples))

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The dual value on the samples, costs in float64, with diagnostics."""
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
            phi, psi, violations = answer_with_diagnostics(self, centred, cost)
            dual = float(dual_value(phi, psi, centred))
        value = float(estimator.corrected(dual))
        if not (np.isfinite(value) and np.isfinite(history).all()):
            return Estimate.failed("diverged", divergence_message(history), **shared)
        root = cost.root(value)
        return Estimate(
            root,
            value,
            lower=root if shared["bound"] == "lower" else None,
            potentials=Potentials(np.asarray(phi), np.asarray(psi)),
            diagnostics={name: float(number) for name, number in violations.items()}
            | {"history_last": cost.root(last_tenth(history))}
            | corrections(estimator, dual),
            **shared,
        )


def batch_bound(estimator: Estimator) -> str:
    """What the number means on a batch: batch duals keep their claim, and a potential that is
    admissible everywhere bounds the batch value as it bounds the population's.
    """
    kept = estimator.target == "batch" or estimator.bound == "lower"
    return estimator.bound if kept else "none"


def corrections(estimator: CriticEstimator, dual: float) -> dict[str, float]:
    """Both numbers, in units of W^p, where the method knows a correction of its dual value."""
    correction = estimator.parts().correction
    if correction is None:
        return {}
    return {"uncorrected": dual, "corrected": float(correction(dual))}


def last_tenth(history: np.ndarray) -> float:
    """Mean of the last tenth of the training steps, at least one."""
    return float(history[-max(1, len(history) // 10) :].mean())


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


@partial(jax.jit, static_argnames="cost")
def answer_with_diagnostics(
    fitted: FittedCritic, samples: Samples, cost: Cost
) -> tuple[jax.Array, jax.Array, dict[str, jax.Array]]:
    """The potentials at the samples, and how far the critic is from admissible.

    Gradients are taken at the samples and between them, at t x_i + (1 - t) y_j with i, j and t
    evenly spread. Where the value claims to be a lower bound, psi is lowered by the violation,
    which is rounding then (of float32, where the samples are close).
    """
    x, y = samples.x, samples.y
    phi, psi = fitted.potentials(samples, cost)
    count = max(x.shape[0], y.shape[0])
    pair = jnp.arange(count, dtype=jnp.int32)
    t = (((pair + 1) * _GOLDEN) % 1).astype(x.dtype)[:, None]
    between = t * x[pair % x.shape[0]] + (1 - t) * y[pair % y.shape[0]]
    data = jnp.concatenate([x, y])

    violation = metrics.admissibility_violation(phi, psi, x, y, cost)
    if batch_bound(fitted.estimator) == "lower":
        psi = psi - jnp.maximum(violation, 0)

    def steepest(points: jax.Array) -> jax.Array:
        return metrics.max_gradient_norm(fitted.critic, points.astype(jnp.float32), cost)

    return (
        phi,
        psi,
        {
            "max_gradient_on_data": steepest(data),
            "max_gradient_between": steepest(between),
            "admissibility_violation": violation,
        },
    )


@jax.jit
def _gradients(fitted: FittedCritic, points: jax.Array) -> jax.Array:
    return metrics.gradients(fitted.critic, points)


@partial(jax.jit, static_argnums=0)
def _train(estimator: CriticEstimator, key: jax.Array, problem: Problem) -> FittedCritic:
    """One compiled program: `steps` minibatches, drawn and descended inside a scan."""
    parts = estimator.parts()
    init_key, penalty_key = jax.random.split(key)
    widths = estimator.widths(problem.dim)
    network = networks.build(
        estimator.critic, problem.dim, widths, init_key, estimator.activation, estimator.initial
    )
    graph, params = nnx.split(network)

    def loss(params: Any, samples: Samples, step: jax.Array) -> tuple[jax.Array, jax.Array]:
        critic = nnx.merge(graph, params)
        value = dual_value(*parts.dual(critic, samples, problem.cost), samples)
        goal = value if parts.objective is None else parts.objective(critic, samples, problem.cost)
        if parts.penalty is None:
            return -goal, value
        step_key = jax.random.fold_in(penalty_key, step)
        return parts.penalty(critic, samples, problem.cost, step_key) - goal, value

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
    if parts.certify is not None:
        params = parts.certify(params, problem.cost)
    return FittedCritic(params, estimator.corrected(history), problem.center, estimator, graph)


def difference_dual(critic: Critic, samples: Samples, cost: Cost) -> tuple[jax.Array, jax.Array]:
    """phi = f and psi = -f: the W1 dual, admissible where f is 1-Lipschitz.

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
