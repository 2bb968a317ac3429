"""Separated clusters, each moved by its own vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import L2, Cost
from wdist_bench.costs.powers import scaled
from wdist_bench.problem import Sampler, draw_by_weight
from wdist_bench.pytrees import pytree
from wdist_bench.registry import freeze
from wdist_bench.tasks import register
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.distances import p_mean, unit_of_powers
from wdist_bench.tasks.origin import at_origin, far_origin
from wdist_bench.truth import Truth
from wdist_bench.validation import (
    check_number,
    check_points,
    check_same_dimension,
    check_weights,
)

# Of the costs that enter a cycle: what rounding explains.
_ROUNDING = 1e-12
# So many times its length from zero float32 still has four digits of a move.
_FAR = 1024.0


@register
@dataclass(frozen=True)
class Clusters(Task):
    """mu = sum_k w_k U(B(c_k, r)), nu = the same balls moved: W_p = (sum_k w_k ||m_k||^p)^(1/p).

    The formula holds when moving every point with its ball is optimal among all plans; parameters
    that `worst_cycle` does not prove this for, in l2 at p = 1 and at p = 2, are refused. Where it
    proves it for another p, or in l1 or linf, the truth is known there too.

    Attributes:
        centers: c_k, one a row.
        radius: r, of every ball; 0 for point masses.
        moves: m_k, one a row.
        weights: w_k, summing to one; None for equal weights.

    Raises:
        ValueError: shapes that do not match, or moves for which the formula may fail.
    """

    name: ClassVar[str] = "clusters"
    version: ClassVar[int] = 2  # 2: clusters are drawn as finely as their weights
    reference: ClassVar[str] = "cyclical monotonicity of x -> x + m_k: W_p^p = sum_k w_k ||m_k||^p"

    centers: tuple[tuple[float, ...], ...] = ((-6.0, 0.0), (6.0, 0.0), (0.0, 9.0))
    radius: float = 0.5
    moves: tuple[tuple[float, ...], ...] = ((1.0, 1.0), (-1.0, 2.0), (0.0, -2.0))
    weights: tuple[float, ...] | None = (0.5, 0.3, 0.2)

    def __post_init__(self) -> None:
        for parameter in ("centers", "moves", "weights"):
            object.__setattr__(self, parameter, freeze(getattr(self, parameter)))
        check_number(self.radius, "radius", minimum=0)
        centers = check_points(self.centers, "centers")
        moves = check_points(self.moves, "moves")
        check_same_dimension(centers, moves)
        if len(centers) != len(moves):
            raise ValueError(
                f"moves: expected one per center, {len(centers)}, got {len(moves)}; "
                "give each cluster its move"
            )
        check_weights(self.weights, len(centers), "weights")
        for p in (1, 2):
            slack = worst_cycle(centers, self.radius, moves, L2(p))
            if slack < 0:
                raise ValueError(
                    f"clusters: expected moves for which no exchange of clusters can be cheaper, "
                    f"got an exchange that may save {-slack:.6g} (p = {p}), so the formula may "
                    "fail; move the clusters less, or set them further apart"
                )

    def sampler(self) -> Sampler:
        """A cluster by weight, then a uniform point of its ball; in float64 where a move is lost
        beside a far center.
        """
        balls = self._balls()
        return _FarBalls(balls) if self._on_two_scales() else balls

    def _balls(self) -> _Balls:
        """Centres relative to the task's origin, radii and moves of the clusters."""
        centers, *rest = self._arrays()
        parts = (centers - self.origin, *rest)
        far = self._on_two_scales()
        with jax.enable_x64(far):
            dtype = jnp.float64 if far else jnp.float32
            return _Balls(*(jnp.asarray(part, dtype) for part in parts))

    def _on_two_scales(self) -> bool:
        """Whether float32 has no digits for the least move, or the radius, beside a center."""
        centers, radius, moves, _ = self._arrays()
        lengths = np.append(np.linalg.norm(moves, axis=1), radius)
        least = lengths.min(where=lengths > 0, initial=np.inf)
        return bool(np.abs(centers - self.origin).max() > _FAR * least)

    @property
    def data_digest(self) -> str:
        """How points are drawn, where that is not in float32, as all of them once were."""
        return "float64" if self._on_two_scales() else ""

    @property
    def origin(self) -> np.ndarray:
        """What samples are drawn relative to; zeros near zero."""
        centers, radius, moves, _ = self._arrays()
        return far_origin(np.concatenate([centers + s * radius + moves for s in (-1, 0, 1)]))

    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        centers = check_points(self.centers, "centers")
        weights = check_weights(self.weights, len(centers), "weights")
        weights = np.full(len(centers), 1 / len(centers)) if weights is None else weights
        return centers, np.asarray(self.radius), check_points(self.moves, "moves"), weights

    def truth_for(self, cost: Cost) -> Truth | None:
        """(sum_k w_k ||m_k||^p)^(1/p) in l2, l1 and linf; None where an exchange may be cheaper."""
        if cost.norm not in _SLOPES or not self._is_optimal(cost):
            return None
        _, _, moves, weights = self._arrays()
        return Truth(p_mean(moves, cost, weights), 0.0, "closed-form", self.reference)

    def _is_optimal(self, cost: Cost) -> bool:
        """Whether no exchange of clusters can be cheaper; l2 was looked at for p = 1 and 2."""
        if cost in (L2(1), L2(2)):
            return True
        centers, radius, moves, _ = self._arrays()
        return worst_cycle(centers, float(radius), moves, cost) >= 0

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """Each point with its own move; None where that may not be optimal at this p."""
        if not self._is_optimal(L2(p)):
            return None
        with jax.enable_x64(self._on_two_scales()):
            x, move = self._balls().points(key, n)
            return at_origin((x, x + move), self.origin)


