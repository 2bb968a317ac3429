"""A network that maps, held to the target by a Sinkhorn divergence and to optimality by its gap."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from wdist_bench.costs import Cost
from wdist_bench.costs.l2 import L2
from wdist_bench.estimate import Estimate, Estimator, TracedFitted
from wdist_bench.estimators import register
from wdist_bench.estimators.brenier import GRADIENTS, gaussian_frame
from wdist_bench.estimators.potential import require_w2
from wdist_bench.networks.convex import Mover
from wdist_bench.problem import Problem, Samples
from wdist_bench.pytrees import pytree
from wdist_bench.solvers.affine import Frame
from wdist_bench.solvers.differentiable import entropic_cost, sinkhorn_divergence_cost
from wdist_bench.validation import check_asked, check_flag, check_integer, check_number

# Of Sinkhorn's iteration in training: enough for its derivatives, in float32.
_THRESHOLD, _ITERATIONS = 1e-2, 2000
_COST = L2(2)


@register
@dataclass(frozen=True, kw_only=True)
class MongeGap(Estimator):
    """min over maps T of S_eps(T x, y) + lambda (E|x - T x|^2 - OT_eps(x, T x)).

    The first term, a Sinkhorn divergence, brings the images to the law of y; the second, the Monge
    gap, is small where T is optimal between x and its images. Both are those of the minibatch. Of n
    rows the gap is -eps log n or more: OT_eps holds eps KL(P | a b^T), the paper's has -eps times
    the entropy of P, which makes the gap larger by 2 eps log n, and trains alike. `value` is
    (E|x - T x|^2)^(1/2), W_2; it is no bound, since T hits the target nearly.
    There is no potential and no inverse map.

    Attributes:
        steps: training steps, one fresh minibatch each.
        batch_size: points of each measure in a minibatch; fewer where the data hold fewer.
        width: of both hidden layers of T, which starts at the optimal map of Gaussians.
        learning_rate: first Adam step size; it falls to 0 along a cosine.
        gap_weight: lambda.
        epsilon: temperature over the mean cost of the minibatch.
        standardize: whether samples given as arrays are divided by their size before training.

    Source: Uscidda and Cuturi 2023 (arXiv 2302.04953), equations 7 and 11. The start is ours.
    """

    name: ClassVar[str] = "monge_gap"
    version: ClassVar[int] = 2
    target: ClassVar[str] = "population"
    bound: ClassVar[str] = "none"
    traced: ClassVar[bool] = True

    steps: int = 500
    batch_size: int = 256
    width: int = 128
    learning_rate: float = 0.16
    gap_weight: float = 1.0
    epsilon: float = 0.02
    standardize: bool = True

    def __post_init__(self) -> None:
        for option in ("steps", "batch_size", "width"):
            check_integer(getattr(self, option), option, 1)
        for option in ("learning_rate", "epsilon"):
            check_number(getattr(self, option), option, above=0)
        check_number(self.gap_weight, "gap_weight", minimum=0)
        check_flag(self.standardize, "standardize")

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError unless the cost is the squared Euclidean distance."""
        require_w2(self, cost, GRADIENTS, "exact or c_transform")

    def fit(self, key: jax.Array, problem: Problem) -> FittedMap:
        """Train on `steps` minibatches of the problem."""
        self.check_cost(problem.cost)
        # The centre and the unit are numbers of the host in float64, which a program would round.
        fitted = _train(self, key, replace(problem, center=None, unit=None))
        return replace(fitted, center=problem.center, unit=problem.unit)


