"""The one trainer of potentials and maps for p = 2. A method is data: networks, a loss, a solver.

phi, convex where the method sees to it, has W_2^2 = E|x|^2 + E|y|^2 - 2 min_phi (E phi(x) + E
phi*(y)), and at the minimum grad phi is the optimal map (Brenier). A second network proposes the
point u(y) of phi*(y) = max_u <u, y> - phi(u), and a solver may improve it. Each step descends

    loss(potential, mover, samples, solver(mover(y)))

in both networks at once, after `inner_steps` of the mover alone where the method has such a loss.
All of it runs in the coordinates of a `Frame`, in which the optimal map of Gaussians is the
identity, where both networks start. What is reported contains no penalty. Float32, also inside
`jax.enable_x64(True)`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax

from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimator
from wdist_bench.estimators.optimizers import check_optimizer
from wdist_bench.estimators.potential import FittedPotential, require_w2
from wdist_bench.networks.convex import Convex
from wdist_bench.problem import Problem, Samples
from wdist_bench.pytrees import pytree
from wdist_bench.solvers.affine import Frame, moments
from wdist_bench.solvers.conjugate import above, maximizers
from wdist_bench.validation import check_flag, check_integer, check_name, check_number

GRADIENTS = "where optimal maps are gradients of convex functions"
STARTS = ("gaussian", "identity")
SCHEDULES = ("cosine", "constant")

# Rows of each measure that the frame is made of. Its map is off by dim / rows of the variance,
# which the networks have to learn away: .2 % in dimension 128.
_FRAME_ROWS = 65_536
# Steps of the solver at an evaluation, and the mean |y - grad phi(u)|^2 that ends it, in units of
# the mean variance times the strong convexity: the slack of the bound is half of that share.
_FINAL_STEPS, _FINAL_TOLERANCE = 200, 1e-5
_CHUNK = 8192  # points that are evaluated at once

Mover = Callable[[jax.Array], jax.Array]
"""From points (m, d) to points (m, d)."""


class Parts(NamedTuple):
    """What makes one method. Samples are in the coordinates of the frame.

    Attributes:
        potential: key, dim -> phi before training.
        mover: key, dim -> the network that proposes points, a pytree that maps points to points.
        loss: (potential, mover, samples, images) -> scalar to descend, images the points that the
            solver made of the mover's, which no gradient enters.
        inner: (potential, mover, samples) -> scalar that the mover alone descends; None for none.
        solve: (potential, targets, start) -> images; None for the start itself.
    """

    potential: Callable[[jax.Array, int], Convex]
    mover: Callable[[jax.Array, int], Any]
    loss: Callable[[Convex, Any, Samples, jax.Array], jax.Array]
    inner: Callable[[Convex, Any, Samples], jax.Array] | None = None
    solve: Callable[[Convex, jax.Array, jax.Array], jax.Array] | None = None


@dataclass(frozen=True, kw_only=True)
class BrenierEstimator(Estimator):
    """Interface of neural methods for p = 2 in l2: options as fields, `parts()` as the method.

    Attributes:
        steps: training steps, one fresh minibatch each.
        batch_size: points of each measure in a minibatch; fewer where the data hold fewer.
        hidden: widths of the layers of the potential; "published" for max(2 dim, 64) twice and
            max(dim, 32), those of the W2 benchmark.
        learning_rate: first Adam step size; weights are of size 1 whatever the widths.
        schedule: "cosine" for a step size that falls to 0 along a cosine, or "constant".
        beta1: decay of Adam's first moment.
        beta2: decay of its second moment.
        inner_steps: of the solver, the most, or of the mover alone, for each step.
        strong_convexity: beta of phi in the coordinates of the frame, where the optimal map of the
            Gaussians has curvature 1.
        start: "gaussian", at the optimal map of Gaussians with the moments of first samples, or
            "identity".
        standardize: whether samples given as arrays are divided by their size before training.
    """

    target: ClassVar[str] = "population"
    traced: ClassVar[bool] = True
    steps: int = 2000
    batch_size: int = 512
    hidden: tuple[int, ...] | str = (128, 128, 128)
    learning_rate: float = 0.05
    schedule: str = "cosine"
    beta1: float = 0.9
    beta2: float = 0.99
    inner_steps: int = 20
    strong_convexity: float = 0.01
    start: str = "gaussian"
    standardize: bool = True

    def __post_init__(self) -> None:
        for option in ("steps", "batch_size"):
            check_integer(getattr(self, option), option, 1)
        check_integer(self.inner_steps, "inner_steps", 0)
        check_optimizer("adam", self.learning_rate, self.beta1, self.beta2)
        check_number(self.strong_convexity, "strong_convexity", above=0)
        if self.strong_convexity >= 1:
            raise ValueError(
                "strong_convexity: expected a number below 1, the curvature of the start, got "
                f"{self.strong_convexity:g}; take 0.01"
            )
        check_name(self.schedule, SCHEDULES, "schedule")
        check_name(self.start, STARTS, "start")
        check_flag(self.standardize, "standardize")
        _check_widths(self.hidden)

    @property
    def network(self) -> str:  # type: ignore[override]
        """The architecture of the potential."""
        return "icnn"

    @property
    def reverse(self) -> bool:
        """Whether the potential is that of nu."""
        return False

    @abstractmethod
    def parts(self, dim: int) -> Parts:
        """Networks, loss and solver, see `Parts`."""

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError unless the cost is the squared Euclidean distance."""
        require_w2(self, cost, GRADIENTS, "exact or c_transform")

    def widths(self, dim: int) -> tuple[int, ...]:
        """Widths of the layers of a potential on points of dimension `dim`."""
        if isinstance(self.hidden, str):
            return (max(2 * dim, 64),) * 2 + (max(dim, 32),)
        return self.hidden

    def start_network(self, key: jax.Array, dim: int, constrained: bool = True) -> Convex:
        """A potential before training; without the constraints it need not be convex."""
        return Convex.start(key, dim, self.widths(dim), self.strong_convexity, constrained)

    def update_rule(self, steps: int) -> optax.GradientTransformation:
        """The optax update rule of the options, for so many steps."""
        rate: Any = self.learning_rate
        if self.schedule == "cosine":
            rate = optax.cosine_decay_schedule(rate, steps)
        return optax.adam(rate, b1=self.beta1, b2=self.beta2)

    def fit(self, key: jax.Array, problem: Problem) -> FittedBrenier:
        """Train on `steps` minibatches of the problem."""
        self.check_cost(problem.cost)
        # The centre and the unit are numbers of the host in float64, which a program would round.
        fitted = _train(self, key, replace(problem, center=None, unit=None))
        return replace(fitted, center=problem.center, unit=problem.unit)


