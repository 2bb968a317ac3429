"""Two Gaussians with any means and covariances."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import L2, Cost
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.registry import freeze
from wdist_bench.tasks import register
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.distances import gaussian_mean_abs, unit_of_powers
from wdist_bench.tasks.moments import normal, product_moment
from wdist_bench.tasks.origin import at_origin, far_origin
from wdist_bench.tasks.parameters import as_vector, frozen_vector
from wdist_bench.tasks.transforms import Translate
from wdist_bench.truth import Truth

# Eigenvalues this far below zero, relative to the largest, are rounding; so is asymmetry.
_ROUNDING = 1e-10
# Below this share of the largest eigenvalue a covariance counts as singular: no Monge map.
_SINGULAR = 1e-12


@register
@dataclass(frozen=True)
class Gaussians(Task):
    """mu = N(mean_x, cov_x) against nu = N(mean_y, cov_y).

    W_2^2 = ||m_x - m_y||^2 + tr(C_x + C_y - 2 (C_x^(1/2) C_y C_x^(1/2))^(1/2)) in l2. W_1, and
    the l1 norm, where the covariances are equal (a translation) or on the line (the mean of a
    folded normal law); no formula is known otherwise.

    Attributes:
        mean_x: mean of mu, a vector.
        cov_x: covariance of mu, a symmetric positive semi-definite matrix.
        mean_y: mean of nu.
        cov_y: covariance of nu.

    Source: Dowson and Landau, J. Multivariate Analysis 12, 1982, equation 4; Gelbrich, Math.
    Nachrichten 147, 1990.
    """

    name: ClassVar[str] = "gaussians"
    reference: ClassVar[str] = "Bures-Wasserstein distance (Dowson and Landau 1982)"

    mean_x: Any = (0.0, 0.0)
    cov_x: Any = ((1.0, 0.5), (0.5, 2.0))
    mean_y: Any = (1.0, 0.0)
    cov_y: Any = ((2.0, -0.3), (-0.3, 0.5))

    def __post_init__(self) -> None:
        for side in ("x", "y"):
            mean = frozen_vector(getattr(self, f"mean_{side}"), f"mean_{side}")
            mean = mean if isinstance(mean, tuple) else (mean,)
            object.__setattr__(self, f"mean_{side}", mean)
            cov = freeze(getattr(self, f"cov_{side}"))
            cov = cov if not isinstance(cov, (int, float)) else ((cov,),)
            object.__setattr__(self, f"cov_{side}", cov)
            _check_covariance(cov, len(mean), f"cov_{side}")
        if len(self.mean_x) != len(self.mean_y):
            raise ValueError(
                f"mean_y: expected {len(self.mean_x)} components as in mean_x, "
                f"got {len(self.mean_y)}; both populations live in one space"
            )

    @property
    def dim(self) -> int:
        """Dimension of the points, the length of a row."""
        return len(self.mean_x)

    def sampler(self) -> Sampler:
        """n independent points of mu and n of nu a draw, each of shape (n, dim)."""
        form, origin = self._form(), self.origin
        means = form.mean_x - origin, form.mean_y - origin
        parts = (means[0], form.root_x, means[1], form.root_y)
        return _GaussianPair(*(jnp.asarray(part, jnp.float32) for part in parts))

    @property
    def origin(self) -> np.ndarray:
        """What samples are drawn relative to; zeros near zero."""
        form = self._form()
        ends = [form.mean_x + sign * form.root_x for sign in (-1, 1)] + [
            form.mean_y + sign * form.root_y for sign in (-1, 1)
        ]
        return far_origin(np.concatenate(ends))

    def truth_for(self, cost: Cost) -> Truth | None:
        """The Bures distance; the length of the translation; on the line W_1 too."""
        form = self._form()
        shift = form.mean_y - form.mean_x
        if self._is_translation():
            value = Translate(shift).distance(shift[None], cost)
            reference = "translation: W_p(mu, mu + v) = ||v||"
            return None if value is None else Truth(value, 0.0, "closed-form", reference)
        if self.dim == 1 and cost.is_norm:
            return self._on_line(shift, form, cost)
        if cost == L2(2):
            value = math.hypot(np.linalg.norm(shift), np.linalg.norm(form.root_x - form.root_y))
            return Truth(value, 0.0, "closed-form", self.reference)
        return None

    def _on_line(self, shift: np.ndarray, form: _Form, cost: Cost) -> Truth | None:
        """The quantiles differ by shift + change z, z standard normal: the p-mean of its size."""
        unit, change = cost.length(np.ones(1)), float(form.root_y[0, 0] - form.root_x[0, 0])
        if cost.p == 2:
            value = math.hypot(np.linalg.norm(shift), change)
            return Truth(unit * value, 0.0, "closed-form", self.reference)
        reference = "p-mean of a folded normal law: quantiles differ by shift + change * z"
        if cost.p == 1:
            value = float(gaussian_mean_abs(shift, abs(change))[0])
            return Truth(unit * value, 0.0, "closed-form", reference)
        scale = unit_of_powers(cost.p, shift, np.asarray(change))
        shift, std = np.ldexp(shift, -scale), float(np.ldexp(abs(change), -scale))
        moment = product_moment(normal(std, cost.p), shift, L2(cost.p))
        if moment is None:
            return None
        value = float(np.ldexp(moment ** (1 / cost.p), scale))
        return Truth(unit * value, 0.0, "quadrature", reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """(m_x + A z, m_y + B z) with one z for both; optimal wherever the truth is known."""
        if self.truth(p) is None:
            return None
        form = self._form()
        noise = np.asarray(jax.random.normal(key, (n, self.dim), jnp.float32), np.float64)
        origin = self.origin
        x = form.mean_x - origin + noise @ form.root_x.T
        y = form.mean_y - origin + noise @ form.root_y.T
        return at_origin((jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)), origin)

    def potential_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """For p = 2: |x|^2 - 2 f(x), grad f the map; p = 1: along v, or +-|x - fixed point|; all
        minus their value at m_x, since float32 has no digits for what lies far from zero.
        """
        monge = self._monge(p)
        if monge is None:
            return None
        x = np.asarray(points, np.float64) - monge.center
        shift = monge.image - monge.center
        if p == 2:
            value = ((x - x @ monge.matrix.T) * x).sum(1) - 2 * x @ shift
        elif self._is_translation():
            value = -x @ _unit(shift)
        else:
            value = self._from_fixed_point(x[:, 0], float(shift[0]))
        return jnp.asarray(value, jnp.float32)

    def _from_fixed_point(self, x: np.ndarray, shift: float) -> np.ndarray:
        """+-(|x - f| - |f|) on the line, with the map x + shift - (1 - slope) x, which leaves f
        alone: of one sign up to f, which is far away where the variances are nearly equal.
        """
        form = self._form()
        root_x, root_y = float(form.root_x[0, 0]), float(form.root_y[0, 0])
        sign = math.copysign(1, root_x - root_y)
        fixed = shift * root_x / (root_x - root_y)
        if fixed == 0:
            return sign * np.abs(x)
        toward = math.copysign(1, fixed) * x
        return sign * (2 * np.maximum(toward - abs(fixed), 0) - toward)

    def potential_gradient_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """2 (x - T(x)) for p = 2; the direction of x - T(x) for p = 1."""
        monge = self._monge(p)
        if monge is None:
            return None
        x = np.asarray(points, np.float64)
        if p == 1 and self._is_translation():
            gradient = np.broadcast_to(_unit(monge.center - monge.image), x.shape)
        else:
            move = x - monge.image - (x - monge.center) @ monge.matrix.T
            gradient = np.sign(move) if p == 1 else 2 * move
        return jnp.asarray(gradient, jnp.float32)

    def map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """m_y + M (x - m_x), for p = 1 and 2; None where mu has no density."""
        monge = self._monge(p)
        return None if monge is None else monge.image + (points - monge.center) @ monge.matrix.T

    def inverse_map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """The same of the pair the other way round."""
        back = Gaussians(self.mean_y, self.cov_y, self.mean_x, self.cov_x)
        return back.map_for(points, p)

    def _is_translation(self) -> bool:
        """Whether float64 tells the roots of the covariances apart."""
        return np.array_equal(_root(self.cov_x), _root(self.cov_y))

    def _form(self) -> _Form:
        mean_x, mean_y = as_vector(self.mean_x, self.dim), as_vector(self.mean_y, self.dim)
        root_x, root_y = _root(self.cov_x), _root(self.cov_y)
        left, _, right = np.linalg.svd(root_y @ root_x)
        return _Form(mean_x, root_x, mean_y, root_y @ left @ right)

    def _monge(self, p: float) -> _Monge | None:
        """The optimal map T(x) = image + matrix (x - center), where there is one; p = 1 or 2."""
        if p not in (1, 2) or self.truth(p) is None:
            return None
        form = self._form()
        if self._is_translation():
            return _Monge(form.mean_x, form.mean_y, np.eye(self.dim))
        spread = np.linalg.eigvalsh(form.root_x)
        if spread[0] ** 2 <= _SINGULAR * spread[-1] ** 2:
            return None
        return _Monge(form.mean_x, form.mean_y, form.root_y @ np.linalg.inv(form.root_x))


class _Form(NamedTuple):
    """x = mean_x + root_x z and y = mean_y + root_y z, coupled optimally for p = 2.

    root_x is C_x^(1/2), and root_y = C_y^(1/2) U with U the orthogonal matrix nearest to
    C_y^(1/2) C_x^(1/2), so that ||root_x - root_y||_F is the Bures distance, free of the
    cancellation of the trace formula. Singular covariances are no exception.
    Source: Bhatia, Jain, Lim, Expositiones Mathematicae 37, 2019, Theorem 1.
    """

    mean_x: np.ndarray
    root_x: np.ndarray
    mean_y: np.ndarray
    root_y: np.ndarray


class _Monge(NamedTuple):
    center: np.ndarray
    image: np.ndarray
    matrix: np.ndarray


def _root(covariance: Any) -> np.ndarray:
    """The symmetric square root of a covariance matrix (dim, dim)."""
    matrix = np.asarray(covariance, np.float64)
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def _unit(vector: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else vector


def _check_covariance(covariance: Any, dim: int, name: str) -> None:
    try:
        matrix = np.asarray(covariance, np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}: expected a {dim} x {dim} matrix of numbers, got {covariance!r}; "
            "give one row per coordinate"
        ) from None
    if matrix.shape != (dim, dim):
        raise ValueError(
            f"{name}: expected shape ({dim}, {dim}), got {matrix.shape}; match the mean's length"
        )
    if not np.isfinite(matrix).all():
        raise ValueError(f"{name}: expected finite numbers, got NaN or inf; repair them first")
    scale = float(np.abs(matrix).max())
    if np.abs(matrix - matrix.T).max() > _ROUNDING * scale:
        raise ValueError(
            f"{name}: expected a symmetric matrix, got entries that differ from their mirror "
            f"by up to {np.abs(matrix - matrix.T).max():.3g}; use ({name} + {name}.T) / 2"
        )
    lowest = float(np.linalg.eigvalsh((matrix + matrix.T) / 2)[0])
    if lowest < -_ROUNDING * scale:
        raise ValueError(
            f"{name}: expected a positive semi-definite matrix, got an eigenvalue of "
            f"{lowest:.6g}; a covariance has none below 0"
        )


@pytree
@dataclass(frozen=True)
class _GaussianPair(Sampler):
    mean_x: jax.Array
    root_x: jax.Array
    mean_y: jax.Array
    root_y: jax.Array

    @property
    def dim(self) -> int:
        return self.mean_x.shape[0]

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        noise = jax.random.normal(key, (2, n, self.dim), jnp.float32)
        highest = jax.lax.Precision.HIGHEST
        x = jnp.matmul(noise[0], self.root_x.T, precision=highest)
        y = jnp.matmul(noise[1], self.root_y.T, precision=highest)
        return self.mean_x + x, self.mean_y + y
