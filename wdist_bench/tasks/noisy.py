"""A random vector against itself with noise added."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import L1, L2, Cost
from wdist_bench.costs.l2 import power_of_two
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.tasks import register
from wdist_bench.tasks.base import SizedSampler, Task
from wdist_bench.tasks.directions import lengths
from wdist_bench.tasks.moments import normal, normal_length_mean, panels, product_moment
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_name, check_number

_NOISES = ("gaussian", "uniform")


@register
@dataclass(frozen=True)
class Noisy(Task):
    """mu = law of X, nu = law of X + e, with e independent of X and of mean 0.

    `noise` names the law of both: with "gaussian" X ~ N(0, s^2 I), e ~ N(0, t^2 I); with
    "uniform" both are uniform on cubes, with standard deviations s and t per coordinate, so the
    supports are bounded.

    Gaussian: nu is mu scaled by r = sqrt(s^2 + t^2) / s, and scaling about a point is optimal, so
    W_p = (sqrt(s^2 + t^2) - s) (E chi_d^p)^(1/p) in the l2 norm. Uniform: the coordinates are
    independent, so W_2 = sqrt(d) W_2(1-D) in l2 and W_1 = d W_1(1-D) in l1. Where neither
    argument applies the truth is None.

    Attributes:
        dim: dimension d.
        base_std: s.
        noise_std: t.
        noise: "gaussian" or "uniform".

    Two bounds by Arjovsky and Bottou come with it (both on W_1 in the l2 norm): `noise_bound` and
    `theorem_3_3_bound`.
    """

    name: ClassVar[str] = "noisy"
    reference: ClassVar[str] = "X against X + e: scaling map (gaussian), product law (uniform)"

    dim: int = 2
    base_std: float = 1.0
    noise_std: float = 1.0
    noise: str = "gaussian"

    def __post_init__(self) -> None:
        check_integer(self.dim, "dim", 1)
        check_number(self.base_std, "base_std", above=0)
        check_number(self.noise_std, "noise_std", above=0)
        check_name(self.noise, _NOISES, "noise")

    @property
    def variance(self) -> float:
        """V = E ||e||^2 = dim noise_std^2."""
        return self.dim * float(self.noise_std) ** 2

    @property
    def noise_bound(self) -> float:
        """W_1(X, X + e) <= sqrt(V). Source: Arjovsky, Bottou 2017 (arXiv 1701.04862), Lemma 4."""
        return math.sqrt(self.variance)

    @property
    def diameter(self) -> float:
        """C, of a ball around the supports of X + e' and X + e + e'; inf for Gaussian noise."""
        if self.noise == "gaussian":
            return math.inf
        half_width = math.sqrt(3) * (self.base_std + 2 * self.noise_std)
        return 2 * half_width * math.sqrt(self.dim)

    @property
    def jsd(self) -> float:
        """JSD(X + e' || X + e + e') in nats, by quadrature; e' is a fresh copy of the noise.

        For dim = 1 the divergence itself. Above, the bound min(log 2, dim JSD_1): JSD is the
        information that a sample has about which law it came from, and independent coordinates
        have no more than the sum of theirs.
        """
        one = _uniform_jsd if self.noise == "uniform" else _gaussian_jsd
        return min(math.log(2), self.dim * one(float(self.base_std), float(self.noise_std)))

    @property
    def theorem_3_3_bound(self) -> float:
        """2 sqrt(V) + 2 C sqrt(JSD), a bound on W_1(mu, nu): the theorem for P = mu and Q = nu,
        both blurred by a fresh copy of the noise. Infinite for Gaussian noise, where C is.

        Source: Arjovsky, Bottou 2017 (arXiv 1701.04862), Theorem 3.3.
        """
        return 2 * math.sqrt(self.variance) + 2 * self.diameter * math.sqrt(self.jsd)

    def sampler(self) -> Sampler:
        """Independent samples of X and of X + e."""
        base, noise = (jnp.asarray(v, jnp.float32) for v in (self.base_std, self.noise_std))
        return _Noisy(base, noise, self.dim, self.noise == "uniform")

    def truth_for(self, cost: Cost) -> Truth | None:
        """The formula of the class where it holds for this cost."""
        if not cost.minkowski:
            return None
        if self.noise == "gaussian":
            return self._gaussian_truth(cost)
        d, p = self.dim, cost.p
        if d > 1 and cost.minkowski != p:  # else the cost is a sum over the coordinates
            return None
        one = _uniform_distance(float(self.base_std), float(self.noise_std), p)
        return Truth(cost.root(d) * one, 0.0, "quadrature", self.reference)

    def _gaussian_truth(self, cost: Cost) -> Truth | None:
        """r - 1 times the p-mean of ||X||: X + e has the law of r X, a dilation."""
        d, p = self.dim, cost.p
        known = {L2(1): normal_length_mean(d, 1), L2(2): math.sqrt(d),
                 L1(1): normal_length_mean(1, 1) * d}  # fmt: skip
        closed = known.get(cost)
        kind = "quadrature" if closed is None else "closed-form"
        if closed is None:
            moment = product_moment(normal(1.0, p), np.zeros(d), cost)
            closed = None if moment is None else moment ** (1 / p)
        return None if closed is None else Truth(self._growth() * closed, 0.0, kind, self.reference)

    def _growth(self) -> float:
        """sqrt(s^2 + t^2) - s without cancellation."""
        stds = np.array([self.base_std, self.noise_std], np.float64)
        unit = power_of_two(stds)
        s, t = np.ldexp(stds, -unit).tolist()
        return float(np.ldexp(t * t / (math.hypot(s, t) + s), unit))

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """Gaussian: n pairs (x, r x), each point with itself scaled. Uniform: None."""
        if self.noise == "uniform":
            return None
        x = self.base_std * jax.random.normal(key, (n, self.dim), jnp.float32)
        return x, x * self._stretch()

    def potential_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """Gaussian: -||x|| (p = 1), (1 - r) ||x||^2 (p = 2). Uniform, other p: None."""
        if self.noise == "uniform" or p not in (1, 2):
            return None
        if p == 1:
            return -lengths(points)[:, 0]
        return -self._growth() / self.base_std * (points**2).sum(1)

    def potential_gradient_for(self, points: jax.Array, p: float) -> jax.Array | None:
        """Gaussian: -x / ||x|| (0 at the origin), 2 (1 - r) x. Uniform, other p: None."""
        if self.noise == "uniform" or p not in (1, 2):
            return None
        if p == 1:
            length = lengths(points)
            return -points / jnp.where(length > 0, length, 1)
        return -2 * self._growth() / self.base_std * points

    def map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """Gaussian: r x, optimal for every p. Uniform: None."""
        return None if self.noise == "uniform" else points * self._stretch()

    def inverse_map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """Gaussian: y / r. Uniform: None."""
        return None if self.noise == "uniform" else points / self._stretch()

    def _stretch(self) -> float:
        """r, the ratio of the two standard deviations."""
        return 1 + self._growth() / self.base_std


@pytree
@dataclass(frozen=True)
class _Noisy(SizedSampler):
    base_std: jax.Array
    noise_std: jax.Array
    size: int = field(metadata={"static": True})
    uniform: bool = field(metadata={"static": True})

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        shape = (3, n, self.size)
        if self.uniform:
            bound = math.sqrt(3)
            x, base, noise = jax.random.uniform(key, shape, jnp.float32, -bound, bound)
        else:
            x, base, noise = jax.random.normal(key, shape, jnp.float32)
        return self.base_std * x, self.base_std * base + self.noise_std * noise


def _panels(edges: list[float], nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """`panels` between the edges in any order, with that many points each."""
    return panels(np.unique(edges), np.polynomial.legendre.leggauss(nodes))


def _trapezoid(z: np.ndarray, a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Density and cdf at z of U[-a, a] + U[-b, b]."""
    small, large = min(a, b), max(a, b)
    near = np.minimum(np.abs(z), large - small)
    far = np.clip(np.abs(z) - (large - small), 0, 2 * small)
    density = np.where(np.abs(z) > a + b, 0, (1 - far / (2 * small)) / (2 * large))
    upper = (near + far - far**2 / (4 * small)) / (2 * large)
    return density, 0.5 + np.sign(z) * upper