@pytree
@dataclass(frozen=True)
class FittedBrenier(FittedPotential):
    """A trained potential phi of mu and its mover; with `reverse`, of nu.

    Attributes:
        potential_network: phi, in the coordinates of the frame.
        mover: the network that proposes points.
        frame: these coordinates.
        history: (steps,) dual value of each step's minibatch before its update, at the points that
            it trained with.
        center: (d,) origin of the training coordinates.
        unit: what they are divided by.
        estimator: the configuration.
        p: exponent of the cost, 2.
        x64: that its values are differences of squares, which want float64.
    """

    potential_network: Convex
    mover: Any
    frame: Frame
    history: jax.Array
    center: Any
    unit: Any
    estimator: BrenierEstimator = field(metadata={"static": True})
    p: float = field(metadata={"static": True})
    x64: bool = field(default=True, metadata={"static": True})

    def critic(self, points: jax.Array) -> jax.Array:
        """f(x) = |x|^2 - 2 phi(x); with `reverse` |x|^2 - 2 phi*(x), phi of nu."""
        frame = self.frame.at(points.dtype)
        inside = frame.enter_x(points)
        found = self._star(inside)[0] if self.estimator.reverse else self.potential_network(inside)
        return (points**2).sum(1) - 2 * frame.potential(points, found)

    def potentials(self, samples: Samples, cost: Cost) -> tuple[jax.Array, jax.Array]:
        """f at x, and |y|^2 - 2 phi*(y) at y, in the dtype of the samples."""
        return self.critic(samples.x), self._second(samples.y)[0]

    def observed(self, samples: Samples, cost: Cost) -> dict[str, jax.Array]:
        """`slack`: how far the mean is below that of the exact conjugate, at most."""
        return (
            {"slack": self._second(samples.y)[1].mean()} if self.estimator.bound == "lower" else {}
        )

    def transport(self, points: jax.Array) -> jax.Array:
        """grad phi; with `reverse` what the mover makes of the points."""
        frame = self.frame.at(points.dtype)
        inside = frame.enter_x(points)
        moved = self._images(inside) if self.estimator.reverse else self._slope(inside)
        return frame.leave_y(moved)

    def inverse_transport(self, points: jax.Array) -> jax.Array:
        """argmax_u <u, y> - phi(u), as near as the method comes; with `reverse` grad phi."""
        frame = self.frame.at(points.dtype)
        inside = frame.enter_y(points)
        moved = self._slope(inside) if self.estimator.reverse else self._images(inside)
        return frame.leave_x(moved)

    def _second(self, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The potential of nu at y (m, d), and its slack, in the unit of the points."""
        frame = self.frame.at(y.dtype)
        inside = frame.enter_y(y)
        if self.estimator.reverse:
            found, slack = self.potential_network(inside), jnp.zeros(len(y), y.dtype)
        else:
            found, slack = self._star(inside)
        return (y**2).sum(1) - 2 * frame.conjugate(y, found), 2 * frame.scale * slack

    def _star(self, targets: jax.Array) -> tuple[jax.Array, jax.Array]:
        """phi* at targets of the frame, from above where phi is convex, and the slack."""
        phi, points = self.potential_network, self._images(targets)
        if self.estimator.bound == "lower":
            return above(phi, targets, points, phi.strength)
        return (points * targets).sum(1) - phi(points), jnp.zeros(len(targets), targets.dtype)

    def _images(self, targets: jax.Array) -> jax.Array:
        """Points of the frame near the maximisers, found in float32, in the dtype of targets."""
        rows = targets.astype(jnp.float32)
        phi = self.potential_network
        with jax.default_matmul_precision("highest"):
            points = self.mover(rows)
            if self.estimator.parts(rows.shape[1]).solve is not None:
                tolerance = _FINAL_TOLERANCE * phi.strength * rows.shape[1]
                points = _by_chunks(
                    lambda y, u: maximizers(phi, y, u, _FINAL_STEPS, tolerance), rows, points
                )
        return points.astype(targets.dtype)

    def _slope(self, points: jax.Array) -> jax.Array:
        return self.potential_network.gradient(points)


@partial(jax.jit, static_argnums=0)
def _train(estimator: BrenierEstimator, key: jax.Array, problem: Problem) -> FittedBrenier:
    """One compiled program: the frame from first samples, then `steps` minibatches."""
    parts = estimator.parts(problem.dim)
    batch = problem.at_most(estimator.batch_size)
    frame = Frame.identity(problem.dim)
    if estimator.start == "gaussian":
        frame = gaussian_frame(problem, batch)
    keys = jax.random.split(key)
    networks = parts.potential(keys[0], problem.dim), parts.mover(keys[1], problem.dim)
    alone = estimator.inner_steps if parts.inner is not None else 0
    each = 1 + alone
    rule = estimator.update_rule(estimator.steps)
    mover_rule = estimator.update_rule(estimator.steps * max(alone, 1))

    def minibatch(index: jax.Array) -> Samples:
        drawn = problem.minibatch(index, batch)
        x, y = frame.enter_x(drawn.x), frame.enter_y(drawn.y)
        return Samples(y, x) if estimator.reverse else Samples(x, y)

    def move(index: jax.Array, carry: tuple[Any, Any], potential: Any) -> tuple[Any, Any]:
        """One step of the mover alone."""
        mover, state = carry
        gradient = jax.grad(parts.inner, argnums=1)(potential, mover, minibatch(index))  # type: ignore[arg-type]
        updates, state = mover_rule.update(gradient, state, mover)
        return optax.apply_updates(mover, updates).project(), state

    def step(carry: tuple[Any, Any], number: jax.Array) -> tuple[tuple[Any, Any], jax.Array]:
        (potential, mover), (first, second) = carry
        start = each * number
        if parts.inner is not None:
            mover, second = jax.lax.fori_loop(
                0, alone, lambda k, c: move(start + k, c, potential), (mover, second)
            )
        samples = minibatch(start + alone)
        images = mover(samples.y)
        if parts.solve is not None:
            images = parts.solve(potential, samples.y, images)
        images = jax.lax.stop_gradient(images)
        value = _dual(estimator, potential, samples, images, frame)
        gradient = jax.grad(parts.loss, argnums=(0, 1))(potential, mover, samples, images)
        moved, first = rule.update(gradient[0], first, potential)
        potential = optax.apply_updates(potential, moved).project()
        if parts.inner is None:
            moved, second = mover_rule.update(gradient[1], second, mover)
            mover = optax.apply_updates(mover, moved).project()
        return ((potential, mover), (first, second)), value

    states = rule.init(networks[0]), mover_rule.init(networks[1])
    numbers = jnp.arange(estimator.steps, dtype=jnp.int32)
    ((potential, mover), _), history = jax.lax.scan(step, (networks, states), numbers)
    return FittedBrenier(potential, mover, frame, history, None, None, estimator, problem.cost.p)


def gaussian_frame(problem: Problem, size: int) -> Frame:
    """That of the Gaussians, from minibatches that serve nothing else."""
    last = jnp.iinfo(jnp.int32).max

    def draw(index: jax.Array) -> tuple[jax.Array, jax.Array]:
        drawn = problem.minibatch(last - index, size)
        return drawn.x, drawn.y

    return Frame.of(*moments(draw, -(-_FRAME_ROWS // size)))


def _dual(
    estimator: BrenierEstimator, phi: Convex, samples: Samples, images: jax.Array, frame: Frame
) -> jax.Array:
    """The dual value of a minibatch, W_2^2 in the coordinates of the problem."""
    inner = phi(samples.x).mean() + ((images * samples.y).sum(1) - phi(images)).mean()
    inside = (samples.y, samples.x) if estimator.reverse else (samples.x, samples.y)
    x, y = frame.leave_x(inside[0]), frame.leave_y(inside[1])
    linear = x.mean(0) @ frame.end + (y.mean(0) - frame.end) @ frame.start
    squares = (x**2).sum(1).mean() + (y**2).sum(1).mean()
    value: jax.Array = squares - 2 * (frame.scale * inner + linear)
    return value


def _by_chunks(
    function: Callable[[jax.Array, jax.Array], jax.Array], y: jax.Array, u: jax.Array
) -> jax.Array:
    """function(y, u) row by row, at most `_CHUNK` rows at once."""
    rows, dim = y.shape
    if rows <= _CHUNK:
        return function(y, u)
    count = -(-rows // _CHUNK)
    # The last chunk is filled up with rows that it has already.
    order = (jnp.arange(count * _CHUNK, dtype=jnp.int32) % rows).reshape(count, _CHUNK)
    found: jax.Array = jax.lax.map(lambda index: function(y[index], u[index]), order)
    return found.reshape(-1, dim)[:rows]


def _check_widths(hidden: Any) -> None:
    """Raise where these are no widths of layers."""
    if hidden == "published":
        return
    if not isinstance(hidden, tuple) or not hidden:
        raise TypeError(
            f'hidden: expected a tuple of layer widths or "published", got {hidden!r}; write '
            "(64, 64)"
        )
    for width in hidden:
        check_integer(width, "hidden", 1)