@pytree
@dataclass(frozen=True)
class FittedMap(TracedFitted):
    """A trained map.

    Attributes:
        mover: T in the coordinates of the frame.
        frame: these coordinates.
        history: (steps,) E|x - T x|^2 of each step's minibatch before its update.
        center: (d,) origin of the training coordinates.
        unit: what they are divided by.
        estimator: the configuration.
    """

    mover: Mover
    frame: Frame
    history: jax.Array
    center: Any
    unit: Any
    estimator: MongeGap = field(metadata={"static": True})

    def transport(self, points: jax.Array) -> jax.Array:
        """T at points (n, d) of the training coordinates, in their dtype."""
        frame = self.frame.at(points.dtype)
        with jax.default_matmul_precision("highest"):
            return frame.leave_y(self.mover(frame.enter_x(points)).astype(points.dtype))

    def batch_cost(self, samples: Samples, cost: Cost) -> jax.Array:
        """E|x - T x|^2 of the samples, in the training coordinates."""
        moved = ((samples.x - self.transport(samples.x)) ** 2).sum(1)
        value: jax.Array = moved.mean() if samples.a is None else samples.a @ moved
        return value

    def map(self, points: Any) -> np.ndarray:
        """T at points (n, d), both in the user's coordinates, float64."""
        center, unit = np.asarray(self.center), float(self.unit)
        with jax.enable_x64(True):
            inside = jnp.asarray((check_asked(points, len(center)) - center) / unit)
            images = np.asarray(_transported(self._inside(), inside))
        return center + unit * images

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The root of E|x - T x|^2 on samples given in the user's coordinates."""
        power = float(self.unit) ** 2
        history = power * np.asarray(self.history, np.float64)
        with jax.enable_x64(True):
            kept = samples.with_mass()
            inside = kept.shifted(np.asarray(self.center), np.float64, float(self.unit))
            found = power * float(_cost(self._inside(), inside, cost))
        shared: dict[str, Any] = {
            "target": "batch", "bound": "none", "steps": self.estimator.steps,
            "history": cost.roots(history),
        }  # fmt: skip
        if not (np.isfinite(found) and np.isfinite(history).all()):
            return Estimate.failed(
                "diverged",
                "the map became NaN or inf, or Sinkhorn's iteration did not converge; lower the "
                "learning rate or raise epsilon",
                **shared,
            )
        return Estimate(cost.root(found), found, map=self.map, **shared)

    def _inside(self) -> FittedMap:
        """What compiled programs see, which would round the numbers of the host."""
        return replace(self, center=None, unit=None)


@jax.jit
def _transported(fitted: FittedMap, points: jax.Array) -> jax.Array:
    return fitted.transport(points)


@partial(jax.jit, static_argnames="cost")
def _cost(fitted: FittedMap, samples: Samples, cost: Cost) -> jax.Array:
    return fitted.batch_cost(samples, cost)


@partial(jax.jit, static_argnums=0)
def _train(estimator: MongeGap, key: jax.Array, problem: Problem) -> FittedMap:
    """One compiled program: the frame from first samples, then `steps` minibatches."""
    batch = problem.at_most(estimator.batch_size)
    frame = gaussian_frame(problem, batch)
    rule = optax.adam(optax.cosine_decay_schedule(estimator.learning_rate, estimator.steps))

    def loss(mover: Mover, samples: Samples) -> tuple[jax.Array, jax.Array]:
        images = frame.leave_y(mover(frame.enter_x(samples.x)))
        moved = ((samples.x - images) ** 2).sum(1).mean()
        temperature = estimator.epsilon * _COST.pairwise(samples.x, images).mean()
        temperature = jnp.where(temperature > 0, temperature, 1)
        gap = moved - entropic_cost(samples.x, images, _COST, temperature, _THRESHOLD, _ITERATIONS)
        apart = sinkhorn_divergence_cost(
            images, samples.y, None, None, _COST, estimator.epsilon, None, _THRESHOLD, _ITERATIONS
        )
        return apart + estimator.gap_weight * gap, moved

    def step(carry: tuple[Mover, Any], number: jax.Array) -> tuple[tuple[Mover, Any], jax.Array]:
        mover, state = carry
        samples = problem.minibatch(number, batch)
        gradient, moved = jax.grad(loss, has_aux=True)(mover, samples)
        updates, state = rule.update(gradient, state, mover)
        return (optax.apply_updates(mover, updates), state), moved

    start = Mover.start(key, problem.dim, estimator.width)
    numbers = jnp.arange(estimator.steps, dtype=jnp.int32)
    (mover, _), history = jax.lax.scan(step, (start, rule.init(start)), numbers)
    return FittedMap(mover, frame, history, None, None, estimator)