def _uniform_distance(s: float, t: float, p: float) -> float:
    """W_p on a line of U[-a, a] against U[-a, a] + U[-b, b], a = sqrt(3) s, b = sqrt(3) t:
    (int |y - F_mu^-1(F_nu(y))|^p dF_nu(y))^(1/p).

    With c = max(b - a, 0), the density of nu is flat up to |y| = |b - a|, where y moves by |y| c/b.
    From there it falls to 0 over a length of 2 min(a, b), and y moves by (c + min(a, b) v)^2 / b
    at the share v of it: a polynomial of degree 2 p for whole p; others vanish like v^(2 p) at 0
    where c = 0, where panels are halved.
    """
    small, large = min(s, t), max(s, t)
    flat = (max(t - s, 0.0)) / t
    edges = [0.0, 1.0]
    if p not in (1, 2):
        edges += [2.0**-k for k in range(1, 40)]
    v, weight = _panels(edges, 8 if p <= 2 else math.ceil(p) + 8)
    moved = (flat + small / t * v) ** (2 * p)
    moment = 2 * small / large * float(weight @ ((1 - v) * moved)) + flat ** (2 * p + 1) / (p + 1)
    return math.sqrt(3) * t * moment ** (1 / p)


def _jensen_shannon(p: np.ndarray, q: np.ndarray, weight: np.ndarray) -> float:
    """1/2 KL(p || m) + 1/2 KL(q || m), m = (p + q) / 2, of densities at quadrature points."""
    middle = np.maximum((p + q) / 2, np.finfo(float).tiny)
    terms = [np.where(d > 0, d * np.log(np.maximum(d, 1e-300) / middle), 0) for d in (p, q)]
    return max(float(weight @ (terms[0] + terms[1])) / 2, 0.0)


def _uniform_jsd(s: float, t: float) -> float:
    """JSD on a line of U_a + U_b against U_a + U_b + U_b."""
    a, b = math.sqrt(3) * s, math.sqrt(3) * t
    edges = [0.0, a, abs(a - b), a + b, abs(a - 2 * b), a + 2 * b]
    z, weight = _panels(edges, 200)
    blurred = (_trapezoid(z + b, a, b)[1] - _trapezoid(z - b, a, b)[1]) / (2 * b)
    return 2 * _jensen_shannon(_trapezoid(z, a, b)[0], blurred, weight)


def _gaussian_jsd(s: float, t: float) -> float:
    """JSD on a line of N(0, s^2 + t^2) against N(0, s^2 + 2 t^2)."""
    stds = math.hypot(s, t), math.hypot(s, t, t)
    z, weight = _panels([std * k for std in stds for k in range(13)], 40)
    p, q = (np.exp(-0.5 * (z / std) ** 2) / (std * math.sqrt(2 * math.pi)) for std in stds)
    return 2 * _jensen_shannon(p, q, weight)
