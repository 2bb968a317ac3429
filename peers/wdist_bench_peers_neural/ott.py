"""OTT-JAX's neural solvers for p = 2, trained by their own loops on our minibatches."""

from __future__ import annotations

import contextlib
import io
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import wdist_bench as wb

Points = Callable[[jax.Array], jax.Array]
"""From points (m, d) to numbers (m,) or to points (m, d), in float32."""


class Trained(NamedTuple):
    """What a solver of OTT-JAX comes to, in the coordinates it was trained in.

    Attributes:
        phi: potential at x, in units of W_2^2.
        psi: potential at y, in units of W_2^2.
        forward: the map of mu to nu.
        back: the map of nu to mu.
    """

    phi: Points
    psi: Points
    forward: Points
    back: Points


class _Neural(wb.Estimator):
    """Trained by the library's own loop on fresh minibatches; its value claims nothing."""

    version: ClassVar[int] = 1
    target: ClassVar[str] = "population"
    bound: ClassVar[str] = "none"
    module: ClassVar[str] = "ott"
    package: ClassVar[str] = "ott-jax"
    # `ott.neural` imports it, and only the extra `neural` of ott-jax installs it.
    extra: ClassVar[str] = "diffrax"

    @abstractmethod
    def solver(self, dim: int, key: jax.Array) -> Any:
        """OTT's solver with its own defaults, for `steps` steps."""

    @abstractmethod
    def trained(self, solver: Any) -> Trained:
        """Potentials and maps of a solver after training."""

    def check_cost(self, cost: wb.Cost) -> None:
        """Raise ValueError where the library is not there, or the cost is not l2 at p = 2."""
        if (cost.norm, cost.p) != ("l2", 2):
            raise ValueError(
                f"{self.name}: expected l2 at p = 2, got {cost.norm} at p = {cost.p:g}; use exact"
            )
        if find_spec(self.module) is None or find_spec(self.extra) is None:
            raise ValueError(
                f"{self.name}: expected ott-jax with its extra neural to be installed, got no "
                "module ott or diffrax; call: pip install 'ott-jax[neural]'"
            )

    def fit(self, key: jax.Array, problem: wb.Problem) -> FittedNeural:
        """Train; a progress bar and warnings of deprecation go nowhere."""
        self.check_cost(problem.cost)
        rows = min(self.batch_size, problem.sampler.limit or self.batch_size)
        draw = jax.jit(lambda number: problem.minibatch(number, rows))
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            solver = self.solver(problem.dim, key)
            solver(*(_minibatches(draw, side) for side in ("x", "y", "x", "y")))
            found = self.trained(solver)
        compiled = Trained(*map(jax.jit, found))
        return FittedNeural(self, compiled, np.asarray(problem.center), float(problem.unit))


@dataclass(frozen=True)
class FittedNeural(wb.Fitted):
    """A trained solver.

    Attributes:
        estimator: the configuration.
        trained: potentials and maps in z = (x - center) / unit.
        center: (d,) see there.
        unit: see there.
    """

    estimator: _Neural
    trained: Trained
    center: np.ndarray
    unit: float

    def map(self, points: Any) -> np.ndarray:
        """Where the forward map takes points (n, d), both in the user's coordinates, float64."""
        return self._carried(self.trained.forward, points)

    def inverse_map(self, points: Any) -> np.ndarray:
        """Where the map back takes points (m, d), both in the user's coordinates, float64."""
        return self._carried(self.trained.back, points)

    def estimate(self, samples: wb.Samples, cost: wb.Cost) -> wb.Estimate:
        """The root of sum_i a_i phi(x_i) + sum_j b_j psi(y_j), W_2."""
        kept = samples.with_mass()
        sides = (self.trained.phi, kept.x, kept.a), (self.trained.psi, kept.y, kept.b)
        means = [
            np.average(np.asarray(values(self._entered(points)), np.float64), weights=weights)
            for values, points, weights in sides
        ]
        found = self.unit**2 * float(sum(means))
        name, steps = self.estimator.name, self.estimator.steps
        if not np.isfinite(found):
            return wb.Estimate.failed(
                "diverged", f"{name}: a potential became NaN or inf; lower the learning rate",
                target="batch", bound="none", steps=steps,
            )  # fmt: skip
        return wb.Estimate(
            cost.root(found), found, target="batch", bound="none", steps=steps,
            map=self.map, inverse_map=self.inverse_map,
        )  # fmt: skip

    def _entered(self, points: Any) -> jax.Array:
        return jnp.asarray((np.asarray(points, np.float64) - self.center) / self.unit, jnp.float32)

    def _carried(self, move: Points, points: Any) -> np.ndarray:
        return self.center + self.unit * np.asarray(move(self._entered(points)), np.float64)


