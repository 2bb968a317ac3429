"""The one critic trainer. A method is data: a network, a dual, a penalty, a projection.

Training ascends objective - penalty on fresh minibatches, then projects the weights:

    params <- project(params + optimizer(grad(penalty - objective)))

and ends with certify(params) where a method has it. The objective is the dual value unless a
method says otherwise. What is reported never contains the penalty. Networks, penalties and
optimisers are float32, also inside `jax.enable_x64(True)`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from wdist_bench import networks
from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimator
from wdist_bench.estimators.optimizers import build_optimizer, check_optimizer
from wdist_bench.estimators.potential import (
    Critic,
    FittedPotential,
    difference_dual,
    dual_value,
    require_traceable,
    require_w1,
)
from wdist_bench.problem import Problem, Samples
from wdist_bench.pytrees import pytree
from wdist_bench.validation import check_flag, check_integer, check_name

# What a new critic is made of, ours or a third party's.
__all__ = [
    "Critic",
    "CriticEstimator",
    "FittedCritic",
    "Parts",
    "difference_dual",
    "dual_value",
    "require_w1",
]


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

    def reported(self, dual: Any) -> Any:
        """The number to report for a dual value, in units of W^p; mostly that value itself."""
        return self.correction(dual) if self.correction and self.corrected else dual


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
        standardize: whether samples given as arrays are divided by their size before training, a
            power of two near the median distance from their centre, and the answer multiplied by
            it: penalties and learning rates have a meaning at one size only. A stream of samples
            is trained on as it comes, as in the papers; so are arrays with the papers' presets.
        presets: named settings of papers, `estimators.get(name, preset=...)`.

    A critic speaks of the population and bounds nothing, unless its class says more.
    """

    target: ClassVar[str] = "population"
    bound: ClassVar[str] = "none"
    traced: ClassVar[bool] = True

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
    standardize: bool = True

    def __post_init__(self) -> None:
        check_integer(self.steps, "steps", 1)
        check_integer(self.batch_size, "batch_size", 1)
        check_flag(self.standardize, "standardize")
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
        """The dual and whatever else the trainer is to plug in, see `Parts`."""

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError where the dual has no meaning: that of f(x) - f(y) beside p = 1 and
        norms, any other where the cost is not written in JAX.
        """
        plain = self.parts().dual is difference_dual
        (require_w1 if plain else require_traceable)(self, cost)

    def check_dim(self, dim: int) -> None:
        """Flattened square images only, where the critic is DCGAN's."""
        networks.check_dim(self.critic, dim)

    @property
    def network(self) -> str:  # type: ignore[override]
        """The architecture that the option `critic` names."""
        return self.critic

    def widths(self, dim: int) -> tuple[int, ...]:
        """Widths of the hidden layers on points of dimension `dim`."""
        if isinstance(self.hidden, str):
            return (max(2 * dim, 128),) * 2
        return self.hidden

    def update_rule(self) -> optax.GradientTransformation:
        """The optax update rule of the options `optimizer`, `learning_rate`, `beta1`, `beta2`."""
        return build_optimizer(self.optimizer, self.learning_rate, self.beta1, self.beta2)

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
        # The centre and the unit are numbers of the host in float64, which a program would round.
        inside = replace(problem, center=None, unit=None, cost=problem.standard_cost, length=1.0)
        fitted = _train(self, key, inside)
        return replace(fitted, center=problem.center, unit=problem.unit, length=problem.length)


@pytree
@dataclass(frozen=True)
class FittedCritic(FittedPotential):
    """A trained critic.

    Attributes:
        params: network weights.
        history: (steps,) estimate of W_p^p / (unit length)^p on each step's minibatch before its
            update.
        center: (d,) origin of the training coordinates.
        unit: what they are divided by.
        estimator: the configuration.
        graph: structure of the network.
        p: exponent of the cost.
        norm: its name.
        length: what distances of training coordinates are divided by.
    """

    params: Any
    history: jax.Array
    center: Any
    unit: Any
    estimator: CriticEstimator = field(metadata={"static": True})
    graph: Any = field(metadata={"static": True})
    p: float = field(metadata={"static": True})
    norm: str = field(default="l2", metadata={"static": True})
    length: float = field(default=1.0, metadata={"static": True})

    def critic(self, points: jax.Array) -> jax.Array:
        """f at points (n, d) of the training coordinates: in float32, returned in their dtype."""
        with jax.default_matmul_precision("highest"):
            values = nnx.merge(self.graph, self.params)(points.astype(jnp.float32))
        return values.astype(points.dtype)

    def potentials(self, samples: Samples, cost: Cost) -> tuple[jax.Array, jax.Array]:
        """phi at x and psi at y, in the dtype of the samples (training coordinates)."""
        return self.estimator.parts().dual(self.critic, samples, cost)

    def corrected(self, dual: Any) -> Any:
        """The dual value, or what the method corrects it to where it is told to."""
        return self.estimator.parts().reported(dual)

    def corrections(self, dual: float) -> dict[str, float]:
        """`uncorrected` and `corrected`, where the method knows a correction."""
        correction = self.estimator.parts().correction
        if correction is None:
            return {}
        return {"uncorrected": dual, "corrected": float(correction(dual))}


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
    history = parts.reported(history)
    cost = problem.cost
    return FittedCritic(params, history, None, None, estimator, graph, cost.p, cost.norm)
