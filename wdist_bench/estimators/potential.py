"""What every estimator with a potential on the whole space shares."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench import metrics
from wdist_bench.costs import L2, Cost
from wdist_bench.estimate import Estimate, Estimator, Potentials, TracedFitted
from wdist_bench.estimators.doubt import (
    batch_bound,
    divergence_message,
    doubt,
    last_tenth,
    mean_gap,
)
from wdist_bench.interface import declared
from wdist_bench.problem import Samples
from wdist_bench.pytrees import jit_by_class
from wdist_bench.solvers.certificate import at_all_points, dual_of_host
from wdist_bench.validation import check_asked

# The golden ratio less 1: its multiples modulo 1 are evenly spread, however many are taken.
_GOLDEN = (5**0.5 - 1) / 2

Critic = Callable[[jax.Array], jax.Array]
"""A function from points (n, d) to values (n,)."""


class FittedPotential(TracedFitted):
    """A potential on the whole space, fitted in the coordinates z = (x - center) / unit.

    In these the cost is c / unit^p and a dual value W_p^p / unit^p, where distances have a unit of
    their own with (unit length)^p. Implementations are pytree dataclasses whose fields are the
    attributes below, and `critic` and `potentials`, in JAX.

    Attributes:
        estimator: the configuration (a static field).
        history: (steps,) dual value of each step's minibatch before its update, in these
            coordinates; empty where nothing is trained.
        center: (d,) see there: `Problem.center`.
        unit: see there, `Problem.unit`, a power of two, so that dividing by it rounds nothing;
            1 where the estimator does not `standardize`.
        length: see there, `Problem.length` (a static field).
        p: exponent of the cost that it was fitted for (a static field); read by `potential`,
            `gradient` and the maps alone.
        norm: its registered name (a static field); read by the maps alone.
        x64: whether `wb.evaluate` asks for its values in float64, samples being float32: where they
            are differences of large numbers.
    """

    estimator: Any = declared("the configuration")
    center: Any = declared("(d,) the origin of the coordinates that it was fitted in")
    unit: Any = declared("what these coordinates are divided by", default=1.0)
    length: float = declared("what distances there are divided by", default=1.0)
    p: float = declared("exponent of the cost that it was fitted for")
    norm: str = declared("registered name of the cost that it was fitted for", default="l2")
    x64: bool = declared("whether its values need float64 where float32 samples are", default=False)

    @abstractmethod
    def critic(self, points: jax.Array) -> jax.Array:
        """f at points (n, d) of the fitted coordinates, shape (n,)."""

    @abstractmethod
    def potentials(self, samples: Samples, cost: Cost) -> tuple[jax.Array, jax.Array]:
        """phi (n,) at x and psi (m,) at y in the dtype of the samples, in the fitted coordinates.

        Units are those of W_p^p / unit^p.
        """

    def corrected(self, dual: Any) -> Any:
        """The number to report for a dual value, both in units of W_p^p; mostly that value."""
        return dual

    def corrections(self, dual: float) -> dict[str, float]:
        """Numbers in units of W_p^p that the diagnostics hold beside a dual value, by name."""
        return {}

    def observed(self, samples: Samples, cost: Cost) -> dict[str, jax.Array]:
        """Numbers in units of W_p^p / unit^p that the diagnostics hold of samples, by name."""
        return {}

    def batch_cost(self, samples: Samples, cost: Cost) -> jax.Array:
        """The estimate of W_p^p on samples, all in the fitted coordinates."""
        value: jax.Array = self.corrected(dual_value(*potentials_at(self, samples, cost), samples))
        return value

    def potential(self, points: Any) -> np.ndarray:
        """f in units of W_p^p at points (n, d) given in the user's coordinates, float64."""
        with jax.enable_x64(True):
            values = np.asarray(_said(self._inside(), self._entered(points), "critic"), np.float64)
        return self._size**self.p * values

    def gradient(self, points: Any) -> np.ndarray:
        """grad f, shape (n, d), at points (n, d), both in the user's coordinates, float64."""
        with jax.enable_x64(True):
            slopes = np.asarray(_gradients(self._inside(), self._entered(points)), np.float64)
        return self._size ** (self.p - 1) * self.length * slopes

    def transport(self, points: jax.Array) -> jax.Array | None:
        """T(x) = x - grad f(x) / 2 at points (n, d) of the fitted coordinates, for p = 2 in l2.

        What an optimal potential of mu gives (Brenier). Override it, and `inverse_transport`, where
        the map is another.
        """
        return points - metrics.gradients(self.critic, points) / 2

    def map(self, points: Any) -> np.ndarray | None:
        """T at points (n, d), both in the user's coordinates, float64: of what was fitted for p = 2
        in l2; None for other costs.
        """
        return self._forward(points) if self._has_maps else None

    def inverse_map(self, points: Any) -> np.ndarray | None:
        """The map of nu to mu, as `map`; None where there is none."""
        return self._back(points) if self._has_maps else None

    @property
    def _has_maps(self) -> bool:
        return self.p == 2 and self.norm == "l2"

    @property
    def _size(self) -> float:
        """The distance of the user that is 1 where it was fitted."""
        return float(self.unit) * self.length

    def _forward(self, points: Any) -> np.ndarray | None:
        return self._carried("transport", points)

    def _back(self, points: Any) -> np.ndarray | None:
        return self._carried("inverse_transport", points)

    def _carried(self, method: str, points: Any) -> np.ndarray | None:
        """Where a method of the fitted coordinates takes points of the user's."""
        with jax.enable_x64(True):
            images = _said(self._inside(), self._entered(points), method)
        if images is None:
            return None
        return np.asarray(self.center) + float(self.unit) * np.asarray(images, np.float64)

    def _maps(self, cost: Cost) -> dict[str, Any]:
        """The maps of an answer."""
        if cost != L2(2):
            return {}
        found = {"map": self._forward}  # methods travel to other processes with their object
        if type(self).inverse_transport is not FittedPotential.inverse_transport:
            found["inverse_map"] = self._back
        return found

    def _inside(self) -> Any:
        """What compiled programs see: they work in the fitted coordinates, and would round these
        numbers of the host.
        """
        given = {field.name for field in fields(self)} & {"center", "unit"}  # type: ignore[arg-type]
        return replace(self, **dict.fromkeys(given))  # type: ignore[type-var]

    def _entered(self, points: Any) -> jax.Array:
        center = np.asarray(self.center)
        centred = check_asked(points, center.shape[-1] if center.ndim else None) - center
        return jnp.asarray(centred / float(self.unit), jnp.float64)

    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The dual value on samples given in the user's coordinates, costs in float64.

        Status "diverged" where it or the training became NaN or inf. `message` says where the
        diagnostics doubt it.
        """
        estimator, power = self.estimator, self._size**cost.p
        within = cost.scaled(1 / self.length) or cost
        history = power * np.asarray(self.history, np.float64)
        shared: dict[str, Any] = {
            "target": "batch",
            "bound": batch_bound(estimator),
            "steps": estimator.steps,
            "history": cost.roots(history),
        }
        kept, center = samples.with_mass(), np.asarray(self.center)
        with jax.enable_x64(True):
            inside = kept.shifted(center, np.float64, float(self.unit))
            phi, psi, found = answer_with_diagnostics(self._inside(), inside, within)
            dual = float(dual_value(phi, psi, inside))
            observed = _observed(self._inside(), inside, within)
            violation = power * float(found["admissibility_violation"])
        inner = float(self.corrected(dual))
        if not (np.isfinite(inner) and np.isfinite(history).all()):
            return Estimate.failed("diverged", divergence_message(history), **shared)
        value, lower = cost.root(power * inner), None
        pair = power * np.asarray(phi), power * np.asarray(psi)
        if shared["bound"] == "lower":
            lower = cost.root(dual_of_host(power * inner, *pair, kept, cost, center))
        diagnostics = {name: float(number) for name, number in found.items()} | {
            "admissibility_violation": violation,
            "dual_stderr": power * standard_error(phi, psi, inside),
            "mean_gap": self._size * mean_gap(inside, within),
        }
        if history.size:
            diagnostics["history_last"] = cost.root(last_tenth(history))
        for name, number in (self.corrections(dual) | observed).items():
            diagnostics[name] = power * float(number)
        return Estimate(
            value,
            power * inner,
            lower=lower,
            potentials=Potentials(*at_all_points(*pair, samples, cost)),
            message=doubt(estimator, value, cost, diagnostics),
            diagnostics=diagnostics,
            **self._maps(cost),
            **shared,
        )


def potentials_at(
    fitted: FittedPotential, samples: Samples, cost: Cost
) -> tuple[jax.Array, jax.Array]:
    """`fitted.potentials`; raises TypeError where there is not one number for each point.

    Matrix products have the highest precision: TF32 would spoil what is evaluated.
    """
    with jax.default_matmul_precision("highest"):
        phi, psi = fitted.potentials(samples, cost)
    found, wanted = (phi.shape, psi.shape), (samples.x.shape[:1], samples.y.shape[:1])
    if found != wanted:
        raise TypeError(
            f"{type(fitted).__name__}: expected `potentials` of shapes {wanted}, one number for "
            f"each point, got {found}; drop axes of length one"
        )
    return phi, psi


def dual_value(phi: jax.Array, psi: jax.Array, samples: Samples) -> jax.Array:
    """sum_i a_i phi_i + sum_j b_j psi_j."""
    return _mean(phi, samples.a) + _mean(psi, samples.b)


def standard_error(phi: jax.Array, psi: jax.Array, samples: Samples) -> float:
    """Of `dual_value` under independent rows and fixed weights: sqrt(sum_i a_i^2 (phi_i - mean)^2
    + sum_j b_j^2 (psi_j - mean)^2), in units of W^p. The fit to these very rows is not in it.
    """
    total = 0.0
    for values, weights in ((phi, samples.a), (psi, samples.b)):
        found = np.asarray(values, np.float64)
        weight = np.full(found.size, 1 / found.size) if weights is None else np.asarray(weights)
        found, weight = found[weight > 0], weight[weight > 0]
        total += float((weight**2 * (found - weight @ found) ** 2).sum())
    return total**0.5


def _mean(values: jax.Array, weights: jax.Array | None) -> jax.Array:
    if weights is None:
        return values.mean()
    # A point without mass may carry an infinite potential.
    return jnp.where(weights > 0, values * weights, 0).sum()


@jit_by_class("cost")
def answer_with_diagnostics(
    fitted: FittedPotential, samples: Samples, cost: Cost
) -> tuple[jax.Array, jax.Array, dict[str, jax.Array]]:
    """The potentials at the samples, and how far the critic is from admissible.

    Gradients, which norms alone measure, are taken at the samples and between them, at
    t x_i + (1 - t) y_j with i, j and t evenly spread. Where the value claims to be a lower bound,
    psi is lowered by the violation, which is rounding then (of float32, where the samples are
    close).
    """
    x, y = samples.x, samples.y
    phi, psi = potentials_at(fitted, samples, cost)
    count = max(x.shape[0], y.shape[0])
    pair = jnp.arange(count, dtype=jnp.int32)
    t = (((pair + 1) * _GOLDEN) % 1).astype(x.dtype)[:, None]
    between = t * x[pair % x.shape[0]] + (1 - t) * y[pair % y.shape[0]]
    data = jnp.concatenate([x, y])

    violation = metrics.admissibility_violation(phi, psi, x, y, cost)
    found = {"admissibility_violation": violation}
    if batch_bound(fitted.estimator) == "lower":
        psi = psi - jnp.maximum(violation, 0)
    if not cost.is_norm:
        return phi, psi, found

    def steepest(points: jax.Array) -> jax.Array:
        return metrics.max_gradient_norm(fitted.critic, points.astype(jnp.float32), cost)

    slopes = {
        "max_gradient_on_data": steepest(data),
        "max_gradient_between": steepest(between),
    }
    return phi, psi, slopes | found


@jit_by_class("cost")
def _observed(fitted: FittedPotential, samples: Samples, cost: Cost) -> dict[str, jax.Array]:
    return fitted.observed(samples, cost)


@jit_by_class("method")
def _said(fitted: FittedPotential, points: jax.Array, method: str) -> Any:
    """What `critic`, `transport` or `inverse_transport` says of points."""
    return getattr(fitted, method)(points)


@jit_by_class()
def _gradients(fitted: FittedPotential, points: jax.Array) -> jax.Array:
    return metrics.gradients(fitted.critic, points)


def difference_dual(critic: Critic, samples: Samples, cost: Cost) -> tuple[jax.Array, jax.Array]:
    """phi = f and psi = -f: the W1 dual, admissible where f is 1-Lipschitz.

    x and y go through the network in one forward pass.
    """
    values = critic(jnp.concatenate([samples.x, samples.y]))
    n = samples.x.shape[0]
    return values[:n], -values[n:]


def require_w1(estimator: Estimator, cost: Cost) -> None:
    """Refuse what the dual f(x) - f(y) of 1-Lipschitz critics does not hold for: p other than 1,
    where phi^c is not -phi, and costs that are no norm, whose critics' slopes are not measured.
    """
    if cost.p != 1:
        raise ValueError(
            f"{estimator.name}: expected p = 1, got p = {cost.p:g}; its dual f(x) - f(y) holds for "
            "W1 only, use c_transform, nearest_neighbor or exact for other p"
        )
    if not cost.is_norm:
        raise ValueError(
            f"{estimator.name}: expected a norm (l2, l1, linf, mahalanobis), got the cost "
            f"{cost.norm}; its critic is held to slopes, which norms measure, use exact or "
            "bracket, or c_transform for distances"
        )


def require_w2(estimator: Estimator, cost: Cost, reason: str, instead: str) -> None:
    """Refuse all costs but the squared Euclidean distance; why it is that, and what else to use."""
    if cost != L2(2):
        raise ValueError(
            f"{estimator.name}: expected norm l2 at p = 2, {reason}, got {cost.norm} at p = "
            f"{cost.p:g}; use {instead}"
        )


def require_l2_or_l1(estimator: Estimator, cost: Cost) -> None:
    """Refuse norms that the critic is not 1-Lipschitz in by construction."""
    if cost.norm not in ("l2", "l1"):
        raise ValueError(
            f"{estimator.name}: expected norm l2 or l1, got {cost.norm}; its critic is 1-Lipschitz "
            "by construction in these alone, use c_transform, exact or bracket"
        )


def require_traceable(estimator: Estimator, cost: Cost) -> None:
    """Refuse costs that are not written in JAX: critics train inside a compiled program."""
    if not cost.traceable:
        raise ValueError(
            f"{estimator.name}: expected a cost that is written in JAX, got a {cost.norm}, which "
            "a critic cannot be trained on; use exact, bracket, sinkhorn or nearest_neighbor, or "
            "derive a class from wb.Cost"
        )