@pytree
@dataclass(frozen=True)
class _Balls(Sampler):
    centers: jax.Array
    radius: jax.Array
    moves: jax.Array
    weights: jax.Array

    @property
    def dim(self) -> int:
        return self.centers.shape[1]

    def points(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        """n points of mu with the moves of their clusters."""
        key_cluster, key_direction, key_radius = jax.random.split(key, 3)
        cluster = draw_by_weight(key_cluster, self.weights, n)
        direction = jax.random.normal(key_direction, (n, self.dim), jnp.float32)
        direction /= jnp.linalg.norm(direction, axis=1, keepdims=True)
        # The share of a ball within radius s r is s^dim.
        share = jax.random.uniform(key_radius, (n, 1), jnp.float32) ** (1 / self.dim)
        return self.centers[cluster] + self.radius * share * direction, self.moves[cluster]

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        key_x, key_y = jax.random.split(key)
        x, _ = self.points(key_x, n)
        y, move = self.points(key_y, n)
        return x, y + move


@pytree
@dataclass(frozen=True)
class _FarBalls(Sampler):
    """Balls in float64: float32 has no digits for a move of 1 at 1e8."""

    x64: ClassVar[bool] = True

    balls: _Balls

    @property
    def dim(self) -> int:
        return self.balls.dim

    @property
    def on_two_scales(self) -> bool:
        return True

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        return self.balls.draw(key, n)


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


def _largest(vectors: np.ndarray) -> np.ndarray:
    place = np.abs(vectors).argmax(-1)
    return np.eye(vectors.shape[-1])[place] * np.sign(vectors)


# A gradient of each norm, or where it has a kink one of its subgradients; 0 at 0.
_SLOPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "l2": _unit,
    "l1": np.sign,
    "linf": _largest,
}


def worst_cycle(centers: np.ndarray, radius: float, moves: np.ndarray, cost: Cost) -> float:
    """A lower bound on what any exchange of targets between clusters can cost; where it is
    negative, T(x) = x + m_k on ball k may fail to be optimal, by more than rounding of the costs
    along the cycle explains.

    T is optimal if along every cycle of points x_1, x_2, ..., with x_i in ball k_i,
    sum_i ||x_i - T x_(i+1)||^p >= sum_i ||m_(k_i)||^p. Let h_k(x) = <g_k, x - c_k>, with g_k a
    subgradient of ||.||^p at m_k. By convexity, a step inside a ball costs

        ||x - T x'||^p >= ||m_k||^p + h_k(x') - h_k(x),

    so the h telescope along a run of points of one ball, and only their first and last values
    remain: a step from ball k to ball l may be charged ||x - T x'||^p + h_k(x) - h_l(x').
    With z = c_k - c_l - m_l and s a subgradient at z, convexity again gives

        ||x - T x'||^p + h_k(x) - h_l(x') >= J_kl = ||z||^p - r |s + g_k| - r |s + g_l|,

    with Euclidean lengths |.|, as of the balls. Hence T is optimal if no cycle of different balls
    has sum (J_kl - ||m_k||^p) < 0, which Floyd and Warshall's recursion decides. The returned value
    is the smallest diagonal entry, the length of the worst cycle found.

    Args:
        centers: (K, d) c_k.
        radius: r.
        moves: (K, d) m_k.
        cost: of l2, l1 or linf.
    """
    scale = unit_of_powers(cost.p, centers - centers[0], moves, np.asarray(radius))
    centers, moves = np.ldexp(centers, -scale), np.ldexp(moves, -scale)
    radius = float(np.ldexp(radius, -scale))

    def power(vectors: np.ndarray) -> np.ndarray:
        paid: np.ndarray = cost.matched(vectors, np.zeros_like(vectors))
        return paid

    def slope(vectors: np.ndarray) -> np.ndarray:
        length = cost.to(1).matched(vectors, np.zeros_like(vectors))[..., None]
        found: np.ndarray = cost.p * length ** (cost.p - 1) * _SLOPES[cost.norm](vectors)
        return found

    z = centers[:, None] - centers[None, :] - moves[None, :]
    s, g = slope(z), slope(moves)
    paid, own = power(z), power(moves)
    inside = radius * np.linalg.norm(s + g[:, None], axis=-1)
    inside += radius * np.linalg.norm(s + g[None, :], axis=-1)
    length = paid - inside - own[:, None]
    length += _ROUNDING * (paid + inside + own[:, None] + own[None, :])
    np.fill_diagonal(length, 0)
    for k in range(len(centers)):
        length = np.minimum(length, length[:, k : k + 1] + length[k : k + 1])
        if np.diagonal(length).min() < 0:
            break
    worst = float(np.diagonal(length).min())
    least = float(np.finfo(np.float64).tiny)  # what float64 cannot hold is an exchange too
    return min(float(scaled(worst, cost.p, scale)), -least) if worst < 0 else 0.0