@dataclass(frozen=True, kw_only=True)
class NeuralDual(_Neural):
    """`ott.neural.methods.neuraldual.W2NeuralDual`: input-convex f with conjugates by L-BFGS from
    the gradient of a second network (Amos 2023, arXiv 2210.12153).

    Networks, optimisers and inner solver are its defaults. Its potentials |x|^2 / 2 - f are those
    of the cost |x - y|^2 / 2, but it hands them out with the cost |x - y|^2, so `transport` goes
    half of the way (0.6.0): here the map is grad f, and values are doubled.

    Attributes:
        steps: `num_train_iters`.
        batch_size: rows of each measure in a minibatch, which OTT leaves to the caller.
        pos_weights: whether weights are held positive; else by a penalty, and grad f starts nearer
            to the identity (in the plane 2 instead of 30 times as steep).
    """

    name: ClassVar[str] = "ott_neural_dual"

    steps: int = 20_000
    batch_size: int = 1024
    pos_weights: bool = True

    def solver(self, dim: int, key: jax.Array) -> Any:
        """`W2NeuralDual` of these steps."""
        from ott.neural.methods.neuraldual import W2NeuralDual

        return W2NeuralDual(dim, num_train_iters=self.steps, rng=key, pos_weights=self.pos_weights)

    def trained(self, solver: Any) -> Trained:
        """2 (|x|^2 / 2 - f) and 2 (|y|^2 / 2 - f*), grad f and grad f*."""
        found = solver.to_dual_potentials()

        def value(potential: Any) -> Points:
            return lambda points: 2 * jax.vmap(potential)(points)

        def move(potential: Any) -> Points:
            return lambda points: points - jax.vmap(jax.grad(potential))(points)

        return Trained(value(found.f), value(found.g), move(found.f), move(found.g))


@dataclass(frozen=True, kw_only=True)
class Enot(_Neural):
    """`ott.neural.methods.expectile_neural_dual.ExpectileNeuralDual`: a map and a potential whose
    conjugate an expectile holds up (Buzun, Bobrin, Dylov 2024, arXiv 2403.03777).

    Networks, optimisers, expectile and its weight are its defaults.

    Attributes:
        steps: `num_train_iters`.
        batch_size: rows of each measure in a minibatch, which OTT leaves to the caller.
        expectile: tau.
        expectile_loss_coef: weight of the expectile's loss.
    """

    name: ClassVar[str] = "ott_enot"

    steps: int = 20_000
    batch_size: int = 1024
    expectile: float = 0.99
    expectile_loss_coef: float = 1.0

    def solver(self, dim: int, key: jax.Array) -> Any:
        """`ExpectileNeuralDual` of these steps."""
        from ott.neural.methods.expectile_neural_dual import ExpectileNeuralDual

        return ExpectileNeuralDual(
            dim, num_train_iters=self.steps, rng=key, expectile=self.expectile,
            expectile_loss_coef=self.expectile_loss_coef,
        )  # fmt: skip

    def trained(self, solver: Any) -> Trained:
        """Its f and g, and its maps."""
        found = solver.to_dual_potentials()
        return Trained(
            jax.vmap(found.f), jax.vmap(found.g),
            found.transport, lambda points: found.transport(points, forward=False),
        )  # fmt: skip


def _minibatches(draw: Callable[[int], wb.Samples], side: str) -> Iterator[jax.Array]:
    """Rows of one measure, minibatch after minibatch."""
    number = 0
    while True:
        yield getattr(draw(number), side)
        number += 1
